"""Signals of a daemon: heard in the middle of anything, without waiting for what is in hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from sfprm.daemon.signals import Signals

LONG_S = 20


def tell(number: signal.Signals) -> None:
    """This process gets the signal."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_comes_while_the_main_thread_holds_a_lock(number: signal.Signals) -> None:
    """Such as the log's, in the middle of a line: what the signal leads to waits for it elsewhere,
    and the main thread goes on."""
    lock, stopped, reloaded = threading.Lock(), threading.Event(), threading.Event()

    def stop(_number: int) -> None:
        with lock:
            stopped.set()

    def reload() -> None:
        with lock:
            reloaded.set()

    with Signals(stop, reload):
        with lock:
            tell(number)
            assert not stopped.is_set()
            assert not reloaded.is_set()
        asked = reloaded if number is signal.SIGHUP else stopped
        assert asked.wait(LONG_S)
    assert stopped.is_set() != reloaded.is_set()


def test_a_second_one_breaks_off_and_the_handlers_go_when_all_is_over() -> None:
    """The first is told once; what was installed before is there again."""
    before = signal.getsignal(signal.SIGTERM)
    told: list[int] = []
    with Signals(told.append, lambda: None):
        tell(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            tell(signal.SIGTERM)
    assert told == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigusr1_says_where_each_thread_is() -> None:
    """And the program goes on."""
    program = """
import os, signal, threading
from sfprm.daemon.signals import show_threads_when_asked
show_threads_when_asked()
there, end = threading.Event(), threading.Event()
def somewhere():
    there.set()
    end.wait()
thread = threading.Thread(target=somewhere)
thread.start()
there.wait()
os.kill(os.getpid(), signal.SIGUSR1)
end.set()
thread.join()
print("went on")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "went on\n"
    assert done.stderr.count("most recent call first") == 2
    assert "in somewhere" in done.stderr
