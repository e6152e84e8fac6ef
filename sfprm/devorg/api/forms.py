"""Bodies of several parts, as deployments and Bulk jobs with their data send them."""

from __future__ import annotations

import io

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_form

from sfprm.devorg.api.exchange import Request
from sfprm.devorg.problems import Refusal

__all__ = ["form_parts"]


def form_parts(request: Request, what: str) -> dict[str, bytes]:
    """The parts by name. Raises Refusal: 415 for another content type, 400 when malformed."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"{what} is sent as multipart/form-data")
    parts: dict[str, bytes] = {}

    def on_field(one: Field) -> None:
        parts[(one.field_name or b"").decode("utf-8", "replace")] = one.value or b""

    def on_file(one: File) -> None:
        one.file_object.seek(0)
        parts[(one.field_name or b"").decode("utf-8", "replace")] = one.file_object.read()

    headers = {"Content-Type": kind.encode("latin-1")}
    try:
        parse_form(headers, io.BytesIO(request.body), on_field, on_file)
    except (FormParserError, ValueError) as error:
        raise Refusal(400, "INVALID_MULTIPART_REQUEST", f"Malformed multipart: {error}") from error
    return parts
