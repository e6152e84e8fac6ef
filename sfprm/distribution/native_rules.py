"""The programme's rules in Salesforce's terms and back. Pure; what cannot be said is named.

A rule for a user or a queue is one entry; one for a pool goes to the pool's intake queue, from
which sfprm shares out fairly; "do not reassign" is an entry without assignee. Names of rules are
sfprm's alone: on the way back a rule that means the same as one of the programme's takes its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sfprm.distribution.native_file import NativeCriterion, NativeEntry, NativeRule
from sfprm.programme.criterion_text import parse_values
from sfprm.programme.logic import And, Logic, Not, Or, Ref
from sfprm.programme.logic_text import numbers, parse_logic
from sfprm.programme.model import (
    Criterion,
    LeaveAlone,
    Operator,
    Origin,
    Rule,
    Target,
    ToPool,
    ToQueue,
    ToUser,
)
from sfprm.programme.text_error import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.model import Routing

__all__ = [
    "OrgNames",
    "Spoken",
    "Understood",
    "criterion_text",
    "from_native",
    "logic_text",
    "meaning",
    "plain_logic",
    "to_native",
]

FROM_ORG = Origin("(the org)", 0)
_DATES = frozenset({"date", "datetime", "time"})
_EXTRAS = frozenset({"template", "senderEmail", "senderName", "replyToEmail"})
"""What an entry may hold beside: carried along as it is."""


@dataclass(frozen=True, slots=True)
class OrgNames:
    """What the org calls whom. `queues`: developer name by folded label; `labels` the other way;
    `users`: usernames of active users by folded username; `types`: type of each Lead field by
    lower-case name."""

    queues: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def user(self, username: str) -> str | None:
        """The org's own username: the same, or with a sandbox's suffix where only one is."""
        exact = self.users.get(username.casefold())
        if exact is not None:
            return exact
        start = username.casefold() + "."
        found = [own for folded, own in self.users.items() if folded.startswith(start)]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Spoken:
    """Rules as entries. `problems`: what cannot be said; nothing may be pushed while there are any.
    `notes`: what stays with sfprm."""

    entries: tuple[NativeEntry, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Understood:
    """Entries as rules, without those that cannot be said; `problems` names each with its place."""

    rules: tuple[Rule, ...]
    problems: tuple[str, ...]


def to_native(rules: Sequence[Rule], routing: Routing, names: OrgNames) -> Spoken:
    """The rules as entries of one assignment rule, in order."""
    entries: list[NativeEntry] = []
    problems: list[str] = []
    notes: list[str] = []
    for rule in rules:
        found: list[str] = []
        assigned = _assignee(rule, routing, names, found)
        if rule.eligible_when is not None:
            found.append("Salesforce knows no partners: eligible_when cannot be said")
        for line in rule.partner_criteria:
            found.append(f"Salesforce knows no partners: {line.text!r} cannot be said")
        criteria = tuple(_criterion(c, names, found) for c in rule.criteria)
        if rule.notify is not None:
            notes.append(f"rule {rule.name!r}: the notice {rule.notify!r} is sent by sfprm alone")
        problems += [f"rule {rule.name!r} ({rule.origin}): {words}" for words in found]
        if not found:
            logic = plain_logic(rule.logic, len(criteria))
            entries.append(
                NativeEntry(
                    *assigned,
                    boolean_filter=logic_text(logic) if logic is not None else "",
                    criteria=criteria,
                    extras=tuple(sorted(rule.native.items())),
                )
            )
    return Spoken(tuple(entries), tuple(problems), tuple(notes))


def _assignee(rule: Rule, routing: Routing, names: OrgNames, found: list[str]) -> tuple[str, str]:
    match rule.target:
        case ToUser(username):
            own = names.user(username)
            if own is None:
                found.append(f"the org has no active user {username}")
            return own or "", "User"
        case ToQueue(queue):
            return _queue(queue, names, found), "Queue"
        case ToPool(key):
            intake = routing.pools[key].intake
            if intake is None:
                found.append(f"pool {key!r} has no intake queue: add `intake:` to the pool")
                return "", ""
            return _queue(intake, names, found), "Queue"
        case LeaveAlone():
            return "", ""
        case _:
            found.append("several targets in turn, or a company's partner, cannot be said")
            return "", ""


def _queue(label: str, names: OrgNames, found: list[str]) -> str:
    own = names.queues.get(label.casefold())
    if own is None:
        found.append(f"the org has no queue {label!r}")
    return own or ""


def _criterion(criterion: Criterion, names: OrgNames, found: list[str]) -> NativeCriterion:
    name = "RecordTypeId" if criterion.field == "RecordType.Name" else criterion.field
    if "." in name:
        found.append(f"{criterion.field} is not a field of the lead: it cannot be said")
    elif name.casefold() != "recordtypeid":
        _check_type(name, names, found)
    return NativeCriterion(
        f"Lead.{name}", criterion.operator.value, ", ".join(map(_quoted, _values(criterion)))
    )


def _values(criterion: Criterion) -> tuple[str, ...]:
    """Without blank ones: no value is how blank is said."""
    return tuple(value for value in criterion.values if value.strip())


def _check_type(name: str, names: OrgNames, found: list[str]) -> None:
    type_ = names.types.get(name.lower())
    if type_ in _DATES:
        found.append(f"{name} is a {type_}: Salesforce writes dates as the deployer's locale does")
    elif type_ == "reference":
        found.append(f"{name} refers to another record: Salesforce compares its name, sfprm its id")


def _quoted(value: str) -> str:
    plain = value == value.strip() and value and not any(sign in value for sign in ',"')
    return value if plain else '"' + value.replace('"', '""') + '"'


def from_native(
    native: NativeRule, routing: Routing, names: OrgNames, known: Sequence[Rule] = ()
) -> Understood:
    """The entries of an assignment rule as rules. `known`: the programme's, whose names are kept
    for what means the same."""
    rules: list[Rule] = []
    problems: list[str] = []
    unused = list(known)
    for number, entry in enumerate(native.entries, start=1):
        found: list[str] = []
        rule = _rule(f"{native.name} {number}", entry, routing, names, known, found)
        problems += [f"entry {number} of {native.name!r}: {words}" for words in found]
        if found or rule is None:
            continue
        same = next((r for r in unused if meaning(r) == meaning(rule)), None)
        if same is not None:
            unused.remove(same)
            rule = replace(
                rule, name=same.name, notify=same.notify, offer=same.offer, origin=same.origin
            )
        rules.append(rule)
    return Understood(tuple(rules), tuple(problems))


def _rule(
    name: str,
    entry: NativeEntry,
    routing: Routing,
    names: OrgNames,
    known: Sequence[Rule],
    found: list[str],
) -> Rule | None:
    if entry.formula:
        found.append("a formula decides, which sfprm cannot evaluate")
    for tag, _ in entry.extras:
        if tag not in _EXTRAS:
            found.append(f"it holds {tag}, which the programme has no word for")
    criteria = tuple(_understood(item, names, found) for item in entry.criteria)
    logic: Logic | None = None
    if entry.boolean_filter:
        try:
            logic = parse_logic(entry.boolean_filter)
            if numbers(logic) != frozenset(range(1, len(criteria) + 1)):
                found.append(f"its filter logic {entry.boolean_filter!r} leaves out a criterion")
        except TextError as error:
            found.append(f"its filter logic {entry.boolean_filter!r}: {error.message}")
    target = _target(entry, routing, names, known, found)
    if found or target is None:
        return None
    return Rule(
        name=name,
        criteria=tuple(c for c in criteria if c is not None),
        logic=plain_logic(logic, len(criteria)),
        target=target,
        origin=FROM_ORG,
        native=dict(sorted(entry.extras)),
    )


def _understood(item: NativeCriterion, names: OrgNames, found: list[str]) -> Criterion | None:
    object_, _, name = item.field.partition(".")
    if item.other_field:
        found.append(f"it compares {item.field} with the field {item.other_field}")
        return None
    if object_ != "Lead" or not name:
        found.append(f"it reads {item.field}, which is not of the lead")
        return None
    if name.casefold() == "recordtypeid":
        name = "RecordType.Name"
    else:
        _check_type(name, names, found)
    try:
        operator = Operator(item.operation)
        values = tuple(value for value in parse_values(item.value) if value.strip())
    except (ValueError, TextError) as error:
        found.append(f"its criterion on {item.field}: {error}")
        return None
    if operator is Operator.WITHIN:
        found.append("within (a distance) is not evaluated by sfprm")
        return None
    if not values and operator not in (Operator.EQUALS, Operator.NOT_EQUAL):
        found.append(f"{operator.value} of {item.field} has no value")
        return None
    made = Criterion(name, operator, values, "", FROM_ORG)
    return replace(made, text=criterion_text(made))


def _target(
    entry: NativeEntry,
    routing: Routing,
    names: OrgNames,
    known: Sequence[Rule],
    found: list[str],
) -> Target | None:
    if not entry.assigned_to:
        return LeaveAlone()
    if entry.assigned_type == "User":
        mine = {rule.target.username for rule in known if isinstance(rule.target, ToUser)}
        for username in sorted(mine):
            if (names.user(username) or "").casefold() == entry.assigned_to.casefold():
                return ToUser(username)
        return ToUser(entry.assigned_to)
    label = names.labels.get(entry.assigned_to.casefold())
    if label is None:
        found.append(f"the org has no queue {entry.assigned_to!r}")
        return None
    for pool in routing.pools.values():
        if pool.intake is not None and pool.intake.casefold() == label.casefold():
            return ToPool(pool.key)
    return ToQueue(label)


def meaning(rule: Rule) -> object:
    """What a rule says, apart from its name and what is sfprm's alone: equal for equal rules."""
    logic = plain_logic(rule.logic, len(rule.criteria))
    criteria = tuple((c.field, c.operator, _values(c)) for c in rule.criteria)
    return criteria, logic, rule.target, tuple(sorted(rule.native.items()))


def plain_logic(logic: Logic | None, count: int) -> Logic | None:
    """None where all criteria must hold, in whatever way that is written."""
    if logic == And(tuple(Ref(n) for n in range(1, count + 1))) or (count == 1 and logic == Ref(1)):
        return None
    return logic


def logic_text(logic: Logic) -> str:
    """`1 AND (2 OR NOT 3)`."""
    match logic:
        case Ref(number):
            return str(number)
        case Not(part):
            return f"NOT {_bracketed(part)}"
        case And(parts):
            return " AND ".join(_bracketed(part) for part in parts)
        case Or(parts):
            return " OR ".join(_bracketed(part) for part in parts)


def _bracketed(logic: Logic) -> str:
    text = logic_text(logic)
    return f"({text})" if isinstance(logic, And | Or) else text


def criterion_text(criterion: Criterion) -> str:
    """A criterion as routing.yaml writes it."""
    values = ", ".join(map(_quoted, _values(criterion)))
    return f"{criterion.field} {criterion.operator.value} {values}".rstrip()
