# SPDX-License-Identifier: BSD-2-Clause
"""Failure reports of DMARC (RFC 9991), from the message that fails to the mail that somebody gets, and what is not in it."""
import datetime
import email
import email.policy
import re
import time

import pytest
from support import dkim_sender, net, sluice
from support.dkim_sender import sign
from support.dmarc_gate import GOOD, STRANGE, Gate, content

FAILURES = "failure_reports yes"
RUF = ("_dmarc.example.net", "TXT")
WANTED = {RUF: ["v=DMARC1; p=reject; ruf=mailto:ruf@example.net"]}
OTHERS = "<bob@other.example>"


class Failing(Gate):
    """A gateway that keeps failures, and reports nothing else unless it is asked to."""

    def __init__(self, setup, state, records=None, dmarc=FAILURES, **more):
        super().__init__(setup, state, {**WANTED, **(records or {})}, dmarc=dmarc, **more)

    def kept(self):
        return self.raw(f"dmarc failure-keys {self.day()}").splitlines()[1:]

    def fail(self, author="alice@example.net", fields=b"", sender=OTHERS, client=STRANGE, **more):
        return self.send(content(author, fields), client=client, sender=sender, **more)

    def wait_kept(self, count):
        """All that was sent before is in the store when a row of a message that came later is."""
        net.wait_for(lambda: len(self.kept()) >= count, f"{count} failures")
        self.settle()
        assert len(self.kept()) == count

    def settle(self):
        count = self.counted()
        self.send(content(f"mark@m{time.monotonic_ns()}.watch.example"), client=STRANGE, sender=OTHERS)
        net.wait_for(lambda: self.counted() > count, "the message after them")

    def failures(self, *args, status=0, now=None):
        now = now or f"{self.today}T23:59:00Z"
        done = sluice.ctl("dmarc", "failures", "-c", self.sluice.conf, "--now", now, *args)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done


def parts(mail):
    """The three parts: a text, the fields of the report, those of the message."""
    assert b"\n" not in mail.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in mail.split(b"\r\n"))
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert not message.defects
    assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "feedback-report"
    note, report, header = message.get_payload()
    assert [p.get_content_type() for p in (note, report, header)] == ["text/plain", "message/feedback-report", "text/rfc822-headers"]
    inner = report.get_payload()
    fields = inner[0] if isinstance(inner, list) else email.message_from_string(inner, policy=email.policy.default)
    shown = email.message_from_string(header.get_payload(), policy=email.policy.default)
    return message, note.get_content(), fields, shown


@pytest.fixture
def lmdb(setup):
    return f"lmdb {setup.folder}/state"


# ---- the mail ----

def test_a_failure_is_told_of_and_shows_nobody(setup, state):
    gate = Failing(setup, state, {("other.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"]})
    fields = (b"Message-ID: <1234@host.example.net>\r\nDate: Wed, 25 Nov 2026 20:00:00 +0000 (of Alice)\r\nCc: carol@example.com\r\n"
              b"X-Secret: hunter2\r\nReceived: from laptop.example.net by mx for <dave@example.org>\r\n")
    broken = sign(content("\"Alice Doe\" <alice@example.net>", fields), domain="example.net").replace(b"\r\n\r\nbody", b"\r\n\r\nother content")
    gate.send(broken, client=STRANGE, sender=OTHERS)
    gate.wait_kept(1)
    sink = gate.sink()
    done = gate.failures("--smtp", sink.address)
    assert done.stdout == "example.net: ruf@example.net: sent\n" and not done.stderr
    (sender, rcpt, mail), = sink.mails
    assert sender.startswith("<dmarc-reports@example.org> ") and rcpt == "<ruf@example.net>"
    assert gate.keys.signers(mail) == ["example.org/s1 rsa-sha256"]
    message, note, report, shown = parts(mail)
    assert message["Subject"] == "DMARC failure report for example.net Submitter: example.org"
    assert message["Auto-Submitted"] == "auto-generated" and message["Date"].datetime and message["Message-ID"]
    assert "example.net" in note and STRANGE in note
    assert dict(report.items()) | {"Arrival-Date": ""} == {
        "Feedback-Type": "auth-failure", "User-Agent": report["User-Agent"], "Version": "1", "Auth-Failure": "dmarc",
        "Authentication-Results": report["Authentication-Results"], "Identity-Alignment": "dkim, spf", "Delivery-Result": "reject", "Arrival-Date": "",
        "Source-IP": STRANGE, "Reported-Domain": "example.net", "Original-Mail-From": "<redacted@other.example>",
        "Original-Rcpt-To": "<redacted@example.org>", "DKIM-Domain": "example.net", "DKIM-Identity": "@example.net", "DKIM-Selector": "sel",
        "SPF-DNS": 'txt : other.example : "v=spf1 ip4:192.0.2.1 -all"'}
    assert re.match(r"Sluice/\d", report["User-Agent"])
    assert " ".join(report["Authentication-Results"].split()) == (
        "mx.example.org; dmarc=fail header.from=example.net; spf=fail smtp.mailfrom=other.example; dkim=fail header.d=example.net header.s=sel")
    arrived = email.utils.parsedate_to_datetime(report["Arrival-Date"])
    assert abs((datetime.datetime.now(datetime.timezone.utc) - arrived).total_seconds()) < 120
    assert set(shown.keys()) == {"From", "Date", "Message-ID", "DKIM-Signature"}
    assert shown["From"] == "redacted@example.net" and shown["Message-ID"] == "<1234@host.example.net>"
    assert "d=example.net" in shown["DKIM-Signature"]
    said = re.sub(rb"\bbh?=[A-Za-z0-9+/=\s]+", b"", mail.split(b"\r\n\r\n", 1)[1])  # but for digits of base64, which may spell anything
    for secret in (b"alice", b"Alice", b"bob", b"carol", b"dave", b"hunter2", b"<u@", b"hello", b"other content", b"laptop"):
        assert secret not in said, secret
    # and once only
    assert not gate.kept()
    done = gate.failures("--smtp", sink.address)
    assert not done.stdout and not done.stderr and len(sink.mails) == 1


def test_what_was_done_is_told(setup, lmdb):
    gate = Failing(setup, lmdb, {("_dmarc.example.net", "TXT"): ["v=DMARC1; p=none; sp=quarantine; ruf=mailto:ruf@example.net"]})
    gate.fail()
    gate.fail("alice@sub.example.net")
    gate.wait_kept(2)
    sink = gate.sink()
    gate.failures("--smtp", sink.address)
    told = {parts(mail)[2]["Reported-Domain"]: parts(mail)[2]["Delivery-Result"] for _, _, mail in sink.mails}
    assert told == {"example.net": "delivered", "sub.example.net": "spam"}


# ---- which messages ----

PASS_SPF, PASS_NOTHING = {"sender": "<a@example.net>", "client": GOOD}, {}


@pytest.mark.parametrize("record, how, kept", [
    ("p=reject; ruf=mailto:ruf@example.net", PASS_NOTHING, 1),
    ("p=none; ruf=mailto:ruf@example.net; fo=0", PASS_NOTHING, 1),
    ("p=none; ruf=mailto:ruf@example.net; fo=1", PASS_NOTHING, 1),
    ("p=none; ruf=mailto:ruf@example.net; fo=1", PASS_SPF, 0),  # it passes
    ("p=none; ruf=mailto:ruf@example.net; fo=s", PASS_NOTHING, 1),
    ("p=none; ruf=mailto:ruf@example.net; fo=d", PASS_NOTHING, 0),
    ("p=none; ruf=mailto:ruf@example.net; fo=d:s", PASS_NOTHING, 1),
    ("p=none; ruf=mailto:ruf@example.net; fo=x", PASS_NOTHING, 1),  # the default
    ("p=none; ruf=https://example.net/ruf", PASS_NOTHING, 0),
    ("p=none", PASS_NOTHING, 0),
    ("p=none; psd=y; ruf=mailto:ruf@example.net", PASS_NOTHING, 0),
    ("p=none; rua=mailto:rua@example.net", PASS_NOTHING, 0),
    ("p=none; ruf=mailto:ruf@example.net", {"sender": "<>"}, 0),
    ("p=none; ruf=mailto:ruf@example.net", {"fields": b"Auto-Submitted: auto-generated\r\n"}, 0),
    ("p=none; ruf=mailto:ruf@example.net", {"fields": b"Auto-Submitted: (x) No\r\n"}, 1),
    ("p=none; ruf=mailto:ruf@example.net", {"fields": b"Content-Type: Multipart/(x)Report; report-type=feedback-report; boundary=x\r\n"}, 0),
    ("p=none; ruf=mailto:ruf@example.net", {"fields": b"Content-Type: multipart/mixed; boundary=report\r\n"}, 1),
    ("p=none; ruf=mailto:ruf@example.net", {"fields": b"X-One: 1\r\n" * 30}, 0),  # put off
    ("p=none; ruf=mailto:ruf@example.net", {"macros": {"M": {"auth_authen": "alice", "auth_type": "PLAIN"}}}, 0),
])
def test_which_messages_are_told_of(setup, lmdb, record, how, kept):
    gate = Failing(setup, lmdb, {RUF: [dkim_sender.quoted(f"v=DMARC1; {record}")]})
    gate.fail(**how)
    gate.settle()
    gate.settle()
    assert len(gate.kept()) == kept


def test_a_signature_that_fails_may_be_what_is_asked_about(setup, lmdb):
    gate = Failing(setup, lmdb, {RUF: ["v=DMARC1; p=none; fo=d; ruf=mailto:ruf@example.net"]})
    gate.send(sign(content("alice@example.net"), domain="example.net").replace(b"body", b"other"), client=STRANGE, sender=OTHERS)
    gate.wait_kept(1)


@pytest.mark.parametrize("dmarc", ["", "failure_reports no"])
def test_it_is_off_unless_it_is_asked_for(setup, lmdb, dmarc):
    gate = Failing(setup, lmdb, dmarc=dmarc)
    gate.fail()
    gate.settle()
    assert not gate.kept()
    sink = gate.sink()
    assert not gate.failures("--smtp", sink.address).stdout and not sink.mails


def test_a_flood_is_told_of_a_few_times(setup, state):
    gate = Failing(setup, state, dmarc=f"{FAILURES} failure_rate 3")
    for i in range(7):
        gate.fail(f"a@x{i}.example.net")
    gate.wait_kept(3)
    sink = gate.sink()
    gate.failures("--smtp", sink.address)
    assert len(sink.mails) == 3
    # a daemon that counts anew writes in the same places, and nobody hears more of this day
    gate.sluice.stop()
    gate.sluice.start()
    if "redis" in state:
        net.wait_for(lambda: gate.raw(f"dmarc keys {gate.day()}").startswith("0\n"), "the store to be connected")
    for i in range(7):
        gate.fail(f"a@y{i}.example.net")
    gate.wait_kept(3)
    gate.failures("--smtp", sink.address)
    assert len(sink.mails) == 3 and not gate.kept()


def test_without_aggregate_reports(setup, lmdb):
    gate = Failing(setup, lmdb)
    text = gate.sluice.conf.read_text().replace(" reports yes\n", " reports no\n")
    gate.sluice.stop()
    gate.sluice.conf.write_text(text)
    gate.sluice.start()
    gate.fail()
    net.wait_for(lambda: len(gate.kept()) == 1, "the failure")
    assert not gate.rows()


def test_who_has_opted_out_gets_none(setup, lmdb):
    gate = Failing(setup, lmdb, more="list dmarc-no-reports domain [example.net]\n")
    gate.fail()
    gate.settle()
    assert not gate.kept()


# ---- to whom, and when it does not work ----

@pytest.mark.parametrize("ruf, records, got, said", [
    ("mailto:a@far.example", {}, [], "a@far.example: not sent: its domain does not say in the DNS that it takes such reports"),
    ("mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1"]}, ["a@far.example"], ""),
    ("mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1; rua=mailto:x@far.example; ruf=mailto:b@far.example"]},
     ["b@far.example"], ""),
    ("mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1; ruf=mailto:b@victim.example"]}, [], "sends them on to another domain"),
    ("mailto:a@far.example,mailto:b@example.net,mailto:c@reports.example.net", {}, ["b@example.net", "c@reports.example.net"], "a@far.example: not sent"),
])
def test_who_gets_it(setup, lmdb, ruf, records, got, said):
    gate = Failing(setup, lmdb, {RUF: [dkim_sender.quoted(f"v=DMARC1; p=none; ruf={ruf}")], **{(n, "TXT"): v for n, v in records.items()}})
    gate.fail()
    gate.wait_kept(1)
    sink = gate.sink()
    assert said in gate.failures("--smtp", sink.address).stderr
    assert sorted(to.strip("<>") for _, to, _ in sink.mails) == sorted(got)
    assert not gate.kept()


def test_what_could_not_be_sent_is_sent_later(setup, lmdb):
    gate = Failing(setup, lmdb)
    gate.fail()
    gate.wait_kept(1)
    refusing = gate.sink({"RCPT": "450 4.2.0 not now"})
    assert "left for the next time: 450 4.2.0 not now" in gate.failures("--smtp", refusing.address, status=75).stderr
    assert len(gate.kept()) == 1
    sink = gate.sink()
    gate.failures("--smtp", sink.address, now=gate.later(2, "01"))
    assert len(sink.mails) == 1 and not gate.kept()


def test_to_look_is_not_to_send(setup, lmdb):
    gate = Failing(setup, lmdb)
    gate.fail()
    gate.wait_kept(1)
    assert gate.failures("--dry-run").stdout == "example.net: ruf@example.net: would be sent\n"
    (setup.folder / "out").mkdir()
    gate.failures("--out", setup.folder / "out")
    name, = (setup.folder / "out").iterdir()
    assert parts(name.read_bytes())[2]["Reported-Domain"] == "example.net"
    assert len(gate.kept()) == 1
    assert "--day is of" in gate.failures("--day", str(gate.today), status=64).stderr


@pytest.mark.parametrize("dmarc, state, said", [
    (FAILURES, "lmdb state", "reports need an address to be sent from: add 'report_from dmarc-reports@example.org'"),
    (f"{FAILURES} report_from a@example.org", "lmdb state", "add 'report_org"),
    (f"{FAILURES} report_from a@example.org report_org y", "", "dmarc needs a store: say where, with 'state { lmdb"),
    (f"{FAILURES} report_from a@example.org report_org y failure_rate 0", "lmdb state", "failure_rate"),
])
def test_a_configuration_is_whole(tmp_path, dmarc, state, said):
    block = f"state {{ {state} }}\n" if state else ""
    (tmp_path / "sluice.conf").write_text(sluice.plugin_lines() + f"authserv_id mx.example.org\n{block}dmarc {{ {dmarc} }}\n")
    done = sluice.ctl("config", "check", "-c", tmp_path / "sluice.conf")
    assert done.returncode == 78 and said in done.stderr, done.stderr
