"""/_devorg/behaviours: what a lived-in org has, set and cleared by name."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.behaviours import (
    approval_locks,
    assignment_rules,
    contention,
    flows,
    held_users,
    triggers,
    validation_rules,
)
from sfprm.devorg.behaviours.settable import KEY
from sfprm.devorg.contention import CONFLICTS
from sfprm.devorg.ids import canonical, is_id

__all__ = ["SETTABLE", "clear", "locks", "put", "release", "show", "take"]

SETTABLE = {
    one.name: one
    for one in (
        approval_locks.SETTING,
        assignment_rules.SETTING,
        contention.SETTING,
        flows.SETTING,
        held_users.SETTING,
        triggers.SETTING,
        validation_rules.SETTING,
    )
}
"""Every behaviour that can be set."""


def show(request: Request) -> Answer:
    """GET: all that are set, and the names of all that can be."""
    return Answer(body={"set": request.org.setting(KEY, {}), "settable": sorted(SETTABLE)})


def put(request: Request) -> Answer:
    """POST: set those named; null or an empty value clears. All or nothing. Raises ValueError."""
    org, wanted = request.org, request.json_object()
    kept = dict(org.setting(KEY, {}))
    for name, value in wanted.items():
        settable = SETTABLE.get(name)
        if settable is None:
            raise ValueError(f"{name!r} is none of {', '.join(sorted(SETTABLE))}")
        kept.pop(name, None)
        if value:
            try:
                settable.check(org, value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            kept[name] = value
    org.set_setting(KEY, kept)
    return show(request)


def clear(request: Request) -> Answer:
    """DELETE: none is set any more."""
    request.org.set_setting(KEY, {})
    return show(request)


def locks(request: Request) -> Answer:
    """GET /_devorg/locks: what is held now."""
    return Answer(body=request.org.contention.as_json())


def take(request: Request) -> Answer:
    """POST /_devorg/locks {"ids": [...], "groups": kind, "seconds": n}: somebody else's transaction
    holds these rows, or does this work on groups. Raises ValueError."""
    wanted = request.json_object()
    ids, kind, seconds = wanted.get("ids", []), wanted.get("groups"), wanted.get("seconds", 10)
    if not isinstance(ids, list) or not all(isinstance(one, str) and is_id(one) for one in ids):
        raise ValueError("ids: a list of record ids is needed")
    if kind is not None and kind not in CONFLICTS:
        raise ValueError(f"groups: {kind!r} is none of {', '.join(CONFLICTS)}")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        raise ValueError("seconds: more than 0, at most 3600")
    rows, groups = {canonical(one) for one in ids}, {str(kind)} if kind else set()
    request.org.contention.hold(float(seconds), rows=rows, groups=groups)
    return locks(request)


def release(request: Request) -> Answer:
    """DELETE /_devorg/locks: nothing is held any more."""
    request.org.contention.release()
    return locks(request)
