# SPDX-License-Identifier: BSD-2-Clause
"""A small disk that can be filled, and given room again."""
import os
import subprocess

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")


class Disk:
    """Mounted at `folder`, with room for so many KB."""

    def __init__(self, folder, kb):
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kb}k,mode=777", "tmpfs", folder], check=True)

    def is_empty(self):
        """Nothing takes room, not even a file that has no name any more."""
        room = os.statvfs(self.folder)
        return room.f_bfree == room.f_blocks

    def fill(self, leave=0):
        """All but so many octets."""
        with open(self.folder / "filler", "wb", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass
            if leave:
                filler.truncate(filler.tell() - leave)

    def clear(self):
        (self.folder / "filler").unlink()

    def stop(self):
        subprocess.run(["umount", "-l", self.folder], check=True)
