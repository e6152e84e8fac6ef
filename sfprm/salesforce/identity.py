"""Which org this is, and as whom we speak to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfprm.errors import OrgUnreachable, PermissionMissing
from sfprm.ids import RecordId
from sfprm.salesforce.answer import told_id
from sfprm.salesforce.soql import Query

if TYPE_CHECKING:
    from sfprm.salesforce.session import Session

__all__ = ["EMBEDDED_INSTANCE", "OrgIdentity", "parse_datetime", "read_identity"]

EMBEDDED_INSTANCE = "DEVORG"
"""Organization.InstanceName of the embedded org; no Salesforce instance is called so."""


_ORG = Query(
    ("Id", "Name", "OrganizationType", "IsSandbox", "InstanceName", "CreatedDate"),
    "Organization",
    limit=1,
).text()


@dataclass(frozen=True, slots=True)
class OrgIdentity:
    """The org and the user of a session. `created` is aware, UTC."""

    org_id: RecordId
    org_name: str
    user_id: RecordId
    username: str
    instance_url: str
    api_version: str
    organization_type: str
    is_sandbox: bool
    instance_name: str | None
    created: datetime

    @property
    def is_embedded(self) -> bool:
        """Whether this is the embedded org, where nothing can be harmed."""
        return self.instance_name == EMBEDDED_INSTANCE


def read_identity(session: Session, instance_url: str, api_version: str) -> OrgIdentity:
    """Two calls: OpenID's userinfo, and one query on Organization."""
    who: Any = session.request("GET", "/services/oauth2/userinfo", kind="identity").json
    found: Any = session.request("GET", "query", kind="identity", params={"q": _ORG}).json
    if not isinstance(who, dict) or not isinstance(found, dict):
        raise OrgUnreachable("The org did not say who it is: its answer is not Salesforce's.")
    if not found.get("records"):
        raise PermissionMissing("The agent's user may not read the Organization record.")
    try:
        org = found["records"][0]
        return _identity(who, org, instance_url, api_version)
    except (KeyError, TypeError, ValueError) as error:
        raise OrgUnreachable(
            "The org did not say who it is: its answer is not Salesforce's."
        ) from error


def _identity(
    who: Mapping[str, Any], org: Mapping[str, Any], instance_url: str, api_version: str
) -> OrgIdentity:
    return OrgIdentity(
        org_id=told_id(org["Id"]),
        org_name=org["Name"],
        user_id=told_id(who["user_id"]),
        username=who["preferred_username"],
        instance_url=instance_url,
        api_version=api_version,
        organization_type=org["OrganizationType"],
        is_sandbox=bool(org["IsSandbox"]),
        instance_name=org["InstanceName"],
        created=parse_datetime(org["CreatedDate"]),
    )


def parse_datetime(text: str) -> datetime:
    """A dateTime as REST prints it (`2026-01-01T00:00:00.000+0000`), aware."""
    return datetime.strptime(text.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z")
