"""Owners and status of leads from a file: stopped in between, gone on with, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sfprm.errors import SfprmError
from sfprm.events import NoProgress
from sfprm.ids import RecordId, RunId
from sfprm.provisioning import migrate_leads_write
from sfprm.provisioning.migrate_leads_write import (
    MOVE_LEAD,
    LeadWrite,
    read_now,
    way_back,
    write_leads,
)
from sfprm.store.records import Step, StepState

LEAD = RecordId("00Q000000000001")
OLD, NEW, OTHER = "00G000000000001", "005000000000001", "005000000000009"


def step(state: StepState = StepState.DONE, **changes: Any) -> Step:
    """Gave the lead a new owner, and the status Working."""
    before = {"OwnerId": OLD, "Status": "Open"}
    after = {"OwnerId": NEW, "Status": "Working", **changes}
    return Step(RunId("r"), 1, MOVE_LEAD, LEAD, state, before=before, after=after)


def lead(owner: str = NEW, status: str = "Working", converted: bool = False) -> dict[str, Any]:
    """The lead as it is."""
    return {
        "Id": LEAD,
        "OwnerId": owner,
        "Owner": {"Name": "Lena Berg"},
        "Status": status,
        "Name": "Zé Só",
        "Company": "=Açores",
        "IsConverted": converted,
    }


@pytest.mark.parametrize(
    ("row", "state", "back", "why"),
    [
        (lead(), StepState.DONE, {"OwnerId": OLD, "Status": "Open"}, ""),
        (lead(), StepState.SENT, {"OwnerId": OLD, "Status": "Open"}, ""),
        (lead(status="Open"), StepState.DONE, {"OwnerId": OLD}, ""),
        (lead(OLD, "Open"), StepState.DONE, None, ""),
        (lead(), StepState.PLANNED, None, ""),
        (lead(), StepState.FAILED, None, ""),
        (lead(OTHER), StepState.DONE, None, "its owner is Lena Berg by now"),
        (lead(status="Nurture"), StepState.DONE, None, "its status is Nurture by now"),
        (lead(converted=True), StepState.DONE, None, "it is converted"),
        (None, StepState.DONE, None, "the agent does not see it any more"),
    ],
)
def test_a_lead_goes_back_as_a_whole_or_stays(
    row: dict[str, Any] | None, state: StepState, back: Mapping[str, str] | None, why: str
) -> None:
    """What the run may have written and nobody has touched since."""
    found = way_back([step(state)], {} if row is None else {LEAD: row})
    assert [w.after for w in found.writes] == ([] if back is None else [back])
    assert [s.why.startswith(why) for s in found.stays] == ([True] if why else [])
    assert found.already == int(row == lead(OLD, "Open"))


class _Exhausting(NoProgress):
    """After the first chunk the day's calls are used up."""

    def __init__(self, org: Any) -> None:
        self.org = org

    def advance(self, by: int = 1) -> None:
        fault = {"kind": "exhausted", "path": "/composite/sobjects", "times": None, "rate": 1.0}
        self.org.control("POST", "faults", fault)


def test_stopped_in_between_and_gone_on_with(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written is known; the next run writes the rest alone; both can be taken back."""
    monkeypatch.setattr(migrate_leads_write, "MAX_ROWS", 2)
    for n in range(5):
        body = {"LastName": f"L{n}", "Company": "Stopped"}
        ready.session.request("POST", "sobjects/Lead", kind="write", json=body)
    query = "SELECT Id, OwnerId FROM Lead WHERE Company = 'Stopped' ORDER BY Id"
    before = {row["Id"]: row["OwnerId"] for row in ready.rows(query)}
    [lena] = ready.rows("SELECT Id FROM User WHERE Username = 'lena.berg@alder.example.com'")

    def wanted() -> list[LeadWrite]:
        rows = [r for r in ready.rows(query) if r["OwnerId"] != lena["Id"]]
        return [
            LeadWrite(n, RecordId(r["Id"]), {"OwnerId": r["OwnerId"]}, {"OwnerId": lena["Id"]})
            for n, r in enumerate(rows, start=7)
        ]

    first, second, undone = (ready.new_run("migrate-leads") for _ in range(3))
    with pytest.raises(SfprmError):
        write_leads(ready.session, ready.store, first, wanted(), _Exhausting(ready.org))
    ready.org.control("DELETE", "faults")
    states = [s.state.value for s in ready.store.steps(first)]
    assert states == ["done", "done", "sent", "sent", "planned"]
    rest = wanted()
    assert len(rest) == 3
    assert write_leads(ready.session, ready.store, second, rest, NoProgress()) == {}
    assert wanted() == []
    steps = [*ready.store.steps(first), *ready.store.steps(second)]
    back = way_back(
        ready.store.steps(second), read_now(ready.session, [RecordId(i) for i in before])
    )
    assert len(back.writes) == 3
    write_leads(ready.session, ready.store, undone, back.writes, NoProgress())
    back = way_back(steps, read_now(ready.session, [RecordId(i) for i in before]))
    assert (len(back.writes), back.stays) == (2, ())
    write_leads(ready.session, ready.store, ready.new_run("undo"), back.writes, NoProgress())
    assert {row["Id"]: row["OwnerId"] for row in ready.rows(query)} == before
