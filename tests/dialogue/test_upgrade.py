# SPDX-License-Identifier: BSD-2-Clause
"""A new process takes over from the old one: nobody is turned away, and nothing that was begun is lost."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

import pytest
from support import net, preload, sluice
from support.milter import CONTINUE, Milter

REFUSE = 'at rcpt { rule r reject "550 5.7.1 %s" when rcpt.address == "bad@example.org" }\n'
MESSAGES = 5000 if sluice.sanitized() or sluice.SHARED_PLUGINS else 100000


class Successor:
    """A daemon that another one has started: no child of ours."""

    def __init__(self, pid):
        self.pid = pid
        self.args = f"the new process {pid}"

    def alive(self):
        return pathlib.Path(f"/proc/{self.pid}/exe").exists() and os.path.exists(f"/proc/{self.pid}/task")

    def poll(self):
        return None if self.alive() else 0

    def send_signal(self, sig):
        os.kill(self.pid, sig)

    def wait(self, timeout=None):
        net.wait_for(lambda: not self.alive(), f"the end of {self.args}", timeout or net.PATIENCE_S)
        return 0


@pytest.fixture(autouse=True)
def no_successor_stays(setup):
    started = []
    yield started
    for process in started:
        if process.alive():
            process.send_signal(signal.SIGTERM)
            process.wait()


def upgrade(s, started):
    """The old process; s has the new one."""
    done = s.ctl("upgrade")
    assert done.returncode == 0, done.stderr
    old, s.process = s.process, Successor(int(done.stdout.removeprefix("pid ")))
    started.append(s.process)
    assert s.status()["pid"] == str(s.process.pid)
    return old


def ended_well(s, old):
    assert old.wait(net.PATIENCE_S) == 0
    assert "Sanitizer" not in s.log(), s.log()


def refused(m):
    m.mail()
    return m.rcpt("<bad@example.org>").text


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_sessions_end_where_they_began(setup, no_successor_stays, kind):
    s = setup.sluice(REFUSE % "old", listen=f"inet:{net.free_port()}@127.0.0.1" if kind == "inet" else None)
    m, idle = setup.milter(s), setup.milter(s)
    m.greet()
    m.mail()
    s.write(REFUSE % "new")
    old = upgrade(s, no_successor_stays)
    fresh = setup.milter(s)
    fresh.greet()
    assert "new" in refused(fresh)
    fresh.abort()
    assert m.rcpt().kind == CONTINUE and m.content().kind == CONTINUE
    idle.greet()
    assert "old" in refused(idle), "a connection that was there keeps the process that it began with"
    idle.abort()
    assert old.poll() is None
    for each in (m, idle):
        each.quit()
    ended_well(s, old)
    assert s.control.exists() and (kind == "inet" or s.socket.exists()), "what the new one listens on stays"
    again = setup.milter(s)
    again.greet()
    assert "new" in refused(again)
    again.abort()


def test_the_first_process_of_a_container_stays(setup):
    """Everything in a PID namespace ends with its first process."""
    s = setup.sluice(REFUSE % "old", start=False)
    s.inside = ("unshare", "--pid", "--fork", "--kill-child")
    s.start()
    m = setup.milter(s)
    m.greet()
    done = s.ctl("upgrade")
    assert done.returncode != 0 and "first process of a container" in done.stderr, done.stderr
    assert "old" in refused(m) and s.ctl("status").returncode == 0
    m.quit()
    os.kill(int(pathlib.Path(f"/proc/{s.process.pid}/task/{s.process.pid}/children").read_text()), signal.SIGTERM)
    assert s.process.wait(net.PATIENCE_S) == 0
    s.process = None


def test_http_is_answered_by_the_new_one_alone(setup, no_successor_stays):
    """Also while the old one has a connection to serve."""
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\n")
    idle = setup.milter(s)
    idle.greet()
    old = upgrade(s, no_successor_stays)
    net.wait_for(lambda: "this one serves the connections that it has" in s.log(), "the old one to let go")

    def connections():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=net.PATIENCE_S) as answer:
            return re.search(r"^sluice_connections_total (\d+)$", answer.read().decode(), re.M)[1]

    net.wait_for(lambda: [connections() for _ in range(20)] == ["0"] * 20, "the new one to answer all")
    assert old.poll() is None
    idle.quit()
    ended_well(s, old)


def test_a_configuration_that_is_bad_changes_nothing(setup, no_successor_stays):
    s = setup.sluice(REFUSE % "old" + f"state {{ lmdb {setup.folder}/state }}\nat mail {{ rule fast limit 1000/1h by client.ip }}\n")
    s.write("nonsense\n")
    done = s.ctl("upgrade")
    assert done.returncode == 69 and "nonsense" in done.stderr and "sluice.conf" in done.stderr
    assert "upgrade failed, this process stays" in s.log()
    m = setup.milter(s)
    m.greet()
    assert "old" in refused(m) and s.status()["pid"] == str(s.process.pid)
    other = setup.sluice(f"state {{ lmdb {setup.folder}/state }}\ngreylist {{ delay 1h }}\nat rcpt {{ rule g greylist }}\n", start=False)
    done = subprocess.run([sluice.SLUICED, "-c", other.conf], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
    assert done.returncode != 0 and "another process has it" in done.stderr, "its state is its own again"


@pytest.mark.parametrize("more, why", [("cases { to /proc/nowhere }\n", "/proc/nowhere"), ("user nobody-of-this-name\n", "nobody-of-this-name")])
def test_a_new_process_that_fails_late_changes_nothing(setup, more, why):
    """When it has the sockets already."""
    http = f"http unix:{setup.folder}/http.sock\n"
    s = setup.sluice(http + REFUSE % "old")
    s.write(http + REFUSE % "new" + more)
    done = s.ctl("upgrade")
    assert done.returncode == 69 and why in done.stderr
    m = setup.milter(s)
    m.greet()
    assert "old" in refused(m) and s.status()["pid"] == str(s.process.pid)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(net.PATIENCE_S)
        client.connect(f"{setup.folder}/http.sock")
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.")


def test_what_is_listened_on_does_not_change(setup):
    folder = setup.folder
    http = f"http unix:{folder}/http.sock\n"
    s = setup.sluice(http + REFUSE % "old")
    for line, other in [(f"listen {s.listen}\n", f"listen unix:{folder}/other.sock\n"), (f'control "{s.control}"\n', f'control "{folder}/other.sock"\n'), (http, "")]:
        text = s.conf.read_text()
        assert line in text
        s.conf.write_text(text.replace(line, other))
        done = s.ctl("upgrade")
        assert done.returncode == 69 and f"listen {s.listen}, control {s.control}, http unix:{folder}/http.sock" in done.stderr
        assert "takes a restart" in done.stderr
        s.conf.write_text(text)
    m = setup.milter(s)
    m.greet()
    assert "old" in refused(m) and sorted(p.name for p in folder.glob("**/*.sock")) == ["control.sock", "http.sock", "milter.sock"]


@preload.needs_preload
def test_a_connection_that_is_just_being_taken_stays(setup, monkeypatch, no_successor_stays):
    door = preload.Door(setup.folder)
    s = door.start(monkeypatch, setup, REFUSE % "old")
    door.hold_next()
    m = Milter(s.listen, negotiate=False)
    net.wait_for(door.holds, "the old process to take it")
    s.write(REFUSE % "new")
    old = upgrade(s, no_successor_stays)
    net.wait_for(lambda: "a new process has taken over" in s.log(), "the old one to know of it")
    door.let_go()
    m.negotiate()
    m.greet()
    assert "old" in refused(m)
    m.abort()
    m.quit()
    ended_well(s, old)


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_the_old_process_lets_go_of_the_sockets(setup, no_successor_stays, kind):
    """When the new one dies, nobody waits in vain at the old one, and another can begin."""
    s = setup.sluice(REFUSE % "old", listen=f"inet:{net.free_port()}@127.0.0.1" if kind == "inet" else None)
    idle = setup.milter(s)
    idle.greet()
    old = upgrade(s, no_successor_stays)
    net.wait_for(lambda: "this one serves the connections that it has" in s.log(), "the old one to let go")
    assert setup.milter(s).greet().kind == CONTINUE
    s.process.send_signal(signal.SIGKILL)
    s.process.wait()
    net.wait_for(lambda: is_refused(s), "nobody to listen")
    s.write(REFUSE % "newest")
    s.start()
    fresh = setup.milter(s)
    fresh.greet()
    assert "newest" in refused(fresh)
    assert old.poll() is None and idle.mail().kind == CONTINUE
    idle.abort()
    idle.quit()
    ended_well(s, old)


def is_refused(s):
    try:
        Milter(s.listen, negotiate=False).sock.close()
    except OSError:
        return True
    return False


def test_a_stop_is_for_the_old_process_too(setup, no_successor_stays):
    """It ends what is under way, and the new one waits for it: who manages services kills what is left when that one has ended."""
    s = setup.sluice(REFUSE % "oldest")
    first = setup.milter(s)
    oldest = begin_message(first, s, no_successor_stays)
    second = setup.milter(s)
    old = begin_message(second, s, no_successor_stays)
    s.process.send_signal(signal.SIGTERM)
    net.wait_for(lambda: s.log().count("stopping: 1 messages are under way") == 2, "both to be told")
    assert first.rcpt().kind == CONTINUE and first.content().kind == CONTINUE
    ended_well(s, oldest)
    assert s.process.alive() and old.poll() is None
    assert second.rcpt().kind == CONTINUE and second.content().kind == CONTINUE
    s.process.wait()
    ended_well(s, old)


def test_a_stop_waits_for_an_old_process_no_longer_than_drain(setup, no_successor_stays):
    s = setup.sluice("drain 200ms\n")
    idle = setup.milter(s)
    idle.greet()
    old = upgrade(s, no_successor_stays)
    old.send_signal(signal.SIGSTOP)
    try:
        s.process.send_signal(signal.SIGTERM)
        s.process.wait()
        assert old.poll() is None
    finally:
        old.send_signal(signal.SIGCONT)
    ended_well(s, old)


def begin_message(m, s, started):
    """And then another process takes over."""
    m.greet()
    m.mail()
    net.wait_for(lambda: s.status()["in_progress"] == "1", "the message to begin")
    return upgrade(s, started)


def test_the_one_between_stays_for_the_oldest(setup, no_successor_stays):
    """Else nobody would tell that one of a stop; it is not told to end before."""
    s = setup.sluice(REFUSE % "oldest")
    first = setup.milter(s)
    oldest = begin_message(first, s, no_successor_stays)
    between = upgrade(s, no_successor_stays)
    net.wait_for(lambda: s.log().count("this one serves the connections that it has") == 2, "it to have none")
    assert first.rcpt().kind == CONTINUE and first.content().kind == CONTINUE
    assert between.alive() and "stopping" not in s.log()
    first.quit()
    ended_well(s, oldest)
    between.wait()


def test_state_goes_on(setup, no_successor_stays):
    config = f'state {{ lmdb {setup.folder}/state }}\nat mail {{ rule fast limit 3/1h by client.ip tempfail "451 4.7.1 too fast" }}\n'
    s = setup.sluice(config)
    before = setup.milter(s)
    before.greet()
    assert before.mail().kind == CONTINUE
    before.abort()
    old = upgrade(s, no_successor_stays)
    after = setup.milter(s)
    after.greet()
    assert after.mail().kind == CONTINUE
    after.abort()
    assert before.mail().kind == CONTINUE, "both have the same"
    before.abort()
    assert after.mail().code == 451
    before.quit()
    ended_well(s, old)


def from_a_binary_of_its_own(setup):
    binary = setup.folder / "sluiced"
    shutil.copy(sluice.SLUICED, binary)
    s = setup.sluice(REFUSE % "old", start=False)
    with open(s.log_file, "ab") as log:
        s.process = net.start([binary, "-c", s.conf], stdout=log, stderr=log, env=sluice.environment())
    net.wait_for(lambda: "is ready" in s.log(), "sluiced to start")
    return s, binary


def test_the_binary_that_is_there_now_is_started(setup, no_successor_stays):
    """As a package does it: another file of the same name."""
    s, binary = from_a_binary_of_its_own(setup)
    shutil.copy(sluice.SLUICED, setup.folder / "fresh")
    os.rename(setup.folder / "fresh", binary)
    assert os.readlink(f"/proc/{s.process.pid}/exe").endswith(" (deleted)")
    old = upgrade(s, no_successor_stays)
    assert os.readlink(f"/proc/{s.process.pid}/exe") == str(binary)
    ended_well(s, old)


def test_a_binary_that_is_none(setup, no_successor_stays):
    s, binary = from_a_binary_of_its_own(setup)
    binary.unlink()
    done = s.ctl("upgrade")
    assert done.returncode == 69 and f"{binary} cannot be started: No such file or directory" in done.stderr
    assert setup.milter(s).greet().kind == CONTINUE


def test_nobody_is_put_off_under_load(setup, no_successor_stays):
    s = setup.sluice('at rcpt { rule r score 1 when rcpt.count > 1 }\nat message { rule t tag "x" }\n')
    mail = setup.folder / "mail.eml"
    mail.write_text("From: a@example.net\nSubject: t\n\n" + "body\n" * 100)
    load = net.start([sluice.BUILD / "tests/bench/milterload", "-s", s.listen, "-n", MESSAGES, "-c", 8, "-m", 3, "-t", 500, f"ann@example.net={mail}"],
                     stdout=subprocess.PIPE)
    olds = []
    for done in (0.2, 0.4, 0.6):
        net.wait_for(lambda done=done: load.poll() is not None or messages(s) >= done * MESSAGES / 4, "some messages", 300)
        if load.poll() is None:
            olds.append(upgrade(s, no_successor_stays))
    out, _ = load.communicate(timeout=500)
    result = json.loads(out)
    assert len(olds) == 3, "the load was over too early for this test to say anything"
    assert (result["messages"], result["errors"], result["continue"]) == (MESSAGES, 0, MESSAGES), result
    for old in olds:
        ended_well(s, old)


def messages(s):
    """How many this process has had."""
    return int(s.status()["accept"])
