"""`config/.env.example`: every setting with its description and default, ready to fill in.

Run `python -m sfprm.settings_example config/.env.example` to write it again (a test compares).
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from sfprm.settings import PREFIX, SECRETS, Settings

__all__ = ["env_example"]

_HEAD = """\
# Settings of sfprm. Copy this file to .env and fill in what you need; a line that starts with #
# is not read, and an empty value means the default. Real environment variables win over .env.
# Never commit .env. A secret may also be given as a file: SFPRM_CLIENT_SECRET_FILE=/run/secrets/x
# (chmod 600).
"""

_TOPICS = {
    "login_url": "Where the org is and how to log in",
    "connect_timeout": "Manners",
    "programme": "Files and state",
    "mail_guard": "Mail",
    "log_level": "Logs",
}
"""The first setting of each topic, and the topic's heading."""


def env_example() -> str:
    """The whole file."""
    lines = [_HEAD]
    for name, field in Settings.model_fields.items():
        if name in _TOPICS:
            lines.append(f"# --- {_TOPICS[name]} " + "-" * (76 - len(_TOPICS[name])) + "\n")
        lines += [f"# {line}" for line in textwrap.wrap(field.description or "", 96)]
        if name in SECRETS:
            lines.append(f"# Or {PREFIX}{name.upper()}_FILE, the path of a file that holds it.")
        lines.append(f"#{PREFIX}{name.upper()}={_shown(field.default)}\n")
    return "\n".join(lines)


def _shown(default: object) -> str:
    if default is None:
        return ""
    return "[]" if default == () else str(default)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(env_example(), encoding="utf-8")
    print(sys.argv[1])
