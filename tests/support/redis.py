# SPDX-License-Identifier: BSD-2-Clause
"""A Redis of a test's own, on a unix socket."""
import subprocess

from . import net


class Redis:
    def __init__(self, folder):
        self.folder = folder
        self.path = f"{folder}/redis.sock"
        self.process = None

    def start(self):
        self.process = net.start(["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir",
                                  str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        net.wait_for(lambda: net.listens_unix(self.path), "Redis to listen")

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None

    def cli(self, *args):
        """What redis-cli prints."""
        done = subprocess.run(["redis-cli", "-s", self.path, *args], capture_output=True, text=True, timeout=net.PATIENCE_S, check=True)
        return done.stdout

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()
