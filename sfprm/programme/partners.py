"""Channel managers and partners: from the files to the model, with their checks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sfprm.ids import PartnerKey
from sfprm.programme.columns import (
    CURRENCY,
    DEVELOPER_NAME,
    choice_of,
    code_of,
    fields_of,
    match_of,
    text_of,
    truth_of,
)
from sfprm.programme.complaints import Complaints
from sfprm.programme.identity import is_email
from sfprm.programme.model import ChannelManager, OwnerPolicy, Partner, PeoplePolicy, Presence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfprm.programme.model import FieldValue, Origin
    from sfprm.programme.names import Names
    from sfprm.programme.programme_file import ProgrammeFile
    from sfprm.programme.rows import Row
    from sfprm.programme.yaml_text import Tree

__all__ = ["LISTS", "build_managers", "build_partners", "org_key_of", "other_than"]

LISTS = ("territories", "certified_for")
"""Columns whose cells are lists even when one value stands in them."""


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
    by_org_key: dict[str, Origin] = {}
    key_field = file.key_fields.Account
    for row in rows:
        partner = _partner(row, file, matches, complaints)
        partners[partner.key] = partner
        _check_manager(row, partner.manager, names, complaints)
        _check_tier(row, partner.tier, names, complaints)
        twin = by_name.setdefault(partner.name.casefold(), row.place.origin)
        if partner.name and twin != row.place.origin:
            complaints.warn(
                row.place, f"partner {partner.name!r} has the same name as the one at {twin}."
            )
        first = by_org_key.setdefault(partner.key_value.lower(), row.place.origin)
        if first != row.place.origin:
            complaints.error(
                row.at(f"Account.{key_field}"),
                f"{key_field} {partner.key_value!r} belongs to the partner at {first}.",
            )
    return partners


def _partner(
    row: Row,
    file: ProgrammeFile,
    matches: dict[tuple[str, str], Origin],
    complaints: Complaints,
) -> Partner:
    defaults = file.defaults.partner
    fields = fields_of(row, "Account", defaults.account)
    currency = code_of(row, "currency", CURRENCY, "EUR", complaints)
    record_type = code_of(row, "record_type", DEVELOPER_NAME, "Partner", complaints)
    match = match_of(row, "Account", matches, "partner", complaints)
    # an owner change drops the team and re-parents roles: not by default where there was an owner
    # before the files were (operations.md, rule 15)
    owner = defaults.owner or (OwnerPolicy.SET_ONCE if match else OwnerPolicy.MANAGED)
    return Partner(
        key=PartnerKey(row.get("key")),
        name=text_of(row, "name", 255, complaints),
        manager=row.get("manager"),
        origin=row.place.origin,
        tier=row.get("tier") or None,
        attributes=_attributes(row),
        fields=other_than(fields, file.key_fields.Account),
        match=match,
        owner=OwnerPolicy(choice_of(row, "owner", list(OwnerPolicy), owner, complaints)),
        state=Presence(choice_of(row, "state", list(Presence), Presence.ACTIVE, complaints)),
        people=PeoplePolicy(
            choice_of(row, "people", list(PeoplePolicy), defaults.people, complaints)
        ),
        keep_team=truth_of(row, "keep_team", default=defaults.keep_team, complaints=complaints),
        record_type=record_type or defaults.record_type,
        currency=currency or defaults.currency,
        org_key=org_key_of(fields, file.key_fields.Account),
    )


def org_key_of(fields: Mapping[str, FieldValue], key_field: str) -> str:
    """What the row writes into the key field, when it is one of the files' own; else ''."""
    found = next((v for f, v in fields.items() if f.lower() == key_field.lower()), None)
    return "" if found is None else str(found)


def other_than(fields: Mapping[str, FieldValue], key_field: str) -> Mapping[str, FieldValue]:
    """The fields without the key field."""
    return MappingProxyType({f: v for f, v in fields.items() if f.lower() != key_field.lower()})


def _check_manager(row: Row, manager: str, names: Names, complaints: Complaints) -> None:
    if not manager:
        complaints.error(row.place, "no manager (column manager).", "Name a channel manager.")
    elif names.managers and manager not in names.managers:
        complaints.error(
            row.at("manager"),
            f"manager {manager!r} is not a channel manager{row.named('manager')}.",
            complaints.did_you_mean(manager, names.managers, names.managers),
        )


def _check_tier(row: Row, tier: str | None, names: Names, complaints: Complaints) -> None:
    if tier is not None and tier not in names.tiers:
        complaints.error(
            row.at("tier"),
            f"tier {tier!r} is not one of the tiers{row.named('tier')}.",
            complaints.did_you_mean(tier, names.tiers) or "List the `tiers:` in programme.yaml.",
        )


def _attributes(row: Row) -> Mapping[str, str | tuple[str, ...]]:
    """What conditions may read of the partner besides its tier."""
    found: dict[str, str | tuple[str, ...]] = {}
    for column, cell in row.cells.items():
        name = column.removeprefix("partner.")
        if column in LISTS:
            found[column] = row.many(column)
        elif name != column:
            text = row.get(column)
            found[name] = row.many(column) if isinstance(cell, tuple) or ";" in text else text
    return MappingProxyType(found)
