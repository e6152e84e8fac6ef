"""A plan as a file, where its steps stand, an error file mended, a part of a plan, its inverse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfprm.errors import BadRequest, NotReady
from sfprm.ids import PartnerKey, PersonKey
from sfprm.programme.model import OwnerPolicy, PartnerMember, PersonMember, Presence
from sfprm.provisioning.lanes import cut
from sfprm.provisioning.markdown import plan_markdown
from sfprm.provisioning.mended import mend, read_errors
from sfprm.provisioning.plan_file import read_plan, refuse_another, write_plan
from sfprm.provisioning.result import FailedRow, write_errors
from sfprm.provisioning.standing import FOUND_DONE, Standing, stand
from sfprm.provisioning.target import targeted
from sfprm.provisioning.undo import as_it_stands, inverse
from sfprm.store.records import Step, StepState

Make = Any


def sample(make: Make, **more: Any) -> Any:
    """Two partners of one person each, in one queue."""
    return make.programme(
        [make.partner("acme", **more), make.partner("nordica")],
        [make.person("ines", "acme"), make.person("rui", "nordica")],
        [make.queue("Norte", PartnerMember(PartnerKey("acme")), PersonMember(PersonKey("rui")))],
    )


def test_the_file_says_the_same_plan(make: Make, tmp_path: Path) -> None:
    """Steps, blocked records and what is to be remembered come back as they were."""
    programme = make.programme(
        [make.partner("acme"), make.partner("nordica", manager="pedro")],
        [make.person("ines", "acme")],
    )
    plan = make.plan(programme, make.estate())
    write_plan(tmp_path / "deep" / "plan.json", plan)
    read = read_plan(tmp_path / "deep" / "plan.json")
    assert [(s.kind, s.key, dict(s.after), s.needs, s.flags) for s in read.steps] == [
        (s.kind, s.key, dict(s.after), s.needs, s.flags) for s in plan.steps
    ]
    assert [d.why for d in read.comparison.blocked] == [d.why for d in plan.comparison.blocked]
    assert read.org == plan.org


def test_the_file_is_canonical(make: Make, tmp_path: Path) -> None:
    """The same state gives the same bytes, and what is read is written the same again."""
    for name in ("one", "two"):
        write_plan(tmp_path / name, make.plan(sample(make), make.estate()))
    write_plan(tmp_path / "three", read_plan(tmp_path / "one"))
    texts = {(tmp_path / name).read_bytes() for name in ("one", "two", "three")}
    assert len(texts) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"plan": {"sfprm_plan": 99}}', "nonsense"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    """With the next step."""
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(BadRequest) as refused:
        read_plan(tmp_path / "plan.json")
    assert "sfprm plan --out" in refused.value.hint


def test_a_plan_is_for_one_org_and_one_state_of_the_files(make: Make) -> None:
    """Another org and changed files are refused by name."""
    plan = make.plan(sample(make), make.estate())
    with pytest.raises(NotReady, match=r"made for Alder"):
        refuse_another(plan, org_id=make.id("00D", 2), org_name="Other", digest="d")
    with pytest.raises(NotReady, match="files have changed"):
        refuse_another(plan, org_id=plan.org.id, org_name="Alder", digest="e")


def test_all_steps_stand_before_and_then_after(make: Make) -> None:
    """Before the apply everything is to be run; after it everything is done."""
    programme, estate = sample(make), make.estate()
    plan = make.plan(programme, estate)
    assert {s.standing for s in stand(plan.steps, estate, programme)} == {Standing.BEFORE}
    after, _ = make.carry_out(plan, estate)
    assert {s.standing for s in stand(plan.steps, after, programme)} == {Standing.AFTER}


@given(cut_at=st.integers(0, 12))
def test_any_part_done_is_found_done(make: Make, cut_at: int) -> None:
    """After any number of steps, those are found as after and the rest as before."""
    programme, estate = sample(make), make.estate()
    plan = make.plan(programme, estate)
    half, _ = make.carry_out(replace(plan, steps=plan.steps[:cut_at]), estate)
    found = [s.standing for s in stand(plan.steps, half, programme)]
    done = min(cut_at, len(plan.steps))
    assert found == [Standing.AFTER] * done + [Standing.BEFORE] * (len(plan.steps) - done)


def test_a_step_whose_record_has_moved_is_refused_by_name(make: Make) -> None:
    """Neither as before nor as after: the words say what is there now."""
    estate, applied = make.carry_out(make.plan(sample(make), make.estate()), make.estate())
    programme = sample(make, fields={"Phone": "+351 1"})
    plan = make.plan(programme, estate, applied)
    account = next(a for a in estate.accounts.values() if a.key == "acme")
    moved = replace(account, fields={**account.fields, "Phone": "0800"})
    estate = replace(estate, accounts={**estate.accounts, account.id: moved})
    [found] = stand(plan.steps, estate, programme)
    assert found.standing is Standing.MOVED
    assert "Phone is '0800'" in found.why


def test_a_mended_error_file_changes_just_the_cells(make: Make, tmp_path: Path) -> None:
    """A new username goes into the step and into what is remembered; other cells stay typed."""
    plan = make.plan(sample(make), make.estate())
    user = next(s for s in plan.steps if s.kind == "CreateUser")
    row = FailedRow(1, user.kind, "User", user.key, user.label, "failed", "C", "m", "f", user.after)
    write_errors(tmp_path / "errors.csv", [row])
    text = (tmp_path / "errors.csv").read_text("utf-8-sig")
    (tmp_path / "errors.csv").write_text(
        text.replace("ines.acme@partners", "ines2.acme@partners"), "utf-8-sig"
    )
    told = mend(plan, read_errors(tmp_path / "errors.csv"))
    step = next(s for s in told.plan.steps if s.key == user.key and s.kind == "CreateUser")
    assert step.after["Username"] == "ines2.acme@partners.example.com"
    assert step.remember["Username"] == "ines2.acme@partners.example.com"
    assert step.after["IsActive"] is True
    assert len(told.changes) == 1


def test_an_error_file_of_another_plan_is_refused(make: Make, tmp_path: Path) -> None:
    """A row that the plan does not hold; a file without the columns."""
    plan = make.plan(sample(make), make.estate())
    (tmp_path / "a.csv").write_text("kind,key\nCreateUser,nobody\n")
    with pytest.raises(BadRequest, match="CreateUser nobody"):
        mend(plan, read_errors(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_text("Name\nx\n")
    with pytest.raises(BadRequest, match="no error file"):
        read_errors(tmp_path / "b.csv")


@given(
    text=st.text(
        st.characters(codec="utf-8", exclude_characters="\x00"),
        max_size=60,
    )
)
def test_any_text_survives_the_error_file(tmp_path_factory: Any, text: str) -> None:
    """Formulas, quotes, commas, line breaks, every script: what is read is what was sent."""
    path = tmp_path_factory.mktemp("errors") / "errors.csv"
    row = FailedRow(1, "K", "O", "k", text, "failed", "", text, "", {"Name": text})
    write_errors(path, [row])
    cell = read_errors(path)[("K", "k")]["Name"]
    assert cell.replace("\r\n", "\n").replace("\r", "\n") == text.replace("\r\n", "\n").replace(
        "\r", "\n"
    )


def test_a_target_takes_what_it_needs_along(make: Make) -> None:
    """The partner's own steps and the queue that its membership needs, nobody else's."""
    programme = sample(make)
    plan = targeted(make.plan(programme, make.estate()), programme, "acme")
    assert {s.key for s in plan.steps} == {"acme", "ines", "Norte", "Norte/user:ines"}
    with pytest.raises(BadRequest, match="no partner"):
        targeted(plan, programme, "acmi")


def test_markdown_shows_names_as_they_are(make: Make) -> None:
    """A name cannot break the table or ping anybody."""
    programme = make.programme([make.partner("acme", name="A|B <b> @all\n`x`")])
    text = plan_markdown(make.plan(programme, make.estate()))
    assert "\\|" in text
    assert "\\@all" in text
    assert "cannot be undone" in text
    assert len([line for line in text.splitlines() if line.startswith("| 1 ")]) == 1


def journal(plan: Any, ids: Any) -> list[Step]:
    """The steps of a run that was carried out."""
    return [
        Step(
            "run",  # type: ignore[arg-type]
            number,
            step.kind,
            step.key,
            StepState.DONE,
            record_id=ids.get(step.ref) or step.record_id,
        )
        for number, step in enumerate(plan.steps, start=1)
    ]


def test_the_inverse_brings_values_back(make: Make) -> None:
    """An update, an owner, a freeze and a membership go back; the estate is as it was."""
    start, applied = make.carry_out(make.plan(sample(make), make.estate()), make.estate())
    after = make.programme(
        [
            make.partner("acme", manager="jonas", owner=OwnerPolicy.MANAGED, fields={"Phone": "1"}),
            make.partner("nordica"),
        ],
        [make.person("ines", "acme", state=Presence.FROZEN), make.person("rui", "nordica")],
        [make.queue("Norte", PersonMember(PersonKey("rui")))],
    )
    plan = make.plan(after, start, applied)
    assert {s.kind for s in plan.steps} == {
        *("UpdateAccount", "ChangeOwner", "FreezeUser", "RemoveMember")
    }
    there, applied = make.carry_out(plan, start, applied)
    back = inverse(plan, journal(plan, {}), there, after)
    assert back.cannot == ()
    again, _ = make.carry_out(back.plan, there, applied)
    assert make.plan(sample(make), again, {}).steps == ()
    accounts = {a.key: a.fields["OwnerId"] for a in again.accounts.values()}
    assert accounts["acme"] == make.marta


def test_what_was_made_is_said_to_stay(make: Make) -> None:
    """Users are deactivated, the rest stays, each with its reason."""
    plan = make.plan(sample(make), make.estate())
    ids = {s.ref: make.id("001", n) for n, s in enumerate(plan.steps)}
    back = inverse(plan, journal(plan, ids), make.estate(), sample(make))
    assert back.only_deactivated == 2
    assert {s.kind for s in back.plan.steps} == {"DeactivateUser", "RemoveMember"}
    assert {c.kind for c in back.cannot} == {
        *("CreateAccount", "EnablePartner", "UpsertContact", "CreateQueue", "QueueForLead")
    }


def test_a_step_without_an_answer_is_undone_where_it_took_place(make: Make) -> None:
    """Sent and never settled: the org tells. What another run had done is left to that one."""
    start, applied = make.carry_out(make.plan(sample(make), make.estate()), make.estate())
    after = sample(make, fields={"Phone": "1"})
    plan = make.plan(after, start, applied)
    there, _ = make.carry_out(plan, start, applied)
    [told] = journal(plan, {})
    sent = [replace(told, state=StepState.SENT)]
    assert [s.kind for s in inverse(plan, sent, there, after).plan.steps] == ["UpdateAccount"]
    assert inverse(plan, sent, start, after).plan.steps == ()
    found = inverse(plan, [replace(told, message=FOUND_DONE)], there, after)
    assert (found.plan.steps, found.found) == ((), 1)


def test_undo_leaves_just_the_fields_that_moved(make: Make) -> None:
    """A step of two fields goes back by the one that nobody has touched since."""
    start, applied = make.carry_out(make.plan(sample(make), make.estate()), make.estate())
    after = sample(make, fields={"Phone": "1", "Website": "w"})
    plan = make.plan(after, start, applied)
    there, _ = make.carry_out(plan, start, applied)
    at = next(a for a in there.accounts.values() if a.key == "acme")
    touched = replace(at, fields={**at.fields, "Phone": "0800"})
    there = replace(there, accounts={**there.accounts, at.id: touched})
    back, stands = as_it_stands(inverse(plan, journal(plan, {}), there, after), there, after)
    assert [dict(s.after) for s in back.plan.steps] == [{"Website": None}]
    assert [s.standing for s in stands] == [Standing.BEFORE]
    assert [c.why for c in back.cannot] == ["Phone was changed since, to '0800': left so"]


@given(owners=st.lists(st.integers(0, 5), min_size=1, max_size=60), size=st.integers(1, 20))
def test_chunks_keep_accounts_together(make: Make, owners: list[int], size: int) -> None:
    """Nothing is lost, no chunk is too long, and no account is torn that fits a chunk."""
    steps = [type("S", (), {"owner": o})() for o in sorted(owners)]
    at, ends = 0, []
    while at < len(steps):
        end = cut(steps, at, size)
        assert at < end <= at + size
        ends.append(end)
        at = end
    for end in ends[:-1]:
        if steps[end - 1].owner == steps[end].owner:
            mine = [s for s in steps if s.owner == steps[end].owner]
            assert len(mine) > 1
            assert steps[max(0, end - size)].owner == steps[end].owner


def moving(make: Make, to: str) -> tuple[Any, Any, Any, Any]:
    """Ines goes to that partner: programme, plan, the org before it and after it."""
    start, applied = make.carry_out(make.plan(sample(make), make.estate()), make.estate())
    programme = make.programme(
        [make.partner("acme"), make.partner("nordica"), make.partner("neu")],
        [make.person("ines", to), make.person("rui", "nordica")],
    )
    plan = make.plan(programme, start, applied)
    there, _ = make.carry_out(plan, start, applied)
    return programme, plan, start, there


@pytest.mark.parametrize("to", ["nordica", "neu"])
def test_a_move_to_another_partner_stands_where_the_contact_is(make: Make, to: str) -> None:
    """Also to a partner without an account when the plan was made: before, after, elsewhere."""
    programme, plan, start, there = moving(make, to)
    [move] = [s for s in plan.steps if s.kind == "MoveContact"]
    assert [s.standing for s in stand((move,), start, programme)] == [Standing.BEFORE]
    assert [s.standing for s in stand((move,), there, programme)] == [Standing.AFTER]
    contact = there.contacts[move.record_id]
    astray = replace(contact, account_id=make.id("001", 777))
    elsewhere = replace(there, contacts={**there.contacts, contact.id: astray})
    [found] = stand((move,), elsewhere, programme)
    assert (found.standing, "was moved meanwhile" in found.why) == (Standing.MOVED, True)
    gone = replace(there, contacts={})
    assert "is no more in the org" in stand((move,), gone, programme)[0].why
    made = {s.ref: s for s in plan.steps}
    ids = {ref: next((a.id for a in there.accounts.values() if a.key == s.key), None)
           for ref, s in made.items() if ref.startswith("account:")}  # fmt: skip
    back, stands = as_it_stands(
        inverse(plan, journal(plan, ids), there, programme), there, programme
    )
    turned = [(s.kind, f.standing) for s, f in zip(back.plan.steps, stands, strict=True)]
    assert ("MoveContact", Standing.BEFORE) in turned


def test_each_step_has_a_reason(make: Make) -> None:
    """New records and members too; and groups stand by their names."""
    plan = make.plan(sample(make), make.estate())
    assert {s.kind: s.reason for s in plan.steps} == {
        "CreateAccount": "new record",
        "EnablePartner": "new record",
        "UpsertContact": "new record",
        "CreateUser": "new record",
        "CreateQueue": "new record",
        "QueueForLead": "new record",
        "AddMember": "not a member yet",
    }
    start, applied = make.carry_out(plan, make.estate())
    programme = make.programme(
        [make.partner("acme"), make.partner("nordica")],
        [make.person("ines", "acme"), make.person("rui", "nordica")],
        [make.queue("Norte", PersonMember(PersonKey("rui")))],
    )
    text = plan_markdown(make.plan(programme, start, applied))
    assert "GroupId: Norte" in text
