"""What travels with a write: who writes, and the rows on their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sfprm.devorg.dml.duplicate_header import DuplicateHeader
from sfprm.devorg.problems import RowProblem

if TYPE_CHECKING:
    from sfprm.devorg.org import Org
    from sfprm.devorg.permissions import Access
    from sfprm.devorg.schema import ObjectDef

__all__ = ["SETUP_OBJECTS", "Batch", "Context", "Operation", "Row"]

Operation = Literal["insert", "update", "delete"]

SETUP_OBJECTS = frozenset(
    {
        "User",
        "UserRole",
        "Group",
        "GroupMember",
        "QueueSobject",
        "PermissionSet",
        "PermissionSetAssignment",
        "Profile",
        "UserLogin",
        "Network",
        "NetworkMember",
        "NetworkMemberGroup",
    }
)
"""Objects that may not share a transaction with others [D]; the Network objects are [M]."""


@dataclass(slots=True)
class Context:
    """One transaction: the org, the caller, the instant as a stamp, and the headers that count.

    `auto_assign` is the `Sforce-Auto-Assign` header: True, False, or an assignment rule's id;
    absent is True [D]. `lock` is a fault that was asked for: every other row, the first among them,
    meets it. `duplicates` is the header on duplicate rules."""

    org: Org
    access: Access
    now: str
    auto_assign: bool | str = True
    lock: RowProblem | None = None
    first_written: str | None = None
    duplicates: DuplicateHeader = field(default_factory=DuplicateHeader)

    @property
    def user_id(self) -> str:
        """The writing user."""
        return self.access.user_id

    def mixed_with(self, object_: str) -> RowProblem | None:
        """The refusal of a write that mixes setup and other objects in this transaction, else
        None; the first object written counts."""
        if self.first_written is None:
            self.first_written = object_
            return None
        if (object_ in SETUP_OBJECTS) == (self.first_written in SETUP_OBJECTS):
            return None
        return RowProblem(
            "MIXED_DML_OPERATION",
            "DML operation on setup object is not permitted after you have updated a non-setup "
            f"object (or vice versa): {object_}, original object: {self.first_written}",
        )


@dataclass(slots=True)
class Row:
    """One record on its way. `values` holds what is to be written, by API name, as stored; `old`
    the record before an update or delete; `problem` why it is refused. `assigned_from` is the owner
    that an assignment rule replaced, `notice` the template by which it tells the new one."""

    index: int
    values: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    old: Mapping[str, Any] | None = None
    problem: RowProblem | None = None
    created: bool = False
    parents: dict[str, tuple[str, Any]] = field(default_factory=dict)
    assigned_from: str | None = None
    notice: str | None = None

    def get(self, name: str) -> Any:
        """The value after the write."""
        if name in self.values:
            return self.values[name]
        return self.old.get(name) if self.old is not None else None

    def changes(self, name: str) -> bool:
        """The write gives the field another value than it has."""
        if name not in self.values:
            return False
        return self.old is None or self.values[name] != self.old.get(name)

    def refuse(self, code: str, message: str, *fields: str) -> None:
        """Refuse the row; the first problem stays."""
        if self.problem is None:
            self.problem = RowProblem(code, message, *fields)


@dataclass(slots=True)
class Batch:
    """Rows of one object under one operation."""

    context: Context
    definition: ObjectDef
    operation: Operation
    rows: list[Row]

    @property
    def org(self) -> Org:
        """The org that is written to."""
        return self.context.org

    @property
    def living(self) -> list[Row]:
        """The rows not refused so far."""
        return [row for row in self.rows if row.problem is None]

    @property
    def written(self) -> frozenset[str]:
        """The fields that any row gives a value, by API name."""
        kinds = {tuple(row.values) for row in self.rows}
        return frozenset().union(*kinds)
