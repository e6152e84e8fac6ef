"""The files in deploy/: what can be checked of them without systemd and without Docker."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sfprm.daemon.notify import Supervisor
from sfprm.settings import SECRETS, Settings

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
SETTING = re.compile(r"\bSFPRM_[A-Z_]+")


def unit(path: Path) -> dict[str, list[str]]:
    """A unit file's keys with all their values."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, sep, value = line.partition("=")
        if sep and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_a_unit_notifies_drains_and_is_locked_in(path: Path) -> None:
    """Type=notify with a watchdog; time to drain; nothing of the machine to write to."""
    keys = unit(path)
    assert keys["Type"] == ["notify"]
    assert int(keys["WatchdogSec"][0]) >= 30
    assert int(keys["TimeoutStopSec"][0]) > 30
    assert keys["KillSignal"] == ["SIGTERM"]
    assert keys["RestartPreventExitStatus"] == ["2"]
    for key, value in {
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
    }.items():
        assert keys[key] == [value]
    assert all(
        v.split(":")[1].startswith("/etc/sfprm/credentials/") for v in keys["LoadCredential"]
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    """As systemd itself checks it; the program stands in another place here."""
    copy = tmp_path / path.name.replace("@", "@1")
    copy.write_text(path.read_text().replace("/opt/sfprm/bin/sfprm", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert path.name.partition(".")[0] not in done.stderr, done.stderr


def test_every_setting_in_deploy_exists() -> None:
    """Names are spelt as the settings are."""
    known = {f"SFPRM_{name.upper()}" for name in Settings.model_fields}
    known |= {f"SFPRM_{name.upper()}_FILE" for name in SECRETS}
    used = {
        name
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file()
        for name in SETTING.findall(path.read_text())
    }
    assert used - known == set()
    assert len(used) > 5


def test_the_image_is_small_and_nobodys() -> None:
    """Two stages of one pinned base, an unprivileged numeric user, hashes, no secret, no ADD."""
    text = (ROOT / "deploy/docker/Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    bases = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users == ["10001:10001"]
    assert not any(line.startswith("ADD") for line in lines)
    assert "--require-hashes" in text
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|PRIVATE_KEY)\s*=", text)
    for line in lines:
        for source in re.findall(r"^COPY (?!--from)(.+) \S+$", line):
            assert all((ROOT / name).exists() for name in source.split()), line


def test_the_compose_file_is_locked_in() -> None:
    """Read-only, no capabilities, secrets as files, ports on loopback alone."""
    compose: Any = YAML(typ="safe", pure=True).load(
        (ROOT / "deploy/docker/compose.yaml").read_text()
    )
    services = compose["services"]
    assert set(services) == {"postgres", "migrate", "daemon", "worker"}
    for name in ("migrate", "daemon", "worker"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert set(service["secrets"]) <= set(compose["secrets"])
        assert not any("SECRET" in k or "PASSWORD" in k for k in service["environment"])
    assert all(p.startswith("127.0.0.1:") for s in services.values() for p in s.get("ports", ()))
    assert services["worker"]["deploy"]["replicas"] == 2


def test_the_supervisor_is_told(tmp_path: Path) -> None:
    """Over the socket that it names; nobody hears it otherwise."""
    import socket

    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        told = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
        told.say("READY=1", "STATUS=2 job files")
        assert listening.recv(100) == b"READY=1\nSTATUS=2 job files"
    told.say("WATCHDOG=1")  # nobody is there any more: no matter
    assert told.watchdog_seconds == 60
    assert Supervisor({}).watchdog_seconds is None
    assert Supervisor({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}).watchdog_seconds is None
