"""Whatever an overlay or an included file holds: a programme or complaints, never a traceback."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from sfprm.errors import BadFiles, Complaint
from sfprm.programme.canonical import from_json, to_json
from sfprm.programme.load import load
from sfprm.programme.model import Programme
from sfprm.programme.programme_file import ProgrammeFile

MANY = 1500 if os.environ.get("SFPRM_TEST_LONG") else 40
BASE = """\
programme: Test
site: Central
profile: Partner User
channel_managers: {marta: marta@example.com}
tiers: [Silver, Gold]
templates: {person: {sales: {role: Manager}}, partner: {big: {tier: Gold}}}
defaults: {person: {username: "{key}@users.example.com"}}
partners: {acme: {name: Acme, manager: marta, account: {Phone: "1"}, template: big}}
people: {ines: {partner: acme, last_name: Moura, email: i@acme.example.com, template: sales}}
queues: {North: {members: [acme]}}
groups: {All: {members: [{person: ines}]}}
"""
ROUTING = "pools: {all: {members: [acme]}}\nrules: [{name: Rest, assign: {pool: all}}]\n"
KEYS = st.sampled_from(
    [
        *ProgrammeFile.model_fields, "routing", "rules", "pools", "acme", "ines", "new", "North",
        "All", "members", "person", "partner", "account", "match", "name", "key", "Rest", "assign",
        "username", "pattern", "suffix_per_org", "template", "sales", "tier", "email", "all", "",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from(["acme", "ines", "All", "Gold", "x.csv", "o.yaml", "*", "..", "Id=1", "EUR"])
    | st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


def dumped(value: object, path: Path) -> None:
    """As YAML."""
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = True
    yaml.dump(value, path)


@settings(max_examples=MANY, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5), st.booleans())
def test_any_overlay_and_any_part(values: dict[str, object], as_part: bool) -> None:
    """Complaints name one of the files, and what loads can be stored and read back."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        include = "include: part.yaml\n" if as_part else ""
        (root / "programme.yaml").write_text(include + BASE, "utf-8")
        (root / "routing.yaml").write_text(ROUTING, "utf-8")
        (root / "overlays").mkdir()
        dumped(values, root / ("part.yaml" if as_part else "overlays/o.yaml"))
        complaints, programme = outcome(root, "" if as_part else "o")
        assert all(c.message and c.file.startswith(folder) for c in complaints)
        if programme is None:
            assert complaints
        else:
            assert to_json(from_json(to_json(programme))) == to_json(programme)


def outcome(root: Path, environment: str) -> tuple[tuple[Complaint, ...], Programme | None]:
    """Complaints, or the programme."""
    try:
        return (), load(root, environment).programme
    except BadFiles as bad:
        return bad.complaints, None
