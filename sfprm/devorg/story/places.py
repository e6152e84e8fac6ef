"""Queues, public groups, sites, statuses, and what describes the objects' sharing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfprm.devorg.story.people import FOUNDED

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.story.people import People

__all__ = ["CUSTOMER_SITE", "NETWORKS_SINCE", "PARTNER_SITE", "Places", "plant_places"]

NETWORKS_SINCE = "2021-06-15"
CUSTOMER_SITE = "Customer Help"
PARTNER_SITE = "Alder Partner Central"
_OPENED = "2021-06-15T09:30:00.000+0000"
_SITE_DRAFTED = "2025-10-06T14:10:00.000+0000"
_SAM, _ANA = "sam.carter@alder.example.com", "ana.costa@alder.example.com"
_QUEUES = (
    # name, developer name, members
    ("Web Leads", "Web_Leads", ()),
    ("Event Leads", "Event_Leads", ()),
    ("Inside Sales Desk", "Inside_Sales_Desk", (_SAM, _ANA)),
)
_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")
_LAST_STATUS = "Closed - Not Converted"
_SHARING = {
    # object: internal and external default
    "Lead": ("Private", "Private"),
    "Account": ("Private", "Private"),
    "Contact": ("ControlledByParent", "ControlledByParent"),
    "Opportunity": ("Read", "Read"),
    "Case": ("Private", "Private"),
    "Campaign": ("ReadWrite", "Private"),
    "User": ("Read", "Private"),
}


@dataclass(frozen=True, slots=True)
class Places:
    """Ids (18 characters): queues by developer name, sites by name."""

    queues: dict[str, str]
    sites: dict[str, str]


def plant_places(org: Org, people: People) -> Places:
    """Plant all of it, and set the switches that go with it: digital experiences on since 2021,
    PRM off, three roles a partner account, history tracked on a lead's owner and status."""
    communities = {"enableNetworksEnabled": True, "enableEnablePRM": False}
    org.set_setting("Communities", communities)
    org.set_setting("networks_since", NETWORKS_SINCE)
    org.set_setting("Sharing", {"enableExternalSharingModel": True})
    org.set_setting("partner_roles", 3)
    org.set_setting("tracked", {"Lead": ["OwnerId", "Status"]})
    queues = _queues(org, people)
    _groups(org, people)
    sites = _sites(org, people)
    org.plant(
        "LeadStatus",
        [
            {
                "MasterLabel": name,
                "ApiName": name,
                "SortOrder": place,
                "IsDefault": place == 1,
                "IsConverted": name == "Closed - Converted",
                "CreatedDate": FOUNDED,
            }
            for place, name in enumerate((*_STATUSES, _LAST_STATUS), start=1)
        ],
    )
    _definitions(org)
    _lead_source(org)
    return Places(queues, sites)


def _queues(org: Org, people: People) -> dict[str, str]:
    rows = [
        {
            "Name": name,
            "DeveloperName": developer_name,
            "Type": "Queue",
            "OwnerId": people.agent,
            "DoesSendEmailToMembers": False,
            "DoesIncludeBosses": False,
            "CreatedDate": FOUNDED,
        }
        for name, developer_name, _ in _QUEUES
    ]
    planted = org.plant("Group", rows)
    org.plant("QueueSobject", [{"QueueId": one, "SobjectType": "Lead"} for one in planted])
    members = [
        {"GroupId": queue, "UserOrGroupId": people.users[username]}
        for queue, (_, _, usernames) in zip(planted, _QUEUES, strict=True)
        for username in usernames
    ]
    org.plant("GroupMember", members)
    return {str(row["DeveloperName"]): id_ for row, id_ in zip(rows, planted, strict=True)}


def _groups(org: Org, people: People) -> None:
    common: dict[str, Any] = {
        "Type": "Regular",
        "OwnerId": people.agent,
        "DoesIncludeBosses": True,
        "CreatedDate": FOUNDED,
    }
    sales, everyone = org.plant(
        "Group",
        [
            {**common, "Name": "All Sales", "DeveloperName": "All_Sales"},
            {**common, "Name": "Everyone", "DeveloperName": "Everyone"},
        ],
    )
    all_internal = str(org.storage.find("Group", Type="Organization")[0]["Id"])
    org.plant(
        "GroupMember",
        [
            {"GroupId": sales, "UserOrGroupId": people.users[_SAM]},
            {"GroupId": sales, "UserOrGroupId": people.users[_ANA]},
            {"GroupId": everyone, "UserOrGroupId": all_internal},
        ],
    )


def _sites(org: Org, people: People) -> dict[str, str]:
    common = {
        "OptionsSendWelcomeEmail": True,
        "OptionsAllowInternalUserLogin": False,
        "EmailSenderName": "Alder Systems",
        "EmailSenderAddress": "noreply@alder.example.com",
    }
    help_, partners = org.plant(
        "Network",
        [
            {
                **common,
                "Name": CUSTOMER_SITE,
                "Status": "Live",
                "UrlPathPrefix": "help",
                "FirstActivationDate": NETWORKS_SINCE,
                "CreatedDate": _OPENED,
            },
            {
                **common,
                "Name": PARTNER_SITE,
                "Status": "UnderConstruction",
                "UrlPathPrefix": "partners",
                "CreatedDate": _SITE_DRAFTED,
            },
        ],
    )
    member = {
        "NetworkId": help_,
        "ParentId": people.profiles["Alder Customer User"],
        "AssignmentStatus": "Added",
        "CreatedDate": _OPENED,
    }
    org.plant("NetworkMemberGroup", [member])
    return {CUSTOMER_SITE: help_, PARTNER_SITE: partners}


def _definitions(org: Org) -> None:
    """EntityDefinition rows of all objects; the sharing defaults where there are any."""
    rows = []
    for one in org.schema.objects():
        internal, external = _SHARING.get(one.name, ("ReadWrite", "Private"))
        rows.append(
            {
                "DurableId": one.name,
                "QualifiedApiName": one.name,
                "DeveloperName": one.name,
                "MasterLabel": one.label,
                "Label": one.label,
                "PluralLabel": one.label_plural,
                "KeyPrefix": one.key_prefix,
                "IsQueryable": one.queryable,
                "IsSearchable": one.searchable,
                "IsTriggerable": one.triggerable,
                "IsReplicateable": one.replicateable,
                "IsLayoutable": one.layoutable,
                "InternalSharingModel": internal,
                "ExternalSharingModel": external,
            }
        )
    org.plant("EntityDefinition", rows)


def _lead_source(org: Org) -> None:
    """The company has added a value to a standard picklist, as most do."""
    lead = org.schema.object("Lead")
    source = lead.field("LeadSource") if lead else None
    if source is not None:
        ours = dataclasses.replace(source, picklist=(*source.picklist, "Trade Show"))
        org.schema.add_field("Lead", ours)
        org.storage.add_column("Lead", ours)
