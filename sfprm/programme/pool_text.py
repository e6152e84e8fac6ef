"""`pools:` of routing.yaml to the model, with their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfprm.ids import PoolKey
from sfprm.programme.hours_text import with_holidays
from sfprm.programme.identity import is_key
from sfprm.programme.model import Cap, Fairness, Pool, PoolMember, SameCompany, Waiver
from sfprm.programme.names import check_user
from sfprm.programme.offers_text import build_offers

if TYPE_CHECKING:
    from sfprm.programme.calendar_model import Calendar
    from sfprm.programme.files import PoolFile, PoolMemberFile
    from sfprm.programme.sheet import Sheet

__all__ = ["build_pool", "check_intakes"]


def build_pool(key: str, file: PoolFile, sheet: Sheet) -> Pool:
    """One pool; members that are wrong are left out."""
    path = ("pools", key)
    tree, complaints = sheet.tree, sheet.complaints
    place = tree.key(*path)
    if not is_key(key):
        complaints.error(
            place, f"{key!r} cannot be a pool's key.", "Use lower-case letters, digits, '-', '_'."
        )
    members = _members(key, file, sheet)
    written = tree.at(*path).entries or {}
    if "members" not in written and "partners" not in written:
        complaints.error(place, f"pool {key!r} has no members.", "List them below `members:`.")
    elif members and all(member.weight == 0 for member in members):
        complaints.warn(place, f"pool {key!r}: every member has weight 0, so nobody gets a lead.")
    condition = None
    if file.eligible_when is not None:
        condition = sheet.condition(file.eligible_when, tree.at(*path, "eligible_when"))
    competitors = None
    if file.competitors is not None:
        competitors = sheet.path(file.competitors, tree.at(*path, "competitors").place)
    return Pool(
        key=PoolKey(key),
        members=tuple(members),
        origin=place.origin,
        eligible_when=condition,
        fairness=Fairness(file.fairness),
        intake=sheet.names.use_queue(file.intake, tree.at(*path, "intake").place, complaints)
        if file.intake
        else None,
        notify=sheet.notice(file.notify, *path, "notify"),
        eligible_at=tree.key(*path, "eligible_when").origin if condition is not None else None,
        offer=build_offers(file.offer, tree, (*path, "offer"), sheet.names, complaints),
        hours=_hours(file, path, sheet),
        waive=tuple(sorted({Waiver(name) for name in file.waive})),
        competitors=competitors,
        same_company=SameCompany(file.same_company),
    )


def _hours(
    file: PoolFile | PoolMemberFile, path: tuple[str | int, ...], sheet: Sheet
) -> Calendar | None:
    hours = sheet.hours(file.hours, *path, "hours")
    if hours is not None:
        return with_holidays(hours, file.holidays, sheet, *path, "holidays")
    if file.holidays is not None and file.hours is None:
        place = sheet.tree.at(*path, "holidays").place
        sheet.complaints.error(place, "holidays without hours.", "Add `hours: always`.")
    return None


def _members(key: str, file: PoolFile, sheet: Sheet) -> list[PoolMember]:
    members: dict[str, PoolMember] = {}
    for list_name, entries in (("members", file.members), ("partners", file.partners)):
        for index, entry in enumerate(entries):
            path = ("pools", key, list_name, index)
            member = _member(entry, path, sheet)
            if member is None:
                continue
            same = members.setdefault(member.key, member)
            if same is not member:
                sheet.complaints.error(
                    sheet.tree.at(*path).place,
                    f"pool {key!r} names {member.kind} {member.name!r} twice; "
                    f"first on line {same.origin.line}.",
                    "Keep one of the two, or raise its weight.",
                )
    return list(members.values())


def _member(
    entry: str | PoolMemberFile, path: tuple[str | int, ...], sheet: Sheet
) -> PoolMember | None:
    tree, names, complaints = sheet.tree, sheet.names, sheet.complaints
    place = tree.at(*path).place
    subject = f"pool {path[1]!r}"
    if isinstance(entry, str):
        if names.has_partner(entry, place, complaints, subject):
            return PoolMember("partner", entry, 1, place.origin)
        return None
    cap = Cap(**entry.cap.model_dump())
    hours = _hours(entry, path, sheet)
    if entry.partner is not None:
        where = tree.at(*path, "partner").place
        if names.has_partner(entry.partner, where, complaints, subject):
            return PoolMember("partner", entry.partner, entry.weight, place.origin, cap, hours)
    elif entry.queue is not None:
        label = names.use_queue(entry.queue, tree.at(*path, "queue").place, complaints)
        return PoolMember("queue", label, entry.weight, place.origin, cap, hours)
    elif entry.user is not None and check_user(
        entry.user, tree.at(*path, "user").place, names, complaints
    ):
        return PoolMember("user", entry.user, entry.weight, place.origin, cap, hours)
    return None


def check_intakes(pools: dict[PoolKey, Pool], intake: tuple[str, ...], sheet: Sheet) -> None:
    """A lead in a queue that is both the intake of a pool and something else would go in rings.

    `intake`: the intake queues of all rule sets.
    """
    tree, complaints = sheet.tree, sheet.complaints
    owners: dict[str, PoolKey] = {}
    for key, pool in pools.items():
        if pool.intake is None:
            continue
        place = tree.at("pools", key, "intake").place
        if pool.intake in intake:
            complaints.error(
                place, f"queue {pool.intake!r} is the rules' intake too.", "Keep it in one place."
            )
        if owners.setdefault(pool.intake, key) != key:
            complaints.error(
                place, f"queue {pool.intake!r} is the intake of pool {owners[pool.intake]!r} too."
            )
    for key, pool in pools.items():
        for member in pool.members:
            if member.kind == "queue" and (member.name in owners or member.name in intake):
                complaints.error(
                    tree.key("pools", key),
                    f"pool {key!r}: its member {member.name!r} is an intake: "
                    "leads would go round in rings.",
                    "Let the pool share over other queues.",
                )
