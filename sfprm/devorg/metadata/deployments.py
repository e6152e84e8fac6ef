"""Deployments as a client sees them: started, polled, cancelled (REST sheet section 8).

A deployment waits as Pending; the first poll carries it out and still answers InProgress; later
polls tell its end. So a client must poll, and one cancelled before its first poll did nothing. One
that nobody polls is carried out by `settle`, some seconds of the org's clock after its start.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sfprm.devorg import ids
from sfprm.devorg.metadata.component import Context
from sfprm.devorg.metadata.package import MAX_ZIP
from sfprm.devorg.metadata.running import Failure, Outcome, Success, run
from sfprm.devorg.problems import Refusal, not_imitated
from sfprm.devorg.stamps import stamp_text

if TYPE_CHECKING:
    from sfprm.devorg.org import Org

__all__ = ["LATEST", "cancel", "deploy", "may_deploy", "settle", "status"]

_WAITING = "deployments:waiting"
LATEST = "deployments:latest"
"""Meta value: the latest deployments as DeployRequest lists them, oldest first."""
_MOST_LISTED = 50
_TEST_LEVELS = (
    "NoTestRun",
    "RunSpecifiedTests",
    "RunLocalTests",
    "RunAllTestsInOrg",
    "RunRelevantTests",
)
_FLAGS = {
    "allowMissingFiles": False,
    "autoUpdatePackage": False,
    "checkOnly": False,
    "ignoreWarnings": False,
    "performRetrieve": False,
    "purgeOnDelete": False,
    "rollbackOnError": True,
    "singlePackage": True,
}


def may_deploy(org: Org, user_id: str) -> None:
    """Raise Refusal unless the user may change metadata (code and text unverified)."""
    access = org.permissions.of(user_id)
    if not (access.has("ModifyMetadata") or access.has("ModifyAllData")):
        raise Refusal(
            403,
            "INSUFFICIENT_ACCESS",
            "Modify Metadata Through Metadata API Functions or Modify All Data is required",
        )


def deploy(org: Org, zip_bytes: bytes, options: Mapping[str, Any], user_id: str) -> dict[str, Any]:
    """Start a deployment. `options` is the json part, or the deployOptions in it. Returns the
    body of the 201 answer. Raises Refusal."""
    may_deploy(org, user_id)
    if len(zip_bytes) > MAX_ZIP:
        raise Refusal(
            413, "REQUEST_LIMIT_EXCEEDED", f"The zip is larger than {MAX_ZIP} bytes, the maximum"
        )
    settle(org)
    wanted = options.get("deployOptions", options)
    if not isinstance(wanted, Mapping):
        raise Refusal(400, "JSON_PARSER_ERROR", "deployOptions is not an object")
    kept: dict[str, Any] = {
        name: _flag(name, wanted.get(name, value)) for name, value in _FLAGS.items()
    }
    kept["testLevel"], kept["runTests"] = _tests(wanted)
    job = {
        "id": org.storage.next_id("0Af"),
        "user": user_id,
        "created": org.clock.now().isoformat(),
        "options": kept,
        "status": "Pending",
        "zip": base64.b64encode(zip_bytes).decode("ascii"),
    }
    _keep(org, job)
    org.storage.meta_set(_WAITING, [*org.storage.meta_get(_WAITING, []), job["id"]])
    return {"id": job["id"], "deployOptions": kept, "deployResult": _summary(org, job)}


def status(org: Org, deploy_id: str, include_details: bool) -> dict[str, Any]:
    """One poll: the body of the answer. Raises Refusal 404 for an id that is none."""
    job = _job(org, deploy_id)
    shown = job
    if job["status"] == "Pending":
        _carry_out(org, job)
        shown = {**job, "status": "InProgress"}
    elif job["status"] == "Canceling":
        job["status"] = "Canceled"
        _keep(org, job)
    result = _summary(org, shown)
    if include_details:
        result["details"] = _details(shown)
    return {"id": job["id"], "deployOptions": job["options"], "deployResult": result}


def cancel(org: Org, deploy_id: str) -> dict[str, Any]:
    """Cancel what has not begun; a deployment that was carried out keeps its end. The body of
    the 202 answer. Raises Refusal 404 for an id that is none."""
    job = _job(org, deploy_id)
    if job["status"] == "Pending":
        job.update(status="Canceling", zip="", completed=org.clock.now().isoformat())
        _keep(org, job)
        _no_longer_waiting(org, job["id"])
    result = _summary(org, job)
    return {"id": job["id"], "deployOptions": job["options"], "deployResult": result}


def settle(org: Org) -> None:
    """Carry out what has waited longer than a few seconds without a poll."""
    waiting = org.storage.meta_get(_WAITING)
    if not waiting:
        return
    wait = timedelta(seconds=org.delays.deployment_seconds)
    with org.storage.transaction():
        for deploy_id in waiting:
            job = _job(org, deploy_id)
            if org.clock.now() - datetime.fromisoformat(job["created"]) > wait:
                _carry_out(org, job)


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is None:
        return _FLAGS[name]
    raise Refusal(400, "JSON_PARSER_ERROR", f"deployOptions.{name} is not a boolean: {value!r}")


def _tests(wanted: Mapping[str, Any]) -> tuple[str | None, list[str] | None]:
    """testLevel and runTests [D names]. An org without Apex has no tests: all levels run none, but
    naming tests can only fail (status and words unverified)."""
    level, named = wanted.get("testLevel"), wanted.get("runTests")
    if named is not None and not (
        isinstance(named, list) and all(isinstance(one, str) for one in named)
    ):
        raise Refusal(400, "JSON_PARSER_ERROR", "deployOptions.runTests is not a list of names")
    if level is not None and level not in _TEST_LEVELS:
        raise Refusal(
            400, "INVALID_INPUT", f"'{level}' is not a valid value for the enum 'TestLevel'"
        )
    if named and level != "RunSpecifiedTests":
        raise Refusal(
            400, "INVALID_INPUT", "runTests can be used only with testLevel RunSpecifiedTests"
        )
    if level == "RunSpecifiedTests":
        if not named:
            raise Refusal(
                400, "INVALID_INPUT", "testLevel of RunSpecifiedTests must specify tests to run"
            )
        raise not_imitated(f"Apex tests (runTests {', '.join(named)})")
    return level, named


def _keep(org: Org, job: Mapping[str, Any]) -> None:
    org.storage.meta_set(f"deployment:{job['id']}", job)
    summary = _summary(org, job)
    row = {
        "Id": job["id"],
        "Status": job["status"],
        "CheckOnly": summary["checkOnly"],
        "StartDate": summary["startDate"],
        "CompletedDate": summary["completedDate"],
        "CreatedById": job["user"],
        "CreatedDate": summary["createdDate"],
    }
    latest = [one for one in org.storage.meta_get(LATEST, []) if one["Id"] != job["id"]]
    org.storage.meta_set(LATEST, [*latest, row][-_MOST_LISTED:])


def _job(org: Org, deploy_id: str) -> dict[str, Any]:
    try:
        full = ids.canonical(deploy_id)
    except ValueError:
        full = ""
    job: dict[str, Any] | None = org.storage.meta_get(f"deployment:{full}")
    if job is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return job


def _no_longer_waiting(org: Org, deploy_id: str) -> None:
    waiting = [one for one in org.storage.meta_get(_WAITING, []) if one != deploy_id]
    org.storage.meta_set(_WAITING, waiting)


def _carry_out(org: Org, job: dict[str, Any]) -> None:
    at = org.clock.now()
    options = job["options"]
    outcome = run(
        Context(org, job["user"], at),
        base64.b64decode(job["zip"]),
        check_only=options["checkOnly"],
        rollback_on_error=options["rollbackOnError"],
    )
    job.update(
        zip="",
        start=at.isoformat(),
        completed=org.clock.now().isoformat(),
        status=_end(outcome, options["rollbackOnError"]),
        failures=[_failure(one, at) for one in outcome.failures],
        successes=[_success(one, at) for one in outcome.successes],
    )
    _keep(org, job)
    _no_longer_waiting(org, job["id"])


def _end(outcome: Outcome, rollback_on_error: bool) -> str:
    if not outcome.failures:
        return "Succeeded"
    if rollback_on_error or not outcome.successes:
        return "Failed"
    return "SucceededPartial"


def _summary(org: Org, job: Mapping[str, Any]) -> dict[str, Any]:
    options = job["options"]
    done = job["status"] in ("Succeeded", "SucceededPartial", "Failed", "Canceled")
    result: dict[str, Any] = {
        "id": job["id"],
        "success": job["status"] in ("Succeeded", "SucceededPartial"),
        "checkOnly": options["checkOnly"],
        "ignoreWarnings": options["ignoreWarnings"],
        "rollbackOnError": options["rollbackOnError"],
        "status": job["status"],
        "runTestsEnabled": False,
        "done": done,
    }
    user = org.storage.get("User", job["user"]) or {}
    failures = job.get("failures", []) if done else []
    successes = job.get("successes", []) if done else []
    result.update(
        createdBy=job["user"],
        createdByName=user.get("Name"),
        createdDate=_stamp(job.get("created")),
        startDate=_stamp(job.get("start")),
        lastModifiedDate=_stamp(job.get("completed") or job["created"]),
        completedDate=_stamp(job.get("completed")) if done else None,
        errorMessage=None,
        errorStatusCode=None,
        stateDetail=None,
        numberComponentsDeployed=len(successes),
        numberComponentErrors=len(failures),
        numberComponentsTotal=len(successes) + len(failures),
        numberTestsCompleted=0,
        numberTestErrors=0,
        numberTestsTotal=0,
    )
    return result


def _details(job: Mapping[str, Any]) -> dict[str, Any]:
    ended = job["status"] != "InProgress"
    return {
        "componentFailures": job.get("failures", []) if ended else [],
        "componentSuccesses": job.get("successes", []) if ended else [],
        "retrieveResult": None,
        "runTestResult": {
            "numTestsRun": 0,
            "numFailures": 0,
            "totalTime": 0.0,
            "successes": [],
            "failures": [],
            "codeCoverage": [],
            "codeCoverageWarnings": [],
        },
    }


def _stamp(text: str | None) -> str | None:
    return None if text is None else stamp_text(datetime.fromisoformat(text))


def _message(type_: str, file: str, full_name: str, at: datetime) -> dict[str, Any]:
    return {
        "componentType": type_,
        "fileName": file,
        "fullName": full_name,
        "createdDate": stamp_text(at),
        "knownPackagingProblem": False,
        "requiresProductionTestRun": False,
        "warning": False,
    }


def _failure(one: Failure, at: datetime) -> dict[str, Any]:
    return {
        **_message(one.type, one.file, one.full_name, at),
        "problem": one.problem,
        "problemType": "Error",
        "lineNumber": one.line or None,
        "columnNumber": one.column or None,
        "success": False,
        "changed": False,
        "created": False,
        "deleted": False,
    }


def _success(one: Success, at: datetime) -> dict[str, Any]:
    return {
        **_message(one.type, one.file, one.full_name, at),
        "id": one.change.id or None,
        "success": True,
        "changed": one.change.changed,
        "created": one.change.created,
        "deleted": one.deleted,
        "warning": bool(one.warning),
        "problem": one.warning or None,
        "problemType": "Warning" if one.warning else None,
    }
