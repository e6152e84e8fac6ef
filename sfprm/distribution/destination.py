"""To whom a person wants leads moved, and whether that owner may have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.distribution.lead_access import NO_ACCESS, unable_to_read_leads
from sfprm.distribution.standing import partner_user_reasons, queue_reasons
from sfprm.errors import BadRequest, NotReady
from sfprm.estate.rows import partner_user, queue_state, site_of
from sfprm.ids import PersonKey, RecordId
from sfprm.routing.values import Code, Reason
from sfprm.salesforce.query import select_all
from sfprm.salesforce.soql import Query, eq

if TYPE_CHECKING:
    from sfprm.estate.model import Site
    from sfprm.programme.model import Programme
    from sfprm.salesforce.query import Row
    from sfprm.salesforce.session import Session

__all__ = ["Destination", "OwnerRefused", "find_destination"]

_USER = (
    *("Id", "Username", "Name", "Email", "IsActive", "ContactId"),
    *("LastLoginDate", "ProfileId", "PortalRole"),
)


class OwnerRefused(NotReady):
    """sfprm does not give leads to this owner; Salesforce's API would.

    `reasons` holds every condition that fails.
    """

    hint = "Mend the condition named above, or choose another owner."

    def __init__(self, name: str, reasons: tuple[Reason, ...], *, hint: str | None = None) -> None:
        words = "; ".join(r.detail or r.code.value for r in reasons)
        super().__init__(f"Refused by sfprm: {name} may not be given leads: {words}.", hint=hint)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Destination:
    """An owner-to-be. `reasons` non-empty: not to be given leads by sfprm's rules."""

    owner_id: RecordId
    name: str
    is_queue: bool
    reasons: tuple[Reason, ...] = ()

    def require(self) -> None:
        """Raises OwnerRefused when a condition fails."""
        if not self.reasons:
            return
        hint = None
        if any(r.code is Code.NEVER_LOGGED_IN for r in self.reasons):
            hint = (
                "Wait for the first login, choose another, or give it all the same with --override."
            )
        raise OwnerRefused(self.name, self.reasons, hint=hint)


def find_destination(
    session: Session,
    programme: Programme,
    *,
    user: str | None = None,
    queue: str | None = None,
) -> Destination:
    """The user (username, or a person's key in the programme) or the queue (label or API name).

    One call for a queue or an internal user, four for a partner user. Raises BadRequest when
    neither or both are named, or the org does not have it.
    """
    if (user is None) == (queue is None):
        raise BadRequest("Name either a user or a queue to give the leads to.")
    if queue is not None:
        return _queue(session, queue)
    assert user is not None
    person = programme.people.get(PersonKey(user))
    return _user(session, programme, user if person is None else person.username)


def _queue(session: Session, name: str) -> Destination:
    quoted = f"{eq('Name', name)} OR {eq('DeveloperName', name)}"
    fields = (
        *("Id", "DeveloperName", "Name", "Email"),
        "(SELECT SobjectType FROM QueueSobjects)",
    )
    rows = select_all(session, Query(fields, "Group", (eq("Type", "Queue"), quoted)))
    if not rows:
        raise BadRequest(
            f"The org has no queue '{name}'.", hint="Setup › Queues lists them; copy the label."
        )
    found = [queue_state(row, {}, "") for row in rows]
    exact = next((q for q in found if q.developer_name == name), found[0])
    return Destination(exact.id, exact.label, True, queue_reasons(exact))


def _user(session: Session, programme: Programme, username: str) -> Destination:
    rows = select_all(session, Query(_USER, "User", (eq("Username", username),)))
    if not rows:
        raise BadRequest(
            f"The org has no user '{username}'.",
            hint="Give a username, or a person's key from people.csv.",
        )
    row = rows[0]
    if row.get("ContactId"):
        reasons = _partner_user(session, programme, row)
    elif not row["IsActive"]:
        reasons = (Reason(Code.INACTIVE, "the user is not active"),)
    else:
        reasons = ()
    return Destination(RecordId(row["Id"]), str(row["Name"]), False, reasons)


def _partner_user(session: Session, programme: Programme, row: Row) -> tuple[Reason, ...]:
    logins = select_all(
        session, Query(("UserId", "IsFrozen"), "UserLogin", (eq("UserId", row["Id"]),))
    )
    user = partner_user(row, any(bool(login["IsFrozen"]) for login in logins))
    reasons = partner_user_reasons(user, _site(session, programme.site), programme.site)
    unable = unable_to_read_leads(session, {user.id: user.profile_id})
    return (*reasons, NO_ACCESS) if unable else reasons


def _site(session: Session, name: str) -> Site | None:
    fields = ("Id", "Name", "Status", "OptionsSendWelcomeEmail", "CreatedDate")
    rows = select_all(session, Query(fields, "Network", (eq("Name", name),)))
    if not rows:
        return None
    groups = select_all(
        session,
        Query(
            ("NetworkId", "ParentId", "AssignmentStatus"),
            "NetworkMemberGroup",
            (eq("NetworkId", rows[0]["Id"]),),
        ),
    )
    return site_of(rows[0], groups)
