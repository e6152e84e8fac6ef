"""What the small parsers raise: what is wrong and at which character."""

from __future__ import annotations

from sfprm.errors import BadRequest

__all__ = ["TextError"]


class TextError(BadRequest):
    """A text in one of the programme's small languages is wrong.

    `offset` counts characters from 0, `width` how many are meant.
    """

    hint = "Correct the text at the character named."

    def __init__(self, message: str, offset: int, width: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint or None)
        self.offset = offset
        self.width = width
        self.advice = hint
