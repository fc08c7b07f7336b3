# SPDX-License-Identifier: BSD-2-Clause
"""What operators hear of at once: to a file, a socket and a URL; and what becomes of it, and of mail, when these are slow, full or away."""
import hashlib
import hmac
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support import net, sluice
from support.redis import Redis

RULES = """authserv_id mx.example.org
at message {
    rule look hold "{mail.from} is strange" when mail.from == b@example.net
    rule odd score 1 warn when mail.from == w@example.net
}
"""


def send(setup, s, sender="<b@example.net>"):
    with setup.milter(s) as m:
        m.greet()
        return m.message(sender)


def lines(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line] if path.exists() else []


def wait_lines(path, count):
    net.wait_for(lambda: len(lines(path)) >= count, f"{count} events")
    return lines(path)


def start(setup, settings, rules=RULES):
    return setup.sluice(f"events {{ {settings} }}\n{rules}")


def test_each_event_is_a_line(setup):
    path = setup.folder / "events"
    with Redis(setup.folder) as redis:
        s = start(setup, f"file {path}", f"state {{ redis {redis.path} timeout 500ms }}\nclamav {{ server unix:{setup.folder}/none }}\n{RULES}at message {{ rule v score 1 when clamav.found }}\n")
        send(setup, s)
        found = wait_lines(path, 2)
        health, hold = sorted(found, key=lambda e: e["event"])[:2]
        assert health["event"] == "health" and health["subject"].startswith("clamd unix:") and health["good"] is False and health["text"]
        assert (hold["event"], hold["rule"], hold["text"], hold["from"], hold["client"], hold["recipients"]) == ("hold", "look", "b@example.net is strange", "b@example.net", "192.0.2.1", 1)
        assert hold["host"] == "mx.example.org" and s.explain(hold["case"])["verdict"]["rule"] == "look" and hold["time"].endswith("Z")
        for _ in range(3):
            send(setup, s, "<w@example.net>")
        assert [(e["event"], e["rule"]) for e in wait_lines(path, 3)[2:]] == [("warn", "odd")]  # once in an hour
        assert s.reload().returncode == 0
        s.write("at message { rule x score 1 when nothing }\n")
        assert s.reload().returncode == 78
        assert [(e["event"], e["good"]) for e in wait_lines(path, 5)[3:]] == [("reload", True), ("reload", False)]
    assert [(e["event"], e["good"]) for e in wait_lines(path, 6)[5:6]] == [("store", False)]


def test_what_is_not_wanted_is_not_told(setup):
    path = setup.folder / "events"
    s = start(setup, f"file {path} of [warn reload]")
    send(setup, s)
    send(setup, s, "<w@example.net>")
    assert s.reload().returncode == 0
    assert [e["event"] for e in wait_lines(path, 2)] == ["warn", "reload"]


def test_a_reload_changes_where_they_go(setup):
    one, two = setup.folder / "one", setup.folder / "two"
    s = start(setup, f"file {one}")
    send(setup, s)
    wait_lines(one, 1)
    assert s.reload(f"events {{ file {two} }}\n{RULES}").returncode == 0
    send(setup, s)
    assert [e["event"] for e in wait_lines(two, 2)] == ["reload", "hold"] and len(lines(one)) == 1
    assert s.reload(RULES).returncode == 0
    send(setup, s)
    s.stop()
    assert len(lines(two)) == 2


def test_the_file_is_rotated(setup):
    path = setup.folder / "events"
    s = start(setup, f"file {path} file_size 4K file_keep 2")
    with setup.milter(s) as m:
        m.greet()
        for _ in range(100):
            m.message("<b@example.net>")
    s.stop()
    files = sorted(setup.folder.glob("events*"))
    assert [f.name for f in files] == ["events", "events.1", "events.2"] and all(f.stat().st_size <= 4096 for f in files)
    kept = [e["case"] for f in (files[2], files[1], files[0]) for e in lines(f)]
    assert len(kept) > 20 and kept == sorted(kept) and pathlib.Path(path).stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_holds_nothing_up(setup):
    path = setup.folder / "missing" / "events"
    s = start(setup, f"file {path}")
    for _ in range(3):
        assert send(setup, s).kind == "continue"
    net.wait_for(lambda: f"events cannot be sent to {path}: No such file or directory" in s.log(), "the trouble to be said")
    path.parent.mkdir()
    assert len(wait_lines(path, 3)) == 3
    net.wait_for(lambda: f"events are sent to {path} again" in s.log(), "the end of it")
    assert s.log().count("events cannot be sent") == 1


def listen(path, answer=True):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(5)
    listener.settimeout(net.PATIENCE_S)
    return listener


def test_a_program_listens_at_a_socket(setup):
    path = setup.folder / "listener"
    s = start(setup, f"socket {path}")
    assert send(setup, s).kind == "continue"  # nobody is there yet
    net.wait_for(lambda: "events cannot be sent to" in s.log(), "the trouble to be said")
    with listen(path) as listener:
        client, _ = listener.accept()
        assert json.loads(client.makefile().readline())["event"] == "hold"
        client.close()
        send(setup, s)
        send(setup, s)
        client, _ = listener.accept()  # started anew
        client.settimeout(net.PATIENCE_S)
        assert json.loads(client.makefile().readline())["event"] == "hold"
        client.close()


class Hook:
    """An HTTP server that answers as a test wants: a list of statuses, then 200; None: it says nothing more."""

    def __init__(self, statuses=(), context=None):
        self.statuses, self.got, self.hung, self.ended = list(statuses), [], [], threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.statuses.pop(0) if hook.statuses else 200
                hook.got.append((self.path, dict(self.headers), body, status))
                if status is None:
                    hook.hung.append(self.connection)
                    hook.ended.wait()
                    return
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def test_a_url_gets_them_signed(setup):
    with Hook() as hook:
        s = start(setup, f'url "http://127.0.0.1:{hook.port}/hook?a=b" secret "s3cret"')
        send(setup, s)
        net.wait_for(lambda: hook.got, "the post")
    path, headers, body, _ = hook.got[0]
    assert path == "/hook?a=b" and json.loads(body)["event"] == "hold" and headers["Content-Type"] == "application/json"
    assert headers["X-Sluice-Signature"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert "s3cret" not in s.log() + sluice.ctl("config", "show", "-c", s.conf).stdout


def test_what_is_not_taken_is_tried_again_and_what_is_refused_is_not(setup):
    with Hook([503, 429, 200, 400, 200]) as hook:
        s = start(setup, f'url "http://127.0.0.1:{hook.port}/"')
        for sender in ("<b@example.net>",) * 3:
            send(setup, s, sender)
        net.wait_for(lambda: len(hook.got) >= 5, "five posts", 60)
    cases = [json.loads(body)["case"] for _, _, body, _ in hook.got]
    assert cases[0] == cases[1] == cases[2] and len(set(cases)) == 3 and "it answers 503" in s.log() and "it answers 400" in s.log()
    assert "X-Sluice-Signature" not in hook.got[0][1]


def test_a_url_that_hangs_holds_up_neither_mail_nor_the_file(setup):
    path = setup.folder / "events"
    with Hook([None] * 100) as hook:
        s = start(setup, f'url "http://127.0.0.1:{hook.port}/" file {path}')
        for _ in range(20):
            assert send(setup, s).kind == "continue"
        assert len(wait_lines(path, 20)) == 20
        began = time.monotonic()
        s.stop()
        assert time.monotonic() - began < 30


def test_a_reload_does_not_wait_for_a_url_that_hangs(setup):
    with Hook([None] * 100) as hook, Hook() as other:
        s = start(setup, f'url "http://127.0.0.1:{hook.port}/"')
        send(setup, s)
        net.wait_for(lambda: hook.hung, "the post")
        assert s.reload(f'events {{ url "http://127.0.0.1:{other.port}/" }}\n{RULES}').returncode == 0
        with pytest.raises(BlockingIOError):  # it is still being asked
            hook.hung[0].recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        send(setup, s)
        net.wait_for(lambda: other.got, "what comes after it at the other place")


def test_more_than_are_kept_lose_the_oldest(setup):
    s = start(setup, 'url "http://127.0.0.1:1/"')
    with setup.milter(s) as m:
        m.greet()
        for _ in range(1100):
            m.message("<b@example.net>")
    net.wait_for(lambda: "the oldest are lost" in s.log(), "it to be said", 60)


def certificate(folder, name, ca=None):
    """A self-signed one of this name."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_https_wants_a_good_certificate_of_that_host(setup, monkeypatch):
    cert, context = certificate(setup.folder, "localhost")
    _, other = certificate(setup.folder, "other.example")
    with Hook(context=context) as hook, Hook(context=other) as wrong:
        s = start(setup, f'url "https://localhost:{hook.port}/"')
        send(setup, s)
        net.wait_for(lambda: "events cannot be sent to localhost: TLS" in s.log(), "a stranger's certificate to be refused")
        s.stop()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        s.start()
        send(setup, s)
        net.wait_for(lambda: hook.got, "the post")
        assert s.reload(f'events {{ url "https://localhost:{wrong.port}/" }}\n{RULES}').returncode == 0
        net.wait_for(lambda: s.log().count("events cannot be sent to localhost: TLS") == 2, "another host's certificate to be refused")
    assert not wrong.got


@pytest.mark.parametrize("settings, said", [
    ("of [hold nothing]", "there are hold, warn, surge, fault, health, store, key and reload"), ('url "ftp://example.org/"', "is no URL for events"),
    ('url "https://user:password@example.org/"', "is no URL for events"), ('url "nonsense"', "is no URL for events"), ('url "http://"', "is no URL for events"),
    (f'socket "/{"x" * 200}"', "the path of a unix socket has at most")])
def test_what_is_wrong_is_said(tmp_path, settings, said):
    conf = tmp_path / "sluice.conf"
    conf.write_text(f"{sluice.plugin_lines()}events {{ {settings} }}\n")
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 78 and said in done.stderr and "sluice.conf:" in done.stderr, done.stderr


def test_octets_of_strangers_stay_octets(setup):
    path = setup.folder / "events"
    s = start(setup, f"file {path}", RULES.replace("mail.from == b@example.net", "mail.from matches \"*\""))
    for sender in ('<"a\\"b\\n"@example.net>', "<\x1b[2J@example.net>", "<häl@example.net>", "<a\u2028b@example.net>"):
        send(setup, s, sender)
    assert len(wait_lines(path, 4)) == 4 and b"\x1b" not in path.read_bytes()
