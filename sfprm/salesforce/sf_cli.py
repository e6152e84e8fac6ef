"""Reusing a login of the `sf` CLI: by asking the program, and only when that was chosen.

`sf org display --json` shows address and user, and until CLI 2.136.8 the token; since then the
token comes from `sf org auth show-access-token` [Salesforce's CLI change of May 2026]. Where that
does not answer either, `sf org auth show-sfdx-auth-url` gives the refresh token. Whether an
expired token is renewed by `org display` is unverified: a refused one is asked for again, once.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from sfprm.errors import BadSettings, LoginRefused, TryLater
from sfprm.salesforce.credentials import RefreshToken, SfCli, checked_url, parse_auth_url
from sfprm.salesforce.refusals import scrub

__all__ = ["SfLogin", "ask"]

_PATIENCE = 90.0
"""Seconds for one command of `sf`, which starts slowly and may log in itself."""

_TOKEN = re.compile(r"00D\w{12,15}![.\w]*\Z|eyJ[\w-]+\.[\w-]+\.[\w-]+\Z")
"""What a token looks like; the words in its place change between versions of `sf`."""


@dataclass(frozen=True, slots=True)
class SfLogin:
    """What `sf` told: a token for an address, or else a refresh token of the same login."""

    instance_url: str
    token: SecretStr | None
    refresh: RefreshToken | None = None


def ask(credentials: SfCli) -> SfLogin:
    """The login that `sf` holds. Raises BadSettings, LoginRefused or TryLater; quotes no token."""
    target = ["--target-org", credentials.org] if credentials.org else []
    shown = _result(credentials, ["org", "display", *target, "--json"])
    instance = checked_url(str(shown.get("instanceUrl") or ""), "The address that sf tells")
    first = _token(shown)
    if first is not None:
        return SfLogin(instance, first)
    try:
        told = _result(
            credentials, ["org", "auth", "show-access-token", *target, "--no-prompt", "--json"]
        )
    except LoginRefused as refused:
        return SfLogin(instance, None, _refresh(credentials, target, refused))
    second = _token(told)
    if second is not None:
        return SfLogin(instance, second)
    return SfLogin(instance, None, _refresh(credentials, target, None))


def _refresh(
    credentials: SfCli, target: Sequence[str], refused: LoginRefused | None
) -> RefreshToken:
    try:
        told = _result(
            credentials, ["org", "auth", "show-sfdx-auth-url", *target, "--no-prompt", "--json"]
        )
    except LoginRefused as second:
        raise (refused or second) from None
    text = next((v for v in told.values() if str(v).startswith("force://")), "")
    if not text:
        raise LoginRefused(
            "The sf CLI shows neither a token nor an auth URL of this login.",
            hint="Log in again with `sf org login web`, or use another login flow (docs/login.md).",
        )
    return parse_auth_url(str(text), "The auth URL that sf tells")


def _token(result: Mapping[str, Any]) -> SecretStr | None:
    text = result.get("accessToken")
    return SecretStr(text) if isinstance(text, str) and _TOKEN.match(text) else None


def _result(credentials: SfCli, arguments: Sequence[str]) -> Mapping[str, Any]:
    """`result` of one command's JSON."""
    said = "sf " + " ".join(a for a in arguments[:3] if not a.startswith("-"))
    try:
        done = subprocess.run(  # noqa: S603  (a list, no shell; the program was named by the user)
            [credentials.binary, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0"},
        )
    except (FileNotFoundError, PermissionError):
        raise BadSettings(
            f"The sf CLI ({credentials.binary}) cannot be started.",
            hint="Install it, or name it in SFPRM_SF_BINARY, or use another login flow "
            "(docs/login.md).",
        ) from None
    except subprocess.TimeoutExpired:
        raise TryLater(f"`{said}` did not answer in {_PATIENCE:.0f} seconds.") from None
    answer = _parsed(done.stdout.decode("utf-8", errors="replace"))
    result = answer.get("result")
    if done.returncode == 0 and isinstance(result, Mapping):
        return result
    name = str(answer.get("name") or "")
    words = scrub(str(answer.get("message") or "no reason given"), 300)
    org = credentials.org or "ORG"
    raise LoginRefused(
        f"`{said}` failed{f' ({name})' if name else ''}: {words}",
        code=name,
        hint=f"Log in again: sf org login web --alias {org}",
    )


def _parsed(text: str) -> Mapping[str, Any]:
    """The JSON object in the output; an empty one when there is none."""
    start = text.find("{")
    try:
        answer = json.loads(text[start:]) if start >= 0 else {}
    except ValueError:
        return {}
    return answer if isinstance(answer, Mapping) else {}
