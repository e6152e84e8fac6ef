"""Records out of the tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sfprm.devorg.ddl import quoted
from sfprm.devorg.storage.tables import Tables

__all__ = ["Reading", "Row"]

Row = dict[str, Any]

_ASKED_OFTEN = frozenset(
    {"AssignmentRule", "Group", "Organization", "QueueSobject", "User", "UserLogin"}
)
"""Few records that every write asks for: what was found of them is held until one is written."""
_KEPT = 100
_ANY_OF = "(SELECT value FROM json_each(?))"


class Reading(Tables):
    """Finds records by the values of their fields."""

    def __init__(self, path: str | None) -> None:
        self._found: dict[str, dict[tuple[Any, ...], list[Row]]] = {}
        super().__init__(path)

    def get(self, object_: str, id_: str) -> Row | None:
        """One record with all its columns, booleans as bool; None when there is none."""
        found = self.find(object_, Id=id_)
        return found[0] if found else None

    def find(
        self, object_: str, where: Mapping[str, Any] | None = None, /, **equals: Any
    ) -> list[Row]:
        """The records whose fields equal all of these, by Id; None finds null, and a list, tuple
        or set finds any of its values. Text compares without regard to case.
        """
        condition, parameters = self._where(object_, {**(where or {}), **equals})
        if object_ not in _ASKED_OFTEN:
            return self._find(object_, condition, parameters)
        key = (condition, *parameters)
        with self._lock:
            known = self._found.setdefault(object_, {})
            if len(known) >= _KEPT:
                known.clear()
            rows = known.get(key)
            if rows is None:
                rows = self._find(object_, condition, parameters)
                if len(rows) > _KEPT:
                    return rows
                known[key] = rows
            return [row.copy() for row in rows]

    def columns(
        self,
        object_: str,
        names: Sequence[str],
        where: Mapping[str, Any] | None = None,
        /,
        **equals: Any,
    ) -> list[tuple[Any, ...]]:
        """Of the records that `find` finds, in its order, only these fields, as stored: booleans
        are 0 and 1. For what many rows look up at once.
        """
        condition, parameters = self._where(object_, {**(where or {}), **equals})
        for name in names:
            self._known(object_, name)
        return self.execute(
            f"SELECT {', '.join(map(quoted, names))} FROM {quoted(object_)}"  # noqa: S608
            f'{condition} ORDER BY "Id"',
            parameters,
        )

    def _where(self, object_: str, equals: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The condition of `find`, and its parameters."""
        conditions, parameters = [], []
        for name, value in equals.items():
            self._known(object_, name)
            if isinstance(value, (list, tuple, set, frozenset)):
                conditions.append(f"{quoted(name)} IN {_ANY_OF}")
                parameters.append(json.dumps([_plain(one) for one in value]))
            else:
                plain = _plain(value)
                conditions.append(f"{quoted(name)} {'IS' if plain is None else '='} ?")
                parameters.append(plain)
        return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), parameters

    def _find(self, object_: str, condition: str, parameters: Sequence[Any]) -> list[Row]:
        with self._lock:
            cursor = self._connection.execute(
                f'SELECT * FROM {quoted(object_)}{condition} ORDER BY "Id"',  # noqa: S608
                parameters,
            )
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, values, strict=True)) for values in cursor]
        for row in rows:
            for name in self._flags[object_]:
                row[name] = bool(row[name])
        return rows

    def _wrote(self, object_: str) -> None:
        """The object's records are not what they were."""
        self._found.pop(object_, None)

    def _undone(self) -> None:
        super()._undone()
        self._found.clear()

    def living(self, object_: str, ids: Collection[str]) -> set[str]:
        """Which of these ids belong to records that are there and not in the recycle bin."""
        binned = "IsDeleted" in self._tables[object_]
        rows = self.execute(
            f'SELECT "Id" FROM {quoted(object_)} WHERE "Id" IN {_ANY_OF}'  # noqa: S608
            f"{' AND NOT IsDeleted' if binned else ''}",
            (json.dumps(list(ids)),),
        )
        return {str(id_) for (id_,) in rows}


def _plain(value: Any) -> Any:
    if value == "":
        return None
    if isinstance(value, bool):
        return int(value)
    return value
