"""Source rows to partners and people of the programme, with everything found wrong. Pure.

A row is one partner, one person, or both; rows of one partner are known by its key or its name.
Nothing is guessed about a partner that looks like another: such rows are held until the mapping's
`alike:` says which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey, RecordId, is_record_id
from sfprm.programme.identity import is_email, is_key
from sfprm.programme.keys import free_key, key_from, person_key
from sfprm.provisioning.adopt_doubts import domain_of
from sfprm.provisioning.migrate_draft import Draft, Finding
from sfprm.provisioning.migrate_mapping import ASK, IGNORE, NEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfprm.programme.model import ChannelManager, Programme
    from sfprm.provisioning.migrate_draft import OrgWords
    from sfprm.provisioning.migrate_mapping import Mapping_
    from sfprm.provisioning.migrate_source import SourceRow, SourceTable

__all__ = ["drafted", "partner_domains", "partner_names"]


Values = dict[str, str]
"""What one row says, by target; nothing that is empty."""


def _values(row: SourceRow, table: SourceTable, mapping: Mapping_) -> Values:
    said: Values = {}
    for column, cell in zip(table.columns, row.cells, strict=True):
        target, text = mapping.columns[column], cell.strip()
        if target != IGNORE and text:
            said[target] = mapping.values.get(target, {}).get(text, text)
    for target, text in mapping.defaults.items():
        said.setdefault(target, text)
    if "person.full_name" in said:
        first, _, last = said.pop("person.full_name").rpartition(" ")
        said.setdefault("person.first_name", first.strip())
        said.setdefault("person.last_name", last)
    return {target: text for target, text in said.items() if text}


def partner_names(table: SourceTable, mapping: Mapping_) -> list[str]:
    """Each partner's name as first written, in order of the rows."""
    names: dict[str, str] = {}
    for row in table.rows:
        name = _values(row, table, mapping).get("partner.name", "")
        if name:
            names.setdefault(_folded(name), name)
    return list(names.values())


def partner_domains(table: SourceTable, mapping: Mapping_) -> dict[str, set[str]]:
    """Domains of each partner's web page and people's addresses, by name as first written."""
    names: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    for row in table.rows:
        said = _values(row, table, mapping)
        name = said.get("partner.name", "")
        if not name:
            continue
        first = names.setdefault(_folded(name), name)
        given = (said.get("Account.Website", ""), said.get("person.email", ""))
        found.setdefault(first, set()).update(d for text in given if (d := domain_of(text)))
    return found


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def drafted(
    table: SourceTable,
    mapping: Mapping_,
    programme: Programme,
    *,
    alike: Mapping[str, str],
    words: OrgWords,
) -> Draft:
    """The draft. `alike`: what each partner name looks like, in words, for names that look like
    something."""
    maker = _Maker(mapping, programme, alike, words)
    for row in table.rows:
        maker.row(row, _values(row, table, mapping))
    return maker.draft


class _Maker:
    """Walks the rows in order."""

    def __init__(
        self,
        mapping: Mapping_,
        programme: Programme,
        alike: Mapping[str, str],
        words: OrgWords,
    ) -> None:
        self.mapping = mapping
        self.programme = programme
        self.alike = alike
        self.words = words
        self.draft = Draft()
        self.declared = {_folded(p.name): str(p.key) for p in programme.partners.values()}
        self.managers = _by_word(programme.channel_managers.values())
        self.first_row: dict[str, int] = {}
        """Row where each new partner stands first."""
        self.by_name: dict[str, str] = {}
        self.troubled: dict[str, int] = {}
        """New partners that cannot be made, and the row that says why."""
        self.people: dict[tuple[str, str, str], int] = {}
        self.partner_keys: set[str] = set(programme.partners)
        self.person_keys: set[str] = set(programme.people)
        self.known_people = {
            (p.partner, p.email.lower(), _folded(f"{p.first_name} {p.last_name}")): p
            for p in programme.people.values()
        }
        self.addresses: dict[str, tuple[int, str]] = {}

    def say(self, row: SourceRow, target: str, code: str, what: str, advice: str = "") -> None:
        """Something that holds the row."""
        self.draft.findings.append(Finding(row.number, self.column(target), code, what, advice))

    def note(self, row: SourceRow, target: str, code: str, what: str, advice: str = "") -> None:
        """Something that is only said."""
        self.draft.findings.append(
            Finding(row.number, self.column(target), code, what, advice, held=False)
        )

    def column(self, target: str) -> str:
        """The source's own word for a target."""
        return next((c for c, t in self.mapping.columns.items() if t == target), target)

    def row(self, row: SourceRow, said: Values) -> None:
        said = self._codes(row, said)
        key = self._partner(row, said)
        if key is None:
            return
        self.draft.partner_of[row.number] = key
        if any(t.startswith(("person.", "Contact.", "User.")) for t in self._own(said)):
            self._person(row, said, key)
        if key in self.troubled and self.troubled[key] != row.number:
            self.say(
                row,
                "partner.name",
                "partner-held",
                f"its partner is held back (row {self.troubled[key]})",
                "mend that row first",
            )

    def _own(self, said: Values) -> set[str]:
        """What the row says itself, defaults aside."""
        return {t for t, text in said.items() if self.mapping.defaults.get(t) != text}

    def _codes(self, row: SourceRow, said: Values) -> Values:
        """Values in the org's own words."""
        out: Values = {}
        for target, text in said.items():
            code = self.words.code(target, text)
            most = self.words.most(target)
            if code is None:
                field_ = target.rpartition(".")[2]
                self.say(
                    row,
                    target,
                    "unknown-value",
                    f"{text!r} is no value of {field_} in this org",
                    f"correct it, or say what it is: values: {{{target}: {{{text}: …}}}}",
                )
            elif most and len(code) > most:
                what = f"{len(code)} characters; {target} takes {most} in this org"
                self.say(row, target, "too-long", what, "shorten it")
            out[target] = text if code is None else code
        return out

    # partners

    def _partner(self, row: SourceRow, said: Values) -> str | None:
        name, given = said.get("partner.name", ""), said.get("partner.key", "")
        if not name and not given:
            self.say(row, "partner.name", "no-partner", "names no partner", "fill the cell")
            return None
        if given and PartnerKey(given) in self.programme.partners:
            return given
        known = self.by_name.get(given.lower() or _folded(name))
        if known is not None:
            self._differences(row, said, known)
            return known
        if not given and _folded(name) in self.declared:
            return self.declared[_folded(name)]
        answer = self._answer(row, name)
        if answer is None:
            return None
        if answer != NEW and not is_record_id(answer):
            return answer
        return self._new_partner(row, said, name, given, answer)

    def _answer(self, row: SourceRow, name: str) -> str | None:
        """What `alike:` says of the name; None after a finding."""
        answer = self.mapping.alike.get(name, ASK if name in self.alike else NEW)
        if answer == ASK:
            self.say(
                row,
                "partner.name",
                "look-alike",
                f"{name!r} looks like {self.alike.get(name, 'another')}",
                f"say in the mapping what it is: alike: {{{name}: new}}, an account's Id, or a "
                "partner's key",
            )
            return None
        if answer != NEW and not is_record_id(answer) and answer not in self.partner_keys:
            self.say(
                row,
                "partner.name",
                "bad-answer",
                f"alike: {answer!r} is neither new, nor an Id, nor a partner's key",
                "correct it in the mapping",
            )
            return None
        return answer

    def _new_partner(self, row: SourceRow, said: Values, name: str, given: str, answer: str) -> str:
        wanted = given if is_key(given) else key_from(given or name, f"partner-{row.number}")
        key = free_key(wanted, self.partner_keys)
        self.partner_keys.add(key)
        if given and key != given:
            self.note(
                row, "partner.key", "key-changed", f"{given!r} cannot be a key here: it is {key!r}"
            )
        record = {"key": key, "name": name, "manager": self._manager(row, said, key)}
        for target, text in said.items():
            head, _, column = target.partition(".")
            if head == "partner" and column not in record:
                record[column] = text
            elif head == "Account":
                record[target] = text
            elif head == "attribute":
                record[f"partner.{column}"] = text
        if is_record_id(answer):
            record["match"] = f"Id={RecordId(answer)}"
        if not name:
            self._trouble(row, "partner.name", "no-name", "a new partner has no name", key,
                          "fill the cell")  # fmt: skip
        elif len(name) > 255:
            what = f"the name has {len(name)} characters; Salesforce takes 255"
            self._trouble(row, "partner.name", "too-long", what, key, "shorten it")
        self.draft.partners[key] = record
        self.first_row[key] = row.number
        self.by_name[given.lower() or _folded(name)] = key
        return key

    def _trouble(
        self, row: SourceRow, target: str, code: str, what: str, key: str, advice: str = ""
    ) -> None:
        self.say(row, target, code, what, advice)
        self.troubled.setdefault(key, row.number)

    def _manager(self, row: SourceRow, said: Values, key: str) -> str:
        word = said.get("partner.manager", "")
        if not word:
            self._trouble(
                row, "partner.manager", "no-manager", "no channel manager is named", key,
                "name one, or give all rows one: defaults: {partner.manager: …}",
            )  # fmt: skip
            return ""
        manager = self.managers.get(word.strip().lower()) or self.managers.get(key_from(word))
        if manager is None:
            self._trouble(
                row, "partner.manager", "unknown-manager",
                f"{word!r} is no channel manager of the programme", key,
                "add them to `channel_managers:`, or say who it is: "
                f"values: {{partner.manager: {{{word}: …}}}}",
            )  # fmt: skip
        return manager or ""

    def _differences(self, row: SourceRow, said: Values, key: str) -> None:
        """A later row of a partner that says something else of it."""
        first = self.draft.partners[key]
        for target in sorted(self._own(said)):
            head, _, column = target.partition(".")
            names = {"partner": column, "Account": target, "attribute": f"partner.{column}"}
            name = names.get(head)
            if name is None or name in ("key", "name", "manager"):
                continue
            if said[target] != first.get(name, ""):
                self.note(
                    row,
                    target,
                    "contradiction",
                    f"says {said[target]!r}, row {self.first_row[key]} "
                    f"{first.get(name, '') or 'nothing'!r}: the first counts",
                )

    # people

    def _person(self, row: SourceRow, said: Values, partner: str) -> None:
        first, last = said.get("person.first_name", ""), said.get("person.last_name", "")
        email = said.get("person.email", "")
        identity = (partner, email.lower(), _folded(f"{first} {last}"))
        declared = self.known_people.get((PartnerKey(partner), *identity[1:]))
        if declared is not None:
            self.draft.person_of[row.number] = declared.key
            return
        known = self.people.setdefault(identity, row.number)
        if known != row.number:
            self.say(row, "person.email", "duplicate", f"is the same person as row {known}",
                     "take one of the two rows out")  # fmt: skip
            return
        if not last:
            named = "person.last_name" in self.mapping.columns.values()
            target = "person.last_name" if named else "person.full_name"
            what = "a person has no last name"
            self.say(row, target, "no-last-name", what, "fill it, or empty the person's cells")
        if not is_email(email):
            what = f"{email!r} is no e-mail address" if email else "a person has no e-mail address"
            self.say(row, "person.email", "bad-e-mail", what, "correct it, as in name@example.com")
        else:
            self._shared(row, email, partner)
        given = said.get("person.key", "")
        wanted = given if is_key(given) else person_key(first, last, f"person-{row.number}")
        key = free_key(wanted, self.person_keys)
        self.person_keys.add(key)
        record = {"key": key, "partner": partner}
        for target, text in said.items():
            head, _, column = target.partition(".")
            if head == "person" and column not in record:
                record[column] = text
            elif head in ("Contact", "User"):
                record[target] = text
        self.draft.people[key] = record
        self.draft.person_of[row.number] = key

    def _shared(self, row: SourceRow, email: str, partner: str) -> None:
        number, other = self.addresses.setdefault(email.lower(), (row.number, partner))
        if number != row.number:
            of = "the same partner" if other == partner else f"partner {other}"
            self.note(row, "person.email", "shared-e-mail",
                      f"{email} is also the address of row {number}, of {of}")  # fmt: skip


def _by_word(managers: Iterable[ChannelManager]) -> dict[str, str]:
    """Managers' keys by key, username, its local part, and both spelt as keys."""
    found: dict[str, str] = {}
    for manager in managers:
        local = manager.username.partition("@")[0]
        for word in (manager.key, manager.username, local, key_from(local), key_from(manager.key)):
            found.setdefault(word.lower(), manager.key)
    return found
