"""From differences to ordered steps. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfprm.provisioning.difference import (
    Comparison,
    Difference,
    Flag,
    Kind,
    Verdict,
    ref,
    slim,
)
from sfprm.provisioning.fields import Cause
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.steps import (
    PHASES,
    AddMember,
    ChangeOwner,
    CreateAccount,
    CreateGroup,
    CreateQueue,
    CreateUser,
    DeactivateUser,
    EnablePartner,
    FreezeUser,
    GrantPermissionSet,
    MoveContact,
    PlannedStep,
    QueueForLead,
    RemoveMember,
    RevokePermissionSet,
    UpdateAccount,
    UpdateGroup,
    UpdateQueue,
    UpdateUser,
    UpsertContact,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from sfprm.estate.model import Estate
    from sfprm.ids import RecordId
    from sfprm.programme.model import FieldValue

__all__ = ["build_plan"]

_FREEZE = "IsFrozen"
_FOR_LEAD = "Lead"
_OWNER = "OwnerId"
_ACCOUNT = "AccountId"


def build_plan(
    programme: str,
    digest: str,
    estate: Estate,
    comparison: Comparison,
    *,
    read_calls: int = 0,
    users_a_second: float | None = None,
) -> Plan:
    """The steps for all differences that can be done, in the order of `PHASES`; inside a phase
    in file order, the people of a partner together."""
    known = {d.ref: d.record_id for d in comparison.differences if d.record_id is not None}
    steps = [_resolved(step, known) for d in comparison.to_do for step in _steps(d)]
    rank = {kind: at for at, kinds in enumerate(PHASES) for kind in kinds}
    steps.sort(key=lambda s: rank[type(s)])
    made = {s.ref for s in steps}
    ordered = tuple(_needing(s, made) for s in steps)
    return Plan(
        programme,
        digest,
        estate.org,
        ordered,
        comparison,
        _names(estate),
        read_calls,
        users_a_second=users_a_second,
    )


def _needing(step: PlannedStep, made: set[str]) -> PlannedStep:
    """The step with those of its needs that the plan makes. Few steps need anything that it does
    not: a copy is made for those alone."""
    if step.ref not in step.needs and made.issuperset(step.needs):
        return step
    return replace(step, needs=tuple(n for n in step.needs if n in made and n != step.ref))


def _resolved(step: PlannedStep, known: Mapping[str, RecordId]) -> PlannedStep:
    """Links to records that exist already become plain values."""
    there = {name: known[to] for name, to in step.links.items() if to in known} if known else {}
    if not there:
        return step
    links = {name: to for name, to in step.links.items() if name not in there}
    return replace(step, after={**step.after, **there}, links=links)


def _names(estate: Estate) -> dict[str, str]:
    names: dict[str, str] = {u.id: u.username for u in estate.users.values()}
    names |= {p.id: p.name for p in estate.profiles.values()}
    names |= {a.owner_id: a.owner_username for a in estate.accounts.values()}
    names |= {a.id: a.name for a in estate.accounts.values()}
    names |= {u.id: u.username for u in estate.partner_users.values()}
    names |= {g.id: g.label for g in (*estate.queues.values(), *estate.groups.values())}
    names |= {at: name for name, at in estate.permission_sets.items()}
    return names | {at: name for (_, name), at in estate.record_types.items()}


def _steps(d: Difference) -> Iterator[PlannedStep]:
    d = slim(d) if d.declared else d
    remember = dict(d.remember)
    after, before = d.after(), d.before()
    match d.kind:
        case Kind.ACCOUNT:
            yield from _account_steps(d, before, after, remember)
        case Kind.ENABLE:
            yield _step(EnablePartner, d, before, after, remember, needs=(ref("account", d.key),))
        case Kind.CONTACT:
            yield from _contact_steps(d, before, after, remember)
        case Kind.USER:
            yield from _user_steps(d, before, after, remember)
        case Kind.GRANT if d.verdict is Verdict.REMOVE:
            taken: dict[str, FieldValue] = {str(before["PermissionSetId"]): None}
            yield _step(RevokePermissionSet, d, before, {}, taken)
        case Kind.GRANT:
            given: dict[str, FieldValue] = {str(after["PermissionSetId"]): True}
            yield _step(GrantPermissionSet, d, {}, after, given, needs=tuple(d.links.values()))
        case Kind.GROUP | Kind.QUEUE:
            yield from _group_steps(d, before, after, remember)
        case Kind.MEMBER if d.verdict is Verdict.REMOVE:
            gone: dict[str, FieldValue] = {str(before["UserOrGroupId"]): None}
            yield _step(RemoveMember, d, before, {}, gone)
        case Kind.MEMBER:
            yield _step(AddMember, d, {}, after, {}, needs=_member_needs(d))


def _member_needs(d: Difference) -> tuple[str, ...]:
    member = d.links.get("UserOrGroupId", "")
    if member.startswith("partner-role:"):
        # the role comes with the partner's first user: looked up when the users are there
        return (d.links["GroupId"],)
    return (d.links["GroupId"], member) if member else (d.links["GroupId"],)


def _step(
    made: type[PlannedStep],
    d: Difference,
    before: Mapping[str, FieldValue],
    after: Mapping[str, FieldValue],
    remember: Mapping[str, FieldValue],
    *,
    needs: tuple[str, ...] = (),
) -> PlannedStep:
    return made(
        key=d.key,
        label=d.label,
        owner=d.owner,
        ref=d.ref,
        before={} if d.verdict is Verdict.CREATE else before,
        after=after if d.links.keys().isdisjoint(after) else _less(after, d.links),
        record_id=d.record_id,
        links=d.links,
        needs=needs,
        # what is written is mostly what is remembered: one map for both, in large plans
        remember=after if remember == after else remember,
        reason=_reason(d),
        flags=d.flags,
    )


def _less(values: Mapping[str, FieldValue], names: Container[str]) -> dict[str, FieldValue]:
    return {k: v for k, v in values.items() if k not in names}


_NEW = {Kind.MEMBER: "not a member yet", Kind.GRANT: "not granted yet"}


def _reason(d: Difference) -> str:
    """The causes of what the difference writes, each once."""
    if d.verdict is Verdict.CREATE:
        return _NEW.get(d.kind, Cause.NEW.value)
    if not d.links and len(d.writes) == 1:
        return d.writes[0].cause.value
    return ", ".join(dict.fromkeys(c.cause.value for c in d.writes))


def _user_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    frozen, was_frozen = after.pop(_FREEZE, None), before.pop(_FREEZE, None)
    needs = (
        ref("contact", d.key),
        ref("move", d.key),
        ref("partner", d.owner),
        ref("account", d.owner),
    )
    fields = {k: v for k, v in remember.items() if k != _FREEZE}
    if d.verdict is Verdict.CREATE:
        yield _step(CreateUser, d, before, after, {**fields, _FREEZE: False}, needs=needs)
        return
    if after.get("IsActive") is False:
        yield _step(DeactivateUser, d, before, after, fields)
    elif after:
        yield _step(UpdateUser, d, before, after, fields, needs=needs)
    if frozen is not None:
        yield _step(FreezeUser, d, {_FREEZE: was_frozen}, {_FREEZE: frozen}, {_FREEZE: frozen})


def _account_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    """An owner change stands alone: it locks roles, and has consequences of its own."""
    if d.verdict is Verdict.CREATE:
        yield _step(CreateAccount, d, before, after, remember)
        return
    owner, was = after.pop(_OWNER, None), before.pop(_OWNER, None)
    if after:
        rest = remember if owner is None else _less(remember, (_OWNER,))
        yield _step(UpdateAccount, d, before, after, rest)
    if owner is not None:
        moved = _step(ChangeOwner, d, {_OWNER: was}, {_OWNER: owner}, {_OWNER: owner})
        needs = (d.ref,) if after else ()
        yield replace(moved, ref=ref("owner", d.key), needs=needs)


def _contact_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    """A contact whose user goes to another account moves in a step of its own."""
    needs = (ref("account", d.owner),)
    moves = Flag.MOVES_USER in d.flags and (_ACCOUNT in after or _ACCOUNT in d.links)
    if not moves:
        yield _step(UpsertContact, d, before, after, remember, needs=needs)
        return
    home, was = after.pop(_ACCOUNT, None), before.pop(_ACCOUNT, None)
    staying = replace(d, links={})
    if after:
        yield _step(UpsertContact, staying, before, after, _less(remember, (_ACCOUNT,)))
    to: dict[str, FieldValue] = {} if home is None else {_ACCOUNT: home}
    moved = _step(MoveContact, d, {_ACCOUNT: was}, to, to, needs=(*needs, ref("partner", d.owner)))
    also = (d.ref,) if after else ()
    yield replace(moved, ref=ref("move", d.key), needs=(*moved.needs, *also))


def _group_steps(
    d: Difference,
    before: dict[str, FieldValue],
    after: dict[str, FieldValue],
    remember: dict[str, FieldValue],
) -> Iterator[PlannedStep]:
    for_lead = after.pop(_FOR_LEAD, None)
    before.pop(_FOR_LEAD, None)
    if after:
        new = d.verdict is Verdict.CREATE
        if d.kind is Kind.QUEUE:
            made: type[PlannedStep] = CreateQueue if new else UpdateQueue
        else:
            made = CreateGroup if new else UpdateGroup
        yield _step(made, d, before, after, remember)
    if for_lead:
        linked = replace(d, links={"QueueId": d.ref}, record_id=None)
        yield replace(
            _step(QueueForLead, linked, {}, {"SobjectType": _FOR_LEAD}, {}, needs=(d.ref,)),
            ref=ref("lead-queue", d.key),
        )
