"""Starts the program `sfprm` many times quickly: a process that has imported it, and forks.

Each run is a process of its own that goes through `sfprm.cli.main.main` with its own arguments,
environment, folder and streams; only the seconds that Python takes to import everything are saved.
Scripts of the tests, which die at a place of their choice, are run in the same way. Whatever hangs
on a fresh interpreter (imports, streams of a terminal) is tested with a started one, see
`Program.start`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
START = 120.0
"""Seconds for which a start is waited for; the first waits for the imports."""


class Nursling:
    """A process that the nursery forked, to be dealt with like a `subprocess.Popen`."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._told.settimeout(START)
        self.pid = self._number()
        self.returncode: int | None = None

    def _number(self) -> int:
        answer = self._told.recv(8, socket.MSG_WAITALL)
        if len(answer) < 8:
            self._told.close()
            raise ChildProcessError("the nursery is gone")
        return int.from_bytes(answer, "big", signed=True)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code, negative for a signal. Raises TimeoutError."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            self.returncode = self._number()
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                return self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The parent's side: asks for processes over a socket."""

    def __init__(self) -> None:
        self._socket, self._process = _start()

    @property
    def pid(self) -> int:
        """Its process, whose children the started programs are."""
        return self._process.pid

    def start(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        out: int,
        err: int,
        script: str = "",
    ) -> Nursling:
        """Start the program, or a Python script, with `arguments`; `out` and `err` are open files.

        The script's module is `__main__`, and its arguments are in `sys.argv[1:]`.
        """
        asked = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd), "script": script}
        request = json.dumps(asked).encode()
        mine, theirs = socket.socketpair()
        with theirs:
            head = len(request).to_bytes(4, "big")
            socket.send_fds(self._socket, [head], [out, err, theirs.fileno()])
            self._socket.sendall(request)
        return Nursling(mine)

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        timeout: float,
        script: str = "",
    ) -> tuple[int, str, str]:
        """Run to the end: exit code, stdout, stderr. Raises TimeoutError, and ends it then."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(
                arguments, env=env, cwd=cwd, out=out.fileno(), err=err.fileno(), script=script
            )
            try:
                code = process.wait(timeout)
            except TimeoutError:
                process.kill()
                process.wait(START)
                raise
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()

    def close(self) -> None:
        """End it, and whatever is under way."""
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(20)


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    mine, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
    return mine, process


def serve(fileno: int) -> None:
    """The nursery's side. It and what it started end with its parent, however that ends."""
    _import_everything()
    # an end of a child wakes the loop; set after the imports, none of which may take it
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    told: dict[int, socket.socket] = {}
    with socket.socket(fileno=fileno) as asked:
        while True:
            ready, _, _ = select.select([asked, woken], [], [])
            if woken in ready:
                woken.recv(4096)
                _tell_of_the_ended(told)
            if asked not in ready:
                continue
            head, given, _, _ = socket.recv_fds(asked, 4, 3)
            size = int.from_bytes(head, "big")
            request = asked.recv(size, socket.MSG_WAITALL) if head else b""
            if not head or len(request) < size:
                # the group is its own, see `_start`
                os.killpg(os.getpid(), signal.SIGKILL)
            out, err, teller = given
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (asked, woken, wake, *told.values()):
                    end.close()
                os.close(teller)
                _be_the_program(json.loads(request), (out, err))
            os.close(out)
            os.close(err)
            told[child] = socket.socket(fileno=teller)
            told[child].sendall(child.to_bytes(8, "big", signed=True))


def _tell_of_the_ended(told: dict[int, socket.socket]) -> None:
    """Signals merge, so each child is asked about."""
    for child in list(told):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            with told.pop(child) as teller, contextlib.suppress(OSError):
                teller.sendall(code.to_bytes(8, "big", signed=True))


def _import_everything() -> None:
    import importlib
    import pkgutil

    import sfprm

    # the embedded org is spoken to as a process of its own; recordings need pytest's extras
    left_out = ("sfprm.devorg", "sfprm.recording", "sfprm.__main__", "sfprm.store.migrations")
    for module in pkgutil.walk_packages(sfprm.__path__, "sfprm."):
        if not module.name.startswith(left_out):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    # what sfprm imports at a state's first use only: each test has a state of its own
    for name in ("alembic.command", "alembic.config"):
        importlib.import_module(name)
    # no child looks through all this for garbage, and its memory stays shared
    gc.collect()
    gc.freeze()


def _be_the_program(request: dict[str, Any], streams: tuple[int, int]) -> None:
    import time

    from sfprm.cli.main import main

    code = 1
    try:
        for number, stream in enumerate(streams, 1):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        time.tzset()
        sys.argv = ["sfprm", *request["arguments"]]
        try:
            if request["script"]:
                code_of = compile(request["script"], "<script>", "exec", dont_inherit=True)
                exec(code_of, {"__name__": "__main__"})  # noqa: S102
                code = 0
            else:
                main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        except BaseException:  # noqa: BLE001 - the edge of a process, as Python's own
            traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
