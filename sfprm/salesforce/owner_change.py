"""Owner changes that keep the account team: the one thing that only the SOAP API's header says.

By REST, a new owner drops the account team and its shares. `OwnerChangeOptions` with
`KeepAccountTeam` keeps them (SOAP API guide; not verified against an org).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from xml.etree import ElementTree as ET  # writing only; what the org sends is read by defusedxml

from sfprm.errors import OrgUnreachable, OutcomeUnknown
from sfprm.salesforce.answer import told_id
from sfprm.salesforce.collections import MAX_ROWS, RowError, RowOutcome
from sfprm.salesforce.session import Session
from sfprm.salesforce.soap import children, text

__all__ = ["change_owners"]

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_PARTNER = "urn:partner.soap.sforce.com"
_SOBJECT = "urn:sobject.partner.soap.sforce.com"


def change_owners(
    session: Session, object_: str, rows: Sequence[Mapping[str, Any]]
) -> list[RowOutcome]:
    """Set `OwnerId` of each row (`Id`, `OwnerId`), keeping the account team; one outcome a row, in
    order, 200 a call. Repeatable: values are absolute. Raises the error tree."""
    out: list[RowOutcome] = []
    for start in range(0, len(rows), MAX_ROWS):
        part = rows[start : start + MAX_ROWS]
        answer = session.request(
            "POST",
            f"/services/Soap/u/{session.api_version}",
            kind="update",
            data=partial(_body_of, session, object_, part),
            headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "update"},
            repeatable=True,
        )
        results = _results(answer.content)
        if len(results) != len(part):
            raise OutcomeUnknown(
                f"{len(part)} records were sent, and the answer does not tell of each of them."
            )
        out += [_outcome(start + n, result) for n, result in enumerate(results)]
    return out


def _body_of(session: Session, object_: str, rows: Sequence[Mapping[str, Any]]) -> str:
    return _body(session.token, object_, rows)


def _body(token: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> str:
    envelope = ET.Element(f"{{{_ENVELOPE}}}Envelope")
    header = ET.SubElement(envelope, f"{{{_ENVELOPE}}}Header")
    held = ET.SubElement(header, f"{{{_PARTNER}}}SessionHeader")
    ET.SubElement(held, f"{{{_PARTNER}}}sessionId").text = token
    options = ET.SubElement(header, f"{{{_PARTNER}}}OwnerChangeOptions")
    option = ET.SubElement(options, f"{{{_PARTNER}}}options")
    ET.SubElement(option, f"{{{_PARTNER}}}type").text = "KeepAccountTeam"
    ET.SubElement(option, f"{{{_PARTNER}}}execute").text = "true"
    body = ET.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    update = ET.SubElement(body, f"{{{_PARTNER}}}update")
    for row in rows:
        record = ET.SubElement(update, f"{{{_PARTNER}}}sObjects")
        ET.SubElement(record, f"{{{_SOBJECT}}}type").text = object_
        ET.SubElement(record, f"{{{_SOBJECT}}}Id").text = str(row["Id"])
        ET.SubElement(record, f"{{{_SOBJECT}}}OwnerId").text = str(row["OwnerId"])
    return ET.tostring(envelope, encoding="unicode")


def _results(content: bytes) -> list[ET.Element]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: ET.Element = fromstring(content)
    except (ET.ParseError, DefusedXmlException) as error:
        raise OrgUnreachable("The answer of the SOAP API is not XML that can be read.") from error
    return [e for e in root.iter() if str(e.tag).rpartition("}")[2] == "result"]


def _outcome(index: int, result: ET.Element) -> RowOutcome:
    told = text(result, "id")
    if text(result, "success") == "true":
        return RowOutcome(index, told_id(told) if told else None, True)
    errors = tuple(
        RowError(
            text(error, "statusCode"),
            text(error, "message"),
            tuple(field.text or "" for field in children(error, "fields")),
        )
        for error in children(result, "errors")
    )
    return RowOutcome(index, None, False, errors=errors)
