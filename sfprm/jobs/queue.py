"""The engine that hands work to workers: Procrastinate, on PostgreSQL.

What it carries is a hint, never the truth: "this run is due", "that run could use help". The truth
is the run's row and its leases, so a hint that is lost, doubled or late does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from sfprm.errors import BadSettings, TryLater
from sfprm.store.engine_tables import SCHEMA

if TYPE_CHECKING:
    from procrastinate import App, JobContext

__all__ = ["HELP", "RUN", "Queue", "serve"]

RUN = "sfprm.run"
HELP = "sfprm.help"
QUEUE = "sfprm"
POLL_S = 1.0
"""Seconds between two looks when no notification came."""
PATIENCE_S = 5.0
"""Seconds that a hint waits for a connection."""


def _connection(url: str) -> dict[str, Any]:
    parsed = make_url(url).set(drivername="postgresql")
    return {
        "conninfo": parsed.render_as_string(hide_password=False),
        "kwargs": {"options": f"-c search_path={SCHEMA}"},
    }


def _missing() -> BadSettings:
    return BadSettings(
        "Several machines share the work through Procrastinate, and it is not installed.",
        hint="Run: pip install 'sfprm[postgres]'",
    )


class Queue:
    """Sends hints. Opened on first use; safe for threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._app: App | None = None

    def run_is_due(self, org: str, run: str, name: str) -> None:
        """A due run; at most one hint waits for each, and one of a name is done at a time."""
        from procrastinate.exceptions import AlreadyEnqueued

        with suppress(AlreadyEnqueued):
            self._defer(
                RUN,
                {"org": org, "run": run, "name": name},
                queueing_lock=f"run {run}",
                lock=f"{org} {name}",
            )

    def ask_help(self, invitation: Mapping[str, Any]) -> None:
        """A run whose parts others may do; at most one such hint of a number waits."""
        from procrastinate.exceptions import AlreadyEnqueued

        named = f"help {invitation['run']} {invitation['number']}"
        with suppress(AlreadyEnqueued):
            self._defer(HELP, dict(invitation), queueing_lock=named)

    def _defer(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
    ) -> None:
        from procrastinate.exceptions import ConnectorException

        try:
            self._open().configure_task(
                task, queue=QUEUE, lock=lock, queueing_lock=queueing_lock
            ).defer(**arguments)
        except ConnectorException as error:
            raise TryLater(f"The queue of runs could not be used: {error}.") from error

    def _open(self) -> App:
        if self._app is None:
            try:
                from procrastinate import App, SyncPsycopgConnector
            except ModuleNotFoundError:
                raise _missing() from None
            # whoever hints has more to do: it is told soon that the database is away
            connector = SyncPsycopgConnector(
                **_connection(self._url), min_size=0, max_size=2, timeout=PATIENCE_S
            )
            self._app = App(connector=connector)
            self._app.open()
        return self._app

    def close(self) -> None:
        """Let go of the connections."""
        if self._app is not None:
            self._app.close()
        self._app = None


async def serve(
    url: str,
    *,
    run: Callable[[str, str, str], None],
    help_: Callable[[Mapping[str, Any]], None],
    name: str,
    beat: float,
    silence: float,
    stop: asyncio.Event,
) -> None:
    """Take hints, one at a time, and act on each in a thread, until `stop` is set; the one in hand
    is ended first. `beat`: seconds between heartbeats, `silence`: after which a worker's hints are
    another's.

    Raises TryLater when the database is away.
    """
    try:
        from procrastinate import App, PsycopgConnector
        from procrastinate.exceptions import ConnectorException, UniqueViolation
        from procrastinate.jobs import Status
    except ModuleNotFoundError:
        raise _missing() from None
    app = App(connector=PsycopgConnector(**_connection(url), min_size=1, max_size=4))

    acted_on: set[tuple[int | None, int | None]] = set()
    """Hints since the last look, which the engine was to sign off: number, and whose it was."""

    @app.task(name=RUN, queue=QUEUE, pass_context=True)
    def take_run(context: JobContext, /, **arguments: Any) -> None:
        try:
            run(arguments["org"], arguments["run"], arguments["name"])
        finally:
            acted_on.add((context.job.id, context.job.worker_id))

    @app.task(name=HELP, queue=QUEUE, pass_context=True)
    def take_help(context: JobContext, /, **arguments: Any) -> None:
        try:
            help_(arguments)
        finally:
            acted_on.add((context.job.id, context.job.worker_id))

    async def take_back() -> None:
        """Hints of workers that went silent are anybody's again."""
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silence):
            try:
                await app.job_manager.retry_job(job)
            except UniqueViolation:  # the same hint was given again meanwhile
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)

    async def sign_off(before: set[tuple[int | None, int | None]]) -> None:
        """Hints that were acted on a beat ago and are in hand still: the connection went as the
        engine signed them off, which it tries once. They would hold up all of their job."""
        if before:
            doing = await app.job_manager.list_jobs_async(queue=QUEUE, status=Status.DOING.value)
            for job in doing:
                if (job.id, job.worker_id) in before:
                    await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)

    async def look_after() -> None:
        before: set[tuple[int | None, int | None]] = set()
        while True:
            await asyncio.sleep(beat)
            await take_back()
            await sign_off(before)
            before = set(acted_on)
            acted_on.difference_update(before)

    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                name=name,
                concurrency=1,
                wait=True,
                fetch_job_polling_interval=POLL_S,
                listen_notify=True,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=beat,
                stalled_worker_timeout=max(silence * 3, 30.0),
            )
        )
        watching = asyncio.create_task(look_after())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (working, watching):
                if task.done() and task.exception() is not None:
                    raise TryLater(f"The queue of runs went away: {task.exception()}.")
        except ConnectorException as error:
            raise TryLater(f"The queue of runs went away: {error}.") from error
        finally:
            watching.cancel()
            stopping.cancel()
            working.cancel()
            # cancelled, the worker ends the job in hand before it goes
            await asyncio.gather(working, watching, stopping, return_exceptions=True)
