"""Programme files to the model: everything that is wrong in them is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sfprm.errors import BadFiles, Complaint
from sfprm.ids import RecordId, is_record_id
from sfprm.programme.canonical import digest
from sfprm.programme.columns import check_columns, declare_rows, from_templates, laid_over_rows
from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.csv_columns import PARTNERS, PEOPLE
from sfprm.programme.files import RoutingFile
from sfprm.programme.footprint import Footprint
from sfprm.programme.internal_users import with_internal_users
from sfprm.programme.layers import Overlay, environments, gather, laid_over, overlay_for
from sfprm.programme.listed import Listed, Reading, entry_row
from sfprm.programme.model import (
    FieldPolicy,
    KeyFields,
    MembersPolicy,
    OnDuplicate,
    Presence,
    Programme,
    Routing,
)
from sfprm.programme.names import Names
from sfprm.programme.partners import LISTS, build_managers, build_partners
from sfprm.programme.people import build_people
from sfprm.programme.person_defaults import check_defaults
from sfprm.programme.programme_file import ProgrammeFile
from sfprm.programme.queues import build_groups, build_queues
from sfprm.programme.routes import build_routing
from sfprm.programme.shape import shape
from sfprm.programme.site_terms import build_sites
from sfprm.programme.windows_text import build_windows
from sfprm.programme.yaml_text import Tree, Value

if TYPE_CHECKING:
    from sfprm.programme.model import Origin
    from sfprm.programme.rows import Row

__all__ = [
    "PROGRAMME_FILE",
    "ROUTING_FILE",
    "Kept",
    "Loaded",
    "load",
    "load_again",
    "load_all",
    "load_programme",
    "programme_files",
]

PROGRAMME_FILE = "programme.yaml"
ROUTING_FILE = "routing.yaml"

_NO_FILE = "`sfprm init DIR` writes a sample programme to start from."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A programme without errors, and what is allowed in it but probably not meant.

    The rows are those that partners and people were made of, with the spot of each cell.
    """

    programme: Programme
    warnings: tuple[Complaint, ...]
    partner_rows: tuple[Row, ...] = ()
    people_rows: tuple[Row, ...] = ()
    footprint: Footprint = field(default_factory=Footprint)


@dataclass(frozen=True, slots=True)
class Kept:
    """A programme, and what it was read from."""

    programme: Programme
    footprint: Footprint


def load_programme(root: Path, environment: str = "") -> Programme:
    """The programme in the folder. Raises BadFiles with every complaint."""
    return load(root, environment).programme


def load_again(root: Path, environment: str, kept: Kept | None) -> Kept:
    """The same, or the one that was read from that folder before, when nothing that it was read
    from has changed."""
    if kept is not None and kept.footprint.stands():
        return kept
    loaded = load(root, environment)
    return Kept(loaded.programme, loaded.footprint)


def load(root: Path, environment: str = "") -> Loaded:
    """The programme in the folder, with warnings. Raises BadFiles with every complaint.

    `programme.yaml` must be there; `routing.yaml` may be missing: then nothing is routed.
    `environment` names an overlay, `overlays/NAME.yaml`; '' lays nothing over the files.
    """
    complaints = Complaints()
    loaded = _load(root, environment, complaints)
    if complaints.errors or loaded is None:
        raise BadFiles(complaints.errors)
    return loaded


def load_all(root: Path, environment: str, *others: str) -> Loaded:
    """The programme of the environment, when it and those of the others have no errors.

    Raises BadFiles with every complaint, each once, whatever environments it comes up in.
    """
    loaded: Loaded | None = None
    wrong: dict[Complaint, None] = {}
    for name in dict.fromkeys((environment, *others)):
        try:
            found = load(root, name)
        except BadFiles as bad:
            wrong.update(dict.fromkeys(bad.complaints))
        else:
            loaded = found if name == environment else loaded
    if wrong or loaded is None:
        raise BadFiles(list(wrong))
    return loaded


def programme_files(root: Path) -> list[Path]:
    """Every file that the programme is read from, overlays and their own files included.

    Raises BadFiles when programme.yaml cannot be read; other mistakes do not matter here.
    """
    found: dict[Path, None] = {}
    for environment in ("", *environments(root)):
        complaints = Complaints()
        if _load(root, environment, complaints) is None and not complaints.read:
            raise BadFiles(complaints.errors)
        found.update(dict.fromkeys(complaints.read))
    return list(found)


def _load(root: Path, environment: str, complaints: Complaints) -> Loaded | None:
    overlay = overlay_for(root, environment, complaints)
    tree = gather(root, PROGRAMME_FILE, complaints, hint=_NO_FILE)
    routing_tree = None
    complaints.footprint.like(root, ROUTING_FILE)
    if (root / ROUTING_FILE).exists():
        routing_tree = gather(root, ROUTING_FILE, complaints)
    if tree is not None and overlay is not None:
        tree = Tree(tree.source, laid_over(tree.root, overlay.programme, complaints))
    if overlay is not None and overlay.routing is not None:
        routing_tree = _routing_over(routing_tree, overlay, overlay.routing, complaints)
    shaped = shape(tree, ProgrammeFile, complaints) if tree is not None else None
    routing = shape(routing_tree, RoutingFile, complaints) if routing_tree is not None else None
    if tree is None or shaped is None:
        return None
    names = Names()
    names.declare(tree, routing_tree)
    file, tree = shaped
    names.tiers = tuple(file.tiers)

    managers = build_managers(file, tree, names, complaints)
    pattern_usable = check_defaults(file, tree, complaints)
    partner_rows = _rows(root, "partners", tree, overlay, names.partners, complaints)
    people_rows = _rows(root, "people", tree, overlay, names.people, complaints)
    names.attributes.update(partner_rows.attributes)
    partners = build_partners(partner_rows.rows, file, names, complaints)
    people = build_people(
        people_rows.rows,
        file,
        partners,
        names,
        complaints,
        pattern_usable=pattern_usable,
        environment=environment,
    )
    built = Routing()
    if routing is not None:
        built = build_routing(*routing, names, complaints)
    queues = build_queues(file, tree, people_rows.rows, names, complaints)
    programme = Programme(
        name=file.programme,
        site=file.site,
        profile=file.profile,
        channel_managers=MappingProxyType(managers),
        partners=MappingProxyType(partners),
        people=MappingProxyType(people),
        queues=MappingProxyType(queues),
        routing=built,
        tiers=names.tiers,
        groups=MappingProxyType(build_groups(file, tree, people_rows.rows, names, complaints)),
        sites=MappingProxyType(build_sites(file, tree, people.values())),
        key_fields=KeyFields(
            file.key_fields.Account,
            file.key_fields.Contact,
            write_matched=file.key_fields.matched == "write",
        ),
        on_duplicate=MappingProxyType(
            {object_: OnDuplicate(said) for object_, said in file.on_duplicate}
        ),
        who_wins=MappingProxyType({f: FieldPolicy(said) for f, said in file.who_wins.items()}),
        permission_sets_policy=MembersPolicy(file.defaults.person.permission_sets_policy),
        offboard_moves=tuple(dict.fromkeys(file.offboard.move)),
        territory_rules=file.territory_rules,
        windows=build_windows(file, tree, complaints),
        environment=environment,
        only_for=_only_for(file, tree, complaints),
        root=str(root),
    )
    _warn_of_silent_members(programme, complaints)
    if complaints.errors:
        return None
    programme = with_internal_users(programme, file.internal_users)
    programme = replace(programme, digest=digest(programme))
    warnings = tuple(complaints.warnings)
    rows = tuple(partner_rows.rows), tuple(people_rows.rows)
    return Loaded(programme, warnings, *rows, complaints.footprint)


def _only_for(file: ProgrammeFile, tree: Tree, complaints: Complaints) -> tuple[str, ...]:
    """Kinds and ids of orgs, ids in their long form."""
    given = [file.only_for] if isinstance(file.only_for, str) else file.only_for
    found = []
    for word in given:
        if word in ("sandbox", "production"):
            found.append(word)
        elif is_record_id(word) and word.startswith("00D"):
            found.append(RecordId(word))
        else:
            complaints.error(
                tree.at("only_for").place
                if isinstance(file.only_for, str)
                else tree.key("only_for"),
                f"{word!r} is neither sandbox, nor production, nor the id of an org.",
            )
    return tuple(found)


def _routing_over(tree: Tree | None, overlay: Overlay, over: Value, complaints: Complaints) -> Tree:
    """routing.yaml with the overlay's `routing:` over it; that alone when there is no such file."""
    if tree is None:
        return Tree(overlay.tree.source, over)
    return Tree(tree.source, laid_over(tree.root, over, complaints))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Partners or people with everything laid over; `attributes` that conditions may read."""

    rows: list[Row]
    attributes: frozenset[str]


def _rows(
    root: Path,
    kind: Literal["partners", "people"],
    tree: Tree,
    overlay: Overlay | None,
    declared: dict[str, Origin],
    complaints: Complaints,
) -> _Rows:
    """The rows of one kind: as listed, the overlay over them, templates beneath."""
    columns = PARTNERS if kind == "partners" else PEOPLE
    one = "partner" if kind == "partners" else "person"
    written = (tree.root.entries or {}).get(kind)
    forms: tuple[Value, ...]
    if written is None:
        place = Place(str(root / PROGRAMME_FILE))
        forms = (Value(place, f"{kind}.csv", text=f"{kind}.csv"),)
    else:
        forms = written[1].items if written[1].items is not None else (written[1],)
    listed = Reading(root, kind, columns, complaints).read(forms)
    over = Listed((), ())
    if overlay is not None:
        given = overlay.partners if kind == "partners" else overlay.people
        over = Reading(root, kind, columns, complaints, partial=True).read(given)
    _, _, path = tree.find(("templates", one))
    templates = {
        name: entry_row("", place, value)
        for name, (place, value) in (tree.at(*path).entries or {}).items()
        if len(path) == 2
    }
    every = (*listed.rows, *over.rows, *templates.values())
    check_columns((*listed.headers, *over.headers), every, complaints)
    rows = declare_rows(listed.rows, declared, one, complaints)
    rows = laid_over_rows(rows, over.rows, declared, one, complaints)
    columns_seen = {c for header in (*listed.headers, *over.headers) for c in header.columns}
    columns_seen |= {c for row in every for c in row.spots}
    return _Rows(
        from_templates(rows, templates, one, complaints),
        frozenset(c.removeprefix("partner.") for c in columns_seen if _free(c)),
    )


def _free(column: str) -> bool:
    return column in LISTS or column.startswith("partner.")


def _warn_of_silent_members(programme: Programme, complaints: Complaints) -> None:
    """A partner in a pool that has nobody who could be given a lead."""
    staffed = {p.partner for p in programme.people.values() if p.state is Presence.ACTIVE}
    for pool in programme.routing.pools.values():
        for member in pool.members:
            if member.kind == "partner" and member.name not in staffed:
                complaints.warn(
                    Place(member.origin.file, member.origin.line),
                    f"pool {pool.key!r}: partner {member.name!r} has no active person, "
                    "so it can win no lead.",
                )
