"""Talking to systemd (Type=notify): a datagram to the socket that it names, no library needed.

[sd_notify(3): READY=1, RELOADING=1, STOPPING=1, STATUS=…, WATCHDOG=1; a leading @ in NOTIFY_SOCKET
means the abstract namespace]
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["Supervisor"]


class Supervisor:
    """Whoever started this process and wants to hear how it does: systemd, or nobody."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        pid = environment.get("WATCHDOG_PID", "")
        mine = not pid or pid == str(os.getpid())
        usec = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(usec) / 1e6 if usec.isdigit() and mine else None

    def say(self, *lines: str) -> None:
        """Send lines such as READY=1. What cannot be sent is not worth failing for."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.connect(self._address)
            out.send("\n".join(lines).encode())
