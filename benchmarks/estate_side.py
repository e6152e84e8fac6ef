"""One side of bench-estate in a process of its own: sfprm, or the record-by-record way.

Argument: JSON with `side`, `ready` (the server's line), `programme` and `state` folders. Prints one
line of JSON: seconds, cpu, rss_mb, calls, and what the side found.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sfprm.cli.interpreter import set_up_interpreter
from sfprm.clock import SystemClock
from sfprm.events import NoProgress
from sfprm.ids import RunId
from sfprm.programme.load import load_programme
from sfprm.programme.model import PartnerMember, Programme
from sfprm.provisioning.apply import apply
from sfprm.provisioning.make_plan import make_plan
from sfprm.salesforce.session import Session, open_session
from sfprm.salesforce.wire import Link
from sfprm.settings import load_settings
from sfprm.store.database import open_store
from sfprm.store.records import Run, RunState

Told = dict[str, float | int | str | dict[str, float]]


def settings_of(given: Mapping[str, Any]) -> Any:
    """The settings with which sfprm talks to the server."""
    ready = given["ready"]
    return load_settings(
        {
            "SFPRM_LOGIN_URL": ready["http"],
            "SFPRM_CLIENT_ID": ready["client_id"],
            "SFPRM_CLIENT_SECRET": ready["client_secret"],
            "SFPRM_CA_BUNDLE": ready["ca"],
            "SFPRM_STATE_DIR": given["state"],
            "SFPRM_PROGRAMME": given["programme"],
            "SFPRM_CALL_SHARE_OF_LEFT": "1",
            "SFPRM_CALL_SHARE_OF_DAY": "1",
            "SFPRM_MAX_IN_FLIGHT": str(given.get("in_flight", 1)),
        }
    )


def recording(file: Path) -> Callable[[], None]:
    """Keep what is sent, for the bare loop; returns what ends it."""
    kept = file.open("w", encoding="utf-8")
    send = Link.send

    def sends(link: Link, request: Any) -> Any:
        if request.method != "GET" and request.path.startswith("composite"):
            kept.write(
                json.dumps([request.method, request.path, dict(request.params or {}), request.json])
            )
            kept.write("\n")
        return send(link, request)

    vars_of: Any = Link
    vars_of.send = sends
    return kept.close


def sfprm_side(given: Mapping[str, Any]) -> Told:
    """Load the files, plan and (side `apply`) apply, as the program does; the seconds of each."""
    set_up_interpreter()
    settings = settings_of(given)
    clock, progress = SystemClock(), NoProgress()
    store = open_store(settings.database)
    programme = load_programme(settings.programme)
    done = recording(Path(given["keep"])) if given.get("keep") else None
    begun, cpu = time.perf_counter(), time.process_time()
    with open_session(settings, clock) as session:
        plan = make_plan(session, store, programme, progress=progress)
        planned, read = time.perf_counter() - begun, session.calls.total
        told: Told = {"plan_s": planned, "plan_calls": read, "steps": len(plan.steps)}
        told["blocked"] = len(plan.comparison.blocked)
        told["plan_cpu"] = time.process_time() - cpu
        if given["side"] == "apply":
            began = time.perf_counter()
            run = RunId(f"bench-{time.time_ns()}")
            store.start_run(Run(run, "provision", RunState.RUNNING, "bench", clock.now()))
            result = apply(
                session, store, plan,
                run=run, clock=clock, progress=progress, programme=programme,
            )  # fmt: skip
            store.finish_run(
                run, state=RunState.DONE, finished=clock.now(),
                counts=result.counts(), calls=result.calls, exit_code=0,
            )  # fmt: skip
            told["failed"] = len(result.errors)
            told["first_error"] = result.errors[0].message if result.errors else ""
            # journalling the plan and the run are part of it
            told["apply_s"] = time.perf_counter() - began
            told["user_s"] = result.user_seconds
        told["calls"] = session.calls.total
    told["seconds"] = time.perf_counter() - begun
    told["cpu"] = time.process_time() - cpu
    if done is not None:
        done()
    store.close()
    return told


def naive_side(given: Mapping[str, Any]) -> Told:
    """Record by record, as a script would: ask whether it is there, then write it."""
    settings = settings_of(given)
    programme = load_programme(settings.programme)
    begun, cpu = time.perf_counter(), time.process_time()
    with open_session(settings, SystemClock()) as session:
        _naive(session, programme)
        calls = session.calls.total
    return {
        "calls": calls,
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
    }


def _naive(session: Session, programme: Programme) -> None:
    def post(object_: str, **fields: Any) -> str:
        answer = session.request("POST", f"sobjects/{object_}", kind="create", json=fields)
        return str(answer.json["id"])

    def one(query: str) -> str:
        answer = session.request("GET", "query", kind="query", params={"q": query}).json
        return str(answer["records"][0]["Id"])

    manager = next(iter(programme.channel_managers.values())).username
    owner = one(f"SELECT Id FROM User WHERE Username = '{manager}'")
    profile = one(f"SELECT Id FROM Profile WHERE Name = '{programme.profile}'")
    users: dict[str, list[str]] = {}
    for partner in programme.partners.values():
        account = post("Account", Name=partner.name, OwnerId=owner, Partner_Key__c=partner.key)
        session.request(
            "PATCH", f"sobjects/Account/{quote(account)}", kind="update", json={"IsPartner": True}
        )
        for person in programme.people_of(partner.key):
            contact = post(
                "Contact", AccountId=account, FirstName=person.first_name,
                LastName=person.last_name, Email=person.email, Partner_Key__c=person.key,
            )  # fmt: skip
            user = post(
                "User", ContactId=contact, ProfileId=profile, Username=person.username,
                FirstName=person.first_name, LastName=person.last_name, Email=person.email,
                Alias=person.alias, CommunityNickname=person.nickname,
                TimeZoneSidKey=person.time_zone, LocaleSidKey=person.locale,
                LanguageLocaleKey=person.language, EmailEncodingKey=person.email_encoding,
                PortalRole=person.role.value,
            )  # fmt: skip
            users.setdefault(partner.key, []).append(user)
    for queue in programme.queues.values():
        group = post("Group", Name=queue.name, DeveloperName=queue.developer_name, Type="Queue")
        post("QueueSobject", QueueId=group, SobjectType="Lead")
        for member in queue.members:
            assert isinstance(member, PartnerMember)
            for user in users[member.partner]:
                post("GroupMember", GroupId=group, UserOrGroupId=user)


def bare_side(given: Mapping[str, Any]) -> Told:
    """The same bodies by a bare loop of `requests`: no plan, no journal, no look at the answers."""
    import requests

    bodies = [json.loads(line) for line in Path(given["keep"]).read_text("utf-8").splitlines()]
    ready = given["ready"]
    with requests.Session() as web:
        form = {
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "client_secret": ready["client_secret"],
        }
        login = web.post(f"{ready['http']}/services/oauth2/token", data=form, verify=ready["ca"])
        token = login.json()
        root = f"{token['instance_url']}/services/data/v{given['version']}"
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        begun, cpu, bad = time.perf_counter(), time.process_time(), 0
        for method, path, params, body in bodies:
            answer = web.request(
                method, f"{root}/{path}", params=params, json=body, headers=headers,
                verify=ready["ca"],
            )  # fmt: skip
            bad += sum(1 for row in answer.json() if not row["success"])
    return {
        "calls": len(bodies),
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        "failed": bad,
    }


SIDES = {"apply": sfprm_side, "plan": sfprm_side, "naive": naive_side, "bare": bare_side}


def main() -> None:
    """Run the side and tell."""
    given = json.loads(sys.argv[1])
    told = SIDES[given["side"]](given)
    told["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told))


if __name__ == "__main__":
    main()
