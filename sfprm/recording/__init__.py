"""Recordings of real HTTP exchanges: taken through `requests`, scrubbed as they are written, and
replayed on `responses`. It stands alone: any project that speaks through `requests` may use it.

    with Recorder("leads", clock=SystemClock()).everything(): ...   # record
    with Replay(load(path)) as replay: ...                          # replay
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfprm.recording.exchange import Recording, Source
    from sfprm.recording.failures import BadRecording, NotAsRecorded, ProductionOrg
    from sfprm.recording.file import load, save
    from sfprm.recording.keep import SALESFORCE, KeepList
    from sfprm.recording.recorder import Recorder
    from sfprm.recording.replay import Replay

__all__ = [
    "SALESFORCE",
    "BadRecording",
    "KeepList",
    "NotAsRecorded",
    "ProductionOrg",
    "Recorder",
    "Recording",
    "Replay",
    "Source",
    "load",
    "save",
]

_HOMES = {
    "SALESFORCE": "keep",
    "BadRecording": "failures",
    "KeepList": "keep",
    "NotAsRecorded": "failures",
    "ProductionOrg": "failures",
    "Recorder": "recorder",
    "Recording": "exchange",
    "Replay": "replay",
    "Source": "exchange",
    "load": "file",
    "save": "file",
}


def __getattr__(name: str) -> Any:
    """Import on first use: every run of pytest loads the plugin, few need the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
