# SPDX-License-Identifier: BSD-2-Clause
"""What all whole-system tests share. Each test has a folder, ports and sockets of its own."""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# variants of contrib/test of their own: the packages are built and tested once, and fuzzing wants a build of its own
collect_ignore = [folder for folder, variable in (("package", "SLUICE_PACKAGES"), ("fuzz", "SLUICE_FUZZ_SECONDS")) if variable not in os.environ]

from support import dns, milter, postfix, proxy, redis, sendmail, sluice  # noqa: E402


class Setup:
    """Makes what a test needs, and ends it in reverse order."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []
        self.count = 0

    def _place(self, kind):
        self.count += 1
        return self.folder / f"{kind}{self.count}"

    def sluice(self, config, zone="", listen=None, start=True):
        s = sluice.Sluice(self._place("s"), config, zone, listen, start)
        self.running.append(s)
        return s

    def milter(self, s, **kwargs):
        m = milter.Milter(s.listen, **kwargs)
        self.running.append(m)
        return m

    def postfix(self, s, **kwargs):
        where = s.listen if not s.listen.startswith("inet") else "inet:127.0.0.1:" + s.listen.split(":")[1].split("@")[0]
        p = postfix.Postfix(self._place("p"), where, **kwargs)
        self.running.append(p)
        return p

    def sendmail(self, s, **kwargs):
        m = sendmail.Sendmail(self._place("m"), s.listen, **kwargs)
        self.running.append(m)
        return m

    def proxy(self, s):
        p = proxy.Proxy(self._place("x"), s.listen)
        self.running.append(p)
        return p

    def dns(self, *args, **kwargs):
        d = dns.Server(*args, **kwargs)
        self.running.append(d)
        return d

    def end(self):
        errors = []
        for thing in reversed(self.running):
            try:
                thing.sock.close() if isinstance(thing, milter.Milter) else thing.stop()
            except AssertionError as e:
                errors.append(str(e))
        assert not errors, "\n".join(errors)


@contextlib.contextmanager
def new_setup():
    # not pytest's own folder: a unix socket's path must be short, and Postfix must be able to walk to it
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test-"))
    folder.chmod(0o755)
    s = Setup(folder)
    try:
        yield s
    finally:
        try:
            s.end()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def setup():
    with new_setup() as s:
        yield s


@pytest.fixture(scope="module")
def shared_setup():
    """For what a whole module uses together."""
    with new_setup() as s:
        yield s


@pytest.fixture(params=["lmdb", "redis"])
def state(request, setup):
    """What stands in `state { }` for each home of the store."""
    if request.param == "lmdb":
        yield f"lmdb {setup.folder}/state"
        return
    with redis.Redis(setup.folder) as server:
        yield f"redis {server.path} timeout 20s"
