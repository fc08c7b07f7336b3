# SPDX-License-Identifier: BSD-2-Clause
"""Ports, waiting, and processes that end with the test."""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time

PATIENCE_S = 60  # for what must happen: generous, for sanitizers and busy machines; a test that passes never waits so long


def wait_for(condition, what, seconds=PATIENCE_S):
    """Poll until condition() is true, and return its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that was free just now."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def listens_unix(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False


def start(argv, **kwargs):
    return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)


def stop(process, sig=signal.SIGTERM):
    """End a process, and return its exit status."""
    if process.poll() is None:
        process.send_signal(sig)
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"{process.args} did not end after signal {sig}") from None


@contextlib.contextmanager
def in_network_of(pid):
    """Sockets that this thread makes meanwhile are in the network namespace of that process."""
    libc, new_net = ctypes.CDLL(None, use_errno=True), 0x40000000
    with open("/proc/thread-self/ns/net") as own, open(f"/proc/{pid}/ns/net") as other:
        assert libc.setns(other.fileno(), new_net) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(own.fileno(), new_net) == 0
