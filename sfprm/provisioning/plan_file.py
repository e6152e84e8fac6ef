"""A plan as a file: canonical, versioned, bound to one org and one set of programme files.

The same state gives the same bytes: there is no time in it, keys are sorted, one step a line. What
is only there to be read (the screen, counts of unchanged records) is left out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from sfprm.errors import BadRequest, NotReady
from sfprm.estate.model import OrgFacts
from sfprm.ids import RecordId
from sfprm.provisioning.difference import Comparison, Difference, Flag, Kind, SeatUse, Verdict
from sfprm.provisioning.plan import Plan
from sfprm.provisioning.steps import KINDS, PlannedStep
from sfprm.store.canonical import canonical
from sfprm.store.records import AppliedValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "VERSION",
    "plan_from",
    "plan_id",
    "plan_lines",
    "read_plan",
    "refuse_another",
    "step_lines",
    "write_plan",
]

VERSION = 1
"""The form of the file. A file of another version is refused: plans are short-lived."""


_HINT = "Make a new one: sfprm plan --out plan.json"
_LINES_AT_ONCE = 500


def step_lines(plan: Plan) -> list[str]:
    """Each step as the file has it, without what parts it from the next."""
    return [_line(_step(step)) for step in plan.steps]


def plan_lines(plan: Plan, steps: Sequence[str] | None = None) -> Iterator[str]:
    """The file's lines, in order. JSON as a whole, one step a line. `steps`: those that
    `step_lines` made of the same steps."""
    org = plan.org
    head = {
        "sfprm_plan": VERSION,
        "programme": plan.programme,
        "digest": plan.digest,
        "org": {
            **{f.name: getattr(org, f.name) for f in fields(OrgFacts)},
            "created": org.created.isoformat(),
        },
        "names": _names(plan),
        "licences": [_seat(s) for s in plan.seats],
        "mails": plan.mails,
        "users_a_second": plan.users_a_second,
    }
    yield f'{{"plan":{canonical(head)},\n"blocked":['
    yield from _joined(canonical(_blocked(d)) for d in plan.comparison.blocked)
    yield '],\n"steps":['
    yield from _joined(iter(step_lines(plan) if steps is None else steps))
    yield '],\n"remember":['
    known = plan.comparison.baseline
    yield from _joined(canonical([v.object, v.key, v.field, v.value]) for v in known)
    yield "]}"


def write_plan(path: Path, plan: Plan, steps: Sequence[str] | None = None) -> str:
    """Write the plan; makes the folder. Its id: the first 12 hex digits of the file's SHA-256, so
    the same plan has the same id wherever it was made. `steps` as for `plan_lines`. Raises
    OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = hashlib.sha256()
    with path.open("wb") as file:
        for data in _chunks(plan_lines(plan, steps)):
            seen.update(data)
            file.write(data)
    return seen.hexdigest()[:12]


def plan_id(plan: Plan, steps: Sequence[str] | None = None) -> str:
    """The id that `write_plan` would give, for a plan that is kept in no file."""
    seen = hashlib.sha256()
    for data in _chunks(plan_lines(plan, steps)):
        seen.update(data)
    return seen.hexdigest()[:12]


def _chunks(lines: Iterator[str]) -> Iterator[bytes]:
    """The lines as bytes, many at once."""
    while some := list(islice(lines, _LINES_AT_ONCE)):
        yield ("\n".join(some) + "\n").encode()


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises BadRequest when there is none that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"The plan {path} cannot be read: {error}.", hint=_HINT) from error
    return plan_from(text, str(path))


def plan_from(text: str, name: str) -> Plan:
    """The plan in the text of a file of that name. Raises BadRequest when there is none."""
    try:
        told = json.loads(text)
        version = told["plan"]["sfprm_plan"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(
            f"{name} is not a plan of sfprm's, or only a part of one.", hint=_HINT
        ) from error
    if version != VERSION:
        raise BadRequest(f"{name} is a plan of version {version}, not {VERSION}.", hint=_HINT)
    try:
        return _plan(told)
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"{name} was changed by hand: {error!r}.", hint=_HINT) from error


def refuse_another(plan: Plan, *, org_id: RecordId, org_name: str, digest: str) -> None:
    """Raises NotReady when the plan was made for another org, or from other files."""
    if plan.org.id != org_id:
        raise NotReady(
            f"The plan was made for {plan.org.name} ({plan.org.id}), but the login leads to "
            f"{org_name} ({org_id}). Nothing was written.",
            hint="Log in to that org, or make a plan for this one.",
        )
    if plan.digest != digest:
        raise NotReady(
            f"The programme's files have changed since the plan was made ({plan.digest[:8]} then, "
            f"{digest[:8]} now). Nothing was written.",
            hint=_HINT,
        )


def _joined(items: Iterator[str]) -> Iterator[str]:
    last = next(items, None)
    for item in items:
        yield f"{last},"
        last = item
    if last is not None:
        yield last


def _names(plan: Plan) -> dict[str, str]:
    """Of the ids that its steps have as values."""
    if not plan.names:
        return {}
    return {i: plan.names[i] for i in sorted(_ids_in(plan)) if i in plan.names}


def _ids_in(plan: Plan) -> set[str]:
    found: set[str] = set()
    for step in plan.steps:
        for values in (step.before, step.after):
            found |= {v for v in values.values() if isinstance(v, str)}
    return found


def _line(body: dict[str, Any]) -> str:
    """Sorted, as `canonical` has it; that takes several times as long, but takes any text."""
    try:
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # half a surrogate pair, a whole number of more than 64 bits
        return canonical(body)


def _step(step: PlannedStep) -> dict[str, Any]:
    """Only what says something: empty parts are left out."""
    body: dict[str, Any] = {"kind": step.kind}
    for name, text in (
        ("key", step.key),
        ("label", step.label),
        ("owner", step.owner),
        ("ref", step.ref),
        ("reason", step.reason),
        ("risk", step.risk),
        ("id", step.record_id),
    ):
        if text:
            body[name] = text
    for name, values in (
        ("before", step.before),
        ("after", step.after),
        ("links", step.links),
        ("remember", step.remember),
    ):
        if values:
            body[name] = dict(values)
    if step.needs:
        body["needs"] = list(step.needs)
    if step.flags:
        body["flags"] = sorted(step.flags)
    return body


def _blocked(d: Difference) -> dict[str, str]:
    return {
        "kind": d.kind.value,
        "key": d.key,
        "label": d.label,
        "owner": d.owner,
        "why": d.why,
        "fix": d.fix,
    }


def _seat(seat: SeatUse) -> dict[str, Any]:
    return {f.name: getattr(seat, f.name) for f in fields(SeatUse)}


def _plan(told: Mapping[str, Any]) -> Plan:
    head = told["plan"]
    org = dict(head["org"])
    facts = OrgFacts(
        **{
            **org,
            "id": RecordId(org["id"]),
            "agent_id": RecordId(org["agent_id"]),
            "created": datetime.fromisoformat(org["created"]),
        }
    )
    comparison = Comparison(
        differences=tuple(
            Difference(
                Kind(b["kind"]), b["key"], b["label"], Verdict.BLOCKED,
                owner=b["owner"], why=b["why"], fix=b["fix"],
            )
            for b in told["blocked"]
        ),
        seats=tuple(SeatUse(**s) for s in head["licences"]),
        baseline=tuple(AppliedValue(*v) for v in told["remember"]),
    )  # fmt: skip
    return Plan(
        programme=head["programme"],
        digest=head["digest"],
        org=facts,
        steps=tuple(_read_step(s) for s in told["steps"]),
        comparison=comparison,
        names=head["names"],
        mails=head["mails"],
        users_a_second=head["users_a_second"],
    )


def _read_step(told: Mapping[str, Any]) -> PlannedStep:
    made = KINDS[told["kind"]]
    return made(
        key=told["key"],
        label=told.get("label", ""),
        owner=told.get("owner", ""),
        ref=told["ref"],
        reason=told.get("reason", ""),
        after=told.get("after", {}),
        before=told.get("before", {}),
        record_id=RecordId(told["id"]) if "id" in told else None,
        links=told.get("links", {}),
        needs=tuple(told.get("needs", ())),
        remember=told.get("remember", {}),
        flags=frozenset(Flag(f) for f in told.get("flags", ())),
    )
