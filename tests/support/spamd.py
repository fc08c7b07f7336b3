# SPDX-License-Identifier: BSD-2-Clause
"""A spamd of a test's own, with a few rules that need no network; and a server that answers octets as it is told, for it and for rspamd."""
import pathlib
import shutil
import socket
import subprocess
import threading

import pytest

from . import net

# in two halves, so that this file is none
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD" + b"-ANTI-UBE-TEST-EMAIL*C.34X"

RULES = r"""
required_score 5
body GTUBE /XJS\*C4JDBQADN1\.NSBN3\*2IDNEN\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\*C\.34X/
score GTUBE 1000
header FROM_CLIENT X-Spam-Relays-External =~ /ip=(192\.0\.2\.7|2001:db8::7) .*helo=mail\.example\.net /
score FROM_CLIENT 1.5
header FROM_ENVELOPE EnvelopeFrom =~ /^a\@example\.net$/
score FROM_ENVELOPE 0.3
header HAS_SUBJECT exists:Subject
score HAS_SUBJECT -0.1
"""


class Spamd:
    """The real one, over a unix socket or TCP."""

    def __init__(self, folder, unix=False):
        binary = shutil.which("spamd", path="/usr/sbin:/usr/bin")
        if not binary:
            pytest.skip("spamd is not installed (contrib/packages test)")
        self.folder = folder / "spamd"
        (self.folder / "rules").mkdir(parents=True)
        (self.folder / "site").mkdir()
        (self.folder / "rules/10.cf").write_text(RULES)
        (self.folder / "site/init.pre").write_text("loadplugin Mail::SpamAssassin::Plugin::Check\n")
        self.path, self.port = self.folder / "sock", net.free_port()
        self.address = f"unix:{self.path}" if unix else f"inet:{self.port}@127.0.0.1"
        where = [f"--socketpath={self.path}"] if unix else ["-i", "127.0.0.1", "-p", self.port]
        self.log = open(self.folder / "log", "ab")
        self.process = net.start([binary, "-L", "-x", *where, f"--configpath={self.folder}/rules", f"--siteconfigpath={self.folder}/site",
                                  "-m", 2, "--min-children=1", "-r", self.folder / "pid", "-H", self.folder, "-s", "stderr"],
                                 stdout=self.log, stderr=subprocess.STDOUT)
        try:
            net.wait_for(lambda: self.process.poll() is not None or (net.listens_unix(self.path) if unix else net.listens(self.port)), "spamd to listen")
            assert self.process.poll() is None, pathlib.Path(self.folder / "log").read_text()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None
            self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Fake:
    """answer(octets) says what the server says to all that it was sent, and closes; None: nothing, and it stays open."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []  # head and message of each
        self.ended = threading.Event()
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = "inet:%d@127.0.0.1" % self.sock.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, client.makefile("rb") as file:
                head, length = b"", 0
                while not head.endswith(b"\r\n\r\n"):
                    line = file.readline()
                    if not line:
                        return
                    head += line
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                message = file.read(length)
                self.asked.append((head, message))
                reply = self.answer(message)
                if reply is None:
                    self.ended.wait()
                    return
                for piece in [reply] if isinstance(reply, bytes) else reply:
                    client.sendall(piece)
        except OSError:
            pass  # it has heard enough

    def stop(self):
        self.ended.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
