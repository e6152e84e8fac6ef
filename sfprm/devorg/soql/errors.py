"""What a query can be refused with."""

from __future__ import annotations

__all__ = ["NotImitated", "SoqlError"]


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
