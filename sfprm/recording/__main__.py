"""`python -m sfprm.recording drift A B` and `python -m sfprm.recording scan PLACE…`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sfprm.errors import SfprmError
from sfprm.recording.drift import drift_of_places
from sfprm.recording.scan import scan_files


def main(arguments: list[str] | None = None) -> int:
    """0: nothing found; 1: something, one line each on stdout; 2: asked wrongly."""
    parser = argparse.ArgumentParser(prog="python -m sfprm.recording", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    compare = commands.add_parser("drift", help="compare two recordings, or two folders of them")
    compare.add_argument("one", type=Path)
    compare.add_argument("two", type=Path)
    search = commands.add_parser("scan", help="look for secrets and personal data in files")
    search.add_argument("places", type=Path, nargs="+")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "drift":
            found = [str(line) for line in drift_of_places(asked.one, asked.two)]
        else:
            found = [str(line) for line in scan_files(asked.places)]
    except (SfprmError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for line in found:
        sys.stdout.write(f"{line}\n")
    sys.stderr.write(f"{len(found)} found\n" if found else "nothing found\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
