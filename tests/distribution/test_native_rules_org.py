"""Pull, diff and push against the embedded org, which runs what is deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfprm.distribution.native_file import PATH, parse_file
from sfprm.distribution.native_rules import meaning
from sfprm.distribution.native_sync import NativeSync
from sfprm.errors import BadRequest
from sfprm.ids import PoolKey, RecordId
from sfprm.programme.criterion_text import parse_criterion
from sfprm.programme.model import Criterion, Origin, Rule, Target, ToPool, ToQueue, ToUser
from sfprm.salesforce import collections
from sfprm.salesforce.metadata import retrieve
from tests.quick import quick_clock

if TYPE_CHECKING:
    from tests.distribution.conftest import Channel

HERE = Origin("routing.yaml", 1)
SOUTH = PoolKey("south")


def rule(name: str, target: Target, *when: str) -> Rule:
    made = [parse_criterion(text) for text in when]
    listed = tuple(Criterion(m.field, m.operator, m.values, "", HERE) for m in made)
    return Rule(name, listed, None, target, HERE)


OWN_RULES = {"Sforce-Auto-Assign": "TRUE"}
RULES = (
    rule("Large", ToUser("lena.berg@alder.example.com"), "AnnualRevenue greaterThan 50000000"),
    rule("Hot", ToPool(SOUTH), "Country equals PT, ES", "Rating equals Hot"),
    rule("Rest", ToQueue("Inside Sales Desk")),
)


@pytest.fixture(scope="module")
def channel(
    open_channel: Callable[[Path], AbstractContextManager[Channel]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Channel]:
    """One org for all of these; each test begins from the rules that it pushes itself."""
    with open_channel(tmp_path_factory.mktemp("native")) as found:
        pools = dict(found.programme.routing.pools)
        pools[SOUTH] = replace(pools[SOUTH], intake="Web Leads")
        routing = replace(found.programme.routing, intake=(), pools=pools, rules=RULES)
        found.programme = replace(found.programme, routing=routing)
        yield found


def sync(channel: Channel, *rules: Rule) -> NativeSync:
    routing = channel.programme.routing
    programme = replace(channel.programme, routing=replace(routing, rules=rules or RULES))
    return NativeSync(channel.session, programme, quick_clock())


def stored(channel: Channel) -> dict[str, bool]:
    files = retrieve(channel.session, {"AssignmentRules": ["Lead"]}, clock=quick_clock())
    return {r.name: r.active for r in parse_file(files[PATH])} if PATH in files else {}


def test_a_push_is_checked_backed_up_and_read_back(channel: Channel, tmp_path: Path) -> None:
    """A dry run changes nothing; a second push finds nothing to do; pull gives the same rules."""
    native = sync(channel)
    before = stored(channel)
    told = native.push("Agent", None, backup=tmp_path / "a", dry_run=True)
    assert (told.done, told.problems) == (False, ())
    assert stored(channel) == before
    done = native.push("Agent", None, backup=tmp_path / "b")
    assert done.done
    assert stored(channel) == {**before, "Agent": False}
    again = native.push("Agent", None, backup=tmp_path / "c")
    assert again.is_same
    pulled = native.pull("agent")
    assert [(r.name, meaning(r)) for r in pulled.rules] == [(r.name, meaning(r)) for r in RULES]
    assert native.diff("Agent").is_same


def test_which_rule_is_active_changes_only_when_asked(channel: Channel, tmp_path: Path) -> None:
    """Activating one says which other no longer is; the backup puts back what was there."""
    first = sync(channel).push("First", None, backup=tmp_path / "a", activate=True)
    assert (first.active_name, stored(channel)["First"]) == ("First", True)
    other = sync(channel, RULES[2])
    assert other.push("Second", None, backup=tmp_path / "b").active_name == "First"
    done = other.push("Second", None, backup=tmp_path / "c", activate=True)
    assert (done.active_name, done.deactivated) == ("Second", "First")
    assert stored(channel)["First"] is False
    assert set(other.restore(Path(done.backup))) >= {"First", "Second"}
    assert stored(channel)["First"] is True
    assert sync(channel).pull().name == "First"


def test_the_org_runs_what_was_pushed(channel: Channel, tmp_path: Path) -> None:
    """Leads made with the org's own rules go where the programme says; pools by their intake."""
    sync(channel).push("Live", None, backup=tmp_path / "a", activate=True)
    leads: list[dict[str, object]] = [
        {"LastName": "A", "Company": "A", "Country": "pt", "Rating": "Hot"},
        {"LastName": "B", "Company": "B", "AnnualRevenue": 60_000_000},
        {"LastName": "C", "Company": "C", "Country": "DE"},
    ]
    made = collections.create(channel.session, "Lead", leads, headers=OWN_RULES)
    ids = [RecordId(str(outcome.id)) for outcome in made]
    listed = ", ".join(f"'{i}'" for i in ids)
    rows = channel.query(f"SELECT Id, Owner.Name FROM Lead WHERE Id IN ({listed})")
    owners = {row["Id"]: row["Owner"]["Name"] for row in rows}
    assert [owners[i] for i in ids] == ["Web Leads", "Lena Berg", "Inside Sales Desk"]


def test_unknown_assignees_are_refused_before_anything_is_sent(
    channel: Channel, tmp_path: Path
) -> None:
    """Named with rule and line; nothing reaches the org."""
    native = sync(channel, rule("Nobody", ToUser("no.body@alder.example.com")))
    done = native.push("Refused", None, backup=tmp_path)
    [problem] = done.problems
    assert "no active user no.body@alder.example.com" in problem
    assert not done.done
    assert "Refused" not in stored(channel)


def test_names_that_are_not_there(channel: Channel, tmp_path: Path) -> None:
    """Rules of the org, rule sets of the programme, folders of backups."""
    with pytest.raises(BadRequest, match="no lead assignment rule 'Nowhere'"):
        sync(channel).pull("Nowhere")
    with pytest.raises(BadRequest, match="no rule set 'services'"):
        sync(channel).push(None, "services", backup=tmp_path)
    with pytest.raises(BadRequest, match="holds no backup"):
        sync(channel).restore(tmp_path)
