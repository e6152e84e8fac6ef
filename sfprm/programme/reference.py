"""`docs/programme-keys.md`: every key of the programme files and column of the CSV files.

Written from the models that check them; `make docs` writes it again (a test compares).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from sfprm.programme.csv_columns import PARTNERS, PEOPLE
from sfprm.programme.programme_file import (
    Defaults,
    DelegatedAdminFile,
    GroupFile,
    InternalUsersFile,
    KeyFieldsFile,
    MemberFile,
    OffboardFile,
    OnDuplicateFile,
    PartnerDefaults,
    PersonDefaults,
    ProgrammeFile,
    QueueFile,
    SiteFile,
    UsernameFile,
)
from sfprm.programme.record_files import PartnerFile, PersonFile, Templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfprm.programme.csv_columns import CsvColumns

__all__ = ["page"]

_HEAD = """\
# Keys of the programme files

Written from the code; [programme.md](programme.md) shows them in use. Keys of `routing.yaml` stand
in its schema, [schema/routing.json](schema/routing.json).
"""

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("programme.yaml, and files that it includes", ProgrammeFile),
    ("`partners:` an entry", PartnerFile),
    ("`people:` an entry", PersonFile),
    ("`queues:` an entry", QueueFile),
    ("`groups:` an entry", GroupFile),
    ("A member of a queue or group", MemberFile),
    ("`sites:` an entry", SiteFile),
    ("`defaults:`", Defaults),
    ("`defaults.partner:`", PartnerDefaults),
    ("`defaults.person:`", PersonDefaults),
    ("`defaults.person.username:`", UsernameFile),
    ("`templates:`", Templates),
    ("`key_fields:`", KeyFieldsFile),
    ("`on_duplicate:`", OnDuplicateFile),
    ("`delegated_admin:`", DelegatedAdminFile),
    ("`internal_users:`", InternalUsersFile),
    ("`offboard:`", OffboardFile),
)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, model in _SECTIONS:
        parts.append(f"\n## {title}\n\n| key | value | default | |\n| --- | --- | --- | --- |\n")
        parts += _rows(model)
    for title, columns in (
        ("Columns of partners.csv", PARTNERS),
        ("Columns of people.csv", PEOPLE),
    ):
        parts.append(f"\n## {title}\n\n| column | |\n| --- | --- |\n")
        parts += _columns(columns)
    return "".join(parts)


def _rows(model: type[BaseModel]) -> Iterable[str]:
    for name, field in model.model_fields.items():
        default = (
            "required"
            if field.is_required()
            else _default(field.get_default(call_default_factory=True))
        )
        said = _cell(field.description or "")
        yield f"| `{name}` | {_kind(field.annotation)} | {default} | {said} |\n"


def _columns(columns: CsvColumns) -> Iterable[str]:
    for name, described in columns.described.items():
        needed = " Required." if name in columns.required else ""
        yield f"| `{name}` | {_cell(described)}{needed} |\n"
    for object_ in columns.objects:
        yield f"| `{object_}.…` | A field of {object_} by API name; `#N/A` empties it. |\n"
    if columns.attributes:
        yield "| `partner.…` | An attribute, free to use in conditions; `a; b` is a list. |\n"


def _default(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return ""
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{value}`" if isinstance(value, str) else f"`{', '.join(map(str, value))}`"


def _kind(annotation: Any) -> str:
    """The kind of value in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return " \\| ".join(
            str(a).lower() if isinstance(a, bool) else str(a) for a in get_args(annotation)
        )
    if origin in (Union, UnionType):
        kinds = [_kind(part) for part in get_args(annotation) if part is not NoneType]
        return " or ".join(dict.fromkeys(kinds))
    if origin is list:
        return f"list of {_kind(get_args(annotation)[0])}"
    if origin is dict:
        return f"mapping to {_kind(get_args(annotation)[1])}"
    names = {str: "text", bool: "true \\| false", int: "number", float: "number"}
    if annotation in names:
        return names[annotation]
    return "mapping" if isinstance(annotation, type) else "value"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    print(sys.argv[1])
