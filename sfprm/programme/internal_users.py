"""Usernames of internal users as this org has them.

They are unique over all orgs, so a sandbox's differ from production's: a copy puts a suffix behind
each. Files name the one, an overlay says how the other is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sfprm.programme.model import PoolMember, ToUser, UserMember

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfprm.programme.model import Member, Programme
    from sfprm.programme.programme_file import InternalUsersFile

__all__ = ["with_internal_users"]


def with_internal_users(programme: Programme, written: InternalUsersFile) -> Programme:
    """The programme with every internal username as `internal_users:` says."""
    if not written.suffix and not written.names:
        return programme
    here = {name.lower(): other for name, other in written.names.items()}

    def called(username: str) -> str:
        return here.get(username.lower(), username + written.suffix)

    def members(given: tuple[Member, ...]) -> tuple[Member, ...]:
        return tuple(
            UserMember(called(m.username)) if isinstance(m, UserMember) else m for m in given
        )

    return replace(
        programme,
        channel_managers=_each(
            programme.channel_managers, lambda m: replace(m, username=called(m.username))
        ),
        queues=_each(programme.queues, lambda q: replace(q, members=members(q.members))),
        groups=_each(programme.groups, lambda g: replace(g, members=members(g.members))),
        routing=_inside(programme.routing, called),
    )


def _each(values: Mapping[Any, Any], change: Callable[[Any], Any]) -> Mapping[Any, Any]:
    return MappingProxyType({key: change(value) for key, value in values.items()})


def _inside(value: Any, called: Callable[[str], str]) -> Any:
    """The value with each user that routing names called anew, wherever in it."""
    if isinstance(value, (ToUser, UserMember)):
        return replace(value, username=called(value.username))
    if isinstance(value, PoolMember):
        return replace(value, name=called(value.name)) if value.kind == "user" else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            f.name: inner
            for f in dataclasses.fields(value)
            if (inner := _inside(getattr(value, f.name), called)) is not getattr(value, f.name)
        }
        return replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        mapping = {key: _inside(item, called) for key, item in value.items()}
        same = all(mapping[key] is item for key, item in value.items())
        return value if same else MappingProxyType(mapping)
    if isinstance(value, tuple):
        items = tuple(_inside(item, called) for item in value)
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value
