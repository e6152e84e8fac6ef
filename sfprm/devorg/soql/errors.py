"""What a query can be refused with."""

from __future__ import annotations

__all__ = ["NotImitated", "SoqlError", "framed"]


class SoqlError(Exception):
    """The org refuses the query: an error code and a message in Salesforce's words (HTTP 400)."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(f"{error_code}: {message}")
        self.error_code = error_code
        self.message = message


class NotImitated(Exception):
    """The query is good SOQL, but asks for something that this org does not imitate (HTTP 501)."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not imitated: {what}")
        self.what = what


def framed(error_code: str, text: str, at: int, message: str) -> SoqlError:
    """An error with the frame of semantic complaints: the part of the query around offset `at`,
    a caret below it, row and column (SOQL sheet, section 7; fitted there to six recordings).
    """
    start = max(0, at + 1 - 30 - 1)
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    end = min(len(text), at + 1 + 30)
    while end < len(text) and (text[end].isalnum() or text[end] in "_.") and end > 0:
        end += 1
    snippet = text[start:end]
    return SoqlError(
        error_code,
        f"\n{snippet}\n{' ' * (at - start)}^\nERROR at Row:1:Column:{at + 1}\n{message}",
    )
