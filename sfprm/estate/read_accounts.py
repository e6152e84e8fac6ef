"""Reading the programme's accounts: by key, by match, where merges have taken them, and by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.estate.asking import joined, merged_into, visible
from sfprm.estate.known_by_id import known_accounts
from sfprm.estate.look_up import look_up
from sfprm.estate.rows import account_state
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, ne, split_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.estate.groups import Known
    from sfprm.estate.model import AccountState, Merged
    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.salesforce.session import Session

__all__ = ["AccountReader"]


@dataclass(frozen=True, slots=True)
class AccountReader:
    """Reads accounts for one programme. `types`: describe's, by field name in lower case."""

    session: Session
    programme: Programme
    known: Known
    types: Mapping[str, str]
    keyed: bool

    def read(self, merged: dict[tuple[str, str], Merged]) -> dict[RecordId, AccountState]:
        """The accounts by id; what was merged is added to `merged`."""
        key_field = self.programme.key_fields.account
        fields = self._fields()
        asked = [ne(key_field, None)] if self.keyed else []
        for name, values in self._match_values().items():
            asked += split_in(name, sorted(values))
        found: dict[RecordId, AccountState] = {}
        for condition in joined(asked):
            found |= self._where(fields, condition)
        known_accounts(self.programme, found)
        there = {a.key.lower() for a in found.values() if a.key}
        partners = self.programme.partners.values()
        missing = [p for p in partners if p.key_value.lower() not in there]
        lost = [p.key_value for p in missing if p.key in self.known.accounts]
        merged |= merged_into(self.session, "Account", key_field, lost)
        kept = sorted({m.kept for (_, _), m in merged.items() if m.kept not in found})
        for condition in split_in("Id", kept):
            found |= self._where(fields, condition)
        # a probable double is looked for by name, but only for partners that are not there
        names = [p.name for p in missing if p.match is None]
        also = self._not_persons()
        for row in look_up(self.session, fields, "Account", "Name", names, *also):
            state = account_state(row, key_field)
            found.setdefault(state.id, state)
        return found

    def _where(self, fields: tuple[str, ...], condition: str) -> dict[RecordId, AccountState]:
        query = Query(fields, "Account", (condition, *self._not_persons()))
        key_field = self.programme.key_fields.account
        states = (account_state(row, key_field) for row in select(self.session, query))
        return {state.id: state for state in states}

    def _not_persons(self) -> tuple[str, ...]:
        return (eq("IsPersonAccount", False),) if "ispersonaccount" in self.types else ()

    def _fields(self) -> tuple[str, ...]:
        fields = ["Id", "Name", "OwnerId", "Owner.Username", "Owner.UserRoleId"]
        if self.keyed:
            fields.append(self.programme.key_fields.account)
        if "ispartner" in self.types:
            fields.append("IsPartner")
        for partner in self.programme.partners.values():
            fields += [*partner.fields, *([partner.match.field] if partner.match else [])]
            fields += ["RecordTypeId"] if partner.record_type else []
            fields += ["CurrencyIsoCode"] if partner.currency else []
        return visible(fields, self.types)

    def _match_values(self) -> dict[str, set[str]]:
        out: dict[str, set[str]] = {}
        for partner in self.programme.partners.values():
            if partner.match is not None and partner.match.field.lower() in self.types:
                out.setdefault(partner.match.field, set()).add(partner.match.value)
        return out
