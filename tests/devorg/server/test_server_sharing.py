"""Which records a user sees, changes and gives away: profiles, sharing, roles, queues, rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

Reader = Callable[[Any], tuple[int, str, str, list[str] | None]]


@dataclass(frozen=True)
class As:
    """Calls as one user."""

    call: Any
    headers: dict[str, str]

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return self.call(method, path, body, headers=self.headers, **more)

    def names(self, soql: str, field: str = "LastName") -> set[str]:
        """The values of one field in a query's records."""
        answer = self("GET", "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        return {str(one[field]) for one in answer.json()["records"]}

    def count(self, object_: str) -> int:
        """How many records of an object the user sees."""
        answer = self("GET", "query", params={"q": f"SELECT COUNT() FROM {object_}"})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["totalSize"])


def sign_in(call: Any, username: str) -> As:
    opened = call.org.control("POST", "sessions", {"username": username})
    return As(call, {"Authorization": f"Bearer {opened['access_token']}"})


@pytest.fixture
def sam(call: Any) -> As:
    """An internal user of Inside Sales, no administrator."""
    return sign_in(call, "sam.carter@alder.example.com")


@pytest.fixture
def crew(prm: Any) -> dict[str, As]:
    """Two users of one partner company (of marta's), one of another, all with API Enabled; each
    owns a lead named after the user."""
    granted = prm.make("PermissionSet", Name="Api", Label="Api", PermissionsApiEnabled=True)
    users: dict[str, str] = {}
    account, first = prm.partner("Sulcom")
    second = prm.make("Contact", LastName="Braga", AccountId=account)
    for name, contact in (("alves", first), ("braga", second)):
        users[name] = prm.make("User", **prm.new_user(name, contact))
    users["costa"] = prm.partner_user("costa")
    crew = {}
    for name, user in users.items():
        prm.make("PermissionSetAssignment", AssigneeId=user, PermissionSetId=granted)
        prm.make("Lead", LastName=name, Company="X", OwnerId=user)
        crew[name] = sign_in(prm, f"{name}@sulcom.example.com")
    return crew


MINE = "SELECT Id, LastName FROM Lead WHERE LastName IN ('alves', 'braga', 'costa')"


def test_partners_see_their_own_leads_only(crew: dict[str, As]) -> None:
    """External default Private: not those of a colleague in the same role, nor the org's."""
    assert crew["alves"].names(MINE) == {"alves"}
    assert crew["alves"].count("Lead") == 1


def test_a_partner_sees_the_leads_of_an_own_queue(prm: Any, crew: dict[str, As]) -> None:
    """Membership opens what the queue owns, to change and to take, and nobody else's eyes."""
    queue = prm.one("SELECT Id FROM Group WHERE DeveloperName = 'Web_Leads'")["Id"]
    user = prm.one("SELECT Id FROM User WHERE Username = 'alves@sulcom.example.com'")["Id"]
    lead = prm.make("Lead", LastName="Queued", Company="X", OwnerId=queue)
    assert crew["alves"].names("SELECT LastName FROM Lead WHERE LastName = 'Queued'") == set()
    prm.make("GroupMember", GroupId=queue, UserOrGroupId=user)
    assert crew["alves"].names("SELECT LastName FROM Lead WHERE LastName = 'Queued'") == {"Queued"}
    assert crew["braga"].names("SELECT LastName FROM Lead WHERE LastName = 'Queued'") == set()
    taken = crew["alves"]("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": user})
    assert taken.status_code == 204, taken.text


def test_the_channel_manager_sees_partners_below(prm: Any, crew: dict[str, As]) -> None:
    """Partner roles stand below the account owner's role; the CEO's is above all."""
    marta = sign_in(prm, "marta.lopes@alder.example.com")
    assert marta.names(MINE) == {"alves", "braga", "costa"}
    assert sign_in(prm, "lena.berg@alder.example.com").names(MINE) == {"alves", "braga", "costa"}


def test_others_lose_sight_of_a_lead_that_a_partner_owns(crew: dict[str, As], sam: As) -> None:
    """Operations rule 6: the row is not visible, which is not deleted."""
    assert sam.names(MINE) == set()


def test_view_all_of_the_object_gives_the_sight_back(prm: Any, crew: dict[str, As]) -> None:
    """Object permissions of a permission set, as the metadata deploys them."""
    deploy_view_all(prm)
    sam_id = prm.user("sam.carter")
    granted = prm.one("SELECT Id FROM PermissionSet WHERE Name = 'SeeLeads'")["Id"]
    prm.make("PermissionSetAssignment", AssigneeId=sam_id, PermissionSetId=granted)
    assert sign_in(prm, "sam.carter@alder.example.com").names(MINE) == {"alves", "braga", "costa"}


def test_a_record_out_of_sight(prm: Any, crew: dict[str, As], error: Reader) -> None:
    """Reading: 404; changing in a Collections call: as if it were not there; retrieve: null."""
    lead = prm.one("SELECT Id FROM Lead WHERE LastName = 'braga'")["Id"]
    alves = crew["alves"]
    assert error(alves("GET", f"sobjects/Lead/{lead}"))[:2] == (404, "NOT_FOUND")
    assert error(alves("PATCH", f"sobjects/Lead/{lead}", {"Title": "x"}))[:2] == (404, "NOT_FOUND")
    record = {"attributes": {"type": "Lead"}, "id": lead, "Title": "x"}
    [item] = alves("PATCH", "composite/sobjects", {"records": [record]}).json()
    assert item["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    answer = alves("GET", "composite/sobjects/Lead", params={"ids": lead, "fields": "Id"})
    assert answer.json() == [None]


def test_object_permissions_of_a_partner(crew: dict[str, As], error: Reader) -> None:
    """The partner profile reads and edits leads; it does not create them, nor see opportunities."""
    alves = crew["alves"]
    assert error(alves("POST", "sobjects/Lead", {"LastName": "N", "Company": "N"}))[1] == (
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    )
    assert error(alves("GET", "query", params={"q": "SELECT Id FROM Opportunity"}))[1] == (
        "INVALID_TYPE"
    )
    described = alves("GET", "sobjects").json()["sobjects"]
    assert "Opportunity" not in {one["name"] for one in described}
    [lead] = alves("GET", "query", params={"q": MINE}).json()["records"]
    assert alves("PATCH", f"sobjects/Lead/{lead['Id']}", {"Title": "CTO"}).status_code == 204
    assert error(alves("DELETE", f"sobjects/Lead/{lead['Id']}"))[:2] == (
        403,
        "INSUFFICIENT_ACCESS_OR_READONLY",
    )


def test_a_partner_sees_the_own_account_and_its_contacts(crew: dict[str, As]) -> None:
    """Implicit sharing; contacts follow their account."""
    assert crew["alves"].names("SELECT Name FROM Account", "Name") == {"Sulcom"}
    assert crew["alves"].names("SELECT LastName FROM Contact") == {"Alves", "Braga"}
    assert crew["alves"].names("SELECT Username FROM User", "Username") == {
        "alves@sulcom.example.com"
    }


def test_super_users_see_their_peers(prm: Any, crew: dict[str, As]) -> None:
    """The permission alone is not enough: the org's switch must be on."""
    extra = prm.make("PermissionSet", Name="Super", Label="Super", PermissionsPortalSuperUser=True)
    user = prm.one("SELECT Id FROM User WHERE Username = 'alves@sulcom.example.com'")["Id"]
    prm.make("PermissionSetAssignment", AssigneeId=user, PermissionSetId=extra)
    assert crew["alves"].names(MINE) == {"alves"}
    prm.org.control("POST", "settings", {"Sharing": {"enablePartnerSuperUserAccess": True}})
    assert crew["alves"].names(MINE) == {"alves", "braga"}


def test_an_owner_based_rule(sam: As, call: Any) -> None:
    """Inside Sales' leads are shared with VP Channels and below, to read only."""
    marta = sign_in(call, "marta.lopes@alder.example.com")
    mine = "SELECT Id, LastName FROM Lead WHERE Owner.Username = 'sam.carter@alder.example.com'"
    assert marta.names(mine) == sam.names(mine) != set()
    lead = marta("GET", "query", params={"q": f"{mine} LIMIT 1"}).json()["records"][0]["Id"]
    refused = marta("PATCH", f"sobjects/Lead/{lead}", {"Title": "x"})
    assert refused.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert sam("PATCH", f"sobjects/Lead/{lead}", {"Title": "x"}).status_code == 204


def test_a_criteria_based_rule(call: Any) -> None:
    """Customers are shared with Iberia; jonas sees his own account only."""
    marta = sign_in(call, "marta.lopes@alder.example.com")
    jonas = sign_in(call, "jonas.weber@alder.example.com")
    direct = call.rows("SELECT Name FROM Account WHERE Type = 'Customer - Direct'")
    seen = marta.names("SELECT Name FROM Account", "Name")
    assert seen == {one["Name"] for one in direct} | {"Acme Ibericos"}
    assert jonas.names("SELECT Name FROM Account", "Name") == {"Nordica Handel"}


def test_giving_away_needs_full_access(call: Any, sam: As, error: Reader) -> None:
    """A lead shared to edit may be changed, not given away, without Transfer Leads."""
    share_to_edit(call)
    jonas = sign_in(call, "jonas.weber@alder.example.com")
    lead = call.make("Lead", LastName="Shared", Company="X", OwnerId=call.user("sam.carter"))
    assert jonas("PATCH", f"sobjects/Lead/{lead}", {"Title": "x"}).status_code == 204
    refused = jonas("PATCH", f"sobjects/Lead/{lead}", {"OwnerId": call.user("jonas.weber")})
    assert error(refused)[:2] == (403, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_a_reference_to_what_is_out_of_sight(call: Any, sam: As, error: Reader) -> None:
    """The words of a cross reference without access [R]."""
    account = call.one("SELECT Id FROM Account WHERE Name = 'Nordica Handel'")["Id"]
    answer = sam("POST", "sobjects/Contact", {"LastName": "N", "AccountId": account})
    assert error(answer) == (
        400,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        f"insufficient access rights on cross-reference id: {account[:15]}",
        [],
    )


def test_a_user_without_a_role_sees_nothing_private(call: Any) -> None:
    """No role, no hierarchy, no rule."""
    assert sign_in(call, "pedro.reis@alder.example.com").count("Lead") == 0


def test_administrators_see_all(call: Any) -> None:
    """No condition at all."""
    assert call.rows("SELECT COUNT(Id) n FROM Lead")[0]["n"] == 2025


def deploy(call: Any, files: dict[str, str]) -> None:
    import io
    import json
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    options = {"deployOptions": {"rollbackOnError": True, "singlePackage": True}}
    answer = call(
        "POST",
        "metadata/deployRequest",
        files={
            "json": (None, json.dumps(options), "application/json"),
            "file": ("deploy.zip", packed.getvalue(), "application/zip"),
        },
    )
    assert answer.status_code == 201, answer.text
    status = {"done": False}
    while not status["done"]:
        address = f"metadata/deployRequest/{answer.json()['id']}"
        status = call("GET", address, params={"includeDetails": "true"}).json()["deployResult"]
    assert status["success"], status


NAMESPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def package(type_: str, member: str) -> str:
    return (
        f"<Package {NAMESPACE}><types><members>{member}</members><name>{type_}</name></types>"
        "<version>66.0</version></Package>"
    )


def deploy_view_all(call: Any) -> None:
    deploy(
        call,
        {
            "package.xml": package("PermissionSet", "SeeLeads"),
            "permissionsets/SeeLeads.permissionset": (
                f"<PermissionSet {NAMESPACE}><label>See leads</label><objectPermissions>"
                "<allowCreate>false</allowCreate><allowDelete>false</allowDelete>"
                "<allowEdit>false</allowEdit><allowRead>true</allowRead>"
                "<modifyAllRecords>false</modifyAllRecords><object>Lead</object>"
                "<viewAllRecords>true</viewAllRecords></objectPermissions></PermissionSet>"
            ),
        },
    )


def share_to_edit(call: Any) -> None:
    deploy(
        call,
        {
            "package.xml": package("SharingRules", "Lead"),
            "sharingRules/Lead.sharingRules": (
                f"<SharingRules {NAMESPACE}><sharingOwnerRules><fullName>To_Central</fullName>"
                "<accessLevel>Edit</accessLevel><label>To Central</label>"
                "<sharedTo><role>Channel_Manager_Central</role></sharedTo>"
                "<sharedFrom><role>Inside_Sales</role></sharedFrom>"
                "</sharingOwnerRules></SharingRules>"
            ),
        },
    )
