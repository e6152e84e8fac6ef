"""/_devorg/behaviours: what a lived-in org has, set and cleared by name."""

from __future__ import annotations

from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.behaviours import (
    approval_locks,
    assignment_rules,
    flows,
    triggers,
    validation_rules,
)
from sfprm.devorg.behaviours.settable import KEY

__all__ = ["SETTABLE", "clear", "put", "show"]

SETTABLE = {
    one.name: one
    for one in (
        approval_locks.SETTING,
        assignment_rules.SETTING,
        flows.SETTING,
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
