"""Which column of a source file is what: guessed once, saved, shown, changed by people, read again.

The file beside the source (`legacy.csv` → `legacy.mapping.yaml`) is the whole memory of a
migration: columns, values to be called otherwise, defaults, and what to do about look-alikes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from rapidfuzz import fuzz
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from sfprm.errors import BadFiles
from sfprm.programme.complaints import Complaints, did_you_mean
from sfprm.programme.csv_columns import PARTNERS, PEOPLE
from sfprm.programme.file_base import File, Text
from sfprm.programme.keys import key_from
from sfprm.programme.shape import shape
from sfprm.programme.source import read_source
from sfprm.programme.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sfprm.provisioning.migrate_source import SourceTable

__all__ = ["ASK", "IGNORE", "NEW", "Guess", "Mapping_", "guessed", "mapping_text", "read_mapping"]

IGNORE = "ignore"
ASK, NEW = "ask", "new"
Kind = Literal["partners", "leads"]

SURE = 85.0
"""Likeness of a header to a known word from which on it is taken; below, the column is ignored."""

_WORDS: dict[str, str] = {
    "partner.name": "company company-name account account-name partner partner-name firm firma "
    "unternehmen empresa razao-social razon-social societe organisation organization organizacao",
    "partner.key": "partner-key partner-code",
    "partner.manager": "manager channel-manager partner-manager account-manager account-owner cam "
    "betreuer gestor responsable",
    "partner.tier": "tier level partner-level partner-tier stufe nivel niveau",
    "partner.territories": "territory territories region regions gebiet gebiete territorio",
    "partner.certified_for": "certifications certified-for certified products produkte produtos",
    "Account.BillingCountry": "country billing-country land pais pays",
    "Account.BillingState": "state province billing-state bundesland provincia distrito",
    "Account.BillingCity": "city town billing-city ort stadt cidade ciudad ville",
    "Account.BillingStreet": "street address street-address billing-street strasse morada rue",
    "Account.BillingPostalCode": "zip zip-code postal-code postcode plz codigo-postal",
    "Account.Phone": "company-phone phone telephone telefon telefone telefono office-phone",
    "Account.Website": "website web-site web url homepage site-web",
    "Account.NumberOfEmployees": "employees number-of-employees headcount mitarbeiter empleados",
    "Account.Industry": "industry branche setor sector",
    "Account.AccountNumber": "account-number customer-number kundennummer",
    "person.first_name": "first-name given-name forename vorname primeiro-nome nombre prenom",
    "person.last_name": "last-name surname family-name nachname apelido apellido apellidos nom",
    "person.full_name": "contact contact-name contact-person full-name ansprechpartner contacto",
    "person.email": "e-mail email mail email-address e-mail-address contact-email correo",
    "person.role": "role portal-role rolle",
    "person.key": "person-key",
    "person.username": "username user-name login benutzername",
    "person.federation_id": "federation-id federation-identifier sso-id sso",
    "person.language": "language sprache idioma",
    "person.time_zone": "time-zone timezone zeitzone",
    "Contact.Title": "title job-title position funktion cargo puesto",
    "Contact.MobilePhone": "mobile mobile-phone cell handy telemovel movil",
    "Contact.Phone": "contact-phone direct-phone durchwahl",
}
_LEAD_WORDS: dict[str, str] = {
    "lead.id": "id lead-id record-id salesforce-id",
    "lead.email": "e-mail email mail email-address",
    "lead.company": "company company-name firma empresa",
    "lead.owner": "owner partner lead-owner assigned-to zustaendig",
    "lead.status": "status lead-status",
}


class MappingFile(File):
    """The shape of a mapping file."""

    source: Text = Field(description="The file that it was made for.")
    kind: Kind = "partners"
    columns: dict[str, Text] = Field(description="Column to what it is, or ignore.")
    defaults: dict[Text, Text] = Field(default_factory=dict)
    values: dict[Text, dict[str, str]] = Field(default_factory=dict)
    alike: dict[Text, Text] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column was taken for, and how sure that is (0 to 100)."""

    target: str
    sureness: int


@dataclass(frozen=True, slots=True)
class Mapping_:
    """A mapping. `columns` in the order of the source; `alike` by partner name: `ask`, `new`, an
    account's Id, or the key of a partner."""

    kind: Kind
    columns: Mapping[str, str]
    defaults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    values: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    alike: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    source: str = ""
    """The file that it was made for."""

    def targets(self) -> set[str]:
        """What some column or default gives."""
        return {t for t in (*self.columns.values(), *self.defaults) if t != IGNORE}


def known_targets(kind: Kind) -> list[str]:
    """What a column may be, besides fields of objects and `attribute.…`."""
    if kind == "leads":
        return list(_LEAD_WORDS)
    partner = [f"partner.{name}" for name in PARTNERS.known if name != "template"]
    person = [f"person.{name}" for name in PEOPLE.known if name not in ("partner", "template")]
    return [*partner, *person, "person.full_name"]


def guessed(table: SourceTable, kind: Kind) -> dict[str, Guess]:
    """What each column probably is; each target once, where the likeness is greatest."""
    offers: list[tuple[int, int, str]] = []
    for at, column in enumerate(table.columns):
        offers += [(-score, at, target) for target, score in _scores(column, kind).items()]
    taken: dict[int, Guess] = {}
    used: set[str] = set()
    for score, at, target in sorted(offers):
        if at not in taken and target not in used:
            taken[at] = Guess(target, -score)
            used.add(target)
    found = {c: taken.get(at, Guess(IGNORE, 0)) for at, c in enumerate(table.columns)}
    return _bare_name(found, used) if kind == "partners" else found


def _scores(column: str, kind: Kind) -> dict[str, int]:
    """Likeness of a header to each target, where it is great enough."""
    exact = {target.lower(): target for target in known_targets(kind)}
    low = column.strip().lower()
    if low in exact:
        return {exact[low]: 100}
    head, dot, name = column.strip().partition(".")
    if kind == "partners" and dot and head in ("Account", "Contact", "User", "attribute") and name:
        return {column.strip(): 100}
    spelt = key_from(column)
    scores: dict[str, int] = {}
    for target, words in (_LEAD_WORDS if kind == "leads" else _WORDS).items():
        best = max(
            100.0 if spelt == word else fuzz.ratio(spelt, word) - 1 for word in words.split()
        )
        if best >= SURE:
            scores[target] = round(best)
    return scores


def _bare_name(found: dict[str, Guess], used: set[str]) -> dict[str, Guess]:
    """A column called just `Name` is the partner's, or the person's where the partner has one."""
    for column, guess in found.items():
        if guess.target == IGNORE and key_from(column) in ("name", "nome", "nombre"):
            target = "partner.name" if "partner.name" not in used else "person.full_name"
            if target not in used:
                found[column] = Guess(target, 60)
                used.add(target)
    return found


def mapping_text(
    table: SourceTable,
    kind: Kind,
    guesses: Mapping[str, Guess],
    *,
    defaults: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]],
    alike: Mapping[str, tuple[str, str]],
) -> str:
    """The mapping as a file for people: each column with an example beside it. `alike`: name →
    (answer, what it looks like)."""
    document = CommentedMap()
    document["source"] = table.file
    document["kind"] = kind
    document["columns"] = columns = CommentedMap()
    for at, column in enumerate(table.columns):
        guess = guesses[column]
        columns[column] = guess.target
        example = next((r.cells[at].strip() for r in table.rows if r.cells[at].strip()), "")
        sure = f"{guess.sureness} %, " if 0 < guess.sureness < 100 else ""
        said = " ".join(f"{sure}such as {example}".split())[:60] if example else "always empty"
        columns.yaml_add_eol_comment(said, column)
    document["defaults"] = CommentedMap(defaults)
    document["values"] = CommentedMap({t: CommentedMap(v) for t, v in values.items()})
    document["alike"] = names = CommentedMap()
    for name, (answer, why) in alike.items():
        names[name] = answer
        names.yaml_add_eol_comment(" ".join(why.split())[:90], name)
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    out = io.StringIO()
    yaml.dump(document, out)
    return _HEADS[kind] + out.getvalue()


_HEADS = {
    "partners": """\
# Which column is what. Change what is wrong, then run the same command again.
#   partner.…   name, key, manager, tier, territories, certified_for, owner, state, …
#   person.…    first_name, last_name, full_name, email, role, username, queues, …
#   Account.…   Contact.…   User.…   any field by API name;   attribute.…   for rules;   ignore
# defaults: what a row gets that says nothing, such as  partner.manager: marta
# values: other words for the same, such as  Account.BillingCountry: {Espanha: Spain}
# alike: names that look like others. ask holds their rows back; new makes a new partner;
#   an account's Id, or a partner's key, says which it is.
""",
    "leads": """\
# Which column is what: lead.id or lead.email (with lead.company), lead.owner, lead.status; ignore.
# An owner is a partner's or person's key, a username, or a queue's label.
# values: other words for the same, such as  lead.status: {Offen: Open}
""",
}


def read_mapping(path: Path, table: SourceTable) -> Mapping_:
    """The mapping in the file. Raises BadFiles with every complaint."""
    complaints = Complaints()
    source = read_source(path, str(path), complaints)
    tree = parse_yaml(source, complaints) if source is not None else None
    shaped = shape(tree, MappingFile, complaints) if tree is not None else None
    if shaped is None or complaints.errors:
        raise BadFiles(complaints.errors)
    file, tree = shaped
    used: dict[str, str] = {}
    for column, target in file.columns.items():
        place = tree.at("columns", column).place
        if column not in table.columns:
            complaints.error(
                tree.key("columns", column),
                f"{table.file} has no column {column!r}.",
                did_you_mean(column, table.columns),
            )
        elif target != IGNORE and not _is_target(target, file.kind):
            hint = did_you_mean(target, known_targets(file.kind))
            complaints.error(place, f"{target!r} is nothing that a column can be.", hint)
        elif target != IGNORE and target in used:
            complaints.error(place, f"{target} is column {used[target]!r} already.")
        used.setdefault(target, column)
    for target in (*file.defaults, *file.values):
        if not _is_target(target, file.kind):
            section = "defaults" if target in file.defaults else "values"
            hint = did_you_mean(target, known_targets(file.kind))
            complaints.error(tree.key(section, target), f"{target!r} is nothing known.", hint)
    if complaints.errors:
        raise BadFiles(complaints.errors)
    columns = {column: file.columns.get(column, IGNORE) for column in table.columns}
    return Mapping_(file.kind, columns, file.defaults, file.values, file.alike, file.source)


def _is_target(target: str, kind: Kind) -> bool:
    head, dot, name = target.partition(".")
    if kind == "partners" and head in ("Account", "Contact", "User", "attribute"):
        return bool(dot and name)
    return target in known_targets(kind)


def missing_targets(mapping: Mapping_) -> Sequence[str]:
    """What no column gives and nothing can be loaded without."""
    targets = mapping.targets()
    if mapping.kind == "leads":
        has_key = {"lead.id", "lead.email"} & targets
        return ([] if has_key else ["lead.id or lead.email"]) + (
            [] if {"lead.owner", "lead.status"} & targets else ["lead.owner or lead.status"]
        )
    return [] if {"partner.name", "partner.key"} & targets else ["partner.name or partner.key"]
