"""Threads whose log events and spans belong to what began their work."""

from __future__ import annotations

import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pool"]

P = ParamSpec("P")
T = TypeVar("T")


class Pool(ThreadPoolExecutor):
    """A pool of threads that work in the context of whoever submits: what is bound to logs there
    (run, plan, part) and the span under way hold in the thread too."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As the base's."""
        held = contextvars.copy_context()
        return super().submit(lambda: held.run(fn, *args, **kwargs))
