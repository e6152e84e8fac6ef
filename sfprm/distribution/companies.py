"""Who works a lead's company already: by open leads, accounts and opportunities of partners.

A company is known again by the domain of the e-mail address (those of free mail apart), by its
name, or by an account of that name or web site. Names and domains are compared as Salesforce does,
without case; forms of company (Lda, GmbH) are not taken off, as names that differ by them may be
different companies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.estate.who import partner_accounts
from sfprm.ids import PartnerKey, RecordId
from sfprm.programme.model import StickyBy
from sfprm.routing.values import AtWork
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, like, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfprm.programme.model import FieldValue, Programme
    from sfprm.routing.values import LeadFacts
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["FREE_MAIL", "Companies", "domain_of"]

FREE_MAIL = frozenset(
    (
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com"),
        *("yahoo.com", "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.com"),
        *("gmx.de", "gmx.net", "web.de", "t-online.de", "proton.me", "protonmail.com"),
        *("mail.com", "zoho.com", "yandex.com", "mail.ru", "qq.com", "163.com", "126.com"),
        *("orange.fr", "free.fr", "wanadoo.fr", "libero.it", "sapo.pt", "hotmail.fr", "yahoo.fr"),
        *("yahoo.co.uk", "hotmail.co.uk"),
    )
)
"""Domains that say nothing of a company."""

DOMAINS_A_CALL = 100
"""LIKE conditions in one statement: some 3,000 characters of the 16,000 that a URL may have."""


@dataclass(frozen=True, slots=True)
class _Company:
    """What a lead says of its company; '' where it says nothing. Folded."""

    name: str
    domain: str
    site: str


def domain_of(email: FieldValue) -> str:
    """The company's domain in an address; '' for free mail."""
    domain = str(email or "").rpartition("@")[2].strip().lower().rstrip(".")
    return "" if domain in FREE_MAIL or "." not in domain else domain


def _host(website: FieldValue) -> str:
    text = str(website or "").strip().lower().partition("://")
    host = (text[2] or text[0]).partition("/")[0].partition(":")[0].removeprefix("www.")
    return "" if host in FREE_MAIL or "." not in host else host


def _company(fields: Mapping[str, FieldValue]) -> _Company:
    name = " ".join(str(fields.get("Company") or "").split()).casefold()
    return _Company(name, domain_of(fields.get("Email")), _host(fields.get("Website")))


class Companies:
    """Reads who works the companies of leads, a batch at a time.

    A batch of 2,000 leads costs some calls for their names and one for every hundred domains, of
    each of leads, accounts and opportunities.
    """

    def __init__(self, session: Session, programme: Programme) -> None:
        self._session = session
        self._programme = programme
        self._accounts: dict[RecordId, PartnerKey] | None = None

    def at_work(self, leads: Sequence[LeadFacts]) -> dict[RecordId, tuple[AtWork, ...]]:
        """Who works each lead's company; leads of companies where nobody does are left out. Those
        first that are known in the surest way: e-mail domain, name, account."""
        mine = {lead.id: _company(lead.fields) for lead in leads}
        names = sorted({c.name for c in mine.values()} - {""})
        domains = sorted({d for c in mine.values() for d in (c.domain, c.site)} - {""})
        by_name: dict[str, list[tuple[RecordId, AtWork]]] = {}
        by_domain: dict[str, list[tuple[RecordId, AtWork]]] = {}
        for company, found in self._works(names, domains):
            for key, book in ((company.name, by_name), (company.domain, by_domain)):
                if key:
                    book.setdefault(key, []).append(found)
        answer = {}
        for lead, company in mine.items():
            hits = [
                hit
                for key, book in (
                    (company.domain, by_domain),
                    (company.site, by_domain),
                    (company.name, by_name),
                )
                if key
                for hit in book.get(key, ())
            ]
            # the same record may be found by several ways, and a lead is no witness for itself
            once = {record: work for record, work in hits if record != lead}
            if once:
                answer[lead] = tuple(sorted(once.values(), key=_surest))
        return answer

    def _works(
        self, names: Sequence[str], domains: Sequence[str]
    ) -> Iterator[tuple[_Company, tuple[RecordId, AtWork]]]:
        yield from self._leads(split_in("Company", names), StickyBy.NAME)
        yield from self._leads(_any_like("Email", domains, "%@{}"), StickyBy.EMAIL_DOMAIN)
        for conditions in (split_in("Name", names), _any_like("Website", domains, "%{}%")):
            yield from self._owned_accounts(conditions)
        for field, values, pattern in (("Name", names, ""), ("Website", domains, "%{}%")):
            path = f"Account.{field}"
            conditions = _any_like(path, values, pattern) if pattern else split_in(path, values)
            yield from self._opportunities(conditions)

    def _leads(
        self, conditions: Iterable[str], by: StickyBy
    ) -> Iterator[tuple[_Company, tuple[RecordId, AtWork]]]:
        query = Query(
            ("Id", "OwnerId", "Owner.Name", "PartnerAccountId", "Company", "Email"),
            "Lead",
            (eq("IsConverted", False), ne("PartnerAccountId", None)),
        )
        for row in self._rows(query, conditions):
            partner = self._partner(row["PartnerAccountId"])
            if partner is None:
                continue
            company = _company(row)
            known = _Company(
                company.name if by is StickyBy.NAME else "",
                company.domain if by is StickyBy.EMAIL_DOMAIN else "",
                "",
            )
            words = f"{self._name(partner)} has lead {row['Id']} of {row['Company']}"
            owner = row.get("Owner") or {}
            if owner.get("Name"):
                words += f" ({owner['Name']})"
            work = AtWork("lead", partner, RecordId(row["OwnerId"]), (by,), words)
            yield known, (RecordId(row["Id"]), work)

    def _owned_accounts(
        self, conditions: Iterable[str]
    ) -> Iterator[tuple[_Company, tuple[RecordId, AtWork]]]:
        """Accounts that a partner's user owns."""
        query = Query(
            ("Id", "Name", "Website", "OwnerId", "Owner.Name", "Owner.AccountId"),
            "Account",
            (ne("Owner.AccountId", None),),
        )
        for row in self._rows(query, conditions):
            owner = row.get("Owner") or {}
            partner = self._partner(owner.get("AccountId"))
            if partner is not None:
                words = f"{self._name(partner)} owns the account {row['Name']}"
                work = AtWork("account", partner, RecordId(row["OwnerId"]), _ACCOUNT, words)
                yield _account(row), (RecordId(row["Id"]), work)

    def _opportunities(
        self, conditions: Iterable[str]
    ) -> Iterator[tuple[_Company, tuple[RecordId, AtWork]]]:
        query = Query(
            (
                *("Id", "Name", "OwnerId", "Owner.Name", "Owner.AccountId"),
                *("Account.Name", "Account.Website"),
            ),
            "Opportunity",
            (eq("IsClosed", False),),
        )
        for row in self._rows(query, conditions):
            owner = row.get("Owner") or {}
            partner = self._partner(owner.get("AccountId"))
            account = row.get("Account") or {}
            who = owner.get("Name") or "somebody"
            words = f"{who} has the open opportunity {row['Name']} at {account.get('Name')}"
            work = AtWork(
                "opportunity",
                partner or PartnerKey(""),
                RecordId(row["OwnerId"]),
                _ACCOUNT,
                words,
            )
            yield _account(account), (RecordId(row["Id"]), work)

    def _rows(self, query: Query, conditions: Iterable[str]) -> Iterator[Row]:
        for condition in conditions:
            yield from select(self._session, query.also(condition))

    def _partner(self, account: object) -> PartnerKey | None:
        """The declared partner of an account; None for other accounts."""
        if self._accounts is None:
            self._accounts = partner_accounts(self._session, self._programme)
        return self._accounts.get(RecordId(str(account))) if account else None

    def _name(self, partner: PartnerKey) -> str:
        return self._programme.partners[partner].name


_ACCOUNT = (StickyBy.ACCOUNT,)
_ORDER = tuple(StickyBy)


def _account(row: Mapping[str, FieldValue]) -> _Company:
    name = " ".join(str(row.get("Name") or "").split()).casefold()
    return _Company(name, _host(row.get("Website")), "")


def _any_like(field: str, values: Sequence[str], pattern: str) -> list[str]:
    """Conditions of some values each; a domain holds no wildcard of LIKE but `_`, which domains of
    mail and web may not hold."""
    safe = [value for value in values if "_" not in value and "%" not in value]
    return [
        " OR ".join(like(field, pattern.format(v)) for v in safe[at : at + DOMAINS_A_CALL])
        for at in range(0, len(safe), DOMAINS_A_CALL)
    ]


def _surest(work: AtWork) -> tuple[int, str, str]:
    return _ORDER.index(work.by[0]), work.partner, work.detail
