"""The embedded org as a child process. It is spoken to over HTTP only."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from sfprm.errors import NotReady

__all__ = ["EmbeddedOrg", "serve_command", "write_env_file"]

START_SECONDS = 20


def serve_command(*arguments: str) -> list[str]:
    """The command that starts the embedded org."""
    return [sys.executable, "-m", "sfprm.devorg", "serve", *arguments]


@dataclass(frozen=True, slots=True)
class Ready:
    """What the embedded org says of itself when it is up."""

    http: str
    https: str
    ca: Path
    client_id: str
    client_secret: str
    username: str


class EmbeddedOrg:
    """An embedded org started for this process, and ended with it unless `left_running`.

    Raises NotReady when it does not start; its own words are in `state/org.log`.
    """

    def __init__(self, state: Path, *, story: str | None = None, seed: int = 7) -> None:
        self.state = state
        self.log = state / "org.log"
        self.left_running = False
        state.mkdir(parents=True, exist_ok=True)
        command = serve_command(
            *("--http-port", "0", "--https-port", "0"),
            *("--state", str(state), "--data", str(state / "org.db")),
            *(("--seed-story", story, "--seed", str(seed)) if story else ()),
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(START_SECONDS)
            self._process.stdout.close()
            raise NotReady(
                f"the embedded org did not start (exit {self._process.returncode}).",
                hint=f"Its own words are in {self.log}.",
            )
        told = json.loads(line)
        self.ready = Ready(
            http=told["http"],
            https=told["https"],
            ca=Path(told["ca"]),
            client_id=told["client_id"],
            client_secret=told["client_secret"],
            username=told["username"],
        )
        self._http = requests.Session()

    @property
    def pid(self) -> int:
        """The process, for those who want to end it by hand."""
        return self._process.pid

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the org's control API; its JSON."""
        answer = self._http.request(
            method, f"{self.ready.http}/_devorg/{path}", json=body, timeout=60
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """Something that people do in the org. The answer's `done` says it in a sentence."""
        answer: dict[str, Any] = self.control("POST", "events", {"event": name, **fields})
        return answer

    def stop(self) -> None:
        """End the process."""
        self._http.close()
        assert self._process.stdout is not None
        if not self.left_running:
            self._process.terminate()
            try:
                self._process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> EmbeddedOrg:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def write_env_file(path: Path, ready: Ready, **more: str) -> dict[str, str]:
    """Write the settings that reach this org (mode 0600, since the secret is among them)."""
    values = {
        "SFPRM_LOGIN_URL": ready.http,
        "SFPRM_CLIENT_ID": ready.client_id,
        "SFPRM_CLIENT_SECRET": ready.client_secret,
        "SFPRM_CA_BUNDLE": str(ready.ca),
        "SFPRM_HEALTH": "127.0.0.1:0",
        **more,
    }
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()), encoding="utf-8")
    return values
