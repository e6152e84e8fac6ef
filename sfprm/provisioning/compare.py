"""compare(declared, applied, estate): what differs, and who moved it. Pure.

Partners here, their people in `compare_people`, queues in `compare_queues`. The order is the
files'.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.programme.model import OwnerPolicy, Presence
from sfprm.provisioning.compare_grants import compare_grants
from sfprm.provisioning.compare_groups import compare_groups
from sfprm.provisioning.compare_people import (
    People,
    effective_state,
    full_name,
    kept_owner_trouble,
)
from sfprm.provisioning.difference import (
    Comparison,
    Difference,
    Flag,
    Kind,
    Verdict,
    blocked,
    slim,
    verdict_of,
)
from sfprm.provisioning.fields import (
    Cause,
    Declared,
    FieldChange,
    Policy,
    compare_fields,
    same_value,
    with_choices,
)
from sfprm.provisioning.left_alone import baseline, right_already, unmanaged
from sfprm.provisioning.survivors import heirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sfprm.estate.model import AccountState, Estate, Merged, OrgUser
    from sfprm.programme.model import FieldValue, Partner, Person, Programme
    from sfprm.store.records import AppliedValue

__all__ = ["compare", "owner_trouble", "unguarded"]

_NOTHING: Mapping[str, FieldValue] = MappingProxyType({})
_FILES = (Cause.FILE, Cause.BOTH)


def unguarded(address: str) -> str:
    """The guard of an org where every address may be written."""
    return address


def owner_trouble(user: OrgUser | None, username: str) -> tuple[str, str]:
    """Why this user cannot own partner accounts, and the fix; two empty texts when they can.

    An owner without a role is refused when the first partner user is inserted, as UNKNOWN_EXCEPTION
    `portal account owner must have a role` (facts sheet, section 2): found here before any write.
    """
    if user is None:
        return (
            f"no user {username} in this org",
            "correct the username under channel_managers, or create the user",
        )
    if user.contact_id is not None:
        return (
            f"channel manager {username} is an external user",
            "name an internal user under channel_managers",
        )
    if not user.active:
        return (
            f"channel manager {user.name} is inactive",
            f"activate {user.username}, or name another manager",
        )
    if user.role_id is None:
        return (
            f"channel manager {user.name} has no role in Salesforce",
            f"Setup › Users › {user.name} › Role, then run plan again",
        )
    return "", ""


def compare(
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
    estate: Estate,
    *,
    guard: Callable[[str], str] = unguarded,
    unsettled: frozenset[str] = frozenset(),
) -> Comparison:
    """Every declared record against the estate. Raises nothing: what cannot be done is BLOCKED
    with its fix. `guard` is what mail_guard makes of an address: addresses are compared, and
    written, after it. `unsettled` are keys of memberships (`member_key`) that an interrupted run
    had sent: found in place, they are ours."""
    walk = _Walk(programme, applied, estate, guard, unsettled)
    differences = walk.all()
    return Comparison(
        differences=differences,
        unmanaged=unmanaged(programme, estate),
        seats=walk.people.seat_use(),
        baseline=baseline(walk.right, applied, programme, estate),
    )


class _Walk:
    """One pass over the programme; holds what the steps of the pass hand to each other."""

    def __init__(
        self,
        programme: Programme,
        applied: Mapping[tuple[str, str], Mapping[str, FieldValue]],
        estate: Estate,
        guard: Callable[[str], str],
        unsettled: frozenset[str],
    ) -> None:
        self.programme = programme
        self.applied = applied
        self.estate = estate
        self.unsettled = unsettled
        self.right: list[AppliedValue] = []
        self.unkeyed: dict[str, list[AccountState]] = {}
        for account in estate.accounts.values():
            if not account.key:
                self.unkeyed.setdefault(_folded(account.name), []).append(account)
        self.contacts_of = Counter(c.account_id for c in estate.contacts.values())
        self.by_key = {a.key.lower(): a for a in estate.accounts.values() if a.key}
        declared = ((p.key, p.key_value, p.state) for p in programme.partners.values())
        self.heirs = heirs("Account", declared, estate.merged)
        self.people = People(programme, applied, estate, guard)
        self.people_of: dict[str, list[Person]] = {}
        for person in programme.people.values():
            self.people_of.setdefault(person.partner, []).append(person)

    def all(self) -> tuple[Difference, ...]:
        out: list[Difference] = []
        for partner in self.programme.partners.values():
            out += self.settled(self.partner(partner))
        rest = self.programme, self.applied, self.estate, out, self.unsettled
        out += self.settled(list(compare_grants(*rest)))
        out += self.settled(compare_groups(*rest))
        return tuple(out)

    def settled(self, found: list[Difference]) -> Iterator[Difference]:
        """The differences, slim; what is right already is kept for the state."""
        for difference in found:
            self.right += right_already(difference, self.applied)
            yield slim(difference)

    # partners

    def partner(self, partner: Partner) -> list[Difference]:
        account, why, fix, said = self._find(partner)
        people = self.people_of.get(partner.key, [])
        if why:
            stopped = blocked(Kind.ACCOUNT, partner.key, partner.name, partner.key, why, fix)
            return [stopped, *self._people_blocked(partner, people)]
        if account is None and partner.state is not Presence.ACTIVE:
            return []
        difference = self._account(partner, account, said)
        if difference.verdict is Verdict.BLOCKED:
            return [difference, *self._people_blocked(partner, people)]
        out = [difference]
        if not (account is not None and account.is_partner) and partner.state is Presence.ACTIVE:
            out.append(self._enable(partner, account))
        for person in people:
            out += self.people.compare(person, partner, account)
        return out

    def _find(self, partner: Partner) -> tuple[AccountState | None, str, str, str]:
        """The account; why it cannot be told, and the fix; a note."""
        account = self.by_key.get(partner.key_value.lower())
        if account is not None:
            return account, "", "", ""
        merged = self.estate.merged.get(("Account", partner.key_value.lower()))
        if merged is not None:
            return self._survivor(partner, merged)
        if partner.match is None:
            return None, "", "", ""
        match, name = partner.match, f"{partner.match.field} = {partner.match.value}"
        found = [
            a
            for a in self.estate.accounts.values()
            if same_value(self.estate.account_types, match, a.fields)
        ]
        if not found:
            return (
                None,
                f"match {name} finds no account",
                f"correct match in {partner.origin}, or leave it out to create the account",
                "",
            )
        if len(found) > 1:
            listed = ", ".join(f"{a.name} ({a.id})" for a in found)
            return None, f"match {name} finds {len(found)} accounts: {listed}", "match by Id", ""
        if found[0].key:
            return (
                None,
                f"match {name} finds {found[0].name}, which is partner {found[0].key} already",
                f"correct match or key in {partner.origin}",
                "",
            )
        return found[0], "", "", ""

    def _survivor(
        self, partner: Partner, merged: Merged
    ) -> tuple[AccountState | None, str, str, str]:
        kept = self.estate.accounts.get(merged.kept)
        if kept is None:
            why = f"the account was merged into {merged.kept}, which cannot be seen"
            return None, why, "let the agent's user see it, or correct the files", ""
        other = kept.key or self.heirs.get(kept.id, partner.key)
        if kept.key or other != partner.key:
            return (
                None,
                f"the account was merged into {kept.name}, which is partner {other}",
                f"take {partner.key} out of {partner.origin.file}, its people under {other}",
                "",
            )
        return kept, "", "", f"was merged into {kept.name} ({kept.id}) in Salesforce: the key moves"

    def _account(self, partner: Partner, account: AccountState | None, said: str) -> Difference:
        manager = self.programme.channel_managers[partner.manager]
        user = self.estate.user(manager.username)
        declared = self._account_fields(partner, account, user)
        key_field = self.programme.key_fields.account
        found = None if account is None else {**account.fields, key_field: account.key}
        changes = compare_fields(declared, found, self._applied("Account", partner.key))
        if partner.state is not Presence.ACTIVE:
            # a partner that is leaving keeps its account as it is
            declared, changes = {}, ()
        notes = [*([said] if said else []), *self._account_notes(partner, account, changes)]
        owner_moves = any(c.field == "OwnerId" and c.written for c in changes)
        enables = account is None or not account.is_partner
        if partner.state is Presence.ACTIVE and (owner_moves or enables):
            keeps_owner = account is not None and not owner_moves
            why, fix = (
                kept_owner_trouble(account)
                if account is not None and keeps_owner
                else owner_trouble(user, manager.username)
            )
            if why:
                return blocked(Kind.ACCOUNT, partner.key, partner.name, partner.key, why, fix)
        if partner.record_type and ("Account", partner.record_type) not in self.estate.record_types:
            why = f"Account has no record type {partner.record_type} in this org"
            fix = f"correct record_type in {partner.origin}"
            return blocked(Kind.ACCOUNT, partner.key, partner.name, partner.key, why, fix)
        return Difference(
            kind=Kind.ACCOUNT,
            key=partner.key,
            label=partner.name,
            owner=partner.key,
            verdict=verdict_of(account is None, changes),
            changes=changes,
            record_id=account.id if account else None,
            declared=declared,
            notes=tuple(notes),
            flags=frozenset({Flag.KEEP_TEAM}) if partner.keep_team else frozenset(),
        )

    def _account_fields(
        self, partner: Partner, account: AccountState | None, user: OrgUser | None
    ) -> dict[str, Declared]:
        adopted = partner.match is not None
        types = self.estate.account_types
        declared = {
            # compared without case, as the field is
            self.programme.key_fields.account: Declared(partner.key_value, "email"),
            "Name": Declared(partner.name, "string", _following(adopted)),
        }
        for name, value in partner.fields.items():
            declared[name] = Declared(value, types.get(name.lower(), ""))
        record_type = self.estate.record_types.get(("Account", partner.record_type or ""))
        if record_type is not None:
            declared["RecordTypeId"] = Declared(record_type, "reference")
        if partner.currency is not None:
            declared["CurrencyIsoCode"] = Declared(partner.currency, "picklist")
        if user is not None and (account is None or partner.owner is not OwnerPolicy.UNMANAGED):
            managed = partner.owner is OwnerPolicy.MANAGED
            policy = Policy.MANAGED if managed else Policy.SET_ONCE
            declared["OwnerId"] = Declared(user.id, "reference", policy)
        return with_choices("Account", declared, self.programme.who_wins)

    def _account_notes(
        self, partner: Partner, account: AccountState | None, changes: tuple[FieldChange, ...]
    ) -> list[str]:
        notes = []
        if account is None:
            doubles = self.unkeyed.get(_folded(partner.name), [])
            notes += [
                f"an account of that name exists ({a.id}); to use it, name it: match: Id={a.id}"
                for a in doubles
            ]
        elif any(c.field == "OwnerId" and not c.written and c.cause in _FILES for c in changes):
            notes.append(
                f"the file names {partner.manager} as manager, but the account stays with "
                f"{account.owner_username}: owner: {partner.owner.value} (owner: managed moves it)"
            )
        elif any(c.field == "OwnerId" and c.written for c in changes):
            staying = self.contacts_of[account.id]
            team = "keeps" if partner.keep_team else "drops"
            hint = "" if partner.keep_team else "; keep_team: true keeps the team"
            notes.append(
                f"an owner change by API {team} the account's team and shares, leaves {staying} "
                f"contacts with {account.owner_username} and re-parents the partner's roles{hint}"
            )
        return notes

    def _enable(self, partner: Partner, account: AccountState | None) -> Difference:
        before = None if account is None else False
        return Difference(
            kind=Kind.ENABLE,
            key=partner.key,
            label=partner.name,
            owner=partner.key,
            verdict=Verdict.UPDATE,
            changes=(FieldChange("IsPartner", before, True, Cause.NEW),),
            record_id=account.id if account else None,
            declared={"IsPartner": Declared(True, "boolean")},
        )

    def _people_blocked(self, partner: Partner, people: list[Person]) -> list[Difference]:
        return [
            blocked(
                Kind.CONTACT,
                person.key,
                full_name(person),
                partner.key,
                f"partner {partner.name} is blocked",
                "mend the partner first",
            )
            for person in people
            if effective_state(person, partner) is not Presence.ABSENT
        ]

    def _applied(self, object_: str, key: str) -> Mapping[str, FieldValue]:
        return self.applied.get((object_, key), _NOTHING)


def _folded(name: str) -> str:
    return name.strip().casefold()


def _following(adopted: bool) -> Policy:
    return Policy.FOLLOW_FILE if adopted else Policy.MANAGED
