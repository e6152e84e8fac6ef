"""Reading the surroundings of the estate: about ten calls, most of them five queries each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sfprm.errors import OrgRefused
from sfprm.provisioning.checks.asking import Ask, ask
from sfprm.provisioning.checks.automation_rows import duplicates, flows, triggers, validation
from sfprm.provisioning.checks.facts import Automation, Exposed, LeadGrants, Surroundings
from sfprm.provisioning.checks.lead_grants import read_lead_grants
from sfprm.provisioning.checks.questions import questions, validation_rules
from sfprm.provisioning.checks.rows import (
    Answers,
    Rows,
    held,
    merged,
    profiles,
    record_types,
    roles,
    sets,
    tracked,
    undeclared,
)
from sfprm.salesforce.describe import describe
from sfprm.salesforce.limits import limits
from sfprm.salesforce.permissions import lacking
from sfprm.salesforce.soql import Query, split_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfprm.estate.model import Estate
    from sfprm.programme.model import Programme
    from sfprm.provisioning.checks.facts import Thresholds
    from sfprm.salesforce.describe import ObjectDescribe
    from sfprm.salesforce.limits import Limit
    from sfprm.salesforce.permissions import Need
    from sfprm.salesforce.session import Session

__all__ = ["read_for_types", "read_surroundings"]

_DESCRIBED = ("Account", "Contact", "User")
_FOR_TYPES = frozenset({"types", "sets"})


def read_surroundings(
    session: Session,
    programme: Programme,
    estate: Estate,
    *,
    needs: Sequence[Need] = (),
    duplicate_files: Callable[[Sequence[str]], Mapping[str, bytes] | None],
    thresholds: Thresholds,
) -> Surroundings:
    """What the checks want to know beside the estate. `needs`: the permissions to look for.
    `duplicate_files` retrieves the duplicate rules named (None when that is not allowed).

    What the org refuses to tell is left out and named in `unread`. Raises what is no refusal.
    """
    keys = programme.key_fields
    answers = ask(session, questions(programme, estate, thresholds))
    rules = _tooling(session, validation_rules().text())
    told = _limits(session)
    unread = [
        name
        for name, rows in {
            "flows": answers["flows"],
            "triggers": answers["triggers"],
            "duplicate rules": answers["duplicates"],
            "validation rules": rules,
        }.items()
        if rows is None
    ]
    unread += ["limits"] if told is None else []
    automation = [
        *flows(answers["flows"] or []),
        *triggers(answers["triggers"] or []),
        *validation(rules or []),
        *duplicates(answers["duplicates"] or [], duplicate_files),
        *(
            Automation("assignment rule", row["SobjectType"], row["Name"])
            for row in answers["assignment"] or []
        ),
    ]
    return Surroundings(
        describes=_described(session),
        profiles=profiles(answers),
        automation=tuple(automation),
        holdings=(*held("Lead", answers["leads"]), *held("Account", answers["accounts"])),
        roles=roles(answers["roles"]),
        merged=(
            *merged("Account", keys.account, answers),
            *merged("Contact", keys.contact, answers),
        ),
        undeclared=undeclared(answers.get("undeclared"), keys.account),
        record_types=record_types(answers["types"]),
        permission_sets=sets(answers.get("sets", [])),
        lead_grants=_lead_grants(session, answers, programme, estate),
        tracked=tracked(answers["tracked"]),
        nicknames=_nicknames(session, programme, estate),
        strangers=_strangers(session, programme, estate),
        lacks=lacking(session, needs) if needs else (),
        limits=told or {},
        sites=tuple(
            Exposed(r["Name"], bool(r["SelfRegProfileId"]), r["EmailSenderAddress"] or "")
            for r in answers.get("sites") or []
        ),
        unread=tuple(unread),
    )


def read_for_types(
    session: Session, programme: Programme, estate: Estate, thresholds: Thresholds
) -> Surroundings:
    """What the files' names and values are held against, and nothing else: one call, and one for
    each object that is not described yet."""
    asked = [q for q in questions(programme, estate, thresholds) if q.name in _FOR_TYPES]
    answers = ask(session, asked)
    return Surroundings(
        describes=_described(session),
        record_types=record_types(answers["types"]),
        permission_sets=sets(answers.get("sets", [])),
    )


def _lead_grants(
    session: Session, answers: Answers, programme: Programme, estate: Estate
) -> LeadGrants | None:
    """Who may work with leads by a permission set: two calls (one more for each 2,000 assignments),
    only where a profile alone does not grant it."""
    rows = answers["rights"]
    named = {programme.profile, *(p.profile for p in programme.people.values())}
    profiles = [p.id for name in named if (p := estate.profiles.get(name)) is not None]
    full = {
        row["Parent"]["ProfileId"]
        for row in rows or ()
        if row["SobjectType"] == "Lead" and row["PermissionsRead"] and row["PermissionsEdit"]
    }
    if rows is None or full.issuperset(profiles):
        return None
    try:
        return read_lead_grants(session)
    except OrgRefused:
        return None


def _described(session: Session) -> dict[str, ObjectDescribe]:
    """By name in lower case; what the agent may not see is left out."""
    described = {name.lower(): describe(session, name) for name in _DESCRIBED}
    return {name: found for name, found in described.items() if found is not None}


def _tooling(session: Session, query: str) -> Rows | None:
    try:
        told: Any = session.request("GET", f"tooling/query?q={quote(query)}", kind="query").json
    except OrgRefused:
        return None
    return list((told or {}).get("records") or ())


def _limits(session: Session) -> Mapping[str, Limit] | None:
    try:
        return limits(session)
    except OrgRefused:
        return None


def _nicknames(session: Session, programme: Programme, estate: Estate) -> dict[str, str]:
    """Holders of the nicknames that are still to be given."""
    contacts = {c.key.lower(): c.id for c in estate.contacts.values() if c.key}
    wanted = [
        p.nickname
        for p in programme.people.values()
        if contacts.get(p.key_value.lower()) not in estate.partner_users
    ]
    rows = _listed(session, ("CommunityNickname", "Username"), "User", "CommunityNickname", wanted)
    return {str(row["CommunityNickname"]).lower(): row["Username"] for row in rows}


def _strangers(
    session: Session, programme: Programme, estate: Estate
) -> tuple[tuple[str, str, str], ...]:
    """Contacts of an address that somebody is about to get a contact with."""
    there = {c.key.lower() for c in estate.contacts.values() if c.key}
    wanted = [p.email for p in programme.people.values() if p.key_value.lower() not in there]
    key = programme.key_fields.contact
    fields = ("Id", "Email", "AccountId", *((key,) if estate.keys_visible else ()))
    return tuple(
        (str(row["Id"]), str(row["Email"]), str(row["AccountId"]))
        for row in _listed(session, fields, "Contact", "Email", wanted)
        if row["AccountId"] and not row.get(key)
    )


def _listed(
    session: Session, fields: tuple[str, ...], object_: str, name: str, values: Sequence[str]
) -> Rows:
    """Rows whose field is one of many values: some hundred a query, five queries a call."""
    asks = [
        Ask(str(number), Query(fields, object_, (condition,)).text())
        for number, condition in enumerate(split_in(name, values))
    ]
    return [row for rows in ask(session, asks).values() for row in rows or ()]
