"""What every command shares: the common options, the settings, and running a job to its exit."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from sfprm.clock import Clock, SystemClock
from sfprm.errors import SfprmError

if TYPE_CHECKING:
    from sfprm.blocks import Block
    from sfprm.events import Progress
    from sfprm.jobs.frame import Job, JobOptions
    from sfprm.jobs.runner import Finished, Starter
    from sfprm.settings import Settings

__all__ = ["Surface", "caller", "command"]

COMMON: dict[str, Any] = {
    "as_json": Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.")],
    "state_dir": Annotated[
        Path | None,
        typer.Option(help="State folder. [env: SFPRM_STATE_DIR]", show_default=False),
    ],
    "programme": Annotated[
        Path | None,
        typer.Option(help="Programme folder. [env: SFPRM_PROGRAMME]", show_default=False),
    ],
    "environment": Annotated[
        str | None,
        typer.Option(
            help="Overlay to lay over the programme's files. [env: SFPRM_ENVIRONMENT]",
            show_default=False,
        ),
    ],
    "env_file": Annotated[
        Path | None,
        typer.Option(help="File with SFPRM_* settings. [env: SFPRM_ENV_FILE]", show_default=False),
    ],
    "wait": Annotated[
        float, typer.Option(help="Seconds to wait for another writer.", show_default=False)
    ],
}
DEFAULTS = {"as_json": False, "quiet": False, "wait": 0.0}


@dataclass(frozen=True)
class Surface:
    """The command line of one call."""

    as_json: bool
    quiet: bool
    wait: float
    env_file: Path | None
    overrides: dict[str, Any]
    clock: Clock

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises BadSettings."""
        from sfprm.settings import load_settings

        settings = load_settings(env_file=self.env_file, **self.overrides)
        from sfprm.cli.logs import configure

        configure(settings, quiet=self.quiet)
        return settings

    def starter(self, progress: Progress) -> Starter:
        """What a run needs, from these settings."""
        from sfprm.jobs.runner import Starter
        from sfprm.jobs.traces import open_traces

        traces = open_traces(self.settings)
        starter = Starter(
            self.settings, self.clock, progress, started_by=caller(), wait=self.wait, traces=traces
        )
        if traces is not None:
            starter.at_close(traces.close)
        return starter

    def finish(self, job: Job[Any, Any], options: JobOptions) -> NoReturn:
        """Run a job, show its result or error, and exit with its code."""
        from sfprm.cli.progress import progress_for
        from sfprm.jobs.runner import run_job

        with (
            progress_for(quiet=self.quiet, as_json=self.as_json) as progress,
            self.starter(progress) as starter,
        ):
            finished = run_job(job, options, starter)
        self.show(finished)

    def keep(self, job: Job[Any, Any], options: JobOptions, *, every: float) -> NoReturn:
        """Run a job that only asks, over and over, and show each result on a clean screen; with
        `--json`, one object after the other."""
        from sfprm.cli.render import print_error, print_json, stdout
        from sfprm.events import NoProgress
        from sfprm.jobs.runner import run_job

        with self.starter(NoProgress()) as starter:
            while True:
                finished = run_job(job, options, starter)
                if finished.result is None:
                    if finished.error is not None:
                        print_error(finished.error, as_json=self.as_json)
                elif self.as_json:
                    print_json(finished.result.to_json())
                else:
                    if stdout().is_terminal:
                        stdout().clear()
                    self._draw(finished.result.blocks(), finished.result.warnings)
                try:
                    self.clock.sleep(every)
                except KeyboardInterrupt:
                    raise typer.Exit(0) from None

    def show(self, finished: Finished) -> NoReturn:
        """Show how a run ended, and exit."""
        from sfprm.cli.render import print_error, print_json

        if finished.error is not None:
            print_error(finished.error, as_json=self.as_json)
        elif finished.result is not None:
            result = finished.result
            if self.as_json:
                body = finished.body if finished.body is not None else result.to_json()
                print_json(
                    {**body, "run": finished.run, "calls": finished.calls},
                    status=finished.exit_code,
                    warnings=result.warnings,
                )
            else:
                self._draw(result.blocks(), result.warnings)
        raise typer.Exit(finished.exit_code)

    def put(self, blocks: Any, body: Any, *, warnings: tuple[str, ...] = ()) -> None:
        """Show an answer that is no job's."""
        from sfprm.cli.render import print_json

        if self.as_json:
            print_json(body, warnings=warnings)
        else:
            self._draw(blocks, warnings)

    def _draw(self, blocks: Iterable[Block], warnings: Iterable[str]) -> None:
        from sfprm.cli.render import draw, plain, stderr, stdout

        draw(blocks, stdout())
        for warning in () if self.quiet else warnings:
            stderr().print(plain(f"note: {warning}"))


def caller() -> str:
    """Who types, for the run's row."""
    import getpass

    try:
        return f"cli ({getpass.getuser()})"
    except (OSError, KeyError):  # KeyError: a user id without a name, before Python 3.13
        return "cli"


def _clock() -> Clock:
    """The machine's clock; in tests set wrong by so many seconds, as machines that disagree, and
    with waits so many times as long."""
    import os

    return SystemClock(
        float(os.environ.get("SFPRM_TEST_SKEW_SECONDS", "0")),
        waits=float(os.environ.get("SFPRM_TEST_WAITS", "1")),
    )


def command(
    app: typer.Typer, name: str | None = None, **settings: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a command that takes a Surface first; the common options are added to its own."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True)
        params = list(own.parameters.values())[1:]
        shared = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                default=DEFAULTS.get(key),
                annotation=annotation,
            )
            for key, annotation in COMMON.items()
            if key not in {p.name for p in params}
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            common = {key: given.pop(key, DEFAULTS.get(key)) for key in [p.name for p in shared]}
            surface = Surface(
                as_json=common.get("as_json", False),
                quiet=common.get("quiet", False),
                wait=common.get("wait", 0.0),
                env_file=common.get("env_file"),
                overrides={
                    "state_dir": common.get("state_dir"),
                    "programme": common.get("programme"),
                    "environment": common.get("environment"),
                },
                clock=_clock(),
            )
            try:
                function(surface, **given)
            except SfprmError as error:
                from sfprm.cli.render import print_error

                print_error(error, as_json=surface.as_json)
                raise typer.Exit(error.exit_code) from None

        own_kw = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in params]
        run.__signature__ = inspect.Signature(own_kw + shared)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in [*own_kw, *shared]}
        app.command(name, **settings)(run)
        return run

    return add
