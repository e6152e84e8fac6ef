"""What the shapes of all programme files share. Keys that a shape does not name are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = [
    "ApiName",
    "Count",
    "Currency",
    "FieldName",
    "File",
    "Name",
    "Owner",
    "People",
    "Policy",
    "QueueLabel",
    "Role",
    "Scalar",
    "State",
    "Text",
    "exactly_one",
    "one_of",
    "written_as",
]

Text = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
QueueLabel = Annotated[str, Field(min_length=1, max_length=40)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


Scalar = str | int | float | bool | None
"""A field's value; dates are written as text, `2026-11-23`."""
ApiName = Annotated[str, Field(pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$", max_length=80)]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z]\w*$", max_length=80)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
State = Literal["active", "frozen", "absent"]
Owner = Literal["managed", "set-once", "unmanaged"]
People = Literal["managed", "delegated"]
Policy = Literal["at_least", "exact"]
Role = Literal["Executive", "Manager", "User", "Worker"]


class File(BaseModel):
    """Base: no other keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def one_of(model: BaseModel, names: tuple[str, ...]) -> None:
    """Raise unless exactly one of the named keys is written."""
    written = [name for name in names if name in model.model_fields_set]
    if len(written) != 1:
        raise PydanticCustomError(
            "one_of", "exactly one of {names} is wanted here", {"names": ", ".join(names)}
        )


def exactly_one(*names: str) -> ConfigDict:
    """What editors are told of `one_of`."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in names]})


def written_as(value: Any) -> str:
    """Which of two forms is written; the names look like no key of a file."""
    if isinstance(value, str):
        return "<text>"
    return "<list>" if isinstance(value, list) else "<mapping>"
