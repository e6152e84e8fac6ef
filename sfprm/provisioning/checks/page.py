"""docs/check.md, written from the checks themselves: `python -m sfprm.provisioning.checks.page
docs/check.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from sfprm.provisioning.checks.registry import CHECKS

__all__ = ["page"]

_HEAD = """\
# `sfprm check`

Written by `python -m sfprm.provisioning.checks.page docs/check.md` from the checks themselves: do
not edit.

`sfprm check` reads the files and the org and says, before the first write, what would fail later.
It writes nothing. One check of the sample programme costs at most 45 API calls, whatever the org
holds; large programmes cost two more for each 1,500 people or so who have no user yet.

    sfprm check            # grouped, each with its fix; exit 0 when ready, 1 when not
    sfprm check --json     # the same with codes, for machines

Each item in the JSON has `code`, `name`, `state`, `found` (the evidence in words), `records` (ids
or names), `fix` (one sentence) and `step` (what would fail without it). Codes are stable; texts may
change. States:

- **problem**: a step will fail. Not ready: mend it first.
- **warning**: single records may be refused, or come out other than the files say.
- **manual**: no API tells; a person must look.
- **note**: worth knowing.

Where a profile of partners does not grant Read or Edit on Lead, it is told by person: permission
sets that they hold, alone or in a permission set group (which counts with what muting leaves of
it), and those that the files give them. `route` and `reassign` tell read access by person too.

What the org does not let the agent read becomes a manual item, never a guess. Usernames are unique
over all orgs of Salesforce, but only this org can be asked: a claim elsewhere shows when the user
is made.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for check in CHECKS:
        title = check.title[0].upper() + check.title[1:]
        rows = [
            f"| `{c.code}` | {c.state.value} | {c.title} | {c.fix} | {c.step} |"
            for c in check.codes
        ]
        parts += [
            f"## {title}\n",
            "| code | state | what is wrong | fix | would fail |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
