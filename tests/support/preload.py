# SPDX-License-Identifier: BSD-2-Clause
"""What is put in front of the C library for one daemon: an allocator that has nothing left, clocks that are set, a door that opens slowly."""
import mmap
import struct

import pytest

from . import sluice

needs_preload = pytest.mark.skipif(sluice.sanitized(), reason="a sanitizer has an allocator and clocks of its own")


class _Preload:
    def __init__(self, folder, name, variable, size):
        path = folder / name
        path.write_bytes(bytes(size))
        self.environment = {"LD_PRELOAD": str(sluice.BUILD / f"tests/support/{name}.so"), variable: str(path)}
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), size)

    def start(self, monkeypatch, setup, config, zone=""):
        """A daemon with it."""
        with monkeypatch.context() as m:
            for name, value in self.environment.items():
                m.setenv(name, value)
            return setup.sluice(config, zone)


class Memory(_Preload):
    def __init__(self, folder):
        super().__init__(folder, "failmalloc", "FAILMALLOC", 32)

    def fail(self, first, count=1):
        """Of what is asked for from now on, counted from 1, these get nothing."""
        self.shared[:] = struct.pack("=QQQQ", 0, first, count, 0)

    def well(self):
        """There is enough again: how much was asked for, and how often in vain."""
        asked, _, _, failed = struct.unpack("=QQQQ", self.shared[:])
        self.fail(0)
        return asked, failed


class Clock(_Preload):
    def __init__(self, folder):
        super().__init__(folder, "shiftclock", "SHIFTCLOCK", 16)

    def set(self, seconds):
        """By how much the wall clock goes wrong from now on."""
        self.shared[:8] = struct.pack("=q", seconds)

    def go_on(self, seconds):
        """So much time has passed, for the monotonic clock, too; a wait that has begun, or begins now, does not see it."""
        wall, monotonic = struct.unpack("=qq", self.shared[:])
        self.shared[:] = struct.pack("=qq", wall + seconds, monotonic + seconds)


class Door(_Preload):
    """Where connections are taken: between the system and the daemon."""

    def __init__(self, folder):
        super().__init__(folder, "slowaccept", "SLOWACCEPT", 8)

    def hold_next(self):
        self.shared[:] = struct.pack("=Q", 1)

    def holds(self):
        return struct.unpack("=Q", self.shared[:])[0] == 2

    def let_go(self):
        self.shared[:] = bytes(8)
