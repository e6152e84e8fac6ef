"""Which owner a rule gives a record.

Entries in order, the first that is met counts [R]. None met: the default owner (help says so for
web and manual leads, reports for the API; for the API an inference). No rule at all: nothing
happens to a lead (API 30 and later) [D]; a new case gets the default case owner [D help]. The id of
an inactive rule may be given [D]; one of another object, or of none, is refused here with
`INVALID_CROSS_REFERENCE_KEY` (unverified)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sfprm.devorg.criteria import BadFilter, Filter, Item, Surroundings, read_filter
from sfprm.devorg.metadata.assignment import Rule, RuleEntry, rules_of, target_id

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["DEFAULT_OWNERS", "Assigned", "NoSuchRule", "Runner", "runner_for"]

DEFAULT_OWNERS = "default_owners"
"""The settable behaviour: {"Lead": {"queue": developer name} or {"user": username}, "Case": …}."""


class NoSuchRule(Exception):
    """The header names a rule that the object does not have."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a rule decided. `owner` None: the owner stays. `entry` is the place (from 1) of the
    entry that was met, None: the default owner. `template` tells the owner."""

    owner: str | None
    entry: int | None
    template: str | None = None


class Runner:
    """One rule made ready for many records; without a rule only the default owner is left. An entry
    that cannot be read any more (its field was removed) is met by nothing (unverified)."""

    def __init__(self, org: Org, object_: str, rule: Rule | None, around: Surroundings) -> None:
        self._org = org
        self._object = object_
        self._around = around
        entries = rule.entries if rule is not None else ()
        self._entries = [(entry, _filter(org, object_, entry)) for entry in entries]

    def assign(self, get: Callable[[str], Any]) -> Assigned:
        """The owner of a record, whose values `get` gives by API name."""
        for place, (entry, filter_) in enumerate(self._entries, start=1):
            if filter_ is not None and filter_.holds(get, self._around):
                return Assigned(entry.owner_id, place, entry.template or None)
        return Assigned(self._default, None)

    @cached_property
    def _default(self) -> str | None:
        return default_owner(self._org, self._object)


def runner_for(
    org: Org, object_: str, wanted: bool | str, operation: str, user: Mapping[str, Any]
) -> Runner | None:
    """The rule that runs by the header: True the active one, an id that one, False none. None when
    nothing is to happen. Raises NoSuchRule."""
    if wanted is False:
        return None
    rule = None
    if org.storage.find("AssignmentRule", SobjectType=object_):
        rules = rules_of(org, object_)
        rule = next(
            (one for one in rules if (one.active if wanted is True else one.id == wanted)), None
        )
    if wanted is not True and rule is None:
        raise NoSuchRule
    if rule is None and (object_ != "Case" or operation != "insert"):
        return None
    return Runner(org, object_, rule, Surroundings(org, user))


def _filter(org: Org, object_: str, entry: RuleEntry) -> Filter | None:
    definition = org.schema.object(object_)
    assert definition is not None
    items = [
        Item(f"{one.object}.{one.field}", one.operation, one.value, one.value_field or None)
        for one in entry.criteria
    ]
    try:
        return read_filter(org, definition, items, entry.logic)
    except BadFilter:
        return None


def default_owner(org: Org, object_: str) -> str | None:
    """The default lead or case owner: as set, else the org's first active administrator, who is
    the one in a new org (unverified)."""
    chosen = org.setting("behaviours", {}).get(DEFAULT_OWNERS, {}).get(object_)
    if chosen:
        to_queue = "queue" in chosen
        kind = "Queue" if to_queue else "User"
        return target_id(org, kind, str(chosen[kind.lower()]))
    profiles = org.storage.find("Profile", Name="System Administrator")
    users = org.storage.find("User", ProfileId=[str(one["Id"]) for one in profiles], IsActive=True)
    first = min(users, key=lambda one: (str(one["CreatedDate"]), str(one["Id"])), default=None)
    return None if first is None else str(first["Id"])
