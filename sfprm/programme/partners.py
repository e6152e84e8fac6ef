"""Channel managers and partners: from the files to the model, with their checks."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.programme.columns import choice_of, fields_of, text_of
from sfprm.programme.complaints import Complaints
from sfprm.programme.csv_text import split_list
from sfprm.programme.identity import is_email
from sfprm.programme.model import (
    ChannelManager,
    FieldMatch,
    Origin,
    OwnerPolicy,
    Partner,
    Presence,
)
from sfprm.programme.standard_fields import is_custom, standard_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.csv_text import Row
    from sfprm.programme.names import Names
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.yaml_text import Tree

__all__ = ["LISTS", "build_managers", "build_partners"]

LISTS = ("territories", "certified_for")
"""Columns whose cells are lists even when one value stands in them."""

_MATCH = re.compile(r"([A-Za-z]\w*)\s*=\s*(.+)")


def build_managers(
    file: ProgrammeFile, tree: Tree, names: Names, complaints: Complaints
) -> dict[str, ChannelManager]:
    """Channel managers by key."""
    managers: dict[str, ChannelManager] = {}
    by_username: dict[str, ChannelManager] = {}
    for key, username in file.channel_managers.items():
        place = tree.at("channel_managers", key).place
        manager = ChannelManager(key, username, place.origin)
        first = by_username.setdefault(username.lower(), manager)
        if not is_email(username):
            complaints.error(
                place,
                f"manager {key!r}: {username!r} is not a username.",
                "A username has the form of an e-mail address: marta.lopes@example.com",
            )
        elif first is not manager:
            complaints.error(
                place, f"managers {first.key!r} ({first.origin}) and {key!r} are the same user."
            )
        managers[key] = manager
        names.usernames[key] = username
    if not managers and not names.managers and tree.key("channel_managers").line:
        complaints.error(
            tree.key("channel_managers"),
            "no channel manager is named: somebody must own the partner accounts.",
            "Write key: username below `channel_managers:`.",
        )
    return managers


def build_partners(
    rows: Sequence[Row], file: ProgrammeFile, names: Names, complaints: Complaints
) -> dict[PartnerKey, Partner]:
    """Partners by key."""
    partners: dict[PartnerKey, Partner] = {}
    matches: dict[tuple[str, str], Origin] = {}
    by_name: dict[str, Origin] = {}
    for row in rows:
        name = text_of(row, "name", 255, complaints)
        manager = row.get("manager")
        if not manager:
            complaints.error(row.place, "no manager (column manager).", "Name a channel manager.")
        elif names.managers and manager not in names.managers:
            complaints.error(
                row.place,
                f"manager {manager!r} is not a channel manager (column manager).",
                complaints.did_you_mean(manager, names.managers, names.managers),
            )
        tier = row.get("tier") or None
        if tier is not None and tier not in names.tiers:
            complaints.error(
                row.place,
                f"tier {tier!r} is not one of the tiers (column tier).",
                complaints.did_you_mean(tier, names.tiers)
                or "List the `tiers:` in programme.yaml.",
            )
        key = PartnerKey(row.get("key"))
        twin = by_name.setdefault(name.casefold(), row.place.origin)
        if name and twin != row.place.origin:
            complaints.warn(row.place, f"partner {name!r} has the same name as the one at {twin}.")
        partners[key] = Partner(
            key=key,
            name=name,
            manager=manager,
            origin=row.place.origin,
            tier=tier,
            attributes=_attributes(row),
            fields=fields_of(row, "Account"),
            match=_match(row, matches, complaints),
            owner=OwnerPolicy(
                choice_of(row, "owner", list(OwnerPolicy), file.defaults.partner.owner, complaints)
            ),
            state=Presence(choice_of(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        )
    return partners


def _attributes(row: Row) -> Mapping[str, str | tuple[str, ...]]:
    """What conditions may read of the partner besides its tier."""
    found: dict[str, str | tuple[str, ...]] = {}
    for column, cell in row.cells.items():
        if column in LISTS:
            found[column] = split_list(cell)
        elif column.startswith("partner."):
            found[column.removeprefix("partner.")] = split_list(cell) if ";" in cell else cell
    return MappingProxyType(found)


def _match(
    row: Row, matches: dict[tuple[str, str], Origin], complaints: Complaints
) -> FieldMatch | None:
    text = row.get("match")
    if not text:
        return None
    found = _MATCH.fullmatch(text)
    if found is None:
        complaints.error(
            row.place,
            f"{text!r} does not name a field and a value (column match).",
            "Write it as: AccountNumber=P-1001",
        )
        return None
    known = standard_fields("Account")
    field_, value = found.group(1), found.group(2).strip()
    if field_.lower() not in known and not is_custom(field_):
        complaints.error(
            row.place,
            f"Account has no standard field {field_!r} (column match).",
            complaints.did_you_mean(field_, [f.name for f in known.values()]),
        )
        return None
    first = matches.setdefault((field_.lower(), value.lower()), row.place.origin)
    if first != row.place.origin:
        complaints.error(
            row.place, f"matches the same account as the partner at {first} (column match)."
        )
    return FieldMatch(field_, value)
