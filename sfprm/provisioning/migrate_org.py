"""What a migration asks the org: its words for values, and accounts that look like new partners."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfprm.errors import BadRequest
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import PortalRole
from sfprm.provisioning.adopt_doubts import bare_name, domain_of, look_alikes
from sfprm.provisioning.migrate_draft import Finding
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import count, select
from sfprm.salesforce.soql import Query, eq, like, split_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from sfprm.programme.model import Programme
    from sfprm.provisioning.migrate_draft import Draft
    from sfprm.provisioning.migrate_mapping import Mapping_
    from sfprm.salesforce.describe import FieldDescribe
    from sfprm.salesforce.session import Session

__all__ = ["Words", "alike_in", "effective", "known_addresses", "words_of"]

_CODED = {
    "Account.BillingCountry": "Account.BillingCountryCode",
    "Account.BillingState": "Account.BillingStateCode",
    "Account.ShippingCountry": "Account.ShippingCountryCode",
    "Account.ShippingState": "Account.ShippingStateCode",
}
"""Fields that an org with state and country picklists writes by code (operations.md, rule 17)."""
MOST_READ = 20_000
"""Accounts that are read whole for looking names up; more are asked for by their first letters."""
_OBJECTS = ("Account", "Contact", "User")


def effective(mapping: Mapping_, session: Session) -> Mapping_:
    """The mapping with countries and states by code where this org has codes."""
    told = describe(session, "Account")
    if told is None:
        return mapping
    coded = {t: c for t, c in _CODED.items() if told.field(c.partition(".")[2]) is not None}
    return replace(
        mapping,
        columns={column: coded.get(t, t) for column, t in mapping.columns.items()},
        defaults={coded.get(t, t): text for t, text in mapping.defaults.items()},
        values={coded.get(t, t): words for t, words in mapping.values.items()},
    )


@dataclass(frozen=True, slots=True)
class Words:
    """The org's and the programme's words for values. `fields` by target (`Account.Phone`)."""

    fields: Mapping[str, FieldDescribe]
    tiers: tuple[str, ...]

    def code(self, target: str, text: str) -> str | None:
        """The org's value for a text; None where it has none."""
        if target == "partner.tier":
            return _among(text, self.tiers) if self.tiers else text
        if target == "person.role":
            return _among(text, [*PortalRole, "User"])
        told = self.fields.get(target)
        if told is None or told.type not in ("picklist", "combobox"):
            return text
        by_label = dict(zip(told.labels, told.picklist, strict=False))
        found = _among(text, told.picklist)
        if found is None and (label := _among(text, list(by_label))) is not None:
            found = by_label[label]
        return found if told.restricted or _is_code(target) else found or text

    def most(self, target: str) -> int:
        """Most characters; 0 where there is no limit."""
        told = self.fields.get(target)
        return told.length if told is not None else 0


def _is_code(target: str) -> bool:
    return target in _CODED.values()


def _among(text: str, values: Sequence[str]) -> str | None:
    return next((str(v) for v in values if v.casefold() == text.strip().casefold()), None)


def words_of(session: Session, mapping: Mapping_, programme: Programme) -> Words:
    """The words for what the mapping gives. Raises BadRequest for fields that are not there."""
    fields: dict[str, FieldDescribe] = {}
    for target in sorted(mapping.targets()):
        object_, _, name = target.partition(".")
        if object_ not in _OBJECTS:
            continue
        told = describe(session, object_)
        found = told.field(name) if told is not None else None
        if told is None or found is None or not (found.createable or found.updateable):
            column = next((c for c, t in mapping.columns.items() if t == target), target)
            names = [f.name for f in told.fields.values()] if told is not None else []
            raise BadRequest(
                f"Column {column!r}: {object_} has no field {name!r} that the agent may write.",
                hint=did_you_mean(name, names) or "Correct it in the mapping, or write ignore.",
            )
        fields[target] = found
    return Words(fields, programme.tiers)


def alike_in(
    session: Session,
    programme: Programme,
    names: Sequence[str],
    domains: Mapping[str, Set[str]] | None = None,
) -> dict[str, tuple[str, str]]:
    """Of each name that looks like something: the answer to propose, and what it looks like.

    Compared with the org's business accounts (by name, and by the `domains` of web page and
    addresses), with the programme's partners, and with each other. A declared partner of the very
    same name is that partner, and no look-alike.
    """
    declared = {" ".join(p.name.split()).casefold() for p in programme.partners.values()}
    new = [name for name in names if " ".join(name.split()).casefold() not in declared]
    found: dict[str, dict[str, None]] = {}
    partners = list(programme.partners.values())
    for at, other in look_alikes(new, [p.name for p in partners]):
        partner = partners[other]
        found.setdefault(new[at], {})[f"{partner.name} (partner {partner.key})"] = None
    accounts = _accounts(session, new)
    for at, other in look_alikes(new, [account.name for account in accounts]):
        account = accounts[other]
        found.setdefault(new[at], {})[f"{account.name} ({account.id})"] = None
    by_domain: dict[str, list[_Account]] = {}
    for account in accounts:
        if account.domain:
            by_domain.setdefault(account.domain, []).append(account)
    for name in new:
        for domain in sorted((domains or {}).get(name, ())):
            for account in by_domain.get(domain, ())[:3]:
                likeness = f"{account.name} ({account.id}), whose web page is at {domain}"
                if not any(account.id in said for said in found.get(name, {})):
                    found.setdefault(name, {})[likeness] = None
    for one, other in look_alikes(new):
        found.setdefault(new[other], {})[f"{new[one]} (in this file)"] = None
    return {name: ("ask", "; ".join(list(likes)[:3])) for name, likes in found.items()}


@dataclass(frozen=True, slots=True)
class _Account:
    """An account that might be alike."""

    id: str
    name: str
    domain: str


def _accounts(session: Session, names: Sequence[str]) -> list[_Account]:
    """All business accounts, or of very many those whose names begin alike."""
    if not names:
        return []
    told = describe(session, "Account")
    persons = told is not None and told.field("IsPersonAccount") is not None
    also = (eq("IsPersonAccount", False),) if persons else ()
    fields = ("Id", "Name", "Website")
    conditions: list[str] = []
    if count(session, Query(("Id",), "Account", also)) > MOST_READ:
        starts = {name.split()[0][:4] for name in names if name.split()}
        starts |= {bare[:4] for name in names if (bare := bare_name(name))}
        every = [like("Name", f"{start}%") for start in sorted(starts)]
        conditions = [" OR ".join(every[at : at + 100]) for at in range(0, len(every), 100)]
    found: dict[str, _Account] = {}
    for where in [(c, *also) for c in conditions] or [also]:
        for row in select(session, Query(fields, "Account", where)):
            domain = domain_of(row["Website"] or "")
            found[row["Id"]] = _Account(row["Id"], row["Name"], domain)
    return list(found.values())


def known_addresses(session: Session, draft: Draft) -> list[Finding]:
    """Said of new people whose address a contact of the org has already, wherever it is."""
    fields = ("Id", "Name", "Email", "Account.Name")
    rows = {key: row for row, key in draft.person_of.items() if key in draft.people}
    by_mail: dict[str, list[int]] = {}
    for key, number in rows.items():
        mail = draft.people[key].get("email", "").lower()
        if mail:
            by_mail.setdefault(mail, []).append(number)
    findings = []
    for condition in split_in("Email", sorted(by_mail)):
        for row in select(session, Query(fields, "Contact", (condition,))):
            account = (row.get("Account") or {}).get("Name") or "no account"
            for number in by_mail.get(str(row["Email"]).lower(), ()):
                findings.append(
                    Finding(
                        number,
                        "",
                        "known-e-mail",
                        f"the org has a contact of that address: {row['Name']} at {account} "
                        f"({row['Id']})",
                        f"if it is the same person: map a column to person.match, Id={row['Id']}",
                        held=False,
                    )
                )
    return findings
