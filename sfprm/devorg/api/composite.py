"""/composite (25 sub-requests with references) and /composite/batch (25, independent).

Sub-requests run in their order, whatever `collateSubrequests` says: with it (the default from v49
on) a real org may run unrelated ones in another order [D], so no client may rely on either.
With allOrNone every sub-request but the failing one answers PROCESSING_HALTED [R]. One composite
is one transaction for the rule on mixed DML (unverified, the careful reading)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from sfprm.devorg.api.exchange import Answer, Request, refused
from sfprm.devorg.api.writing import context_of, transaction
from sfprm.devorg.problems import Refusal

__all__ = ["batch", "check_names", "composite", "halted", "together"]

MAX_SUBREQUESTS = 25
MAX_QUERIES = 5
_REFERENCE = re.compile(r"@\{([^}]*)\}")
_HALTED = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same "
        "transaction failed.",
    }
]


class _RolledBack(Exception):
    pass


class _BadReference(Exception):
    """A reference that names nothing."""


def composite(request: Request) -> Answer:
    """POST /composite."""
    body = request.json_object()
    parts = body.get("compositeRequest")
    _check(parts)
    assert isinstance(parts, list)
    results = together(request, parts, all_or_none=body.get("allOrNone") is True)
    return Answer(body={"compositeResponse": results})


def together(
    request: Request, parts: Sequence[Mapping[str, Any]], *, all_or_none: bool
) -> list[dict[str, Any]]:
    """Run sub-requests in their order as one transaction; the answer to each. With `all_or_none`
    a failing one takes all back."""
    shared = context_of(request)
    results: list[dict[str, Any]] = []
    bodies: dict[str, Any] = {}
    try:
        with transaction(request.org):
            for part in parts:
                answer = _run(request, part, bodies, shared)
                results.append(answer)
                if answer["httpStatusCode"] >= 300:
                    if all_or_none:
                        raise _RolledBack
                else:
                    bodies[part["referenceId"]] = answer["body"]
    except _RolledBack:
        failed = len(results) - 1
        results = [
            results[place] if place == failed else halted(part) for place, part in enumerate(parts)
        ]
    return results


def halted(part: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a sub-request that was taken back, or never run."""
    return {
        "body": _HALTED,
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": part["referenceId"],
    }


def batch(request: Request) -> Answer:
    """POST /composite/batch: no roll-back; after a halt 412 BATCH_PROCESSING_HALTED [D]."""
    body = request.json_object()
    parts = body.get("batchRequests")
    if not isinstance(parts, list) or not parts or not all(isinstance(one, dict) for one in parts):
        raise Refusal(400, "INVALID_INPUT", "batchRequests must be a list of objects")
    if len(parts) > MAX_SUBREQUESTS:
        raise Refusal(400, "LIMIT_EXCEEDED", f"At most {MAX_SUBREQUESTS} sub-requests are allowed")
    stopped = False
    results: list[dict[str, Any]] = []
    for part in parts:
        if stopped:
            error = {"errorCode": "BATCH_PROCESSING_HALTED",
                     "message": "Batch processing halted per request"}  # fmt: skip
            results.append({"statusCode": 412, "result": [error]})
            continue
        url = str(part.get("url", ""))
        url = url if url.startswith("/") else f"/services/data/{url}"
        sub = _sub_request(request, str(part.get("method", "GET")), url, part.get("richInput"), {})
        answer = _dispatch(sub)
        results.append({"statusCode": answer.status, "result": answer.body})
        stopped = answer.status >= 300 and body.get("haltOnError") is True
    failed = any(one["statusCode"] >= 300 for one in results)
    return Answer(body={"hasErrors": failed, "results": results})


def _check(parts: Any) -> None:
    if not isinstance(parts, list) or not parts or not all(isinstance(one, dict) for one in parts):
        raise Refusal(400, "INVALID_INPUT", "compositeRequest must be a list of objects")
    if len(parts) > MAX_SUBREQUESTS:
        raise Refusal(
            400, "LIMIT_EXCEEDED", f"At most {MAX_SUBREQUESTS} composite sub-requests are allowed"
        )
    check_names(parts)
    queries = [
        part for part in parts
        if re.search(r"/(query|queryall|composite/sobjects)\b", str(part.get("url")).lower())
    ]  # fmt: skip
    if len(queries) > MAX_QUERIES:
        raise Refusal(
            400,
            "LIMIT_EXCEEDED",
            f"At most {MAX_QUERIES} of the sub-requests may be queries or collections",
        )


def check_names(parts: Sequence[Mapping[str, Any]]) -> None:
    """Every sub-request has a referenceId of its own. Raises Refusal 400."""
    names = [part.get("referenceId") for part in parts]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name):
            raise Refusal(400, "INVALID_INPUT", "Every sub-request needs a referenceId")
    if len(set(names)) != len(names):
        raise Refusal(400, "INVALID_INPUT", "referenceIds must be unique")


def _run(
    request: Request, part: Mapping[str, Any], bodies: Mapping[str, Any], shared: Any
) -> dict[str, Any]:
    try:
        url = _filled(part.get("url", ""), bodies)
        content = _filled(part.get("body"), bodies)
    except _BadReference as bad:
        answer = Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": str(bad)}])
    else:
        headers = part.get("httpHeaders")
        sub = _sub_request(
            request,
            str(part.get("method", "GET")),
            str(url),
            content,
            headers if isinstance(headers, dict) else {},
        )
        sub.transaction = shared
        answer = _dispatch(sub)
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": part["referenceId"],
    }


def _sub_request(
    request: Request, method: str, url: str, body: Any, headers: Mapping[str, Any]
) -> Request:
    parts = urlsplit(url)
    return Request(
        org=request.org,
        method=method.upper(),
        path=parts.path,
        params=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={
            "content-type": "application/json",
            **{str(name).lower(): str(value) for name, value in headers.items()},
        },
        body=b"" if body is None else orjson.dumps(body),
        base=request.base,
        caller=request.caller,
    )


def _dispatch(sub: Request) -> Answer:
    """The sub-request by the same table; a composite in a composite is refused."""
    from sfprm.devorg.api.dispatch import data_resource

    try:
        if re.search(r"/(composite(/batch|/graph|/tree.*)?/?$|jobs(/|$))", sub.path.lower()):
            raise Refusal(400, "INVALID_INPUT", "A composite request cannot hold another one")
        return data_resource(sub)[0]
    except Refusal as refusal:
        return refused(refusal)


def _filled(value: Any, bodies: Mapping[str, Any]) -> Any:
    """The value with its references filled in; one that is the whole text keeps its type."""
    if isinstance(value, dict):
        return {key: _filled(one, bodies) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, bodies) for one in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _look_up(whole[1], bodies)
    return _REFERENCE.sub(lambda match: str(_look_up(match[1], bodies)), value)


def _look_up(path: str, bodies: Mapping[str, Any]) -> Any:
    name, _, rest = path.partition(".")
    steps = re.findall(r"[^.\[\]]+|\[\d+\]", rest)
    value: Any = bodies.get(name)
    for step in steps:
        if step.startswith("["):
            place = int(step[1:-1])
            value = value[place] if isinstance(value, list) and place < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        raise _BadReference(f"Invalid reference specified. No value for {path} found in {name}")
    return value
