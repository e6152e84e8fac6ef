"""`Sforce-Duplicate-Rule-Header`: what the caller says about duplicate rules.

`allowSave=true` saves past rules that alert, not past those that block; `includeRecordDetails=true`
shows the fields of the records found; all are false when absent; from v52 on [D].
`runAsCurrentUser` is taken and changes nothing: rules see all records here (unverified)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DuplicateHeader", "read_header"]

SINCE = 52.0


@dataclass(frozen=True, slots=True)
class DuplicateHeader:
    """The header's values; `data` is the versioned root for the addresses of records found."""

    allow_save: bool = False
    include_details: bool = False
    data: str = "/services/data/v66.0"


def read_header(headers: Mapping[str, str], number: float, data: str) -> DuplicateHeader:
    """The header of a request of this API version; header names are in lower case."""
    text = headers.get("sforce-duplicate-rule-header", "") if number >= SINCE else ""
    said = {name.lower(): value.lower() for name, value in re.findall(r"(\w+)\s*=\s*(\w+)", text)}
    return DuplicateHeader(
        said.get("allowsave") == "true", said.get("includerecorddetails") == "true", data
    )
