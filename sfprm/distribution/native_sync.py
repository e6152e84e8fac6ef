"""Pulling, comparing and pushing the org's lead assignment rules.

A push is checked by the org first, backed up, deployed, and read back. It never changes which rule
is active unless asked to: activating one silently deactivates the other (documented). All rules of
the file are sent along, as it is unverified whether a file without them would remove them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sfprm.distribution.native_file import PATH, NativeRule, parse_file, render_file
from sfprm.distribution.native_rules import OrgNames, from_native, meaning, to_native
from sfprm.distribution.native_text import Line, compared
from sfprm.errors import BadRequest, NotReady, OrgRefused
from sfprm.programme.complaints import did_you_mean
from sfprm.programme.model import ToUser
from sfprm.salesforce.describe import describe
from sfprm.salesforce.metadata import deploy, retrieve
from sfprm.salesforce.package import manifest
from sfprm.salesforce.query import select
from sfprm.salesforce.soql import Query, eq, like, split_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfprm.clock import Clock
    from sfprm.programme.model import Programme, Rule
    from sfprm.salesforce.session import Session

__all__ = ["Differing", "NativeSync", "Pulled", "Pushed"]

_PACKAGE = {"AssignmentRules": ["Lead"]}


@dataclass(frozen=True, slots=True)
class Pulled:
    """One assignment rule of the org as rules of a programme."""

    name: str
    active: bool
    rules: tuple[Rule, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """The org's rule beside the programme's. `problems`: what one of the two cannot say."""

    name: str
    active: bool
    lines: tuple[Line, ...]
    problems: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both mean the same."""
        return not self.problems and all(sign == "=" for sign, _ in self.lines)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did or would do. `problems` non-empty: nothing was sent. `backup`: the folder
    that puts back what was there. `active_name`: the rule in force, '' for none."""

    name: str
    lines: tuple[Line, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    done: bool = False
    dry_run: bool = False
    active_name: str = ""
    deactivated: str = ""
    backup: str = ""

    @property
    def is_same(self) -> bool:
        """Whether there was nothing to change."""
        return not self.problems and not self.done and all(s == "=" for s, _ in self.lines)


class NativeSync:
    """The org's rules and the programme's, side by side."""

    def __init__(self, session: Session, programme: Programme, clock: Clock) -> None:
        self._session = session
        self._programme = programme
        self._clock = clock
        self._names: OrgNames | None = None

    def pull(self, name: str | None = None) -> Pulled:
        """One rule of the org (default: the active one). Raises NotReady when there is none."""
        found = self._wanted(self._read(), name)
        read = from_native(
            found, self._programme.routing, self._org_names(), self._programme.routing.all_rules
        )
        return Pulled(found.name, found.active, read.rules, read.problems)

    def diff(self, name: str | None = None, rule_set: str | None = None) -> Differing:
        """One rule of the org beside a rule set of the programme."""
        found = self._wanted(self._read(), name)
        mine = self._rules(rule_set)
        names = self._org_names()
        org = from_native(found, self._programme.routing, names, mine)
        said = to_native(mine, self._programme.routing, names)
        return Differing(
            found.name,
            found.active,
            compared(org.rules, self._expressible(mine, said.problems)),
            (*org.problems, *said.problems),
        )

    def push(
        self,
        name: str | None,
        rule_set: str | None,
        *,
        backup: Path,
        activate: bool = False,
        replace_unsaid: bool = False,
        dry_run: bool = False,
    ) -> Pushed:
        """Deploy a rule set of the programme as one assignment rule (default: the active one; where
        the org has none, one named as the programme).

        Entries of the org that the programme cannot say are not overwritten unless
        `replace_unsaid`. Raises OrgRefused with the org's words when its check fails.
        """
        there = self._read()
        mine, names = self._rules(rule_set), self._org_names()
        said = to_native(mine, self._programme.routing, names)
        old = self._old(there, name)
        read = from_native(old, self._programme.routing, names, mine)
        problems = list(said.problems)
        if not replace_unsaid:
            problems += [f"{words}; a push would remove it" for words in read.problems]
        in_force = next((rule.name for rule in there if rule.active), "")
        result = Pushed(
            old.name,
            compared(read.rules, mine if not said.problems else ()),
            tuple(problems),
            said.notes,
            dry_run=dry_run,
            active_name=in_force,
        )
        wanted = replace(old, entries=said.entries, active=old.active or activate)
        same = [meaning(rule) for rule in read.rules] == [meaning(rule) for rule in mine]
        if problems or (
            same and not read.problems and wanted.active == old.active and old in there
        ):
            return result
        files = self._package(self._merged(there, wanted))
        self._send(files, check_only=True)
        if dry_run:
            return result
        folder = self._back_up(there, backup)
        self._send(files, check_only=False)
        self._check_arrived(wanted)
        stopped = in_force if activate and in_force not in ("", old.name) else ""
        return replace(
            result,
            done=True,
            backup=folder,
            active_name=old.name if wanted.active else in_force,
            deactivated=stopped,
        )

    def restore(self, folder: Path, *, dry_run: bool = False) -> tuple[str, ...]:
        """Put back what a push found: names of the rules. The org checks it first."""
        path = folder / PATH
        if not path.is_file():
            raise BadRequest(
                f"{folder} holds no backup of assignment rules.",
                hint="Name the folder that `sfprm rules push` printed.",
            )
        rules = parse_file(path.read_bytes())
        files = self._package(rules)
        self._send(files, check_only=True)
        if not dry_run:
            self._send(files, check_only=False)
        return tuple(rule.name for rule in rules)

    def _read(self) -> tuple[NativeRule, ...]:
        files = retrieve(self._session, _PACKAGE, clock=self._clock)
        content = files.get(PATH)
        return parse_file(content) if content is not None else ()

    def _wanted(self, there: Sequence[NativeRule], name: str | None) -> NativeRule:
        if name is None:
            found = next((rule for rule in there if rule.active), None)
            if found is None:
                names = ", ".join(rule.name for rule in there)
                raise NotReady(
                    "The org has no active lead assignment rule.",
                    hint=f"Name one with --rule: {names}."
                    if names
                    else "It has none at all; `sfprm rules push` makes one.",
                )
            return found
        for rule in there:
            if rule.name.casefold() == name.casefold():
                return rule
        raise BadRequest(
            f"The org has no lead assignment rule {name!r}.",
            hint=did_you_mean(name, [rule.name for rule in there])
            or "It has none at all; `sfprm rules push` makes one.",
        )

    def _old(self, there: Sequence[NativeRule], name: str | None) -> NativeRule:
        """The rule to be replaced; one without entries where there is none."""
        for rule in there:
            if rule.active if name is None else rule.name.casefold() == name.casefold():
                return rule
        return NativeRule(name or self._programme.name, False, ())

    def _rules(self, rule_set: str | None) -> tuple[Rule, ...]:
        routing = self._programme.routing
        if rule_set is None:
            return routing.rules
        for each in routing.rule_sets:
            if each.name == rule_set:
                return each.rules
        raise BadRequest(
            f"The programme has no rule set {rule_set!r}.",
            hint=did_you_mean(rule_set, [each.name for each in routing.rule_sets])
            or "Leave --rule-set out for the rules below `rules:`.",
        )

    def _expressible(self, rules: Sequence[Rule], problems: Sequence[str]) -> list[Rule]:
        named = [rule for rule in rules if any(f"rule {rule.name!r} (" in p for p in problems)]
        return [rule for rule in rules if rule not in named]

    def _merged(self, there: Sequence[NativeRule], wanted: NativeRule) -> tuple[NativeRule, ...]:
        """The file with the rule in its place; where it becomes active, no other is."""
        others = [
            replace(rule, active=False) if wanted.active and rule.active else rule for rule in there
        ]
        for at, rule in enumerate(others):
            if rule.name == wanted.name:
                others[at] = wanted
                return tuple(others)
        return (*others, wanted)

    def _package(self, rules: Sequence[NativeRule]) -> dict[str, bytes]:
        return {
            "package.xml": manifest(_PACKAGE, self._session.api_version),
            PATH: render_file(rules),
        }

    def _send(self, files: dict[str, bytes], *, check_only: bool) -> None:
        outcome = deploy(self._session, files, check_only=check_only, clock=self._clock)
        if not outcome.success:
            words = "\n".join(str(failure) for failure in outcome.failures) or outcome.status
            what = "would refuse" if check_only else "refused"
            raise OrgRefused(
                f"The org {what} the assignment rules:\n{words}",
                hint="Nothing was changed. Correct what the org names, then push again.",
            )

    def _back_up(self, there: Sequence[NativeRule], folder: Path) -> str:
        if not there:
            return ""
        for name, content in self._package(there).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return str(folder)

    def _check_arrived(self, wanted: NativeRule) -> None:
        found = next((rule for rule in self._read() if rule.name == wanted.name), None)
        if found is None or found.entries != wanted.entries:
            raise OrgRefused(
                f"The org accepted the rule {wanted.name!r}, but holds something else now.",
                hint="Run `sfprm rules diff` to see what; somebody may have saved it meanwhile.",
            )

    def _org_names(self) -> OrgNames:
        """Queues, users that the rules name, and field types: three calls or so, made once."""
        if self._names is None:
            queues = Query(("Name", "DeveloperName"), "Group", (eq("Type", "Queue"),))
            found = [
                (str(r["Name"]), str(r["DeveloperName"])) for r in select(self._session, queues)
            ]
            own = {q.name: q.developer_name for q in self._programme.queues.values() if q.managed}
            lead = describe(self._session, "Lead")
            self._names = OrgNames(
                queues={
                    label.casefold(): developer
                    for label, developer in sorted(
                        found, key=lambda pair: own.get(pair[0]) == pair[1]
                    )
                },
                labels={developer.casefold(): label for label, developer in found},
                users=self._users(),
                types={name: f.type for name, f in lead.fields.items()} if lead else {},
            )
        return self._names

    def _users(self) -> dict[str, str]:
        wanted = sorted(
            {
                rule.target.username
                for rule in self._programme.routing.all_rules
                if isinstance(rule.target, ToUser)
            }
        )
        query = Query(("Username",), "User", (eq("IsActive", True),))
        conditions = [*split_in("Username", wanted)]
        conditions += [like("Username", f"{username}.%") for username in wanted]
        return {
            str(row["Username"]).casefold(): str(row["Username"])
            for condition in conditions
            for row in select(self._session, query.also(condition))
        }
