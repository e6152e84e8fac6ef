"""Logs on stderr: one JSON object a line, or text for people; secrets are struck out."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import stamina
import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from sfprm.settings import Settings

__all__ = ["configure", "redact"]

SECRET_KEYS = re.compile(r"token|secret|password|authorization|assertion|signature|cookie", re.I)
SECRET_SHAPES = re.compile(
    r"00D\w{12,15}![\w.]+"  # access token
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+"  # JWT
    r"|5Aep[\w.]+"  # refresh token
    r"|-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----"
    r"|[\w.+-]+@[\w-]+\.[\w.]+"  # addresses are people
)
STRUCK = "***"


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out secrets and addresses, by key and by shape."""
    for key, value in event.items():
        event[key] = STRUCK if SECRET_KEYS.search(key) else _struck(value)
    return event


def _struck(value: Any) -> Any:
    match value:
        case str():
            return SECRET_SHAPES.sub(STRUCK, value)
        case dict():
            return {
                k: STRUCK if SECRET_KEYS.search(str(k)) else _struck(v) for k, v in value.items()
            }
        case list() | tuple():
            return [_struck(one) for one in value]
    return value


def configure(settings: Settings, *, quiet: bool = False, daemon: bool = False) -> None:
    """Set logging up. A person at a terminal sees warnings; a daemon writes everything it is
    asked for."""
    # what is repeated shows in the log of calls, with the wait that was really kept
    stamina.instrumentation.set_on_retry_hooks([])
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    if not daemon:
        level = max(level, logging.ERROR if quiet else logging.WARNING)
    as_text = settings.log_format == "text" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # a trace may quote what it stumbled over, so it is text before secrets are struck out
            structlog.processors.format_exc_info,
            redact,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
