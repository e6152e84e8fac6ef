"""The control API about fields: a real org's describe, and what is switched in Setup."""

from __future__ import annotations

from typing import Any

FIELD: dict[str, Any] = {
    "name": "Region__c",
    "label": "Region",
    "type": "string",
    "length": 40,
    "custom": True,
    "nillable": True,
    "createable": True,
    "updateable": True,
    "filterable": True,
}


def test_the_org_takes_over_a_describe(call: Any) -> None:
    """A field of the describe can be written and read; the caller's own describe shows it."""
    described = call("GET", "sobjects/Lead/describe").json()
    described["fields"].append(FIELD)
    answer = call("POST", "/_devorg/describes", [described])
    assert answer.status_code == 200, answer.text
    [loaded] = answer.json()["loaded"]
    custom = sum(one["custom"] for one in described["fields"])
    assert (loaded["object"], loaded["custom"]) == ("Lead", custom)
    lead = call.make("Lead", LastName="Costa", Company="Costa", Region__c="North")
    assert call.one(f"SELECT Region__c FROM Lead WHERE Id = '{lead}'")["Region__c"] == "North"
    names = [one["name"] for one in call("GET", "sobjects/Lead/describe").json()["fields"]]
    assert "Region__c" in names


def test_a_list_with_something_else_changes_nothing(call: Any) -> None:
    """All of the describes or none: 400 says which one is none."""
    described = call("GET", "sobjects/Lead/describe").json()
    described["fields"].append(FIELD)
    answer = call("POST", "/_devorg/describes", [described, {"name": "Account", "fields": []}])
    assert answer.status_code == 400
    assert "Account: the describe has no field Id" in answer.text
    names = [one["name"] for one in call("GET", "sobjects/Lead/describe").json()["fields"]]
    assert "Region__c" not in names


def test_state_and_country_picklists_are_switched(call: Any) -> None:
    """With the switch a code gives the country its name; without it there is no such field."""
    path, lead = "/_devorg/switches", {"LastName": "Costa", "Company": "Costa", "CountryCode": "PT"}
    assert call("GET", path).json()["state_country_picklists"] is False
    assert call("POST", "sobjects/Lead", lead).status_code == 400
    answer = call("POST", path, {"state_country_picklists": True})
    assert answer.json() == {"multicurrency": False, "state_country_picklists": True}
    made = call("POST", "sobjects/Lead", lead).json()["id"]
    assert call.one(f"SELECT Country FROM Lead WHERE Id = '{made}'")["Country"] == "Portugal"


def test_an_unknown_switch_is_refused(call: Any) -> None:
    """400, with the names that there are; nothing is switched."""
    answer = call("POST", "/_devorg/switches", {"multicurrency": True, "person_accounts": True})
    assert (answer.status_code, "multicurrency or" in answer.text) == (400, True)
    assert call("GET", "/_devorg/switches").json()["multicurrency"] is False
