# SPDX-License-Identifier: BSD-2-Clause
"""Start, reload and stop; sockets, users, metrics."""
import grp
import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from support import net
from support.milter import CONTINUE, NR_HDR, REPLY, Closed
from support.sluice import BUILD, SLUICECTL, SLUICED, environment

REFUSE = 'at rcpt { rule r reject "550 5.7.1 old policy" }\n'
ACCEPT = 'at rcpt { rule r reject "550 5.7.1 new policy" when rcpt.address == "bad@example.org" }\n'
SANITIZED = "sanitize" in str(BUILD) or "asan" in str(BUILD) or "tsan" in str(BUILD)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def open_to_others(folder):
    """May any user look into it? To root, who runs this, everything is open."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def run(*argv):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=environment(), timeout=net.PATIENCE_S, check=False)


# ---- stop ----

@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_idle_connections_do_not_hold_up_the_end(setup, sig):
    s = setup.sluice("")
    idle = [setup.milter(s) for _ in range(4)]
    idle[1].connect()
    idle[2].greet()
    idle[3].greet()
    assert idle[3].message().kind == CONTINUE
    began = time.monotonic()
    s.stop(sig)
    assert time.monotonic() - began < 4
    assert not s.control.exists()


def test_a_message_under_way_is_finished(setup):
    d = setup.dns({("example.net", "TXT"): ["v=spf1 -all"]})
    d.hold("example.net")
    s = setup.sluice(f'stage_deadline 20s\ndns {{\n forward {d.forward}\n timeout 20s\n}}\n'
                     'at message { rule r reject "spf says no" when spf.result == fail }')
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.rcpt()
    m.data()
    net.wait_for(lambda: s.status()["in_progress"] == "1", "the message to begin")
    s.process.send_signal(signal.SIGTERM)
    net.wait_for(lambda: "stopping: 1 messages are under way" in s.log(), "the stop to begin")
    m.header("Subject", "t")
    d.release()
    answer = m.end_of_message()
    assert answer.kind == REPLY and "spf says no" in answer.text
    s.stop()
    assert s.process is None and " verdict=reject stage=message rule=r" in s.log()


def test_an_answer_that_the_mta_has_not_taken_yet_is_waited_for(setup):
    """More edits than a socket holds: the answer is made when the stop begins, and not sent."""
    s = setup.sluice("authserv_id mx.example.org\n")
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.rcpt()
    assert m.steps & NR_HDR
    for i in range(19000):
        m.header("Authentication-Results", f"mx.example.org; x={i}")
    m.end_of_headers()
    m.send(b"E")
    net.wait_for(lambda: " verdict=accept " in s.log(), "the end to be judged")
    net.wait_for(lambda: s.status()["in_progress"] == "0", "the answer to be made")
    s.process.send_signal(signal.SIGTERM)
    net.wait_for(lambda: "stopping: 0 messages are under way" in s.log(), "the stop to begin")
    answer = m.answer()
    assert answer.kind == CONTINUE and sum(edit[0] == "change" for edit in answer.edits) == 19000
    s.stop()


def test_a_message_that_does_not_end_holds_up_the_end_no_longer_than_drain(setup):
    s = setup.sluice("drain 200ms\n")
    m = setup.milter(s)
    m.greet()
    m.mail()
    net.wait_for(lambda: s.status()["in_progress"] == "1", "the message to begin")
    s.stop()
    with pytest.raises(Closed):
        m.receive()


def test_a_second_start_in_the_same_place(setup):
    s = setup.sluice(REFUSE)
    s.stop()
    s.start()
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert m.rcpt().kind == REPLY


# ---- reload ----

def reload_by(s, how):
    if how == "sluicectl":
        done = s.ctl("reload")
        assert done.returncode == 0, done.stderr
    else:
        before = s.log().count("reloaded: ")
        s.process.send_signal(getattr(signal, how))
        net.wait_for(lambda: s.log().count("reloaded: ") > before, "the reload")


@pytest.mark.parametrize("how", ["sluicectl", "SIGHUP", "SIGUSR1"])
def test_a_reload_is_for_new_connections(setup, how):
    s = setup.sluice(REFUSE)
    old = setup.milter(s)
    old.greet()
    assert s.status()["generation"] == "1"
    s.write(ACCEPT)
    reload_by(s, how)
    assert s.status()["generation"] == "2"
    new = setup.milter(s)
    new.greet()
    for _ in range(2):
        old.mail()
        assert "old policy" in old.rcpt().text, "a connection keeps the policy that it began with"
        old.abort()
    assert new.message().kind == CONTINUE
    new.mail()
    assert "new policy" in new.rcpt("<bad@example.org>").text


@pytest.mark.parametrize("how", ["sluicectl", "SIGHUP", "SIGUSR1"])
def test_a_bad_configuration_never_replaces_a_good_one(setup, how):
    s = setup.sluice(REFUSE)
    s.write('at rcpt { rule r reject "x" when rcpt.addres == "a@b.example" }\n')
    line = s.conf.read_text().count("\n")
    if how == "sluicectl":
        done = s.ctl("reload")
        assert done.returncode == 78
        assert f"{s.conf}:{line}:34: there is no fact 'rcpt.addres': did you mean 'rcpt.address'?" in done.stderr
    else:
        s.process.send_signal(getattr(signal, how))
        net.wait_for(lambda: "reload failed" in s.log(), "the failure")
    assert f"reload failed, the old configuration stays: {s.conf}:{line}:" in s.log()
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert "old policy" in m.rcpt().text
    assert s.status()["generation"] == "1"


def test_what_a_reload_cannot_change(setup):
    s = setup.sluice("")
    s.listen, old = f"unix:{s.folder}/other.sock", s.listen
    assert s.reload("user nobody\n").returncode == 0
    assert f"listen has changed: it stays {old} until a restart" in s.log() and "user has changed" in s.log()
    assert s.status()["listen"] == old
    s.listen = old
    m = setup.milter(s)
    assert m.greet().kind == CONTINUE


def test_a_reload_reads_the_zone_again(setup):
    s = setup.sluice('at rcpt { rule r reject "no" when spf.result == fail }', "example.net TXT v=spf1 +all\n")
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert s.reload(zone="example.net TXT v=spf1 -all\n", config='at rcpt { rule r reject "no" when spf.result == fail }').returncode == 0
    new = setup.milter(s)
    new.greet()
    assert new.message().kind == REPLY
    assert m.message().kind == CONTINUE


def test_many_reloads_under_traffic(setup):
    s = setup.sluice(REFUSE)
    connections = [setup.milter(s) for _ in range(6)]
    for m in connections:
        m.greet()
    for i in range(10):
        s.write(REFUSE if i % 2 else ACCEPT)
        assert s.ctl("reload").returncode == 0
        for m in connections:
            m.mail()
            assert "old policy" in m.rcpt().text
            m.abort()
    assert s.status()["generation"] == "11" and s.status()["faults"] == "0"


# ---- sockets ----

@pytest.mark.parametrize("mode", ["600", "660", "666"])
def test_mode_of_the_socket(setup, mode):
    s = setup.sluice("", start=False)
    s.conf.write_text(s.conf.read_text().replace("socket_mode 666", f"socket_mode {mode}"))
    s.start()
    assert stat.S_IMODE(s.socket.stat().st_mode) == int(mode, 8)
    assert stat.S_IMODE(s.control.stat().st_mode) == 0o600


@root_only
def test_group_of_the_socket(setup):
    s = setup.sluice("socket_group nogroup\n")
    assert s.socket.stat().st_gid == grp.getgrnam("nogroup").gr_gid


def test_a_stale_socket_is_taken_over(setup):
    s = setup.sluice("")
    s.process.kill()
    s.process.wait()
    s.process = None
    assert s.socket.exists() and s.control.exists()
    s.start()
    assert setup.milter(s).greet().kind == CONTINUE


def refused(s, code, *parts):
    done = run(SLUICED, "-c", s.conf)
    assert done.returncode == code, done.stderr
    for part in parts:
        assert part in done.stderr
    assert done.stderr.count("\n") <= 4


def test_a_second_daemon_is_refused(setup):
    s = setup.sluice("")
    refused(s, 69, f"control: somebody listens on {s.control} already: is sluiced running?")
    other = setup.sluice("", listen=s.listen, start=False)
    refused(other, 69, f"listen: somebody listens on {s.socket} already: is sluiced running?")
    assert setup.milter(s).greet().kind == CONTINUE, "the first is unharmed"
    assert not other.control.exists()


def test_what_is_no_socket_is_left_alone(setup):
    s = setup.sluice("", start=False)
    s.socket.write_text("precious")
    refused(s, 69, f"listen: {s.socket} exists and is no socket")
    assert s.socket.read_text() == "precious"
    s.socket.unlink()
    s.control.write_text("precious")
    refused(s, 69, f"control: {s.control} exists and is no socket")
    assert s.control.read_text() == "precious"


def test_a_socket_that_another_program_uses_is_left_alone(setup):
    """One for datagrams, and one whose queue is full: neither takes the connection that asks whether somebody is there."""
    s = setup.sluice("", start=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(s.control))
        refused(s, 69, f"control: somebody listens on {s.control} already")
        assert s.control.is_socket()
    s.control.unlink()
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as waits:
        other.bind(str(s.control))
        other.listen(0)
        waits.connect(str(s.control))
        refused(s, 69, f"control: somebody listens on {s.control} already")
        assert s.control.is_socket()
    s.start()  # what is left behind goes


@pytest.mark.parametrize("listen, message", [
    ("unix:/no/such/folder/sock", "listen: cannot listen on unix:/no/such/folder/sock"),
    ("inet:no-such-port@127.0.0.1", "listen: 'inet:no-such-port@127.0.0.1' is no place to listen: Servname not supported"),
])
def test_bad_places(setup, listen, message):
    refused(setup.sluice("", listen=listen, start=False), 69, message)


@pytest.mark.parametrize("listen", ["8891", "unix:/" + "x" * 120, "unix:relative", "inet:127.0.0.1:8891", "inet:localhost:8891", "inet:70000@127.0.0.1",
                                    "inet:0@127.0.0.1", "inet:-1@127.0.0.1", "inet:", "tcp:8891"])
def test_what_is_no_place(setup, listen):
    """Known without trying it, and so to sluiced -t."""
    s = setup.sluice("", listen=listen, start=False)
    for options in ([], ["-t"]):
        done = run(SLUICED, "-c", s.conf, *options)
        assert done.returncode == 78 and f"'{listen}' is no place to listen: write unix:/PATH" in done.stderr, done.stderr
        assert re.search(r"sluice.conf:\d+:1: ", done.stderr)


def test_the_control_socket_cannot_be_made(setup):
    s = setup.sluice("", start=False)
    s.conf.write_text(s.conf.read_text().replace(str(s.control), "/no/such/folder/control"))
    refused(s, 69, "control: cannot listen on /no/such/folder/control: No such file or directory")


@pytest.mark.parametrize("family, host", [("inet", "127.0.0.1"), ("inet6", "::1")])
def test_listening_on_tcp(setup, family, host):
    if family == "inet6" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    port = net.free_port()
    s = setup.sluice("", listen=f"{family}:{port}@{host}")
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    other = setup.sluice("", listen=s.listen, start=False)
    refused(other, 69, f"listen: cannot listen on {s.listen}")


def seconds_for_messages(m, count):
    began = time.monotonic()
    for _ in range(count):
        assert m.message().edits
    return time.monotonic() - began


def test_tcp_is_not_slowed_by_its_own_politeness(setup):
    """Without TCP_NODELAY each header that is added waits for a delayed ACK, 40 ms: two seconds for fifty messages."""
    config = 'at message { rule t tag "x" }\n'
    unix = setup.milter(setup.sluice(config))
    unix.greet()
    tcp = setup.milter(setup.sluice(config, listen=f"inet:{net.free_port()}@127.0.0.1"))
    tcp.greet()
    assert seconds_for_messages(tcp, 50) < seconds_for_messages(unix, 50) + 1.2


# ---- who may ask ----

@root_only
def test_the_control_socket_is_for_the_daemons_own_user(setup):
    s = setup.sluice("")
    s.control.chmod(0o666)
    done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SLUICECTL, "status", "-s", s.control)
    assert done.returncode == 77 and done.stdout == "" and "only root and the daemon's own user may ask" in done.stderr
    assert s.ctl("status").returncode == 0


def test_the_control_socket_stands_bad_manners(setup):
    s = setup.sluice("")
    for octets in [b"", b"nonsense\n", b"explain\n", b"explain \n", b"\n", b"\0\0\n", b"x" * 100000, b"explain " + b"y" * 5000 + b"\n"]:
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(net.PATIENCE_S)
            c.connect(str(s.control))
            try:
                c.sendall(octets)
                c.shutdown(socket.SHUT_WR)
                answer = c.recv(10000)
            except OSError:
                answer = b""
            assert answer == b"" or re.match(rb"(64|66)\n", answer), answer
    assert s.status()["version"]


CROWD = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
crowd = []
for i in range(200):
    c = socket.socket(socket.AF_UNIX)
    c.setblocking(False)
    try:
        c.connect(sys.argv[1])
        crowd.append(c)
    except BlockingIOError:  # too many are waiting already
        c.close()
print("there", flush=True)
for c in crowd:
    c.settimeout(60)
    print(c.recv(100).decode().split()[0], flush=True)
sys.stdin.read()
"""


@root_only
def test_a_crowd_of_strangers_at_the_control_socket_keeps_nobody_out(setup):
    """Even where its mode let them come: they are sent away without being heard, so none of them can be slow."""
    s = setup.sluice("")
    s.control.chmod(0o666)
    for folder in (s.control, *s.control.parents):
        if folder == setup.folder:
            break
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    with subprocess.Popen([sys.executable, "-c", CROWD, str(s.control)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as crowd:
        assert crowd.stdout.readline() == b"there\n"
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == CONTINUE
        assert s.ctl("status").returncode == 0 and crowd.poll() is None
        crowd.stdin.close()
        heard = crowd.stdout.read().split()
        assert heard and set(heard) == {b"77"}


def test_a_client_of_the_control_socket_that_says_nothing_is_left(setup):
    """After two seconds, whoever it is; mail is not held up meanwhile, and whoever asks next is answered."""
    s = setup.sluice("")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.settimeout(net.PATIENCE_S)
        silent.connect(str(s.control))
        silent.sendall(b"stat")
        m = setup.milter(s)
        m.greet()
        assert m.message().kind == CONTINUE
        assert s.ctl("status").returncode == 0
        try:
            assert silent.recv(100) == b""
        except ConnectionResetError:
            pass


@root_only
@pytest.mark.skipif(not open_to_others(BUILD) or SANITIZED, reason="the build must be readable for others")
def test_root_is_given_up(setup):
    s = setup.sluice("", start=False)
    user = pwd.getpwnam("nobody")
    os.chown(s.folder, user.pw_uid, user.pw_gid)
    s.write("user nobody\nstate { lmdb state }\n")
    s.start()
    ids = {}
    for line in open(f"/proc/{s.process.pid}/status", encoding="ascii"):
        key, value = line.rstrip("\n").split(":\t", 1)
        ids[key] = value.split()
    assert ids["Uid"] == [str(user.pw_uid)] * 4 and ids["Gid"] == [str(user.pw_gid)] * 4 and set(ids["Groups"]) <= {str(user.pw_gid)}
    assert int(ids["CapEff"][0], 16) == 0
    assert s.control.stat().st_uid == user.pw_uid
    assert {path.stat().st_uid for path in [s.folder / "state", *(s.folder / "state").iterdir()]} == {user.pw_uid}
    assert setup.milter(s).greet().kind == CONTINUE
    assert s.status()["pid"] == str(s.process.pid)
    assert s.reload().returncode == 0


@root_only
def test_a_user_that_does_not_exist(setup):
    refused(setup.sluice("user nobody-of-this-name\n", start=False), 78, "there is no user 'nobody-of-this-name' on this machine")


# ---- metrics and cases ----

def samples(text):
    """{name{labels}: value}; every line has the form that Prometheus reads, and each name its HELP and TYPE."""
    found, types = {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            _, kind, name, rest = line.split(" ", 3)
            assert kind in ("HELP", "TYPE") and rest
            if kind == "TYPE":
                assert rest in ("counter", "gauge", "histogram") and name not in types
                types[name] = rest
            continue
        match = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? (-?\d+(?:\.\d+)?)', line)
        assert match, line
        base = re.sub(r"_(bucket|sum|count)$", "", match[1])
        assert match[1] in types or types[base] == "histogram", line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_metrics_over_http(setup):
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\n" + REFUSE + 'at message { rule m tempfail "later" }')

    def get(path="/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=net.PATIENCE_S) as page:
            assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return samples(page.read().decode())
    before = get()
    assert before["sluice_connections_total"] == before["sluice_connections"] == 0
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert m.rcpt().kind == REPLY
    now = get()
    assert now["sluice_connections_total"] == now["sluice_connections"] == now["sluice_messages_in_progress"] == 1
    assert now['sluice_verdicts_total{verdict="reject",stage="rcpt"}'] == 1
    assert m.content().kind == REPLY
    s.ctl("reload")
    s.reload("nonsense\n")
    m.quit()
    m.sock.close()
    net.wait_for(lambda: get()["sluice_connections"] == 0, "the connection to be gone")
    now = get()
    assert now["sluice_connections_total"] == 1 and now["sluice_messages_in_progress"] == now["sluice_faults_total"] == 0
    assert now['sluice_verdicts_total{verdict="tempfail",stage="message"}'] == 1
    assert now["sluice_reloads_total"] == now["sluice_reload_failures_total"] == 1
    assert now['sluice_case_seconds_count{verdict="tempfail"}'] == 1
    assert now['sluice_case_seconds_bucket{verdict="tempfail",le="+Inf"}'] == 1
    assert now['sluice_check_outcomes_total{check="spf",outcome="done"}'] >= 1
    with pytest.raises(urllib.error.HTTPError) as error:
        get("/metricsx")
    assert error.value.code == 404
    assert set(samples(s.ctl("metrics").stdout)) == set(now)


def test_cases_go_to_stderr_as_lines_of_json(setup):
    s = setup.sluice("", start=False)
    s.write(f'cases {{ to stderr }}\n{ACCEPT}')
    s.start()
    m = setup.milter(s)
    m.greet("192.0.2.1", 'he said "\u00e4\x01\n"')
    m.mail()
    m.rcpt("<bad@example.org>")
    m.rcpt()
    assert m.content(headers=[("Message-ID", '<"\\\u20ac@x>')]).kind == CONTINUE
    lines = [json.loads(line) for line in s.log().splitlines() if line.startswith("{")]
    assert [line["verdict"]["action"] for line in lines] == ["reject", "accept"]
    assert lines[0] == s.explain(lines[0]["case"]) and lines[1]["client"]["helo"] == 'he said "\u00e4\x01\n"'


def test_a_place_for_cases_that_cannot_be_opened(setup):
    refused(setup.sluice('cases { to "/no/such/folder/cases" }\n', start=False), 78, "cases: /no/such/folder/cases cannot be made")
    refused(setup.sluice("cases { to here }\n", start=False), 78, "'here' is no place for cases")


def test_history_keeps_so_many_and_no_more(setup):
    s = setup.sluice("history 3\n" + REFUSE)
    m = setup.milter(s)
    m.greet()
    m.mail()
    refs = [re.search(r"ref=(\w+)", m.rcpt().text)[1] for _ in range(5)]
    assert [s.ctl("explain", ref).returncode for ref in refs] == [66, 66, 0, 0, 0]
    s.reload("history 1\n" + REFUSE)
    assert [s.ctl("explain", ref).returncode for ref in refs] == [66, 66, 66, 66, 0]


def test_the_log_can_be_quiet(setup):
    s = setup.sluice("", start=True)
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    assert len(s.cases()) == 1
    s.reload("log {\n level warning\n}\n")
    assert m.message().kind == CONTINUE
    assert len(s.cases()) == 1


def test_warnings_are_in_the_log_at_the_start_and_at_a_reload(setup):
    s = setup.sluice("at mail { rule all accept\nrule late score 1 }")
    where = "sluice.conf:"
    assert s.log().count("warning: rule late is never reached") == 1 and where in s.log()
    assert s.reload("at mail { rule never score 1 when port == 1 and port == 2 }").returncode == 0
    assert s.log().count("warning: rule never can never match") == 1 and s.log().count("rule late") == 1
