"""A plan as people read it: partners with their people, queues, and one line of sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.blocks import Block, Table, Text
from sfprm.provisioning.difference import Difference, Kind, Verdict
from sfprm.provisioning.fields import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sfprm.programme.model import FieldValue
    from sfprm.provisioning.fields import FieldChange
    from sfprm.provisioning.plan import Plan

__all__ = ["plain_text", "plan_blocks", "shown", "unmanaged_block"]

_WIDTH = 24


def plan_blocks(plan: Plan) -> tuple[Block, ...]:
    """The whole screen, as blocks of lines."""
    org = plan.org
    head = f"{plan.programme} → {org.name} ({org.nature}, {org.id[:3]}…{org.id[-3:]})"
    if plan.read_calls:
        head += f", read in {plan.read_calls} calls"
    body = [*_partners(plan), *_queues(plan)]
    counts = plan.counts()
    sums = f"  = {counts['unchanged']} unchanged"
    if counts["unmanaged"]:
        sums += f"   · {counts['unmanaged']} in the org that no file names (sfprm plan --unmanaged)"
    return (Text((head,)), Text((*body, sums)), Text(tuple(_summary(plan, counts))))


def _summary(plan: Plan, counts: dict[str, int]) -> Iterator[str]:
    if plan.is_empty:
        blocked = counts["blocked"]
        yield f"Nothing to be done{f'; {blocked} blocked' if blocked else ''}."
        return
    hard = sum(1 for step in plan.steps if step.risk == "irreversible")
    if hard:
        noun = "account is" if hard == 1 else "accounts are"
        yield f"{hard} {noun} enabled as partner: that cannot be undone."
    words = f"{counts['create']} to create, {counts['change']} to change"
    if counts["blocked"]:
        words += f", {counts['blocked']} blocked"
    words += f". {plan.write_calls} API call{'' if plan.write_calls == 1 else 's'}"
    for seat in plan.seats:
        if seat.taken or seat.freed:
            words += f", {seat.left_after} of {seat.total} {seat.licence} licences left after it"
    if plan.mails:
        words += f", {plan.mails} welcome mail{'' if plan.mails == 1 else 's'}"
    yield f"{words}, about {max(1, round(plan.seconds))} s."
    yield "Run: sfprm apply"


def unmanaged_block(plan: Plan) -> Block:
    """What stands in the org and in no file: left alone."""
    if not plan.comparison.unmanaged:
        return Text(("There is nothing of the programme's in the org that no file names.",))
    rows = tuple((u.object, plain_text(u.label), u.id) for u in plan.comparison.unmanaged)
    return Table(("in the org, in no file", "name", "id"), rows)


def _partners(plan: Plan) -> Iterator[str]:
    accounts = [d for d in plan.comparison.differences if d.kind is Kind.ACCOUNT]
    under: dict[str, list[Difference]] = {}
    home: dict[str, str] = {}
    for difference in plan.comparison.differences:
        if difference.kind in (Kind.ENABLE, Kind.CONTACT, Kind.USER):
            under.setdefault(difference.owner, []).append(difference)
            home[difference.key] = difference.owner
        elif difference.kind is Kind.GRANT:
            under.setdefault(home.get(difference.owner, ""), []).append(difference)
    for account in accounts:
        rest = under.get(account.owner, [])
        enable = [d for d in rest if d.kind is Kind.ENABLE]
        people = list(_people(plan, [d for d in rest if d.kind is not Kind.ENABLE], account))
        mark = "~" if account.verdict is Verdict.SAME and enable else _MARK[account.verdict]
        if mark == "=" and not people and not account.notes:
            continue
        yield _line(mark, "partner", account.label, _account_words(plan, account, bool(enable)))
        yield from _extras(account)
        yield from people


_MARK = {
    Verdict.CREATE: "+",
    Verdict.UPDATE: "~",
    Verdict.REMOVE: "-",
    Verdict.SAME: "=",
    Verdict.BLOCKED: "!",
}


def _line(mark: str, kind: str, label: str, words: str, indent: str = "  ") -> str:
    return f"{indent}{mark} {kind:<8}  {plain_text(label):<{_WIDTH}} {words}".rstrip()


def plain_text(text: str) -> str:
    """One line without control characters: names come from files and the org."""
    return "".join(c if c.isprintable() else " " for c in text)


def _extras(d: Difference, indent: str = "        ") -> Iterator[str]:
    for note in d.notes:
        yield f"{indent}! {plain_text(note)}"
    if d.fix:
        yield f"{indent}fix: {plain_text(d.fix)}"


def _account_words(plan: Plan, d: Difference, enable: bool) -> str:
    if d.verdict is Verdict.BLOCKED:
        return f"blocked: {d.why}"
    if d.verdict is Verdict.CREATE:
        owner = plan.names.get(str(d.after().get("OwnerId")), "")
        words = "create account, enable as partner" if enable else "create account"
        return f"{words} (owner {owner.split('@')[0]})" if owner else words
    parts = list(_changes(plan, d.writes))
    if enable:
        parts.append("enable as partner")
    return ", ".join(parts)


def _people(plan: Plan, people: list[Difference], account: Difference) -> Iterator[str]:
    by_key: dict[str, list[Difference]] = {}
    for d in people:
        by_key.setdefault(d.owner if d.kind is Kind.GRANT else d.key, []).append(d)
    for both in by_key.values():
        if account.verdict is Verdict.BLOCKED:
            continue
        if all(d.verdict is Verdict.SAME and not d.notes for d in both):
            continue
        worst = next((d for d in both if d.verdict is Verdict.BLOCKED), None)
        lead = worst or next((d for d in both if d.verdict is not Verdict.SAME), both[0])
        words = ", ".join(w for d in both if (w := _person_words(plan, d)))
        mark = _MARK[lead.verdict] if lead.kind is not Kind.GRANT else "~"
        label = both[0].label if both[0].kind is not Kind.GRANT else lead.label.partition(":")[0]
        yield _line(mark, "person", label, words, indent="      ")
        for d in both:
            yield from _extras(d, indent="            ")


def _person_words(plan: Plan, d: Difference) -> str:
    if d.kind is Kind.GRANT:
        name = d.label.partition(": ")[2]
        sign = {Verdict.CREATE: "+", Verdict.REMOVE: "-", Verdict.BLOCKED: "!"}.get(d.verdict)
        return f"{sign} permission set {plain_text(name)}" if sign else ""
    noun = "contact" if d.kind is Kind.CONTACT else "user"
    if d.verdict is Verdict.BLOCKED:
        return f"blocked: {d.why}"
    if d.verdict is Verdict.SAME:
        return ""
    if d.verdict is Verdict.CREATE:
        return f"user {d.after()['Username']}" if d.kind is Kind.USER else noun
    return f"{noun}: {', '.join(_changes(plan, d.writes))}" if d.writes else noun


def _changes(plan: Plan, changes: Iterable[FieldChange]) -> Iterator[str]:
    for change in changes:
        before, after = (shown(plan, v) for v in (change.before, change.after))
        words = f"{change.field} {before} → {after}"
        if change.cause in (Cause.PERSON, Cause.BOTH):
            words += f" ({change.cause.value})"
        yield words


def shown(plan: Plan, value: FieldValue) -> str:
    """A value in words; ids by the names that people know."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plan.names.get(str(value), plain_text(str(value)))


def _queues(plan: Plan) -> Iterator[str]:
    members: dict[str, list[Difference]] = {}
    for d in plan.comparison.differences:
        if d.kind is Kind.MEMBER:
            members.setdefault(d.owner, []).append(d)
    for queue in plan.comparison.differences:
        if queue.kind not in (Kind.QUEUE, Kind.GROUP):
            continue
        mine = members.get(queue.key, [])
        words = list(_queue_words(plan, queue, mine))
        mark = "~" if queue.verdict is Verdict.SAME and words else _MARK[queue.verdict]
        if mark == "=" and not any(m.why for m in mine):
            continue
        yield _line(mark, queue.kind.value, queue.label, ", ".join(words))
        yield from _extras(queue)
        for member in mine:
            if member.why:
                yield f"        ! member {plain_text(member.label)}: {plain_text(member.why)}"


def _queue_words(plan: Plan, queue: Difference, members: list[Difference]) -> Iterator[str]:
    if queue.verdict is Verdict.BLOCKED:
        yield f"blocked: {queue.why}"
    elif queue.verdict is Verdict.CREATE:
        yield "create queue for leads" if queue.kind is Kind.QUEUE else "create public group"
    else:
        for change in queue.writes:
            yield (
                "let it own leads" if change.field == "Lead" else next(_changes(plan, (change,)))
            )
    for sign, verdict in (("+", Verdict.CREATE), ("-", Verdict.REMOVE)):
        names = [plain_text(m.label) for m in members if m.verdict is verdict]
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            yield f"{sign} {', '.join(names[:4])}{more}"
