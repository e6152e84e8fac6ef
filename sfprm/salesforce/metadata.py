"""Deploying and retrieving metadata. Both run in the org; here they are started and watched."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sfprm.clock import Clock
from sfprm.errors import OrgRefused, OrgUnreachable, StillWorking
from sfprm.ids import RecordId
from sfprm.salesforce import soap
from sfprm.salesforce.answer import told_id, understood
from sfprm.salesforce.package import unzipped, zipped
from sfprm.salesforce.refusals import hint_for, scrub
from sfprm.salesforce.session import Session

__all__ = ["ComponentFailure", "DeployOutcome", "deploy", "retrieve"]

T = TypeVar("T")

_FIRST_PACE = 0.5
_SLOWEST_PACE = 10.0


@dataclass(frozen=True, slots=True)
class ComponentFailure:
    """One component that the org refused. `line` and `column` start at 1; 0 means unknown."""

    file: str
    full_name: str
    problem: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = f":{self.line}:{self.column}" if self.line else ""
        return f"{self.file}{where}: {self.full_name}: {self.problem}"


@dataclass(frozen=True, slots=True)
class DeployOutcome:
    """How a deployment ended. `successes`: components accepted."""

    id: RecordId
    status: str
    success: bool
    failures: tuple[ComponentFailure, ...]
    successes: int


def deploy(
    session: Session,
    files: Mapping[str, bytes],
    *,
    check_only: bool = False,
    clock: Clock,
    timeout: float = 600.0,
) -> DeployOutcome:
    """Deploy a package (its `package.xml` included), all of it or nothing, and wait for the end.

    `timeout` in seconds; then StillWorking, and the org goes on. A failed deployment is an
    outcome, not an error. Starting one is not repeatable: a lost answer is OutcomeUnknown; the
    same metadata deployed again changes nothing. REST multipart: parts `json` and `file`.
    """
    options = {
        "allowMissingFiles": False,
        "autoUpdatePackage": False,
        "checkOnly": check_only,
        "ignoreWarnings": True,
        "performRetrieve": False,
        "purgeOnDelete": False,
        "rollbackOnError": True,
        "singlePackage": True,
    }
    body, content_type = _multipart({"deployOptions": options}, zipped(files))
    started: Any = session.request(
        "POST",
        "metadata/deployRequest",
        kind="metadata",
        data=body,
        headers={"Content-Type": content_type},
        repeatable=False,
    ).json
    if not isinstance(started, dict) or not isinstance(started.get("id"), str):
        raise OrgUnreachable("The answer to a deployment names no deployment.")
    id_ = told_id(started["id"])

    def look() -> DeployOutcome | None:
        told: Any = session.request(
            "GET",
            f"metadata/deployRequest/{id_}",
            kind="metadata",
            params={"includeDetails": "true"},
        ).json
        with understood("about a deployment"):
            result = told["deployResult"]
            return _outcome(id_, result) if result.get("done") else None

    what = "check of metadata" if check_only else "deployment"
    return _wait(look, clock, timeout, f"The {what} {id_} is not done after {timeout:.0f} s.")


def retrieve(
    session: Session,
    members: Mapping[str, Sequence[str]],
    *,
    clock: Clock,
    timeout: float = 600.0,
) -> dict[str, bytes]:
    """Metadata files by path (`settings/Communities.settings`), with the `package.xml` found.

    `members`: names by metadata type. Names that the org does not hold are left out, as are
    their files. `timeout` in seconds, then StillWorking.
    """
    version = session.api_version
    types = [
        {"members": sorted(members[type_name]), "name": type_name} for type_name in sorted(members)
    ]
    request = {
        "apiVersion": version,
        "singlePackage": "true",
        "unpackaged": {"types": types, "version": version},
    }
    started = soap.call(session, "retrieve", {"retrieveRequest": request})
    id_ = soap.text(started, "id")
    if not id_:
        raise OrgUnreachable("The answer to a retrieve names no retrieve.")

    def look() -> soap.Element | None:
        status = soap.call(
            session, "checkRetrieveStatus", {"asyncProcessId": id_, "includeZip": "true"}
        )
        return status if soap.text(status, "done") == "true" else None

    status = _wait(look, clock, timeout, f"The retrieve {id_} is not done after {timeout:.0f} s.")
    if soap.text(status, "success") == "false" or soap.text(status, "status") == "Failed":
        code, words = soap.text(status, "errorStatusCode"), soap.text(status, "errorMessage")
        raise OrgRefused(
            f"Salesforce could not retrieve the metadata: {code}: {scrub(words)}",
            code=code,
            hint=hint_for(code, words),
        )
    try:
        return unzipped(base64.b64decode(soap.text(status, "zipFile"), validate=False))
    except binascii.Error as error:
        raise OrgUnreachable("The retrieved metadata is not base64.") from error


def _wait(look: Callable[[], T | None], clock: Clock, timeout: float, late: str) -> T:
    """Look until there is something to see, at a slowing pace, until the time-out."""
    start = clock.monotonic()
    pace = _FIRST_PACE
    while True:
        seen = look()
        if seen is not None:
            return seen
        if clock.monotonic() - start + pace > timeout:
            raise StillWorking(late, hint="Setup › Deployment Status shows it; run again later.")
        clock.sleep(pace)
        pace = min(_SLOWEST_PACE, pace * 1.5)


def _multipart(options: Mapping[str, Any], archive: bytes) -> tuple[bytes, str]:
    """The request's body and content type; the same package gives the same bytes."""
    boundary = "sfprm-8f2d6c1e4b7a"
    while boundary.encode() in archive:
        boundary += "x"
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="json"\r\n'
        "Content-Type: application/json\r\n\r\n"
        f"{json.dumps(options)}\r\n"
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="deploy.zip"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = head.encode() + archive + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _outcome(id_: RecordId, result: Mapping[str, Any]) -> DeployOutcome:
    details = result.get("details") or {}
    failures = tuple(_failure(item) for item in _list(details.get("componentFailures")))
    if not failures and result.get("errorMessage"):
        failures = (ComponentFailure("package.xml", "", scrub(str(result["errorMessage"]))),)
    deployed = result.get("numberComponentsDeployed")
    return DeployOutcome(
        id=id_,
        status=str(result.get("status", "")),
        success=bool(result.get("success")),
        failures=failures,
        successes=len(_list(details.get("componentSuccesses")))
        if deployed is None
        else int(deployed),
    )


def _list(found: Any) -> list[Any]:
    """The docs show lists; a lone object in place of a list of one is accepted too."""
    return found if isinstance(found, list) else [found] if found else []


def _failure(item: Mapping[str, Any]) -> ComponentFailure:
    return ComponentFailure(
        file=str(item.get("fileName") or ""),
        full_name=str(item.get("fullName") or ""),
        problem=scrub(str(item.get("problem") or "no reason given")),
        line=int(item.get("lineNumber") or 0),
        column=int(item.get("columnNumber") or 0),
    )
