"""What the org refuses, in its own words. A `RowProblem` belongs to one record, a `Refusal` to the
whole request; both are turned into JSON at one place, `api/answers.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Dropped", "Refusal", "RowProblem", "not_imitated"]


class RowProblem(Exception):
    """One record is refused: `code`, `message` and the API names of the fields, as recorded.
    `body`, when set, is the whole answer to a request about this record alone."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.body: Any = None


class Refusal(Exception):
    """The whole request is refused with `status` and a list of one error.

    `fields` is None where Salesforce leaves the key out. `body`, when given, replaces the list
    (OAuth's object, the 300 answer's list of addresses)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: tuple[str, ...] | None = None,
        *,
        body: Any = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.body = body


@dataclass
class Dropped(Exception):
    """The connection is to be closed without an answer (a fault that was asked for)."""

    after_effect: bool = field(default=False)


def not_imitated(thing: str) -> Refusal:
    """501 with a code of our own: the imitation says what it lacks and never guesses."""
    return Refusal(
        501,
        "NOT_IMITATED",
        f"The embedded org does not imitate {thing}",
    )
