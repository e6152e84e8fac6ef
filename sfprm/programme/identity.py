"""Names that people and queues get in Salesforce: usernames, aliases, nicknames, API names."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata

__all__ = [
    "PLACEHOLDERS",
    "alias_for",
    "developer_name_for",
    "folded",
    "is_email",
    "is_key",
    "nickname_for",
    "numbered",
    "unknown_placeholder",
    "username_from",
]

PLACEHOLDERS = ("email_local", "partner", "key", "first", "last")

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
# letters that decomposition leaves whole
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l",
     "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
)  # fmt: skip


def folded(text: str) -> str:
    """Lower-case ASCII: accents off, other letters dropped. `Inês Østby` → `ines ostby`."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return decomposed.encode("ascii", "ignore").decode().lower()


def is_email(text: str) -> bool:
    """Whether the text has the form of an address, at most 80 characters (User.Email, Username)."""
    return len(text) <= 80 and _EMAIL.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether the text can be a key: lower-case letters, digits, `.`, `_`, `-`; at most 80."""
    return _KEY.fullmatch(text) is not None


def unknown_placeholder(pattern: str) -> str | None:
    """The first thing in the pattern that cannot be filled in, or None.

    A lone bracket answers as the bracket.
    """
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError:
        return "{" if "{" in pattern else "}"
    for _, name, form, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            return "{" + name + "}"
    return None


def username_from(
    pattern: str, *, email: str, partner: str, key: str, first: str, last: str
) -> str:
    """The pattern filled in. Names lose what is no letter or digit; keys go in as they are."""
    values = {
        "email_local": folded(email.partition("@")[0]),
        "partner": partner,
        "key": key,
        "first": re.sub(r"[^a-z0-9]", "", folded(first)),
        "last": re.sub(r"[^a-z0-9]", "", folded(last)),
    }
    return pattern.format(**values).lower()


def numbered(username: str, number: int) -> str:
    """`ines@x.example.com` with 2 → `ines2@x.example.com`; cut so that 80 characters hold it."""
    local, _, domain = username.rpartition("@")
    return f"{local[: 79 - len(domain) - len(str(number))]}{number}@{domain}"


def alias_for(first: str, last: str, key: str) -> str:
    """First letter and last name, at most 8 characters. Salesforce wants no unique alias."""
    letters = re.sub(r"[^a-z0-9]", "", folded(first)[:1] + folded(last))
    return (letters or re.sub(r"[^a-z0-9]", "", key) or "partner")[:8]


def nickname_for(key: str) -> str:
    """The person's key, at most 40 characters: unique as the key is, and steady.

    A longer key is cut and a part of its hash put behind.
    """
    if len(key) <= 40:
        return key
    return f"{key[:31]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def developer_name_for(label: str) -> str:
    """`Partner leads South` → `Partner_leads_South`; '' when nothing usable is left.

    Letters, digits and single underscores, starting with a letter: Salesforce's form.
    """
    decomposed = unicodedata.normalize("NFKD", label.translate(_LETTERS))
    ascii_only = decomposed.encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", ascii_only).strip("_")
    return (f"X{name}" if name[:1].isdigit() else name)[:80].rstrip("_")
