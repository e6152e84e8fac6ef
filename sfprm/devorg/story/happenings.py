"""Things that people do in the org, asked for through the control API.

Each goes through the same core that a person's click would use, and tells what was done in one
sentence in the past tense; the control API records it with its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sfprm.devorg.behaviours.leads import view_lead
from sfprm.devorg.behaviours.merges import merge
from sfprm.devorg.stamps import stamp_text
from sfprm.devorg.story.leads import lead_rows
from sfprm.devorg.story.seeding import INTAKE

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["EVENTS", "event"]

_PERSON = "lena.berg@alder.example.com"
_MAX_LEADS = 10_000


def event(org: Org, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Let something happen: `{"event": name, ...}`. Returns `{"done": sentence, ...}`.

    Raises ValueError when the event or one of its values is none; what the org itself refuses
    comes as its RowProblem.
    """
    name = payload.get("event")
    happening = EVENTS.get(str(name))
    if happening is None:
        raise ValueError(f"event: {name!r} is none of {', '.join(sorted(EVENTS))}")
    details = {key: value for key, value in payload.items() if key != "event"}
    with org.storage.transaction():
        result = happening(org, details)
        if details:
            raise ValueError(f"{name}: unknown keys: {', '.join(sorted(details))}")
    return result


def _text(details: dict[str, Any], key: str, default: str | None = None) -> str:
    value = details.pop(key, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}: a text is needed")
    return value


def _texts(details: dict[str, Any], key: str) -> list[str] | None:
    value = details.pop(key, None)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{key}: a list of texts is needed")
    return value


def _number(details: dict[str, Any], key: str, default: int) -> int:
    value = details.pop(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key}: a whole number is needed")
    return value


def _user(org: Org, username: str) -> dict[str, Any]:
    user = org.user_by_username(username)
    if user is None:
        raise ValueError(f"the org has no user {username}")
    return user


def _role_given(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    user = _user(org, _text(details, "username"))
    name = _text(details, "role")
    roles = org.storage.find("UserRole", Name=name)
    if not roles:
        raise ValueError(f"the org has no role {name}")
    org.change("User", [{"Id": user["Id"], "UserRoleId": roles[0]["Id"]}])
    return {"done": f"{user['Name']} was given the role {name}."}


def _site_published(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    name = _text(details, "site")
    sites = org.storage.find("Network", Name=name)
    if not sites:
        raise ValueError(f"the org has no site {name}")
    org.change("Network", [{"Id": sites[0]["Id"], "Status": "Live"}])
    return {"done": f"The site {name} was published."}


def _first_login(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    """Active partner users who never logged in, are not frozen, and belong to a Live site by
    their profile or a permission set."""
    only, but = _texts(details, "usernames"), _texts(details, "except") or []
    for username in [*(only or []), *but]:
        _user(org, username)
    wanted = None if only is None else {name.lower() for name in only}
    left_out = {name.lower() for name in but}
    storage = org.storage
    frozen = {row["UserId"] for row in storage.find("UserLogin", IsFrozen=True)}
    doors = _doors(org)
    sets: dict[str, set[str]] = {}
    for row in storage.find("PermissionSetAssignment"):
        sets.setdefault(str(row["AssigneeId"]), set()).add(str(row["PermissionSetId"]))
    now = stamp_text(org.clock.now())
    entered: list[dict[str, Any]] = []
    shut_out = 0
    for user in storage.find("User", UserType="PowerPartner", IsActive=True, LastLoginDate=None):
        username = str(user["Username"]).lower()
        if username in left_out or user["Id"] in frozen:
            continue
        if wanted is not None and username not in wanted:
            continue
        parents = {str(user["ProfileId"]), *sets.get(str(user["Id"]), ())}
        site = next((doors[one] for one in sorted(parents) if one in doors), None)
        if site is None:
            shut_out += 1
            continue
        storage.update("User", user["Id"], {"LastLoginDate": now})
        entered.append(
            {
                "UserId": user["Id"],
                "LoginTime": now,
                "LoginType": "Chatter Communities External User",
                "Status": "Success",
                "Application": "Browser",
                "NetworkId": site,
            }
        )
    org.plant("LoginHistory", entered)
    done = f"{len(entered)} partner users logged in for the first time."
    if shut_out:
        done += f" {shut_out} could not: no Live site has them as members."
    return {"done": done, "logged_in": len(entered), "shut_out": shut_out}


def _doors(org: Org) -> dict[str, str]:
    """Live sites by the profiles and permission sets whose users are members."""
    live = {row["Id"] for row in org.storage.find("Network", Status="Live")}
    return {
        str(row["ParentId"]): str(row["NetworkId"])
        for row in org.storage.find("NetworkMemberGroup")
        if row["NetworkId"] in live and not str(row["AssignmentStatus"]).startswith("Fail")
    }


def _leads_arrive(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    count, seed = _number(details, "count", 50), _number(details, "seed", 8)
    names = _texts(details, "queues")
    if not 1 <= count <= _MAX_LEADS:
        raise ValueError(f"count: 1 to {_MAX_LEADS}")
    shares = INTAKE if names is None else tuple((name, 1) for name in names)
    owners: list[tuple[str, int]] = []
    for name, share in shares:
        queues = org.storage.find("Group", DeveloperName=name, Type="Queue")
        if not queues:
            raise ValueError(f"the org has no queue {name}")
        owners.append((str(queues[0]["Id"]), share))
    rows = lead_rows(seed, count, owners, org.clock.now(), days=0)
    for row in rows:
        del row["CreatedDate"]
    org.create("Lead", rows)
    return {"done": f"{count} leads arrived.", "created": count}


def _person_edits(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    """`by` is the username of the person; without it the head of channels."""
    object_, id_ = _text(details, "object"), _text(details, "id")
    person = _user(org, _text(details, "by", _PERSON))
    fields = details.pop("fields", None)
    if not isinstance(fields, dict) or not fields:
        raise ValueError("fields: an object of at least one field is needed")
    if org.schema.object(object_) is None:
        raise ValueError(f"the org has no object {object_}")
    org.change(object_, [{"Id": id_, **fields}], user_id=str(person["Id"]))
    named = ", ".join(sorted(fields))
    return {"done": f"{person['Name']} changed {named} of {object_} {id_}."}


def _records_merged(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    """`keep` is the record that stays, `lose` one or two others."""
    object_, keep = _text(details, "object"), _text(details, "keep")
    lose = _texts(details, "lose") or []
    person = _user(org, _text(details, "by", _PERSON))
    disabled = merge(org, object_, keep, lose, str(person["Id"]))
    done = f"{person['Name']} merged {len(lose)} into {object_} {keep}."
    if disabled:
        done += f" Disabled: {', '.join(disabled)}."
    return {"done": done, "disabled": disabled}


def _lead_viewed(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    """Somebody opens a lead's page; only its owner reads it."""
    lead, by = _text(details, "id"), _text(details, "by")
    read = view_lead(org, lead, by)
    return {"done": f"{by} opened the lead {lead}.", "read": read}


def _seats_bought(org: Org, details: dict[str, Any]) -> dict[str, Any]:
    """The company buys (or gives back) seats of a user licence: `seats` in all."""
    name, seats = _text(details, "licence"), _number(details, "seats", 0)
    found = org.storage.find("UserLicense", Name=name)
    if not found:
        raise ValueError(f"the org has no licence {name}")
    org.storage.update("UserLicense", str(found[0]["Id"]), {"TotalLicenses": seats})
    org.changed()
    return {"done": f"There are {seats} seats of {name} now."}


EVENTS: dict[str, Callable[[Org, dict[str, Any]], dict[str, Any]]] = {
    "role-given": _role_given,
    "site-published": _site_published,
    "first-login": _first_login,
    "leads-arrive": _leads_arrive,
    "person-edits": _person_edits,
    "records-merged": _records_merged,
    "lead-viewed": _lead_viewed,
    "seats-bought": _seats_bought,
}
