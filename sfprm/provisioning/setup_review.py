"""What setup would do, and what partners would see afterwards. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfprm.estate.model import KEY_FIELD
from sfprm.estate.reader import read_estate
from sfprm.provisioning.communities import SETTINGS, communities_in
from sfprm.provisioning.exposure_reader import exposure_of, reviewed_files
from sfprm.provisioning.grants import key_field_faults, missing_grants
from sfprm.provisioning.setup_acts import Act, ActState, SetupAct, SetupReview
from sfprm.provisioning.setup_convert import chosen_findings, conversion_of
from sfprm.provisioning.setup_rows import rows_affected
from sfprm.provisioning.site_members import plan_joins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfprm.clock import Clock
    from sfprm.estate.model import Estate, Site
    from sfprm.ids import RecordId
    from sfprm.programme.model import Programme
    from sfprm.provisioning.communities import Communities
    from sfprm.provisioning.grants import Grants
    from sfprm.provisioning.setup_convert import Conversion
    from sfprm.provisioning.setup_window import Window
    from sfprm.provisioning.site_members import JoinPlan
    from sfprm.salesforce.session import Session

__all__ = ["PERMISSION_SETS", "WELCOME_FIELD", "SetupChoices", "review_setup"]

PERMISSION_SETS = ("sfprm_run", "sfprm_setup")
"""Shipped with the external-id fields, assigned to the agent's user (operations.md, rule 2)."""
WELCOME_FIELD = "OptionsSendWelcomeEmail"


@dataclass(frozen=True, slots=True)
class SetupChoices:
    """What a person asks of setup.

    `max_mails`: most active users that joining Live sites may mail. `convert`: names of findings
    to rewrite, or `all`. `window`: when rewriting may start; None: at once. `hold_welcome_mail`:
    above `max_mails`, switch the welcome mail off first and on again after. `membership_timeout`
    in seconds.
    """

    max_mails: int = 0
    convert: tuple[str, ...] = ()
    window: Window | None = None
    hold_welcome_mail: bool = False
    membership_timeout: float = 600.0


def review_setup(
    session: Session,
    programme: Programme,
    applied: Mapping[tuple[str, str], Mapping[str, object]],
    *,
    clock: Clock,
    choices: SetupChoices,
) -> SetupReview:
    """The three-step review and the acts. `applied`: the last values that we wrote.

    Raises the error tree; BadRequest when a name to convert is none.
    """
    estate = read_estate(session, programme)
    files = reviewed_files(session, clock=clock, more=SETTINGS)
    on = communities_in(files)
    exposure = exposure_of(session, estate, files)
    conversion = None
    if choices.convert:
        conversion = conversion_of(files, chosen_findings(exposure, choices.convert))
    affected = rows_affected(session, conversion.before) if conversion else ()
    missing = missing_grants(session, PERMISSION_SETS, estate.org.agent_id)
    faults = key_field_faults(session, programme.key_fields)
    plan = plan_joins(session, programme, estate)
    ours = [site for site in estate.sites.values() if _switched_off(applied, site)]
    owed = tuple((site.id, site.name) for site in ours if not site.sends_welcome)
    converting = _convert_act(choices, conversion, clock.now())
    acts = [
        *converting,
        _switch_act(on, waits=any(a.state is ActState.BLOCKED for a in converting)),
        _deploy_act(estate, missing, faults),
        SetupAct(
            Act.GRANT,
            _state(not missing.unassigned and not missing.absent),
            f"assign the permission sets to {estate.org.agent_username}",
        ),
        SetupAct(
            Act.PROVE,
            _state(estate.keys_visible),
            "prove by describe and a query that the fields can be used",
        ),
        _join_act(plan, choices),
    ]
    acts += _welcome_act(plan, choices, owed)
    return SetupReview(
        org=estate.org,
        acts=tuple(acts),
        exposure=exposure,
        joins=plan.joins,
        conversion=conversion,
        affected=affected,
        owed_welcome=owed,
        settled_welcome=tuple(site.name for site in ours if site.sends_welcome),
    )


def _state(already: bool) -> ActState:
    return ActState.ALREADY if already else ActState.TO_DO


def _switched_off(applied: Mapping[tuple[str, str], Mapping[str, object]], site: Site) -> bool:
    """Whether the last thing that we did to its welcome mail was to switch it off."""
    return applied.get(("Network", site.name), {}).get(WELCOME_FIELD) is False


def _convert_act(
    choices: SetupChoices, conversion: Conversion | None, now: datetime
) -> list[SetupAct]:
    if not choices.convert:
        return []
    if conversion is None:
        return [SetupAct(Act.CONVERT, ActState.ALREADY, "rewrite old shares: none is left")]
    what = f"rewrite {len(conversion.names)} old shares for internal users only"
    window = choices.window
    if window is not None and not window.open_at(now):
        opens = window.next_open(now)
        return [
            SetupAct(
                Act.CONVERT,
                ActState.BLOCKED,
                what,
                found=f"outside its window, which opens at {opens:%Y-%m-%d %H:%M} {window.zone}",
                fix="run the same command then",
            )
        ]
    return [SetupAct(Act.CONVERT, ActState.TO_DO, what)]


def _switch_act(on: Communities, *, waits: bool) -> SetupAct:
    """`waits`: old shares are to be rewritten first, and cannot be now: nothing is to be seen by
    partners in between."""
    both = on.experiences and on.partner_management
    what = "turn digital experiences and partner management on: cannot be turned off again"
    if waits and not both:
        found = "waits until the old shares are rewritten"
        return SetupAct(Act.SWITCH_ON, ActState.BLOCKED, what, found=found, fix="as above")
    return SetupAct(Act.SWITCH_ON, _state(both), what, irreversible=not both)


def _deploy_act(estate: Estate, missing: Grants, faults: tuple[str, ...]) -> SetupAct:
    keys = estate.key_fields
    ours = [
        f"{object_}.{key}"
        for object_, key in (("Account", keys.account), ("Contact", keys.contact))
        if key == KEY_FIELD
    ]
    sets = f"the permission sets {' and '.join(PERMISSION_SETS)}"
    what = f"deploy {', '.join([*ours, sets])}"
    there = estate.keys_visible and not missing.absent and not faults
    return SetupAct(Act.DEPLOY, _state(there), what, found="; ".join(faults))


def _join_act(plan: JoinPlan, choices: SetupChoices) -> SetupAct:
    joins = plan.joins
    if plan.missing:
        return SetupAct(
            Act.JOIN_SITE,
            ActState.BLOCKED,
            "add profiles and permission sets to the site",
            found=f"the org has not: {', '.join(plan.missing)}",
            fix="create what is missing, or correct its name in the files, then run setup again",
        )
    names = " and ".join(f"{j.kind} {j.parent}" for j in joins)
    sites = " and ".join(dict.fromkeys(j.site for j in joins))
    mails = sum(j.mails for j in joins if not j.is_member)
    what = f"add the {names} to the site {sites}; {mails} active users mailed now"
    if all(j.is_member for j in joins):
        return SetupAct(Act.JOIN_SITE, ActState.ALREADY, what)
    if mails <= choices.max_mails:
        return SetupAct(Act.JOIN_SITE, ActState.TO_DO, what)
    if choices.hold_welcome_mail:
        held = f"add the {names} to the site {sites}, its welcome mail switched off meanwhile"
        return SetupAct(Act.JOIN_SITE, ActState.TO_DO, held)
    return SetupAct(
        Act.JOIN_SITE,
        ActState.BLOCKED,
        what,
        found=f"{mails} active users would be mailed, more than {choices.max_mails}",
        fix="raise --max-mails, or add --hold-welcome-mail: it is off meanwhile and on again after",
    )


def _welcome_act(
    plan: JoinPlan, choices: SetupChoices, owed: tuple[tuple[RecordId, str], ...]
) -> list[SetupAct]:
    mails = sum(j.mails for j in plan.joins if not j.is_member)
    held = choices.hold_welcome_mail and mails > choices.max_mails and not plan.missing
    if not owed and not held:
        return []
    sites = [name for _, name in owed]
    sites += [j.site for j in plan.joins if j.mails and not j.is_member]
    what = f"switch the welcome mail of {' and '.join(dict.fromkeys(sites))} on again"
    return [SetupAct(Act.WELCOME, ActState.TO_DO, what)]
