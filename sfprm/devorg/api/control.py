"""The control API under /_devorg/: not Salesforce's. No login; the server listens on loopback."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sfprm.devorg import story
from sfprm.devorg.api import behaviours, control_logins, control_orgs, control_schema
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.apps import OAuthError
from sfprm.devorg.behaviours.duplicates import duplicate_rules, set_duplicate_rules
from sfprm.devorg.behaviours.user_life import confirm_email
from sfprm.devorg.limits import limits_from
from sfprm.devorg.problems import Refusal, RowProblem

__all__ = ["control"]


def control(request: Request) -> Answer:
    """One call of the control API. Raises Refusal 400, 404 or 405."""
    name = request.path.strip("/").lower().removeprefix("_devorg").strip("/")
    handlers = _TABLE.get(name) or control_orgs.below(name)
    if handlers is None:
        raise Refusal(404, "NOT_FOUND", f"/_devorg/{name} is none of {', '.join(sorted(_TABLE))}")
    handler = handlers.get(request.method)
    if handler is None:
        raise Refusal(405, "METHOD_NOT_ALLOWED", f"/_devorg/{name} takes {', '.join(handlers)}")
    try:
        return handler(request)
    except (ValueError, LookupError, TypeError, OverflowError, OAuthError) as error:
        raise Refusal(400, "INVALID_INPUT", f"{error}") from error
    except RowProblem as problem:
        raise Refusal(400, problem.code, problem.message, problem.fields) from problem


def _body(request: Request) -> dict[str, Any]:
    return request.json_object() if request.body else {}


def _status(request: Request) -> Answer:
    org = request.org
    return Answer(
        body={
            "status": "ok",
            "org": org.name,
            "story": org.story,
            "organization": org.organization.get("Id"),
            "now": org.clock.now().isoformat(),
            "http": org.http_url,
            "https": org.instance_url,
            "api_calls": {"used": org.calls.used, "max": request.org.limits.daily_api},
        }
    )


def _reset(request: Request) -> Answer:
    request.org.reset()
    return Answer(body={"done": "The org was emptied."})


def _seed(request: Request) -> Answer:
    """{"story": "demo", "seed": 7}, with "leads": n that many leads more; {"leads": n} alone adds
    them to the org as it is. "key" names a deployed text field of theirs to fill; "waiting": true
    has all of them wait in the intake queues."""
    org, body = request.org, _body(request)
    name, seed = str(body.get("story", "demo")), int(body.get("seed", 7))
    done = {} if "leads" in body and "story" not in body else org.seed(name, seed)
    if "leads" not in body:
        return Answer(body=done)
    waiting = bool(body.get("waiting"))
    loaded = story.load_leads(org, int(body["leads"]), seed, body.get("key"), waiting=waiting)
    said = " ".join(filter(None, [done.get("done"), f"{loaded} leads were loaded."]))
    return Answer(body={**done, "done": said, "leads": loaded})


def _event(request: Request) -> Answer:
    org, body = request.org, _body(request)
    done = org.happen(lambda: story.event(org, body))
    org.events.append({"at": org.clock.now().isoformat(), **body, **done})
    return Answer(body=done)


def _events(request: Request) -> Answer:
    return Answer(body=request.org.events.all())


def _outbox(request: Request) -> Answer:
    return Answer(body=request.org.outbox.as_json())


def _calls(request: Request) -> Answer:
    return Answer(body=request.org.calls.as_json())


def _set_calls(request: Request) -> Answer:
    """{"used": n}: so many calls of the day's allowance are used."""
    now = request.org.clock.now()
    request.org.calls.charge(int(_body(request)["used"]) - request.org.calls.charge(0, now), now)
    return Answer(body={"used": request.org.calls.used, "max": request.org.limits.daily_api})


def _calls_reset(request: Request) -> Answer:
    request.org.calls.reset()
    return Answer(body={"done": "The call log was emptied."})


def _clock(request: Request) -> Answer:
    return Answer(body=request.org.clock.state())


def _set_clock(request: Request) -> Answer:
    body, clock = _body(request), request.org.clock
    if body.get("follow") is True:
        clock.follow()
    elif "set" in body:
        clock.set(datetime.fromisoformat(str(body["set"])))
    elif "advance" in body:
        clock.advance(float(body["advance"]))
    else:
        raise ValueError('give {"advance": seconds}, {"set": instant} or {"follow": true}')
    return Answer(body=clock.state())


def _faults(request: Request) -> Answer:
    return Answer(body=request.org.faults.as_json())


def _add_fault(request: Request) -> Answer:
    request.org.faults.add(_body(request), request.org.clock.now())
    return _faults(request)


def _clear_faults(request: Request) -> Answer:
    request.org.faults.clear()
    return _faults(request)


def _delays(request: Request) -> Answer:
    delays, body = request.org.delays, _body(request)
    delays.membership_seconds = float(body.get("membership_seconds", delays.membership_seconds))
    delays.bulk_seconds = float(body.get("bulk_seconds", delays.bulk_seconds))
    wait = body.get("deployment_seconds", delays.deployment_seconds)
    delays.deployment_seconds = float(wait)
    return Answer(body=asdict(delays))


def _settings(request: Request) -> Answer:
    """Org settings by name, as in `Org`; a test's way to what has no API in Salesforce."""
    for name, value in _body(request).items():
        request.org.set_setting(name, value)
    return Answer(body={"done": "The settings were kept."})


def _limits(request: Request) -> Answer:
    return Answer(body=request.org.limits.as_json())


def _set_limits(request: Request) -> Answer:
    """{"daily_api": n, ...}: see `Limits`; those not named stay."""
    org = request.org
    wanted = {**org.limits.as_json(), **_body(request)}
    limits_from(wanted)
    org.set_setting("limits", wanted)
    return _limits(request)


def _duplicate_rules(request: Request) -> Answer:
    """All duplicate rules; POST replaces them by a list, `[]` for none."""
    org = request.org
    if request.method == "POST":
        set_duplicate_rules(org, request.json())
    return Answer(body=[asdict(rule) for rule in duplicate_rules(org)])


def _confirm_email(request: Request) -> Answer:
    """A person follows the link in the mail that confirms a new e-mail address."""
    username = str(_body(request).get("username"))
    address = confirm_email(request.org, username)
    return Answer(body={"done": f"{username} confirmed {address}."})


_TABLE = {
    "status": {"GET": _status},
    "reset": {"POST": _reset},
    "seed": {"POST": _seed},
    "events": {"GET": _events, "POST": _event},
    "outbox": {"GET": _outbox},
    "behaviours": {
        "GET": behaviours.show,
        "POST": behaviours.put,
        "DELETE": behaviours.clear,
    },
    "locks": {"GET": behaviours.locks, "POST": behaviours.take, "DELETE": behaviours.release},
    "calls": {"GET": _calls, "POST": _set_calls},
    "calls/reset": {"POST": _calls_reset},
    "clock": {"GET": _clock, "POST": _set_clock},
    "faults": {"GET": _faults, "POST": _add_fault, "DELETE": _clear_faults},
    "delays": {"GET": _delays, "POST": _delays},
    "settings": {"POST": _settings},
    "duplicate-rules": {"GET": _duplicate_rules, "POST": _duplicate_rules},
    "confirm-email": {"POST": _confirm_email},
    "sessions": {"POST": control_logins.add_session},
    "apps": {"GET": control_logins.apps, "POST": control_logins.add_app},
    "approvals": {"POST": control_logins.add_approval},
    "passwords": {"POST": control_logins.add_password},
    "describes": {"POST": control_schema.load},
    "switches": {"GET": control_schema.switches, "POST": control_schema.set_switches},
    "limits": {"GET": _limits, "POST": _set_limits},
    "orgs": {"GET": control_orgs.orgs, "POST": control_orgs.add_org},
    "snapshots": {"GET": control_orgs.snapshots, "POST": control_orgs.add_snapshot},
}
