"""Programme files to the model: everything that is wrong in them is told at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.errors import BadFiles, Complaint
from sfprm.programme.canonical import digest
from sfprm.programme.columns import check_columns, declare_rows
from sfprm.programme.complaints import Complaints, Place
from sfprm.programme.csv_columns import PARTNERS, PEOPLE, CsvColumns
from sfprm.programme.csv_text import Table, parse_csv
from sfprm.programme.files import RoutingFile
from sfprm.programme.model import Presence, Programme, Routing
from sfprm.programme.names import Names
from sfprm.programme.partners import LISTS, build_managers, build_partners
from sfprm.programme.people import build_people, check_defaults
from sfprm.programme.programme_file import ProgrammeFile
from sfprm.programme.queues import build_queues
from sfprm.programme.routes import build_routing
from sfprm.programme.shape import shape
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import parse_yaml

if TYPE_CHECKING:
    from sfprm.programme.yaml_text import Tree

__all__ = ["PROGRAMME_FILE", "ROUTING_FILE", "Loaded", "load", "load_programme"]

PROGRAMME_FILE = "programme.yaml"
ROUTING_FILE = "routing.yaml"

_NO_FILE = "`sfprm init DIR` writes a sample programme to start from."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A programme without errors, and what is allowed in it but probably not meant."""

    programme: Programme
    warnings: tuple[Complaint, ...]


def load_programme(root: Path) -> Programme:
    """The programme in the folder. Raises BadFiles with every complaint."""
    return load(root).programme


def load(root: Path) -> Loaded:
    """The programme in the folder, with warnings. Raises BadFiles with every complaint.

    `programme.yaml` must be there; `routing.yaml` may be missing: then nothing is routed.
    """
    complaints = Complaints()
    programme = _load(root, complaints)
    if complaints.errors or programme is None:
        raise BadFiles(complaints.errors)
    return Loaded(programme, tuple(complaints.warnings))


def _load(root: Path, complaints: Complaints) -> Programme | None:
    tree = _tree(root, PROGRAMME_FILE, complaints)
    routing_tree = None
    if (root / ROUTING_FILE).exists():
        routing_tree = _tree(root, ROUTING_FILE, complaints)
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
    partner_tables = _tables(root, file.partners, "partners", tree, PARTNERS, complaints)
    people_tables = _tables(root, file.people, "people", tree, PEOPLE, complaints)
    for tables in (partner_tables, people_tables):
        check_columns(tables, complaints)
    for _, table in partner_tables:
        names.attributes.update(c.removeprefix("partner.") for c in table.columns if _free(c))
    partner_rows = declare_rows(partner_tables, names.partners, "partner", complaints)
    people_rows = declare_rows(people_tables, names.people, "person", complaints)
    partners = build_partners(partner_rows, file, names, complaints)
    people = build_people(
        people_rows, file, partners, names, complaints, pattern_usable=pattern_usable
    )
    built = Routing()
    if routing is not None:
        built = build_routing(*routing, names, complaints)
    programme = Programme(
        name=file.programme,
        site=file.site,
        profile=file.profile,
        channel_managers=MappingProxyType(managers),
        partners=MappingProxyType(partners),
        people=MappingProxyType(people),
        queues=MappingProxyType(build_queues(file, tree, names, complaints)),
        routing=built,
        tiers=names.tiers,
        root=str(root),
    )
    _warn_of_silent_members(programme, complaints)
    return None if complaints.errors else replace(programme, digest=digest(programme))


def _free(column: str) -> bool:
    return column in LISTS or column.startswith("partner.")


def _tree(root: Path, name: str, complaints: Complaints) -> Tree | None:
    source = read_source(root / name, str(root / name), complaints, hint=_NO_FILE)
    return parse_yaml(source, complaints) if source is not None else None


def _tables(
    root: Path,
    written: str | list[str],
    key: str,
    tree: Tree,
    columns: CsvColumns,
    complaints: Complaints,
) -> list[tuple[Place, Table]]:
    """The usable ones of the CSV files named, each with the place of its header."""
    tables = []
    names = [written] if isinstance(written, str) else written
    for name in names:
        shown = str(root / name)
        source = read_source(
            root / name,
            shown,
            complaints,
            hint=f"It is named by `{key}:` ({tree.key(key).origin}).",
        )
        if source is None:
            continue
        table = parse_csv(
            source,
            complaints,
            known=columns.known,
            required=columns.required,
            extra=columns.extra,
        )
        if table is not None:
            tables.append((source.place(1), table))
    return tables


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
