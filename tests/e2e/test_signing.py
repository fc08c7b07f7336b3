# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix sends signed mail on by SMTP, a real Sendmail delivers it; what arrives is what was signed."""
import os
import re
import shutil

import pytest
from support import net, sendmail
from support.signing import Keys, signatures, tags

CONF = """authserv_id mx.example.org
list local-domains domain [example.org]
sign {{ keys {keys} }}
role submission {{ when client.authenticated or client.trusted }}
at message in submission {{ rule sign sign }}
"""
EXTRA = """
default_transport = smtp:[127.0.0.1]:{port}
transport_maps = inline:{{ {{ bounce.example = virtual: }} }}
virtual_mailbox_base = /nonexistent
virtual_mailbox_limit = 0
internal_mail_filter_classes = bounce
always_add_missing_headers = yes
disable_dns_lookups = yes
"""
CLIENT = "192.0.2.1"
BOTH = ["example.org/ed ed25519-sha256", "example.org/rsa rsa-sha256"]
MESSAGES = [
    ("plain", b"From: A <a@example.org>\r\nTo: b@elsewhere.example\r\nSubject: plain\r\n\r\nhello\r\n"),
    ("folded", b"From: A\r\n <a@example.org>\r\nTo: b@elsewhere.example,\r\n\tc@elsewhere.example\r\nSubject:  folded\r\n\t twice \r\n  over\r\n\r\n"
               b"hello  \r\n.dots\r\n..\r\n\r\n\r\n"),
    ("8bit", "From: Jürgen <a@example.org>\r\nSubject: 8bit\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: 8bit\r\n\r\ngrüße ✓\r\n".encode()),
    ("empty", b"From: a@example.org\r\nSubject: empty\r\n\r\n"),
    ("spaces", b"From:a@example.org\r\nSubject:\tspaces\r\nCC:  c@elsewhere.example  \r\n\r\n a\t b \r\n"),
    ("large", b"From: a@example.org\r\nSubject: large\r\n\r\n" + b"0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 20000),
    ("bare", b"From: a@example.org\r\nSubject: bare\r\n\r\nno fields that Postfix would want\r\n"),
]


class Sink:
    """smtp-sink(1): takes all mail, and keeps it as it came."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        shutil.chown(folder, "nobody")
        self.port = net.free_port()
        self.process = net.start(["smtp-sink", "-u", "nobody", "-d", f"{folder}/m.", f"127.0.0.1:{self.port}", "10"])
        net.wait_for(lambda: net.listens(self.port), "smtp-sink to listen")

    def stop(self):
        net.stop(self.process)

    def received(self, marker):
        """The message with these octets in it, with CRLF; what smtp-sink puts before it are fields that nobody signs."""
        def arrived():
            messages = [f.read_bytes() for f in self.folder.iterdir()]
            return next((m for m in messages if marker in m and m.endswith(b"\n\n")), None)
        return re.sub(rb"\r?\n", b"\r\n", net.wait_for(arrived, "the message to be sent on"))


class Site:
    def __init__(self, setup, postfix=True):
        self.keys = Keys(setup.folder / "keys")
        self.keys.make("example.org", "rsa")
        self.keys.make("example.org", "ed", "ed25519")
        self.sink = Sink(setup.folder / "sink")
        setup.running.append(self.sink)
        self.sluice = setup.sluice(CONF.format(keys=self.keys.folder))
        self.postfix = postfix and setup.postfix(self.sluice, non_smtpd=self.sluice.listen, extra=EXTRA.format(port=self.sink.port))


@pytest.fixture(scope="module")
def site(shared_setup):
    s = Site(shared_setup)
    yield s
    complaints = [line for line in s.postfix.log().splitlines() if re.search(r"(warning|error|fatal|panic).*milter", line)]
    assert not complaints, complaints


@pytest.mark.parametrize("name, message", MESSAGES, ids=[name for name, _ in MESSAGES])
def test_what_an_authenticated_client_sends_is_signed(site, name, message):
    marked = f"X-Marker: {name}\r\n".encode() + message
    code, text = site.postfix.send(CLIENT, login="alice", sender="a@example.org", recipients=["b@elsewhere.example"], message=marked)
    assert code == 250, text
    arrived = site.sink.received(f"X-Marker: {name}".encode())
    assert site.keys.signers(arrived) == BOTH
    assert arrived.index(b"Authentication-Results:") < arrived.index(b"DKIM-Signature:") < arrived.index(b"X-Marker:")


def test_what_a_stranger_sends_in_our_name_is_not(site):
    code, text = site.postfix.send("198.51.100.7", sender="a@example.org", recipients=["u@example.org"],
                                   message=b"From: a@example.org\r\nSubject: stranger\r\n\r\nhello\r\n")
    assert code == 250, text
    message, = site.postfix.delivered(1, b"Subject: stranger")
    assert b"DKIM-Signature" not in message


def test_what_the_machine_itself_sends_is_signed(site):
    site.postfix.submit("root@example.org", ["b@elsewhere.example"], b"From: root@example.org\nSubject: cron\n\noutput\n")
    assert sorted(site.keys.signers(site.sink.received(b"Subject: cron"))) == BOTH


def test_a_bounce_is_signed(site):
    code, text = site.postfix.send(CLIENT, login="alice", sender="x@far.example", recipients=["nobody@bounce.example"],
                                   message=b"From: a@example.org\r\nSubject: to nobody\r\n\r\nhello\r\n")
    assert code == 250, text
    bounce = site.sink.received(b"Undelivered Mail Returned to Sender")
    assert b"\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\n" in bounce
    assert site.keys.signers(bounce) == BOTH
    assert {tags(s)["d"] for s in signatures(bounce)} == {"example.org"}


def test_several_messages_in_one_session(site):
    with site.postfix.client(CLIENT, login="alice") as smtp:
        smtp.ehlo()
        for i in range(3):
            assert smtp.docmd("MAIL", "FROM:<a@example.org>")[0] == 250
            assert smtp.docmd("RCPT", "TO:<b@elsewhere.example>")[0] == 250
            assert smtp.data(f"From: a@example.org\r\nSubject: one of several {i}\r\n\r\n{i}\r\n".encode())[0] == 250
    for i in range(3):
        assert sorted(site.keys.signers(site.sink.received(f"one of several {i}".encode()))) == BOTH


@pytest.mark.skipif(os.geteuid() != 0 or not sendmail.BINARY.exists(), reason="root, and Sendmail as contrib/packages unpacks it")
def test_behind_sendmail(setup):
    site = Site(setup, postfix=False)
    server = setup.sendmail(site.sluice)
    for name, message in MESSAGES:
        marked = f"X-Marker: {name}\r\n".encode() + message
        code, text = server.send(CLIENT, login="alice", sender="a@example.org", message=marked)
        assert code == 250, text
        delivered, = server.delivered(1, f"X-Marker: {name}".encode())
        assert sorted(site.keys.signers(delivered.replace(b"\n", b"\r\n"))) == BOTH, name
