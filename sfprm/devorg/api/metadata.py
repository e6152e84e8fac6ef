"""The REST side of metadata deployments: multipart in, `sfprm.devorg.metadata` does the work."""

from __future__ import annotations

from typing import Any

import orjson

from sfprm.devorg import metadata
from sfprm.devorg.api.exchange import Answer, Request
from sfprm.devorg.api.forms import form_parts
from sfprm.devorg.api.writing import transaction
from sfprm.devorg.problems import Refusal

__all__ = ["cancel", "deploy", "status"]


def deploy(request: Request) -> Answer:
    """POST /metadata/deployRequest: a JSON part (`json`, or `entity_content` as jsforce names it)
    and a zip part `file`; 201."""
    options, zip_ = _parts(request)
    with transaction(request.org):
        body = metadata.deploy(request.org, zip_, options, request.access.user_id)
    return Answer(201, body)


def status(request: Request, id: str) -> Answer:
    """GET /metadata/deployRequest/{id}?includeDetails=true."""
    details = request.params.get("includeDetails", "").lower() == "true"
    with transaction(request.org):
        return Answer(body=metadata.status(request.org, id, details))


def cancel(request: Request, id: str) -> Answer:
    """PATCH {"deployResult": {"status": "Canceling"}}: 202."""
    wanted = request.json_object().get("deployResult")
    if not isinstance(wanted, dict) or wanted.get("status") != "Canceling":
        raise Refusal(400, "INVALID_INPUT", "Only deployResult.status Canceling can be set")
    with transaction(request.org):
        return Answer(202, metadata.cancel(request.org, id))


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    parts = form_parts(request, "A deployment")
    zip_ = parts.get("file")
    text = parts.get("json") or parts.get("entity_content")
    if zip_ is None or text is None:
        raise Refusal(400, "INVALID_MULTIPART_REQUEST", "The parts json and file are both required")
    try:
        options = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "JSON_PARSER_ERROR", str(error)) from error
    if not isinstance(options, dict):
        raise Refusal(400, "JSON_PARSER_ERROR", "The json part must be an object")
    return options, zip_
