"""Faults by the code that `check` finds each by, and how each is planted in the clean org."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sfprm.ids import PoolKey
from sfprm.programme.calendar_text import parse_hours
from sfprm.programme.model import (
    FieldMatch,
    OnTaken,
    PeoplePolicy,
    PoolMember,
    PublicGroup,
    RoleMember,
    Rule,
    ToUser,
)
from sfprm.provisioning.checks.facts import Thresholds
from sfprm.salesforce import collections
from sfprm.salesforce.query import select_all
from tests.provisioning.check_bench import AGENT, HERE, PARTNER_PROFILE, Bench


def lead_rights(read: bool, edit: bool) -> str:
    """Rights of a profile on Lead."""
    rights = {
        "allowCreate": False,
        "allowDelete": False,
        "allowEdit": edit,
        "allowRead": read,
        "modifyAllRecords": False,
        "viewAllRecords": False,
    }
    inner = "".join(f"<{name}>{str(on).lower()}</{name}>" for name, on in rights.items())
    return (
        f"<custom>true</custom><objectPermissions>{inner}<object>Lead</object></objectPermissions>"
    )


def of_profile(read: bool, edit: bool) -> Callable[[Bench], None]:
    """The partner profile with these rights on Lead."""
    path = f"profiles/{PARTNER_PROFILE}.profile"
    return lambda b: b.deploy("Profile", PARTNER_PROFILE, path, lead_rights(read, edit))


def site(**fields: Any) -> Callable[[Bench], None]:
    """The partner site, changed."""

    def plant(bench: Bench) -> None:
        bench.edit("Network", bench.id("Network", Name="Alder Partner Central"), **fields)

    return plant


def not_a_member(bench: Bench) -> None:
    bench.org.control("POST", "delays", {"membership_seconds": 0})
    site_id = bench.id("Network", Name="Alder Partner Central")
    row = bench.id("NetworkMemberGroup", NetworkId=site_id)
    [done] = collections.update(
        bench.session, "NetworkMemberGroup", [{"Id": row, "AssignmentStatus": "WaitingForRemove"}]
    )
    assert done.success


def no_welcome(bench: Bench) -> None:
    site(OptionsSendWelcomeEmail=False)(bench)
    bench.person()


def no_role(bench: Bench) -> None:
    bench.manager("sam.carter@alder.example.com")
    bench.edit("User", bench.id("User", Username="sam.carter@alder.example.com"), UserRoleId=None)


def inactive(bench: Bench) -> None:
    bench.manager("sam.carter@alder.example.com")
    bench.edit("User", bench.id("User", Username="sam.carter@alder.example.com"), IsActive=False)


def account_merged(bench: Bench) -> None:
    ours = bench.id("Account", Partner_Key__c="lusitec")
    other = bench.make("Account", Name="Lusitec Group", OwnerId=bench.id("User", Username=AGENT))
    bench.org.event("records-merged", object="Account", keep=other, lose=[ours])


def contact_of_address(bench: Bench) -> None:
    account = bench.id("Account", Partner_Key__c="lusitec")
    bench.make("Contact", LastName="One", Email="new.one@lusitec.example.com", AccountId=account)
    bench.person()


def user_switched_off(bench: Bench) -> None:
    who = bench.id("User", Username="sofia.rocha.lusitec@partners.example.com")
    bench.edit("User", who, IsActive=False)


def customer_user(bench: Bench) -> None:
    account = bench.id("Account", Partner_Key__c="lusitec")
    contact = bench.make("Contact", LastName="One", AccountId=account, Partner_Key__c="new.one")
    external(bench, contact, "Alder Customer User")
    bench.person()


def external(bench: Bench, contact: str, profile: str) -> None:
    bench.make(
        "User",
        Username="somebody@elsewhere.example.com",
        LastName="One",
        Email="one@lusitec.example.com",
        Alias="one",
        TimeZoneSidKey="GMT",
        LocaleSidKey="en_US",
        EmailEncodingKey="UTF-8",
        LanguageLocaleKey="en_US",
        ProfileId=bench.id("Profile", Name=profile),
        ContactId=contact,
    )


def undeclared(bench: Bench) -> None:
    account = bench.id("Account", Partner_Key__c="lusitec")
    external(bench, bench.make("Contact", LastName="One", AccountId=account), PARTNER_PROFILE)


def delegated(bench: Bench) -> None:
    undeclared(bench)
    bench.partner(people=PeoplePolicy.DELEGATED)


def required_field(bench: Bench) -> None:
    field = (
        "<fields><fullName>Region__c</fullName><label>Region</label><length>20</length>"
        "<required>true</required><type>Text</type></fields>"
    )
    bench.deploy("CustomField", "Account.Region__c", "objects/Account.object", field)


def places(bench: Bench) -> None:
    bench.set(state_country_picklists=True)
    bench.session.described.clear()
    bench.partner(fields={"BillingCountry": "Atlantis"})


def record_type(active: bool) -> Callable[[Bench], None]:
    def plant(bench: Bench) -> None:
        made = bench.make(
            "RecordType", Name="Reseller", DeveloperName="Reseller", SobjectType="Account"
        )
        if not active:
            collections.update(bench.session, "RecordType", [{"Id": made, "IsActive": False}])
        bench.partner(record_type="Reseller" if not active else "Distributor")

    return plant


def duplicates(action: str) -> Callable[[Bench], None]:
    rule = {"name": "Same_Name", "object": "Account", "fields": ["Name"], "action": action}
    return lambda b: b.org.control("POST", "duplicate-rules", [rule])


def assignment(bench: Bench) -> None:
    body = (
        "<assignmentRule><fullName>Web</fullName><active>true</active><ruleEntry>"
        "<assignedTo>Web_Leads</assignedTo><assignedToType>Queue</assignedToType>"
        "</ruleEntry></assignmentRule>"
    )
    bench.deploy("AssignmentRules", "Lead", "assignmentRules/Lead.assignmentRules", body)


def no_leads_in_queue(bench: Bench) -> None:
    queue = bench.id("Group", DeveloperName="Event_Leads")
    collections.delete(bench.session, [bench.id("QueueSobject", QueueId=queue)])


def unmanaged_queue(bench: Bench) -> None:
    queues = dict(bench.programme.queues)
    queues["Elsewhere"] = replace(
        queues["Web Leads"], name="Elsewhere", developer_name="Elsewhere", managed=False
    )
    bench.programme = replace(bench.programme, queues=queues)


def unmanaged_group(bench: Bench) -> None:
    group = PublicGroup("Elsewhere", "Elsewhere", HERE, managed=False)
    bench.programme = replace(bench.programme, groups={"Elsewhere": group})


def role_member(bench: Bench) -> None:
    queues = dict(bench.programme.queues)
    south = queues["Partner leads South"]
    queues[south.name] = replace(south, members=(*south.members, RoleMember("Nowhere")))
    bench.programme = replace(bench.programme, queues=queues)


def other_licence(bench: Bench) -> None:
    body = "<label>Customers</label><license>Customer Community</license>"
    path = "permissionsets/Customers.permissionset"
    bench.deploy("PermissionSet", "Customers", path, body)
    bench.person(SOFIA, permission_sets=("Customers",))


def circle(bench: Bench) -> None:
    pools = dict(bench.programme.routing.pools)
    member = PoolMember("queue", "Web Leads", 1, HERE)
    pool = pools[PoolKey("south")]
    pools[PoolKey("south")] = replace(pool, members=(*pool.members, member))
    bench.routing(pools=pools)


def office_hours(bench: Bench) -> None:
    pools = dict(bench.programme.routing.pools)
    hours = parse_hours("Mon-Fri 09:00-18:00 Europe/Lisbon")
    pools[PoolKey("south")] = replace(pools[PoolKey("south")], hours=hours)
    bench.routing(pools=pools)


def rule_user(bench: Bench) -> None:
    rule = Rule("big", (), None, ToUser("nobody@alder.example.com"), HERE)
    bench.routing(rules=(rule, *bench.programme.routing.rules))


def changed_by_hand(bench: Bench) -> None:
    bench.edit("Account", bench.id("Account", Partner_Key__c="lusitec"), Phone="+351 1")


def same_name(bench: Bench) -> None:
    query = "SELECT Name FROM Account WHERE Partner_Key__c = null LIMIT 1"
    bench.partner("other", name=select_all(bench.session, query)[0]["Name"])


def many_people(bench: Bench) -> None:
    for number in range(20):
        bench.person(f"new.{number}")


def plant_all(*plants: Callable[[Bench], Any]) -> Callable[[Bench], None]:
    def plant(bench: Bench) -> None:
        for one in plants:
            one(bench)

    return plant


def thresholds(**fields: Any) -> Callable[[Bench], None]:
    def plant(bench: Bench) -> None:
        bench.thresholds = Thresholds(**fields)

    return plant


def programme(**fields: Any) -> Callable[[Bench], None]:
    def plant(bench: Bench) -> None:
        bench.programme = replace(bench.programme, **fields)

    return plant


RULE = {"object": "Account", "name": "Needs a phone", "message": "Enter a phone"}
FLOW = {"object": "Lead", "name": "Round robin", "owner": {"queue": "Web_Leads"}, "save": "after"}
TRIGGER = {"object": "Contact", "name": "ContactTrigger", "message": "no"}
SOFIA = "sofia.rocha"

FAULTS: dict[str, Callable[[Bench], Any]] = {
    "experiences-off": lambda b: b.set(Communities={"enableNetworksEnabled": False}),
    "partners-off": lambda b: b.set(Communities={"enableNetworksEnabled": True}),
    "settings-unread": Bench.grant_nothing,
    "exposure-unread": Bench.grant_nothing,
    "key-fields-hidden": Bench.grant_nothing,
    "permission-missing": Bench.grant_nothing,
    "agent-no-role": lambda b: b.edit("User", b.id("User", Username=AGENT), UserRoleId=None),
    "profile-missing": programme(profile="Nobody's"),
    "profile-not-partner": programme(profile="Standard User"),
    "profile-standard-refused": programme(profile="Partner Community User"),
    "profile-no-lead-read": of_profile(read=False, edit=False),
    "profile-no-lead-edit": of_profile(read=True, edit=False),
    "site-missing": programme(site="Nowhere"),
    "site-not-live": site(Status="DownForMaintenance"),
    "site-not-member": not_a_member,
    "site-no-welcome": no_welcome,
    "licence-short": many_people,
    "manager-missing": lambda b: b.manager("nobody@alder.example.com"),
    "manager-inactive": inactive,
    "manager-external": lambda b: b.manager("sofia.rocha.lusitec@partners.example.com"),
    "manager-no-role": no_role,
    "owner-near-limit": thresholds(owned=1_300),
    "account-twice": same_name,
    "account-match": lambda b: b.partner("other", match=FieldMatch("AccountNumber", "P-0")),
    "record-merged": account_merged,
    "person-twice": contact_of_address,
    "contact-has-user": user_switched_off,
    "contact-user-of-other-kind": customer_user,
    "username-malformed": lambda b: b.person(username="new one"),
    "username-taken": lambda b: b.person(username="rui.prata.acme-ibericos@partners.example.com"),
    "username-numbered": lambda b: b.person(
        username="rui.prata.acme-ibericos@partners.example.com", on_taken=OnTaken.NUMBER
    ),
    "nickname-taken": lambda b: b.person(nickname="rui.prata"),
    "required-field-unfilled": required_field,
    "field-unknown": lambda b: b.partner(fields={"Nothing__c": "x"}),
    "field-read-only": lambda b: b.partner(fields={"LastActivityDate": "2026-01-01"}),
    "value-not-in-picklist": lambda b: b.person(SOFIA, language="xx"),
    "place-unknown": places,
    "currency-unknown": lambda b: b.partner(currency="XYZ"),
    "value-too-long": lambda b: b.partner(fields={"Phone": "1" * 60}),
    "record-type-missing": record_type(active=True),
    "record-type-inactive": record_type(active=False),
    "duplicate-rule-blocks": duplicates("block"),
    "duplicate-rule-alerts": duplicates("alert"),
    "validation-rule": lambda b: b.behave(validation_rules=[RULE]),
    "flow-active": lambda b: b.behave(flows=[FLOW]),
    "trigger-active": lambda b: b.behave(triggers=[TRIGGER]),
    "assignment-rule-active": assignment,
    "queue-missing": unmanaged_queue,
    "queue-not-for-leads": no_leads_in_queue,
    "queue-intake-and-member": circle,
    "pool-empty-hours": office_hours,
    "group-missing": unmanaged_group,
    "role-missing": role_member,
    "permission-set-missing": lambda b: b.person(SOFIA, permission_sets=("Nothing",)),
    "permission-set-licence": other_licence,
    "rule-user-missing": rule_user,
    "history-off": lambda b: b.set(tracked={"Lead": ["Status"]}),
    "person-change-overwritten": changed_by_hand,
    "people-undeclared": undeclared,
    "people-delegated": delegated,
    "mails-short": lambda b: b.org.control("POST", "limits", {"single_email": 0}),
    "storage-short": plant_all(
        lambda b: b.org.control("POST", "limits", {"storage_mb": 4}), many_people
    ),
    "roles-near-limit": thresholds(roles=12),
}
