# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl relaytest, against Postfix and Sendmail that are open, closed, or open with Sluice in front, and against servers with faults of all kinds."""
import re
import socket
import subprocess
import threading

import pytest

from support import net, sluice
from support.smtp_server import Server

FORMS = 35
CLOSED = "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\nsmtpd_recipient_restrictions =\n"
QUIET = "authserv_id mx.example.org\n"


def relaytest(*args):
    done = sluice.ctl("relaytest", "--outside", "someone@elsewhere.example", *args)
    return done, [line.split(None, 1) for line in done.stdout.splitlines() if line.startswith(("good ", "BAD ", "unsure "))]


def about(found, what):
    return [(word, rest) for word, rest in found if rest.startswith(what)]


def forms(found):
    return [(word, rest) for word, rest in found if not rest.startswith(("passwords", "VRFY", "EXPN", "the end"))]


def test_a_closed_postfix_takes_nothing(setup):
    p = setup.postfix(setup.sluice(QUIET), extra=CLOSED)
    done, found = relaytest("--client", "192.0.2.66", f"127.0.0.1:{p.port}")
    assert len(forms(found)) == FORMS and {word for word, _ in forms(found)} == {"good"}, done.stdout + done.stderr
    assert done.returncode == 0 and done.stdout.startswith("mx.example.org, 127.0.0.1\n"), done.stdout


def test_an_open_postfix_is_closed_by_sluice(setup):
    done, found = relaytest(f"127.0.0.1:{setup.postfix(setup.sluice(QUIET)).port}")
    assert done.returncode == 1 and len([1 for word, _ in forms(found) if word == "BAD"]) > 20, done.stdout
    assert "mynetworks" in done.stdout
    s = setup.sluice(sluice.shipped("127.0.0.1@1").replace("stage_deadline 2s", "stage_deadline 100ms"))
    done, found = relaytest("--client", "192.0.2.66", f"127.0.0.1:{setup.postfix(s).port}")
    assert len(forms(found)) == FORMS and not [rest for word, rest in forms(found) if word == "BAD"], done.stdout


def test_an_open_sendmail(setup):
    m = setup.sendmail(setup.sluice(QUIET))
    done = subprocess.run(["nsenter", "-t", str(m.process.pid), "-n", str(sluice.SLUICECTL), "relaytest", "--outside", "someone@elsewhere.example", "127.0.0.1"],
                          capture_output=True, text=True, env=sluice.environment(), timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 1 and re.search(r"BAD +plain +<someone@elsewhere.example> +250 ", done.stdout), done.stdout + done.stderr


BASE = [("QUIT", "221 bye"), ("VRFY", "252 perhaps"), ("EXPN", "502 no"), ("NOOP", "250 fine"), ("The rest", "500 what?"), (".", "500 what?"), ("DATA", "354 go")]
SHUT = [("RCPT TO:<u@", "250 ours"), ("RCPT", "550 5.7.1 no")]


def test_what_is_told_in_the_clear(setup):
    done, found = relaytest(Server([("EHLO", "250-mx.fake.example\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-AUTH=LOGIN\r\n250 HELP"), ("VRFY postmaster", "250 Ann <ann@x>"),
                                    ("VRFY", "550 no such user"), ("EXPN postmaster", "250 <a@x>"), ("EXPN", "550 no"), *BASE, *SHUT]).where)
    word, rest = about(found, "passwords")[0]
    assert done.returncode == 1 and word == "BAD" and rest.endswith("  PLAIN LOGIN")
    assert about(found, "VRFY")[0][0] == "BAD" and "250 Ann <ann@x>" in about(found, "VRFY")[0][1] and about(found, "EXPN")[0][0] == "BAD"
    done, found = relaytest(Server([("EHLO", "250-mx.fake.example\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5"), *BASE, *SHUT]).where)
    assert done.returncode == 0 and all(word == "good" for word, _ in found), done.stdout


def test_answers_of_other_kinds_are_no_proof(setup):
    done, found = relaytest(Server([*BASE, ("RCPT", "451 4.7.1 come again")]).where)
    assert done.returncode == 0 and {word for word, _ in forms(found)} == {"unsure"} and f"{FORMS} unsure" in done.stdout
    done, found = relaytest(Server([*BASE, ("RCPT", None)]).where)
    assert done.returncode == 0 and {word for word, _ in forms(found)} == {"good"} and "closed the connection" in done.stdout
    done, found = relaytest(Server([*BASE, ("MAIL", "553 5.5.4 no")]).where)
    assert done.returncode == 0 and "a@elsewhere.example" in done.stdout


@pytest.mark.parametrize("end, what", [(b"\n.\n", "LF . LF"), (b"\n.\r\n", "LF . CRLF"), (b"\r\n.\n", "CRLF . LF"), (b"\r.\r", "CR . CR"),
                                       (b"\r\n.\r", "CRLF . CR"), (b"\r.\r\n", "CR . CRLF")])
def test_ends_that_smuggle(setup, end, what):
    server = Server([*BASE, *SHUT], ends=(b"\r\n.\r\n", end))
    done, found = relaytest("--to", "u@example.org", server.where)
    assert done.returncode == 1
    assert f"the end of a message  {what}  " in " ".join(rest for word, rest in found if word == "BAD") and len(about(found, "the end")) == 6, done.stdout
    sound = Server([*BASE, *SHUT])
    done, found = relaytest("--to", "u@example.org", sound.where)
    assert done.returncode == 0 and len(sound.messages) == 6, done.stdout


def test_no_message_is_sent_unless_an_address_is_named(setup):
    server = Server(BASE)
    done, found = relaytest(server.where)
    assert done.returncode == 1 and "DATA" not in server.commands and not server.messages and len(forms(found)) == FORMS


def test_only_ones_own_server_is_tried(setup):
    """An address of this machine that is not one of loopback, in a network of its own."""
    p = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; ip addr add 192.0.2.1/24 dev lo; echo up; exec sleep 600"], stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "up\n"
        with net.in_network_of(p.pid):
            listener = socket.create_server(("192.0.2.1", 0))
        server = Server([*BASE, *SHUT])
        server.sock.close()
        server.sock = listener
        threading.Thread(target=server._run, daemon=True).start()
        where = f"192.0.2.1:{listener.getsockname()[1]}"
        first, second = [subprocess.run(["nsenter", "-t", str(p.pid), "-n", str(sluice.SLUICECTL), "relaytest", *said, where], capture_output=True, text=True,
                                        env=sluice.environment(), timeout=net.PATIENCE_S, check=False) for said in ([], ["--yes-this-host-is-mine"])]
    finally:
        p.kill()
        p.wait()
        p.stdout.close()
    assert first.returncode == 69 and "say --yes-this-host-is-mine if it is" in first.stderr, first
    assert second.returncode == 0 and len(second.stdout.splitlines()) == FORMS + 5, second


@pytest.mark.parametrize("args, status, said", [
    ([], 64, "usage"), (["a", "b"], 64, "usage"), (["--client", "nobody", "127.0.0.1"], 64, "not what this option takes"),
    (["--to", "a b@example.org", "127.0.0.1"], 64, "not what"), (["--to", "a\r\nRSET", "127.0.0.1"], 64, "not what"), (["--timeout", "soon", "127.0.0.1"], 64, "not what"),
    (["--outside", "nobody", "127.0.0.1"], 64, "not what"), (["127.0.0.1:99999"], 64, "no port"), (["[::1]:smtp"], 64, "no port"),
    (["127.0.0.1:1"], 69, "refused"), (["no-such-host.invalid"], 69, "port 25")])
def test_what_is_wrong_is_said(args, status, said):
    done = sluice.ctl("relaytest", *args)
    assert done.returncode == status and said in done.stderr, (done.returncode, done.stderr)


@pytest.mark.parametrize("greeting, answers", [("554 go away", []), ("hello", []), ("220 " + "x" * 5000, []), ("220 x", [("EHLO", "\x1b[2J")]), ("220 x", [("EHLO", None)])],
                         ids=["refuses", "greets with no code", "long line", "control characters", "hangs up"])
def test_a_server_that_is_none(setup, greeting, answers):
    done, found = relaytest("--timeout", "2s", Server([*answers, *BASE], greeting=greeting).where)
    assert done.returncode == 69 and not found and "\x1b" not in done.stderr + done.stdout, done.stderr


def test_a_server_that_says_nothing(setup):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done, _ = relaytest("--timeout", "300ms", "127.0.0.1:%d" % silent.getsockname()[1])
    assert done.returncode == 69 and "does not answer in time" in done.stderr


def test_client_needs_a_server_that_lets_us(setup):
    done, _ = relaytest("--client", "192.0.2.1", Server([("XCLIENT", "500 what?"), *BASE]).where)
    assert done.returncode == 69 and "smtpd_authorized_xclient_hosts" in done.stderr
