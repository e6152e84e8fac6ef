"""Whatever stands in the files: a programme or complaints, never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.errors import BadFiles, Complaint
from sfprm.programme.canonical import from_json, to_json
from sfprm.programme.load import load
from sfprm.programme.model import Programme

SAMPLE = Path(__file__).parents[2] / "config"
FILES = ("programme.yaml", "routing.yaml", "partners.csv", "people.csv")
TEXTS = {name: (SAMPLE / name).read_bytes() for name in FILES}

PIECES = st.sampled_from(
    [
        b":", b"-", b"[", b"]", b"{", b"}", b'"', b"'", b"*a", b"&a ", b"!x ", b"!!int ", b"|",
        b">", b"\n", b"\r", b"\t", b"  ", b",", b";", b"#", b"? ", b"<<: ", b"---\n",
        b"%YAML 1.1\n", b"~", b"null", b"true", b"1", b"-1", b"1e999", b".inf", b"0x",
        b"9" * 5000, b"=", b"{0}", b"{{", b"}}", b"{%", b"\x00", b"\xff", b"\xc3",
        b"\xed\xa0\x80", "\u2028".encode(), "\u0130".encode(), b"\\ud800", b"\\", b"Lead.",
        b"partner.", b"equals", b"AND (", b"in",
    ]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, bytes]:
    """The sample with some of its bytes cut out, doubled, or replaced by awkward pieces."""
    files = dict(TEXTS)
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(FILES))
        raw = files[name]
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        piece = draw(PIECES | st.just(raw[start:end] * 2) | st.just(b"") | st.binary(max_size=4))
        files[name] = raw[:start] + piece + raw[end:]
    return files


@st.composite
def anything(draw: st.DrawFn) -> dict[str, bytes]:
    """The sample with one file replaced by arbitrary text or bytes."""
    name = draw(st.sampled_from(FILES))
    content = draw(
        st.binary(max_size=200)
        | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
        | st.lists(PIECES, max_size=30).map(b"".join)
    )
    return {**TEXTS, name: content}


def _holds(files: dict[str, bytes]) -> None:
    """The law: a programme that can be stored and read back, or complaints with a place."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            (root / name).write_bytes(content)
        complaints, programme = _outcome(root)
        if programme is not None:
            assert to_json(from_json(to_json(programme))) == to_json(programme)
            return
        assert complaints
        for complaint in complaints:
            assert complaint.file.startswith(folder)
            assert complaint.message
            assert complaint.line >= 0
            assert all("\n" not in line for line in complaint.lines())
            assert str(complaint).encode()


def _outcome(root: Path) -> tuple[tuple[Complaint, ...], Programme | None]:
    """Complaints or the programme."""
    try:
        return (), load(root).programme
    except BadFiles as error:
        return error.complaints, None


@settings(max_examples=70, deadline=None)
@given(mutated())
def test_mutations_of_the_sample(files: dict[str, bytes]) -> None:
    """Slips, cuts and awkward pieces in otherwise good files."""
    _holds(files)


@settings(max_examples=50, deadline=None)
@given(anything())
def test_arbitrary_files(files: dict[str, bytes]) -> None:
    """Arbitrary bytes and texts in place of one file."""
    _holds(files)
