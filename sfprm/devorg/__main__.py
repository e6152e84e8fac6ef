"""`python -m sfprm.devorg serve`: run the embedded org."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from sfprm.devorg.server import Options, serve

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sfprm.devorg", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help="serve orgs over HTTP and HTTPS")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--http-port", type=int, default=0, help="0: any free port")
    command.add_argument("--https-port", type=int, default=0, help="0: any free port")
    command.add_argument("--data", type=Path, help="SQLite file; without it, in memory")
    command.add_argument("--seed-story", help="story for a new org (default: empty)")
    command.add_argument("--seed", type=int, default=7, help="seed of the story's chance")
    command.add_argument("--state", type=Path, help="directory for certificates and the app")
    command.add_argument(
        "--org", action="append", default=[], metavar="NAME", help="a further org (repeatable)"
    )
    command.add_argument("--explain", action="store_true", help="tell people how clients get in")
    command.add_argument("--with-parent", action="store_true", help="end when stdin closes")
    given = parser.parse_args(arguments)
    state = given.state or Path(tempfile.mkdtemp(prefix="sfprm-devorg-"))
    return serve(
        Options(
            state_dir=state.resolve(),
            host=given.host,
            http_port=given.http_port,
            https_port=given.https_port,
            data=given.data.resolve() if given.data else None,
            story=given.seed_story,
            seed=given.seed,
            with_parent=given.with_parent,
            orgs=tuple(given.org),
            explain=given.explain,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
