"""A function of the user's own as a job: `package.module:function` in a job file.

It is called with the job's context and the file's options by name, and gives nothing, a mapping of
counts, or an exit code:

    def nightly(context: JobContext, *, region: str = "north") -> Mapping[str, int]: ...

The options are checked by the function's own annotations. It takes the org's lock as every job
does that may write; a function that only reads says so: `nightly.writes = False`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast, get_type_hints

from pydantic import create_model

from sfprm.blocks import Block, Text
from sfprm.errors import BadRequest
from sfprm.jobs.frame import Job, JobContext, JobOptions, JobResult

__all__ = ["FunctionJob", "function_job"]


@dataclass(frozen=True)
class FunctionResult(JobResult):
    """What the function gave back."""

    code: int = 0
    counted: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def blocks(self) -> tuple[Block, ...]:
        lines = tuple(f"{name}: {count:,}" for name, count in self.counted.items())
        return (Text(lines or ("done",)),)

    def to_json(self) -> dict[str, Any]:
        return {"counts": dict(self.counted)}

    @property
    def exit_code(self) -> int:
        return self.code

    @property
    def counts(self) -> Mapping[str, int]:
        return self.counted


class FunctionJob(Job[JobOptions, FunctionResult]):
    """Calls one function. `name` is its path."""

    summary = "a function of your own"

    def __init__(self, path: str, function: Callable[..., Any]) -> None:
        self.name = path  # type: ignore[misc]  # a name of its own for each function
        self.writes = bool(getattr(function, "writes", True))  # type: ignore[misc]
        self._function = function
        self.options = _options(path, function)

    def run(self, context: JobContext, options: JobOptions) -> FunctionResult:
        given = {name: getattr(options, name) for name in type(options).model_fields}
        found = self._function(context, **given)
        if found is None:
            return FunctionResult()
        if isinstance(found, bool) or not isinstance(found, (int, Mapping)):
            raise BadRequest(
                f"{self.name} gave back {type(found).__name__}.",
                hint="Let it return nothing, counts by name, or an exit code.",
            )
        if isinstance(found, int):
            return FunctionResult(code=found)
        return FunctionResult(counted=MappingProxyType({str(k): int(v) for k, v in found.items()}))


def function_job(path: str) -> FunctionJob:
    """The job of that path. Raises BadRequest when it cannot be imported or called."""
    module, _, name = path.partition(":")
    try:
        function = getattr(import_module(module), name)
    except ImportError as error:
        raise BadRequest(
            f"job {path}: {error}.",
            hint="Install the package beside sfprm, or put its folder on PYTHONPATH.",
        ) from None
    except AttributeError:
        raise BadRequest(f"job {path}: {module} has no function {name!r}.") from None
    if not callable(function):
        raise BadRequest(f"job {path}: {name} is not a function.")
    return FunctionJob(path, cast("Callable[..., Any]", function))


def _options(path: str, function: Callable[..., Any]) -> type[JobOptions]:
    """A model of the function's parameters after the context."""
    fields: dict[str, Any] = {}
    parameters = list(inspect.signature(function).parameters.values())[1:]
    annotations = _annotations(path, function, parameters)
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise BadRequest(
                f"job {path}: it takes any arguments (*{parameter.name}).",
                hint="Name its options, so that a job file can be checked.",
            )
        annotation = annotations.get(parameter.name, Any)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (annotation, default)
    return create_model("FunctionOptions", __base__=JobOptions, **fields)


def _annotations(
    path: str, function: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> dict[str, Any]:
    """The types of those parameters. That of the context is not looked at: its name is often
    imported for type checkers only."""
    written = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    holder = SimpleNamespace(__annotations__=written)
    names = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(holder, globalns=names)
    except NameError as error:
        raise BadRequest(
            f"job {path}: the type of an option is not known: {error}.",
            hint="Import it at run time, not under TYPE_CHECKING.",
        ) from None
