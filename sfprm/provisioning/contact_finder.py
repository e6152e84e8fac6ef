"""Which contact of the org is a declared person: by key, after a merge, or by a named field. Pure.

By e-mail only with a review: a contact that merely looks like the person is named, never taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.provisioning.fields import same_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfprm.estate.model import AccountState, ContactState, Estate
    from sfprm.ids import RecordId
    from sfprm.programme.model import Person

__all__ = ["ContactFinder"]


class ContactFinder:
    """Finds people's contacts in one estate. `heirs`: whose a contact is that several were merged
    into."""

    def __init__(self, estate: Estate, heirs: Mapping[RecordId, str]) -> None:
        self.estate = estate
        self.heirs = heirs
        self.contacts = {c.key.lower(): c for c in estate.contacts.values() if c.key}
        self.unkeyed: dict[RecordId | None, list[ContactState]] = {}
        for contact in estate.contacts.values():
            if not contact.key:
                self.unkeyed.setdefault(contact.account_id, []).append(contact)

    def find(
        self, person: Person, account: AccountState | None
    ) -> tuple[ContactState | None, tuple[str, str] | None, str]:
        """The contact; why it cannot be told, with the fix; a note. `account` is the partner's."""
        contact = self.contacts.get(person.key_value.lower())
        if contact is not None:
            return contact, None, ""
        merged = self.estate.merged.get(("Contact", person.key_value.lower()))
        if merged is not None:
            return self._survivor(person, self.estate.contacts.get(merged.kept))
        if person.match is not None:
            return self._matched(person)
        return None, *self._twin(person, account)

    def _survivor(
        self, person: Person, kept: ContactState | None
    ) -> tuple[ContactState | None, tuple[str, str] | None, str]:
        if kept is None:
            why = "the contact was merged into one that cannot be seen"
            return None, (why, "let the agent's user see it, or correct the files"), ""
        holder = self.estate.user(person.username)
        disabled = ""
        if holder is not None and not holder.active:
            disabled = f"; the merge disabled the user {holder.username}"
        other = kept.key or self.heirs.get(kept.id, person.key)
        if kept.key or other != person.key:
            why = f"the contact was merged with that of {other}{disabled}"
            return None, (why, f"take {person.key} out of {person.origin.file}"), ""
        said = f"the contact was merged into {kept.id} in Salesforce: the key moves"
        return kept, None, f"{said}{disabled}"

    def _matched(self, person: Person) -> tuple[ContactState | None, tuple[str, str] | None, str]:
        match = person.match
        assert match is not None
        name = f"{match.field} = {match.value}"
        types = self.estate.contact_types
        found = [c for c in self.estate.contacts.values() if same_value(types, match, c.fields)]
        if len(found) != 1:
            what = "no contact" if not found else f"{len(found)} contacts"
            return None, (f"match {name} finds {what}", f"correct match in {person.origin}"), ""
        if found[0].key:
            why = f"match {name} finds a contact which is person {found[0].key} already"
            return None, (why, f"correct match or key in {person.origin}"), ""
        return found[0], None, f"takes the contact {found[0].id} that is there ({name})"

    def _twin(
        self, person: Person, account: AccountState | None
    ) -> tuple[tuple[str, str] | None, str]:
        """A contact of the account with this e-mail is never taken silently: of the same last name
        it stops the person, of another it is only said (two people may share an address)."""
        mail = person.email.strip().lower()
        for contact in self.unkeyed.get(account.id, ()) if account is not None else ():
            if not mail or contact.email.strip().lower() != mail:
                continue
            name = str(contact.fields.get("LastName") or "")
            if name.strip().casefold() != person.last_name.strip().casefold():
                return None, f"a contact with this e-mail, {name} ({contact.id}), is there too"
            return (
                f"a contact with this e-mail and name is there ({contact.id}): not taken unasked",
                f"to use it: match: Id={contact.id} in {person.origin}",
            ), ""
        return None, ""
