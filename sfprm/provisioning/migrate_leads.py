"""Owners and status of leads of old, from a file: which lead, whose, and what would change.

Reads only. Leads are known by Id, or by e-mail address (and company, where
several have it); converted ones are left alone. An owner is a partner with one person, a person, a
username, or a queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfprm.estate.known_by_id import person_ids
from sfprm.estate.who import user_conditions
from sfprm.ids import PartnerKey, PersonKey, RecordId, is_record_id
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import Presence
from sfprm.provisioning.migrate_draft import Finding
from sfprm.provisioning.migrate_leads_write import LeadWrite
from sfprm.provisioning.migrate_mapping import IGNORE
from sfprm.salesforce.describe import describe
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, in_, split_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfprm.programme.model import Person, Programme
    from sfprm.provisioning.migrate_mapping import Mapping_
    from sfprm.provisioning.migrate_source import SourceRow, SourceTable
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["LeadChange", "LeadDraft", "drafted_leads"]

_FIELDS = ("Id", "OwnerId", "Owner.Name", "Status", "Email", "Company", "IsConverted")
_OWNERS = ("005", "00G")


@dataclass(frozen=True, slots=True)
class LeadChange:
    """What a row changes of its lead: nothing when the lead is so already. `owner` and `status`:
    names, from before it."""

    write: LeadWrite
    owner: str
    status: str

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.write.after)


@dataclass(slots=True)
class LeadDraft:
    """Changes by row, and what was found wrong."""

    changes: dict[int, LeadChange] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def drafted_leads(
    session: Session, table: SourceTable, mapping: Mapping_, programme: Programme
) -> LeadDraft:
    """What the file changes. A call for some 250 leads, and a few for owners and values."""
    maker = _Maker(session, mapping, programme)
    rows = [(row, maker.values(row, table)) for row in table.rows]
    maker.look_up([said for _, said in rows])
    for row, said in rows:
        maker.row(row, said)
    return maker.draft


class _Maker:
    """Looks everything up first, then walks the rows in order."""

    def __init__(self, session: Session, mapping: Mapping_, programme: Programme) -> None:
        self.session = session
        self.mapping = mapping
        self.programme = programme
        self.draft = LeadDraft()
        self.by_id: dict[str, Row] = {}
        self.by_email: dict[str, list[Row]] = {}
        self.owners: dict[str, RecordId | str] = {}
        """By word: the owner, or why there is none."""
        self.statuses: dict[str, str] = {}
        self.seen: dict[RecordId, int] = {}

    def values(self, row: SourceRow, table: SourceTable) -> dict[str, str]:
        """What the row says, by target."""
        said: dict[str, str] = {}
        for column, cell in zip(table.columns, row.cells, strict=True):
            target, text = self.mapping.columns[column], cell.strip()
            if target != IGNORE and text:
                said[target] = self.mapping.values.get(target, {}).get(text, text)
        return {**self.mapping.defaults, **said}

    def say(self, row: SourceRow, target: str, code: str, what: str, advice: str = "") -> None:
        """Something that holds the row."""
        column = next((c for c, t in self.mapping.columns.items() if t == target), target)
        self.draft.findings.append(Finding(row.number, column, code, what, advice))

    # looking up

    def look_up(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Leads, owners and status values of all rows."""
        ids = {s["lead.id"] for s in rows if is_record_id(s.get("lead.id", ""))}
        mails = {s["lead.email"] for s in rows if "lead.email" in s and "lead.id" not in s}
        for condition in split_in("Id", sorted(ids)):
            for row in select(self.session, Query(_FIELDS, "Lead", (condition,))):
                self.by_id[row["Id"]] = row
        for condition in split_in("Email", sorted(mails)):
            where = (condition, eq("IsConverted", False))
            for row in select(self.session, Query(_FIELDS, "Lead", where)):
                self.by_email.setdefault(str(row["Email"]).lower(), []).append(row)
        self._owners({s["lead.owner"] for s in rows if "lead.owner" in s})
        self._statuses()

    def _statuses(self) -> None:
        told = describe(self.session, "Lead")
        found = told.field("Status") if told is not None else None
        if found is not None:
            self.statuses = {v.casefold(): v for v in found.picklist}
            for label, value in zip(found.labels, found.picklist, strict=False):
                self.statuses.setdefault(label.casefold(), value)
        query = Query(("MasterLabel",), "LeadStatus", (eq("IsConverted", True),))
        for row in select(self.session, query):
            self.statuses.pop(str(row["MasterLabel"]).casefold(), None)

    def _owners(self, words: set[str]) -> None:
        people: dict[str, Person] = {}
        others: list[str] = []
        for word in sorted(words):
            found = self._person(word)
            if isinstance(found, str):
                self.owners[word] = found
            elif found is not None:
                people[word] = found
            elif is_record_id(word) and word.startswith(_OWNERS):
                self.owners[word] = RecordId(word)
            else:
                others.append(word)
        users = self._users(people.values())
        for word, person in people.items():
            self.owners[word] = users.get(person.key, f"{person.key} has no active user")
        self._by_name(others)

    def _person(self, word: str) -> Person | str | None:
        """The person that a word means; why none can be told; None when it means no partner."""
        person = self.programme.people.get(PersonKey(word))
        if person is not None:
            return person
        partner = self.programme.partners.get(PartnerKey(word)) or next(
            (p for p in self.programme.partners.values() if p.name.casefold() == word.casefold()),
            None,
        )
        if partner is None:
            return None
        people = [p for p in self.programme.people_of(partner.key) if p.state is Presence.ACTIVE]
        if len(people) == 1:
            return people[0]
        return f"partner {partner.key} has {len(people)} active people: name one of them"

    def _users(self, people: Iterable[Person]) -> dict[str, RecordId]:
        """Active users by their person's key."""
        wanted = {p.key_value.lower(): p for p in people}
        by_contact = {at: person.key for at, person in person_ids(self.programme).items()}
        key_field = self.programme.key_fields.contact
        told = describe(self.session, "Contact")
        keyed = told is not None and told.field(key_field) is not None
        fields = ("Id", "ContactId", *((f"Contact.{key_field}",) if keyed else ()))
        found: dict[str, RecordId] = {}
        for condition in user_conditions(self.programme, wanted.values()):
            where = (condition, eq("IsActive", True))
            for row in select(self.session, Query(fields, "User", where)):
                key = str((row.get("Contact") or {}).get(key_field) or "").lower()
                known = by_contact.get(RecordId(row["ContactId"]))
                person = known or (wanted[key].key if key in wanted else None)
                if person is not None:
                    found[person] = RecordId(row["Id"])
        return found

    def _by_name(self, words: Sequence[str]) -> None:
        """Usernames, and queues by label or API name."""
        folded = {word.casefold(): word for word in words}
        for condition in split_in("Username", [w for w in words if "@" in w]):
            for row in select(
                self.session, Query(("Id", "Username", "IsActive"), "User", (condition,))
            ):
                word = folded[row["Username"].casefold()]
                self.owners[word] = (
                    RecordId(row["Id"]) if row["IsActive"] else f"user {word} is inactive"
                )
        for name in ("Name", "DeveloperName"):
            for condition in split_in(name, [w for w in words if "@" not in w]):
                where = (condition, in_("Type", ("Queue",)))
                for row in select(self.session, Query(("Id", name), "Group", where)):
                    self.owners.setdefault(folded[row[name].casefold()], RecordId(row["Id"]))

    # rows

    def row(self, row: SourceRow, said: Mapping[str, str]) -> None:
        lead = self._lead(row, said)
        if lead is None:
            return
        at = RecordId(lead["Id"])
        first = self.seen.setdefault(at, row.number)
        if first != row.number:
            self.say(row, "lead.id", "duplicate", f"is the same lead as row {first}")
            return
        before_findings = len(self.draft.findings)
        owner, status = self._owner(row, said), self._status(row, said)
        if len(self.draft.findings) > before_findings:
            return
        wanted = {"OwnerId": owner, "Status": status}
        after = {name: to for name, to in wanted.items() if to and to != lead[name]}
        self.draft.changes[row.number] = LeadChange(
            LeadWrite(row.number, at, {name: lead[name] for name in after}, after),
            (lead.get("Owner") or {}).get("Name") or "",
            lead["Status"] or "",
        )

    def _lead(self, row: SourceRow, said: Mapping[str, str]) -> Row | None:
        given, email = said.get("lead.id", ""), said.get("lead.email", "")
        if given:
            found = self.by_id.get(RecordId(given)) if is_record_id(given) else None
            if found is None:
                what = f"{given!r} is no lead that the agent sees"
                self.say(row, "lead.id", "no-lead", what)
            elif found["IsConverted"]:
                self.say(row, "lead.id", "converted", "the lead is converted: it stays as it is")
                return None
            return found
        if not email:
            self.say(row, "lead.id", "no-lead", "names no lead")
            return None
        leads = self.by_email.get(email.lower(), [])
        company = said.get("lead.company", "").casefold()
        if len(leads) > 1 and company:
            leads = [x for x in leads if str(x["Company"]).casefold() == company]
        if len(leads) == 1:
            return leads[0]
        what = f"{len(leads)} open leads have {email}" if leads else f"no open lead has {email}"
        advice = "give lead.company, or lead.id" if leads else ""
        self.say(row, "lead.email", "no-lead", what, advice)
        return None

    def _owner(self, row: SourceRow, said: Mapping[str, str]) -> RecordId | None:
        """The owner; None when the row names none, or after a finding."""
        word = said.get("lead.owner", "")
        if not word:
            return None
        found = self.owners.get(word)
        if isinstance(found, RecordId):
            return found
        known = [*self.programme.partners, *self.programme.people, *self.programme.queues]
        self.say(
            row,
            "lead.owner",
            "no-owner",
            found or f"nobody is meant by {word!r}",
            "" if found else did_you_mean(word, known),
        )
        return None

    def _status(self, row: SourceRow, said: Mapping[str, str]) -> str | None:
        """The status; None when the row names none, or after a finding."""
        word = said.get("lead.status", "")
        if not word:
            return None
        found = self.statuses.get(word.casefold())
        if found is not None:
            return found
        self.say(
            row,
            "lead.status",
            "unknown-value",
            f"{word!r} is no open status of this org's leads",
            did_you_mean(word, self.statuses.values())
            or f"say what it is: values: {{lead.status: {{{word}: …}}}}",
        )
        return None
