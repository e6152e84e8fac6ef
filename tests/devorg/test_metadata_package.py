"""The zip of a deployment and its XML are opened with distrust."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.devorg.metadata import markup, package
from sfprm.devorg.metadata.markup import Malformed, Node, element, parse, render
from sfprm.devorg.metadata.package import BadPackage, open_package, pack

MANIFEST = (
    b'<Package xmlns="http://soap.sforce.com/2006/04/metadata"><types><members>Lead</members>'
    b"<members>Account</members><name>SharingRules</name></types><version>66.0</version></Package>"
)


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip written entry by entry, names unchecked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_manifest_is_read() -> None:
    """Members by type in their order, and the version."""
    opened = open_package(zipped({"package.xml": MANIFEST, "settings/A.settings": b"<A/>"}))
    assert dict(opened.manifest.members) == {"SharingRules": ("Lead", "Account")}
    assert opened.manifest.version == "66.0"
    assert dict(opened.files) == {"settings/A.settings": b"<A/>"}


def test_package_may_lie_in_one_folder() -> None:
    """As zips made with a top folder have it."""
    opened = open_package(zipped({"unpackaged/package.xml": MANIFEST, "unpackaged/a/b": b"x"}))
    assert dict(opened.files) == {"a/b": b"x"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil.settings", "outside the package"),
        ("/etc/passwd", "outside the package"),
        ("a/../../b", "outside the package"),
        ("C:/windows", "outside the package"),
        ("a\\..\\b", "outside the package"),
    ],
)
def test_paths_that_leave_the_package_are_refused(name: str, problem: str) -> None:
    """Nothing is unpacked to disk, and such a zip is refused all the same."""
    with pytest.raises(BadPackage, match=problem) as caught:
        open_package(zipped({"package.xml": MANIFEST, name: b"x"}))
    assert caught.value.file == name


def test_zip_bomb_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unpacked size is counted while unpacking, not taken from the zip's word."""
    monkeypatch.setattr(package, "MAX_FILE", 1 << 20)
    bomb = zipped({"package.xml": MANIFEST, "bomb": b"\0" * (4 << 20)})
    assert len(bomb) < 10_000
    with pytest.raises(BadPackage, match="too large"):
        open_package(bomb)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 10,000 files; fewer here, to be quick."""
    monkeypatch.setattr(package, "MAX_FILES", 3)
    with pytest.raises(BadPackage, match="number of files"):
        open_package(zipped({"package.xml": MANIFEST, "a": b"", "b": b"", "c": b""}))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_package_or_a_refusal(content: bytes) -> None:
    """No other exception leaves."""
    with pytest.raises(BadPackage):
        open_package(content)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_zips_give_a_package_or_a_refusal(data: st.DataObject) -> None:
    """A byte changed anywhere in a good zip."""
    good = bytearray(pack({"package.xml": MANIFEST, "a/b": b"x" * 50}))
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadPackage):
        open_package(bytes(good))


def test_missing_manifest_is_named() -> None:
    """The text as a real org has it."""
    with pytest.raises(BadPackage, match=r"No package\.xml found"):
        open_package(zipped({"a/b": b"x"}))


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<x>" * 60 + b"</x>" * 60,
        b"<x><y></x>",
        b"",
        b"<?xml version='1.0' encoding='no-such'?><x/>",
        b"<x>\xff</x>",
    ],
)
def test_bad_xml_is_malformed(content: bytes) -> None:
    """DTDs, entities, depth, ends that do not fit, wrong encodings: all one exception."""
    with pytest.raises(Malformed):
        parse(content)


def test_elements_know_their_lines() -> None:
    """Lines and columns start at 1."""
    root = parse(b"<a>\n  <b/>\n    <met:c xmlns:met='u'>text</met:c>\n</a>")
    assert [(child.tag, child.line, child.column) for child in root.children] == [
        ("b", 2, 3),
        ("c", 3, 5),
    ]


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), max_size=20
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, TEXTS, max_size=5))
def test_what_is_rendered_is_read_again(values: dict[str, str]) -> None:
    """Markup characters in values are escaped."""
    root = parse(render(element("Root", *values.items())))
    assert {child.tag: child.text for child in root.children} == values


def test_plain_and_back() -> None:
    """A kept node comes back the same."""
    node = Node("a", children=[Node("b", "1"), Node("b", "2")])
    assert markup.unplain(markup.plain(node)) == node
