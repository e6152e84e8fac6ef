"""Starts the program `sfprm` many times quickly: a process that has imported it, and forks.

Each run is a process of its own that goes through `sfprm.cli.main.main` with its own arguments,
environment, folder and streams; only the second that Python takes to import everything is saved.
Whatever hangs on a fresh interpreter (signals, imports, streams of a terminal) is tested with a
started one, see `Program.start`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class Nursery:
    """The parent's side: asks for runs over a socket, one at a time."""

    def __init__(self) -> None:
        self._socket, self._process = _start()

    def run(
        self, arguments: tuple[str, ...], env: dict[str, str], cwd: Path, timeout: float
    ) -> tuple[int, str, str]:
        """Run the program to its end: exit code, stdout, stderr. Raises TimeoutError."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            request = json.dumps({"arguments": arguments, "env": env, "cwd": str(cwd)}).encode()
            head = len(request).to_bytes(4, "big")
            socket.send_fds(self._socket, [head], [out.fileno(), err.fileno()])
            self._socket.sendall(request)
            self._socket.settimeout(timeout)
            try:
                answer = self._socket.recv(8)
            except TimeoutError:
                self.close()
                self._socket, self._process = _start()
                raise
            if len(answer) < 8:
                raise ChildProcessError("the nursery is gone")
            code = int.from_bytes(answer, "big", signed=True)
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()

    def close(self) -> None:
        """End it, and a run that is under way."""
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
    """The nursery's side."""
    _import_everything()
    with socket.socket(fileno=fileno) as asked:
        while True:
            head, streams, _, _ = socket.recv_fds(asked, 4, 2)
            if not head:
                return
            request = b""
            while len(request) < int.from_bytes(head, "big"):
                request += asked.recv(65536)
            child = os.fork()
            if child == 0:
                asked.close()
                _be_the_program(json.loads(request), streams)
            for stream in streams:
                os.close(stream)
            _, status = os.waitpid(child, 0)
            asked.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


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


def _be_the_program(request: dict[str, Any], streams: list[int]) -> None:
    import time

    from sfprm.cli.main import main

    code = 20
    try:
        os.dup2(streams[0], 1)
        os.dup2(streams[1], 2)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        time.tzset()
        sys.argv = ["sfprm", *request["arguments"]]
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
