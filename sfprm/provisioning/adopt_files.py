"""The proposal as the text of programme files: YAML for structure, CSV for partners and people."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from sfprm.programme.csv_columns import PARTNERS, PEOPLE
from sfprm.programme.identity import (
    alias_for,
    developer_name_for,
    nickname_for,
    username_from,
)
from sfprm.programme.spreadsheet import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.provisioning.adopt import AdoptedGroup, Proposal
    from sfprm.provisioning.adopt_doubts import Doubt
    from sfprm.provisioning.adopt_found import FoundAccount, FoundPerson

__all__ = [
    "REVIEW",
    "csv_text",
    "files_of",
    "partners_csv",
    "people_csv",
    "review_text",
    "yaml_text",
]

REVIEW = "review.csv"

_HEAD = """\
# The partner programme as it was found in {org}. Look through review.csv first: it lists what is
# doubtful. `sfprm plan --programme THIS_FOLDER` shows no change as long as neither side changes.
"""
_LEFT = """\
# Records are known by their Salesforce Id (column match), and nothing is written to adopt them.
# Records that sfprm creates get the key field. `matched: write` writes the keys of the others too,
# once, as plain changes of the next plan.
"""
Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Common:
    """The value that most people have: of all, and of those in one country."""

    of_all: str
    by_country: Mapping[str, str]

    def of(self, country: str) -> str:
        return self.by_country.get(country, self.of_all)

    def written(self) -> Any:
        """One value, or values by country with `*` for the rest."""
        other = {c: v for c, v in self.by_country.items() if v != self.of_all}
        if not other:
            return self.of_all
        return {**{_plain(c): v for c, v in sorted(other.items())}, _plain("*"): self.of_all}


def files_of(proposal: Proposal) -> tuple[dict[str, Any], Rows, Rows]:
    """programme.yaml as plain values, the partners' rows and the people's."""
    accounts = {a.id: a for a in proposal.accounts}
    country = {at: _country(a) for at, a in accounts.items()}
    common = {
        name: _common([(getattr(p, name), country[p.account_id]) for p in proposal.people])
        for name in ("time_zone", "locale", "language", "email_encoding")
    }
    profile = _most(p.profile for p in proposal.people) or "Partner Community User"
    sets = set(proposal.people[0].permission_sets) if proposal.people else set()
    for person in proposal.people:
        sets &= set(person.permission_sets)
    record_type = _shared([a.record_type for a in proposal.accounts])
    currency = _shared([a.currency for a in proposal.accounts])
    partners = [
        _partner_row(a, proposal, record_type=record_type, currency=currency)
        for a in proposal.accounts
    ]
    people = [
        _person_row(p, proposal, country[p.account_id], common, profile, sets)
        for p in proposal.people
    ]
    document = _document(proposal, common, profile, sets, record_type, currency)
    pattern = document["defaults"]["person"]["username"]
    for row in people:
        if row["username"] == _made(pattern, row):
            row["username"] = ""
    return document, partners, people


def _made(pattern: str, row: Mapping[str, str]) -> str:
    """The username that the pattern gives."""
    return username_from(
        pattern,
        email=row["email"],
        partner=row["partner"],
        key=row["key"],
        first=row["first_name"],
        last=row["last_name"],
    )


def _document(
    proposal: Proposal,
    common: Mapping[str, _Common],
    profile: str,
    sets: set[str],
    record_type: str | None,
    currency: str | None,
) -> dict[str, Any]:
    domain = _most(p.username.rpartition("@")[2] for p in proposal.people)
    person: dict[str, Any] = {
        "username": f"{{email_local}}.{{partner}}@{domain or 'partners.example.com'}",
        **{name: value.written() for name, value in common.items() if value.of_all},
    }
    if person.get("email_encoding") == "UTF-8":
        del person["email_encoding"]
    if sets:
        person["permission_sets"] = sorted(sets)
    partner: dict[str, Any] = {"owner": "set-once"}
    partner |= {"record_type": record_type} if record_type else {}
    partner |= {"currency": currency} if currency else {}
    owners = {a.owner.id: a.owner for a in proposal.accounts}
    document: dict[str, Any] = {
        "programme": proposal.name,
        "site": proposal.site,
        "profile": profile,
        "channel_managers": {
            key: owners[at].username for at, key in sorted(proposal.managers.items())
        },
    }
    if proposal.terms.keys == "leave":
        document["key_fields"] = {"matched": "leave"}
    if proposal.tiers:
        document["tiers"] = list(proposal.tiers)
    document["defaults"] = {"partner": partner, "person": person}
    document |= {"who_wins": wins} if (wins := _contradicted(proposal.people)) else {}
    document |= {"partners": "partners.csv", "people": "people.csv"}
    if proposal.queues:
        document["queues"] = _groups(proposal.queues)
    if proposal.groups:
        document["groups"] = _groups(proposal.groups)
    sites = {
        site.name: {
            key: list(names)
            for key, names in (
                ("profiles", site.profiles),
                ("permission_sets", site.permission_sets),
            )
            if names
        }
        for site in proposal.sites
    }
    if any(sites.values()):
        document["sites"] = {name: members for name, members in sites.items() if members}
    return document


def _contradicted(people: Iterable[FoundPerson]) -> dict[str, str]:
    """Fields in which contact and user differ for somebody: what the org holds stays."""
    wins = {}
    for person in people:
        for field, contact, user in (
            ("Contact.Email", person.contact_email, person.email),
            ("User.FirstName", person.first_name, person.user_first_name),
            ("User.LastName", person.last_name, person.user_last_name),
        ):
            if contact.strip().lower() != user.strip().lower():
                wins[field] = "person"
    return dict(sorted(wins.items()))


def _groups(groups: Iterable[AdoptedGroup]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for group in groups:
        entry: dict[str, Any] = {}
        if group.developer_name != developer_name_for(group.label):
            entry["developer_name"] = group.developer_name
        if group.notify:
            entry["notify"] = group.notify
        if group.members:
            entry["members"] = list(group.members)
        out[group.label] = entry
    return out


def _partner_row(
    account: FoundAccount, proposal: Proposal, *, record_type: str | None, currency: str | None
) -> dict[str, str]:
    terms = proposal.terms
    row = {
        "key": proposal.partner_keys[account.id],
        "name": account.name,
        "manager": proposal.managers[account.owner.id],
        "match": "" if account.key else f"Id={account.id}",
    }
    if account.key:  # else by the match
        row["owner"] = "set-once"
    if terms.tier_field:
        row["tier"] = _cell(account.fields.get(terms.tier_field))
    if record_type is None and account.record_type:
        row["record_type"] = account.record_type
    if currency is None and account.currency:
        row["currency"] = account.currency
    for name, value in account.fields.items():
        if name != terms.tier_field or name in terms.account_fields:
            row[f"Account.{name}"] = _cell(value)
    return row


def _person_row(
    person: FoundPerson,
    proposal: Proposal,
    country: str,
    common: Mapping[str, _Common],
    profile: str,
    sets: set[str],
) -> dict[str, str]:
    key = proposal.person_keys[person.contact_id]
    state = "active" if not person.frozen else "frozen"
    own = sorted(set(person.permission_sets) - sets)
    alias = alias_for(person.first_name, person.last_name, key)
    nickname = person.nickname
    return {
        "key": key,
        "partner": proposal.partner_keys[person.account_id],
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "role": person.role,
        "state": state if person.active else "absent",
        "username": person.username,
        "nickname": "" if nickname == nickname_for(key) else nickname,
        "alias": "" if person.alias == alias else person.alias,
        "profile": "" if person.profile == profile else person.profile,
        "permission_sets": "; ".join(own),
        "federation_id": person.federation_id or "",
        "match": "" if person.key else f"Id={person.contact_id}",
        **{
            name: "" if getattr(person, name) == value.of(country) else getattr(person, name)
            for name, value in common.items()
        },
    }


def csv_text(
    rows: Sequence[Mapping[str, str]], order: Iterable[str], always: Iterable[str] = ()
) -> str:
    """Rows as CSV: the columns that hold something somewhere and those of `always`, in the order
    given, then others."""
    used = {column for row in rows for column, cell in row.items() if cell} | set(always)
    known = [column for column in order if column in used]
    rest = sorted(used - set(known))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*known, *rest])
    for row in rows:
        cells = (_one_line_end(row.get(column, "")) for column in (*known, *rest))
        writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def _one_line_end(text: str) -> str:
    """The writer would leave a lone carriage return unquoted; to the org all line ends are one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def partners_csv(rows: Rows) -> str:
    """partners.csv."""
    return csv_text(rows, PARTNERS.known, PARTNERS.required)


def people_csv(rows: Rows) -> str:
    """people.csv."""
    return csv_text(rows, PEOPLE.known, PEOPLE.required)


def review_text(review: Iterable[Doubt]) -> str:
    """review.csv."""
    rows = [
        {"kind": d.kind, "name": d.name, "record": d.record, "what": d.what, "advice": d.advice}
        for d in review
    ]
    return csv_text(rows, ("kind", "name", "record", "what", "advice"))


def yaml_text(document: Mapping[str, Any], org: str, *, left: bool) -> str:
    """programme.yaml."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_quoted(document), out)
    text = out.getvalue()
    if left:
        text = text.replace("key_fields:\n", f"{_LEFT}key_fields:\n", 1)
    head = "# yaml-language-server: $schema=../docs/schema/programme.json\n#\n"
    return head + _HEAD.format(org=" ".join(org.split())) + "\n" + text


def _quoted(value: Any) -> Any:
    """Text that YAML 1.1 would take for something else, in quotes."""
    if isinstance(value, dict):
        return {_plain(key): _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    words = ("no", "yes", "on", "off", "y", "n", "true", "false", "null", "~", "*")
    return DoubleQuotedScalarString(text) if text.lower() in words else text


def _country(account: FoundAccount) -> str:
    value = account.fields.get("BillingCountryCode") or account.fields.get("BillingCountry")
    return str(value or "")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _most(values: Iterable[str]) -> str:
    """The most frequent value, the first in the alphabet where several are."""
    counted = Counter(values)
    return min(counted, key=lambda v: (-counted[v], v), default="")


def _shared(values: Sequence[str | None]) -> str | None:
    """The most frequent value when every record has one."""
    given = [value for value in values if value]
    return _most(given) if given and len(given) == len(values) else None


def _common(pairs: Sequence[tuple[str, str]]) -> _Common:
    by_country: dict[str, list[str]] = {}
    for value, country in pairs:
        if country:
            by_country.setdefault(country, []).append(value)
    return _Common(
        _most(value for value, _ in pairs),
        {country: _most(values) for country, values in by_country.items()},
    )
