# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl hold: mail that rules have held, in the queues of a real Postfix and a real Sendmail."""
import json
import os
import re
import subprocess

import pytest

from support import net, sendmail, sluice
from support.web import Web

CLIENT = "192.0.2.1"
CONF = 'authserv_id mx.example.org\nat message { rule look hold "{mail.from} is strange" when mail.from == b@example.net }\n'


class Gate:
    """A mail server with Sluice, and sluicectl beside its queue."""

    def __init__(self, setup, kind, more=""):
        self.kind = kind
        self.sluice = setup.sluice(more + CONF, listen=f"inet:{net.free_port()}@127.0.0.1" if kind == "postfix" else None)
        self.server = setup.postfix(self.sluice) if kind == "postfix" else setup.sendmail(self.sluice)

    def command(self, *args, target=True):
        where = ["--postfix", os.path.relpath(self.server.conf)] if self.kind == "postfix" else ["--sendmail", self.server.dir / "sendmail.cf"]
        argv = [sluice.SLUICECTL, "hold", *where, *(["-s", self.sluice.control] if target else []), *args]
        env = sluice.environment()
        if self.kind == "sendmail":
            argv = ["nsenter", "-t", self.server.process.pid, "-u", "-m", "-n", *argv]
            env["PATH"] = f"{sendmail.BINARY.parent}:{os.environ['PATH']}"
        return [str(a) for a in argv], env

    def ctl(self, *args, status=0, target=True):
        argv, env = self.command(*args, target=target)
        done = subprocess.run(argv, capture_output=True, env=env, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return (done.stdout if status == 0 else done.stderr).decode("utf-8", "replace")

    def hold(self, text=b"hello\r\n", subject=b"held", **more):
        before = set(self.server.held())
        message = b"From: b@example.net\r\nSubject: " + subject + b"\r\nX-Marker: " + subject + b"\r\n\r\n" + text
        assert self.server.send(CLIENT, sender="b@example.net", message=message, **more)[0] == 250
        return (set(self.server.held()) - before).pop()

    def drop_all(self):
        for held in self.server.held():
            self.ctl("drop", held)


@pytest.fixture(scope="module", params=["postfix", "sendmail"])
def shared_gate(request, shared_setup):
    return Gate(shared_setup, request.param)


@pytest.fixture
def gate(shared_gate):
    shared_gate.drop_all()
    yield shared_gate
    shared_gate.drop_all()


def test_what_is_held_is_listed_with_its_reason(gate):
    assert gate.ctl("list") == "nothing is held\n"
    held = gate.hold(recipients=["u@example.org", "v@example.org", "w@example.org", "x@example.org"])
    lines = gate.ctl("list").splitlines()
    assert len(lines) == 2 and re.fullmatch(rf"{held}  20\d\d-\d\d-\d\d \d\d:\d\d  1 KB  <b@example.net> -> <u@example.org> <v@example.org> <w@example.org> and 1 more", lines[0])
    assert lines[1] == "    look: b@example.net is strange"
    row, = json.loads(gate.ctl("list", "--json"))
    assert (row["id"], row["sender"], row["rule"], row["reason"]) == (held, "b@example.net", "look", "b@example.net is strange")
    assert row["recipients"] == [f"{u}@example.org" for u in "uvwx"] and row["arrived"] > 1_700_000_000 and 0 < row["size"] < 5000


def test_without_the_daemon_it_is_listed_all_the_same(gate):
    held = gate.hold()
    where = ["-s", "/nonexistent/control"]
    lines = gate.ctl(*where, "list", target=False).splitlines()
    assert lines[0].startswith(held)


def test_it_is_shown(gate):
    held = gate.hold(b"one\r\n.two \x1b[2J\r\n" + "häl\r\n".encode())
    shown = gate.ctl("show", held)
    assert "rule look" in shown and "\nSubject: held\n" in shown and "one\n" in shown and "two [U+001B][2J\nhäl\n" in shown and "\x1b" not in shown, shown
    assert shown.index("Subject: held") < shown.index("one\n")
    raw = gate.ctl("show", "--raw", held)
    assert "\x1b[2J" in raw and "rule look" not in raw


def test_it_is_released(gate):
    held, other = gate.hold(subject=b"released"), gate.hold(subject=b"kept")
    assert gate.ctl("release", held) == f"{held}: released\n"
    assert gate.server.delivered(1, b"X-Marker: released") and gate.server.held() == [other]
    assert "no message" in gate.ctl("release", held, status=66)


def test_it_is_dropped(gate):
    held, other = gate.hold(subject=b"dropped"), gate.hold(subject=b"stays")
    assert gate.ctl("drop", held) == f"{held}: dropped\n" and gate.server.held() == [other]
    assert "no message" in gate.ctl("drop", held, status=66)
    assert gate.ctl("release", other) == f"{other}: released\n"
    assert gate.server.delivered(1, b"X-Marker: stays") and not any(b"X-Marker: dropped" in f.read_bytes() for f in gate.server.mail.iterdir())


def test_only_what_is_held_is_touched(gate):
    held = gate.hold()
    for wrong, status in [("ALL", 64), ("all", 64), ("-", 64), ("../x", 64), ("*", 64), ("", 64), ("NOSUCHID99", 66), ("a" * 65, 64)]:
        for verb in ("show", "drop", "release"):
            said = gate.ctl(verb, "--", wrong, status=status)
            assert "hold list" in said
    assert gate.server.held() == [held]


def test_a_subject_of_escapes(gate):
    held = gate.hold(subject=b"\x1b]0;owned\x07")
    assert "\x1b" not in gate.ctl("show", held) and "\x07" not in gate.ctl("show", held)


def test_what_cannot_be_asked_is_said(setup):
    for args, status, said in [(["--postfix", "/nonexistent", "list"], 69, "postqueue"), (["--sendmail", "/nonexistent/sendmail.cf", "list"], 69, "/nonexistent/sendmail.cf"),
                               *[(["--postfix", "/etc/postfix", *args], 64, "usage") for args in ([], ["list", "more"], ["eat", "4bXk2M0sV1z4kR"], ["show"], ["release"])]]:
        done = sluice.ctl("hold", "-s", setup.folder / "none", *args)
        assert done.returncode == status and said in done.stderr, (args, done.returncode, done.stderr)


# ---- the page, and who does for it what the daemon may not ----

class Watched(Gate):
    def __init__(self, setup, kind):
        port, tokens = net.free_port(), setup.folder / "tokens"
        super().__init__(setup, kind, f'http 127.0.0.1:{port}\napi {{ tokens "{tokens}" }}\n')
        self.tokens = {scope: sluice.ctl("token", "add", "-c", self.sluice.conf, scope, scope).stdout.strip() for scope in ("read", "operate", "admin")}
        self.web = Web(port, self.tokens["read"])
        self.process = None
        setup.running.append(self)

    def watch(self):
        argv, env = self.command("watch")
        self.process = net.start(argv, env=env)

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None

    def shown(self):
        return {m["id"]: m for m in self.web.get("/api/v1/held")["messages"]}

    def want(self, verb, ident, scope):
        return self.web.ask(f"/api/v1/held/{verb}", "POST", json.dumps({"id": ident}).encode(), self.tokens[scope])


@pytest.mark.parametrize("kind", ["postfix", "sendmail"])
def test_the_page_shows_releases_and_drops(setup, kind):
    gate = Watched(setup, kind)
    good, bad, other = (gate.hold(subject=name) for name in (b"good", b"bad", b"other"))
    answer = gate.want("release", good, "operate")
    assert answer.status == 503 and "sluicectl hold watch" in answer.text and gate.web.get("/api/v1/held") == {"watched": False, "listed": None, "messages": []}
    assert "sluice-hold" in gate.web.ask("/held").text
    gate.watch()
    net.wait_for(lambda: set(gate.shown()) == {good, bad, other}, "the list")
    one = gate.shown()[good]
    assert (one["sender"], one["recipients"], one["rule"], one["reason"], one["state"]) == ("b@example.net", ["u@example.org"], "look", "b@example.net is strange", "held")
    page = gate.web.ask("/held").text
    assert all(ident in page for ident in (good, bad, other)) and "b@example.net is strange" in page and "sluice-hold" not in page
    for verb, ident, scope, status in [("release", good, "read", 403), ("drop", bad, "operate", 403), ("release", "NOSUCHID99", "operate", 404), ("release", "ALL", "admin", 404),
                                       ("release", "a b", "operate", 400), ("drop", "", "admin", 400)]:
        assert gate.want(verb, ident, scope).status == status, (verb, ident, scope)
    assert set(gate.server.held()) == {good, bad, other}

    assert gate.want("release", good, "operate").status == 200 and gate.want("drop", bad, "admin").status == 200
    assert gate.server.delivered(1, b"X-Marker: good")
    net.wait_for(lambda: gate.server.held() == [other] and set(gate.shown()) == {other}, "both wishes")
    assert f'audit: token=operate scope=operate asked="held release {good}" status=0' in gate.sluice.log()
    assert not any(b"X-Marker: bad" in f.read_bytes() for f in gate.server.mail.iterdir())

    gate.ctl("release", other)  # somebody else was faster
    gate.want("release", other, "operate")
    net.wait_for(lambda: not gate.shown(), "nothing")
    gate.stop()
    net.wait_for(lambda: not gate.web.get("/api/v1/held")["watched"], "that nobody watches")


def test_a_wish_that_cannot_be_fulfilled_is_shown(setup):
    gate = Watched(setup, "postfix")
    held = gate.hold()
    argv, env = gate.command("watch")
    tools = setup.folder / "tools"
    tools.mkdir()
    (tools / "postsuper").write_text("#!/bin/sh\necho 'postsuper: fatal: the disk is full' >&2\nexit 1\n")
    (tools / "postsuper").chmod(0o755)
    gate.process = net.start(argv, env={**env, "PATH": f"{tools}:{env['PATH']}"})
    net.wait_for(lambda: held in gate.shown(), "the list")
    assert gate.want("release", held, "operate").status == 200
    net.wait_for(lambda: gate.shown()[held]["state"] == "failed", "the failure")
    assert "the disk is full" in gate.shown()[held]["error"] and "the disk is full" in gate.web.ask("/held").text
    assert gate.server.held() == [held]


def test_a_watcher_without_a_daemon_or_rights_says_so(setup):
    gate = Watched(setup, "postfix")
    gate.watch()
    net.wait_for(lambda: gate.web.get("/api/v1/held")["watched"], "the watcher")
    gate.sluice.stop()
    assert gate.process.wait(net.PATIENCE_S) == 69
    gate.process = None
    assert "no daemon answers" in gate.ctl("watch", status=69)


def test_an_address_that_is_no_utf8_hides_no_message(tmp_path):
    """As a Postfix with smtputf8_enable = no has it in its queue."""
    row = b'{"queue_name": "hold", "queue_id": "4bXk2M0sV1z4kR", "arrival_time": 1790000000, "message_size": 300, "sender": "b\xff@example.net", "recipients": [{"address": "\xfe@example.org"}]}\n'
    (tmp_path / "queue").write_bytes(row + row.replace(b"kR", b"kS").replace(b"\xff", "\u00e4".encode()).replace(b"\xfe", b"u"))
    (tmp_path / "postqueue").write_text(f"#!/bin/sh\ncat {tmp_path}/queue\n")
    (tmp_path / "postqueue").chmod(0o755)
    env = sluice.environment() | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    argv = [sluice.SLUICECTL, "hold", "--postfix", tmp_path, "-s", tmp_path / "none", "list", "--json"]
    done = subprocess.run([str(a) for a in argv], capture_output=True, env=env, timeout=net.PATIENCE_S, check=False)
    found = [(m["id"], m["sender"], m["recipients"]) for m in json.loads(done.stdout)]
    assert found == [("4bXk2M0sV1z4kR", "b?@example.net", ["?@example.org"]), ("4bXk2M0sV1z4kS", "b\u00e4@example.net", ["u@example.org"])]
