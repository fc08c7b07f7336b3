# SPDX-License-Identifier: BSD-2-Clause
"""Aggregate reports of DMARC (RFC 9990), from the messages that are counted to the mail that somebody gets, on each store."""
import email
import email.policy
import gzip
import re
import socket
import subprocess
import time

import pytest
from support import dkim_sender, net, sluice
from support.dkim_sender import sign
from support.dmarc_gate import CONF, GOOD, STRANGE, Gate, content, parse
from support.milter import CONTINUE


def records(tree):
    """Each record as: source, count, disposition, dkim, spf, reasons, header_from, envelope_from, signatures, SPF."""
    def texts(element, *names):
        return tuple(element.findtext(name) for name in names)

    rows = []
    for r in tree.findall("record"):
        rows.append((*texts(r, "row/source_ip", "row/count", "row/policy_evaluated/disposition", "row/policy_evaluated/dkim",
                            "row/policy_evaluated/spf"),
                     [texts(reason, "type", "comment") for reason in r.findall("row/policy_evaluated/reason")],
                     *texts(r, "identifiers/header_from", "identifiers/envelope_from", "identifiers/envelope_to"),
                     [texts(d, "domain", "selector", "result") for d in r.findall("auth_results/dkim")],
                     texts(r.find("auth_results"), "spf/domain", "spf/scope", "spf/result")))
    return sorted(rows, key=str)


@pytest.fixture
def lmdb(setup):
    return f"lmdb {setup.folder}/state"


# ---- counting ----

def test_each_message_is_counted_once_as_what_it_was(setup, state):
    gate = Gate(setup, state)
    for _ in range(3):
        gate.send(content("a@example.net"))
    gate.send(sign(content("a@example.net"), domain="example.net"), client=STRANGE, sender="<>")
    gate.send(content("a@Example.NET"), client=STRANGE, sender="<b@other.example>", rcpts=("<u@example.org>", "<v@example.com>"))
    gate.send(content("a@sub.example.net"), client=STRANGE, sender="<b@other.example>")
    gate.send(content("a@watch.example"), client=STRANGE, sender="<b@other.example>")
    # of these nobody hears
    gate.send(content("a@quiet.example"))
    gate.send(content("a@other.example"))
    gate.send(content("a@example.net", b"X-One: 1\r\n" * 30), client=STRANGE)
    gate.send(content("a@example.net"), macros={"M": {"auth_authen": "alice", "auth_type": "PLAIN"}})
    gate.send(b"Subject: no author\r\n\r\nbody\r\n")
    gate.wait_counted(7)
    reports = gate.files()
    assert set(reports) == {"example.net", "watch.example"}
    spf = ("example.net", "mfrom", "pass")
    other = ("other.example", "mfrom", "fail")
    assert records(reports["example.net"]) == sorted([
        (GOOD, "3", "pass", "fail", "pass", [], "example.net", "example.net", "example.org", [], spf),
        (STRANGE, "1", "pass", "pass", "fail", [], "example.net", "", "example.org", [("example.net", "sel", "pass")],
         ("host.invalid", "mfrom", "none")),
        (STRANGE, "1", "reject", "fail", "fail", [], "example.net", "other.example", None, [], other),
        (STRANGE, "1", "quarantine", "fail", "fail", [], "sub.example.net", "other.example", "example.org", [], other),
    ], key=str)
    assert records(reports["watch.example"]) == [
        (STRANGE, "1", "none", "fail", "fail", [], "watch.example", "other.example", "example.org", [], other)]
    tree = reports["example.net"]
    assert {e.tag: e.text for e in tree.find("policy_published")} == {
        "domain": "example.net", "discovery_method": "treewalk", "p": "reject", "sp": "quarantine", "np": "quarantine", "fo": "1", "adkim": "r",
        "aspf": "r", "testing": "n"}
    assert tree.findtext("version") == "1.0"
    assert (tree.findtext("report_metadata/date_range/begin"), tree.findtext("report_metadata/date_range/end")) == (str(gate.begin), str(gate.begin + 86399))
    assert tree.findtext("report_metadata/org_name") == 'Example "Inc."'
    assert tree.findtext("report_metadata/email") == "dmarc-reports@example.org"
    assert tree.findtext("report_metadata/extra_contact_info") == "https://example.org/dmarc?a&b"
    assert gate.files()["example.net"].findtext("report_metadata/report_id") == tree.findtext("report_metadata/report_id")
    assert gate.counted() == 7  # to look is not to send


def test_what_a_domain_published_last_is_what_it_is_told(setup, state):
    gate = Gate(setup, state, more="")
    gate.send(content("a@watch.example"))
    gate.wait_counted(1)
    time.sleep(1.1)  # the order is known by the second
    gate.dns.records["_dmarc.watch.example", "TXT"] = ["v=DMARC1; p=none; adkim=s; rua=mailto:new@watch.example"]
    done = gate.sluice.reload(CONF.format(state=state, forward=gate.dns.forward, keys=gate.keys.folder, dmarc="", more="") + "# other\n")
    assert done.returncode == 0, done.stderr
    gate.sluice.stop()
    gate.sluice.start()  # its cache is gone
    if "redis" in state:
        net.wait_for(lambda: gate.raw(f"dmarc keys {gate.day()}").startswith("0\n"), "the store to be connected")
    gate.send(content("a@watch.example"))
    gate.wait_counted(2)
    assert len(gate.rows()) == 2
    tree = gate.files()["watch.example"]
    assert tree.findtext("policy_published/adkim") == "s"
    assert [row[1] for row in records(tree)] == ["2"]  # one record of both
    sink = gate.sink()
    gate.report("--smtp", sink.address)
    assert [to for _, to, _ in sink.mails] == ["<new@watch.example>"]


def test_what_the_site_sets_aside_has_a_reason(setup, lmdb):
    gate = Gate(setup, lmdb, more="list mailing-lists network [198.51.100.0/24]\nlist dmarc-exempt domain [sub.example.net]\n")
    for author, client in (("a@example.net", "198.51.100.1"), ("a@sub.example.net", STRANGE)):
        assert gate.send(content(author), client=client, sender="<b@other.example>").kind == CONTINUE
    gate.wait_counted(2)
    assert [(row[2], row[5]) for row in records(gate.files()["example.net"])] == [
        ("none", [("mailing_list", None)]), ("none", [("local_policy", None)])]


def test_who_makes_up_names_fills_no_store(setup, lmdb):
    gate = Gate(setup, lmdb, dmarc="report_rows 5")
    for i in range(10):
        gate.send(content(f"a@x{i}.example.net"), client=STRANGE)
    gate.send(content("a@x0.example.net"), client=STRANGE)
    gate.wait_counted(6)
    assert len(gate.rows()) == 5
    assert gate.sluice.log().count("this day has as many different rows as report_rows allows") == 1
    assert "dmarc.reports" in gate.sluice.ctl("status").stdout


def test_a_trial_counts_nothing(setup, lmdb):
    gate = Gate(setup, lmdb)
    done = sluice.ctl("check", "-c", gate.sluice.conf, "--all", "--client=192.0.2.1", "--helo=x.example.net", "--from=a@example.net",
                      "--rcpt=u@example.org", "-", stdin=content("a@example.net"))
    assert done.returncode == 0, done.stderr
    assert not gate.rows()


def test_a_store_that_fails_costs_no_mail(setup, lmdb):
    gate = Gate(setup, lmdb)
    gate.sluice.stop()
    gate.sluice.write(CONF.format(state="redis 127.0.0.1:1 timeout 200ms", forward=gate.dns.forward, keys=gate.keys.folder, dmarc="", more=""))
    gate.sluice.start()
    assert gate.send(content("a@example.net")).kind == CONTINUE
    assert "the store does not answer" in gate.report("--dry-run", status=69).stderr


# ---- sending ----

def with_messages(gate, *authors):
    for author in authors:
        gate.send(content(author), client=STRANGE, sender="<b@other.example>")
    gate.wait_counted(len(authors))
    return gate


def test_a_report_comes_by_mail(setup, state):
    gate = with_messages(Gate(setup, state), "a@example.net", "a@example.net")
    sink = gate.sink()
    done = gate.report("--smtp", sink.address)
    assert done.stdout == "example.net: dmarc@example.net: sent\n" and not done.stderr
    (sender, rcpt, mail), = sink.mails
    assert sender.startswith("<dmarc-reports@example.org> SIZE=") and int(sender.split("=")[1]) == len(mail)
    assert rcpt == "<dmarc@example.net>"
    assert gate.keys.signers(mail) == ["example.org/s1 rsa-sha256"]
    assert b"\n" not in mail.replace(b"\r\n", b"")
    message = email.message_from_bytes(mail, policy=email.policy.default)
    subject = re.fullmatch(r"Report Domain: example\.net Submitter: example\.org Report-ID: <(\d+\.([0-9a-f]{32})@example\.org)>", message["Subject"])
    assert subject, message["Subject"]
    assert str(message["From"].addresses[0]) == '"Example \\"Inc.\\"" <dmarc-reports@example.org>'
    assert message["To"] == "dmarc@example.net" and message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime and message["Message-ID"] and message["MIME-Version"] == "1.0"
    note, attachment = message.iter_parts()
    assert note.get_content_type() == "text/plain" and "2 messages" in note.get_content()
    assert attachment.get_content_type() == "application/gzip"
    assert attachment.get_filename() == f"example.org!example.net!{gate.begin}!{gate.begin + 86399}!{subject[2]}.xml.gz"
    tree = parse(gzip.decompress(attachment.get_content()))
    assert tree.findtext("report_metadata/report_id") == subject[1]
    assert [row[1] for row in records(tree)] == ["2"]
    shown = sluice.ctl("dmarc", "read", "-", stdin=mail).stdout
    assert shown.startswith('Example "Inc." about example.net, ') and "2 messages, 0 pass, 2 fail" in shown
    # and once only
    assert not gate.rows()
    done = gate.report("--smtp", sink.address)
    assert not done.stdout and not done.stderr and len(sink.mails) == 1


def test_the_same_file_each_time(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb), "a@example.net", "a@sub.example.net")
    made = []
    for i in range(2):
        (setup.folder / f"o{i}").mkdir()
        gate.report("--out", setup.folder / f"o{i}")
        made.append({p.name: p.read_bytes() for p in (setup.folder / f"o{i}").iterdir()})
    assert len(made[0]) == 1 and made[0] == made[1]


def test_who_is_asked_for_what_is_left(setup, state):
    gate = Gate(setup, state, {("_dmarc.example.net", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@example.net,mailto:b@example.net"]})
    with_messages(gate, "a@example.net")
    refusing = gate.sink({"RCPT": "450-4.2.0 not\r\n450 4.2.0 now \x1b[31m"})
    done = gate.report("--smtp", refusing.address, status=75)
    assert done.stderr.count("not sent, left for the next time: 450 4.2.0 now [U+001B][31m") == 2
    assert len(gate.rows()) == 1
    sink = gate.sink()
    gate.report("--smtp", sink.address)
    assert sorted(to for _, to, _ in sink.mails) == ["<a@example.net>", "<b@example.net>"]
    assert not gate.rows()


def test_one_of_two_is_not_sent_to_again(setup, state):
    gate = Gate(setup, state, {("_dmarc.example.net", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@example.net,mailto:b@far.example"],
                               ("example.net._report._dmarc.far.example", "TXT"): "SERVFAIL"})
    with_messages(gate, "a@example.net")
    sink = gate.sink()
    done = gate.report("--smtp", sink.address, status=75)
    assert "b@far.example: not sent, left for the next time: the DNS does not say whether it takes such reports" in done.stderr
    assert [to for _, to, _ in sink.mails] == ["<a@example.net>"]
    gate.dns.records["example.net._report._dmarc.far.example", "TXT"] = ["v=DMARC1"]
    gate.report("--smtp", sink.address)
    assert [to for _, to, _ in sink.mails] == ["<a@example.net>", "<b@far.example>"]
    assert not gate.rows()


def test_a_later_day_finds_what_is_left(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb), "a@example.net")
    sink = gate.sink()
    gate.report("--smtp", sink.address, now=gate.later(0, "12"))  # not over
    gate.report("--smtp", sink.address, now=gate.later(5, "12"))  # too old
    assert not sink.mails
    done = gate.report("--smtp", sink.address, "--day", str(gate.today), now=gate.later(0, "12"), status=64)
    assert "this day is not over" in done.stderr
    gate.report("--smtp", sink.address, now=gate.later(3, "12"))
    assert len(sink.mails) == 1


@pytest.mark.parametrize("answers, status, said, kept", [
    ({"RCPT": "550 5.1.1 nobody"}, 0, "refused for good: 550 5.1.1 nobody", 0),
    ({"MAIL": "552 5.3.4 too big"}, 0, "refused for good: 552 5.3.4", 0),
    ({"end": "554 5.7.1 spam"}, 0, "refused for good: 554 5.7.1 spam", 0),
    ({"DATA": "451 4.3.0 disk"}, 75, "left for the next time: 451 4.3.0 disk", 1),
    ({"end": "452 4.3.1 full"}, 75, "left for the next time: 452 4.3.1 full", 1),
    ({"connect": "554 5.3.2 not for you"}, 75, "left for the next time: 554 5.3.2 not for you", 1),
    ({"connect": "421 4.3.2 closing"}, 75, "left for the next time: 421 4.3.2 closing", 1),
    ({"connect": "hello"}, 75, "answer is none of SMTP's", 1),
    ({"connect": "220 " + "x" * 3000}, 75, "a line that is too long", 1),
    ({"EHLO": "\r\n".join(["250-x"] * 300)}, 75, "answer is none of SMTP's", 1),
    ({"EHLO": "500 5.5.1 what"}, 0, "sent", 0),
    ({"EHLO": "500 what", "HELO": "500 what"}, 75, "500 what", 1),
    ({"EHLO": "250-x\r\n250 SIZE 100"}, 0, "octets, and the mail server takes 100", 0),
    ({"QUIT": "500 what"}, 0, "sent", 0),
    ({"RCPT": "250-fine\r\n250 \xff"}, 0, "sent", 0),
])
def test_what_the_mail_server_says(setup, lmdb, answers, status, said, kept):
    gate = with_messages(Gate(setup, lmdb), "a@example.net")
    sink = gate.sink(answers)
    done = gate.report("--smtp", sink.address, status=status)
    assert said in done.stdout + done.stderr
    assert len(gate.rows()) == kept
    assert len(sink.mails) == (said == "sent")


@pytest.mark.parametrize("where", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "end"])
def test_a_mail_server_that_hangs_holds_up_nobody(setup, lmdb, where):
    gate = with_messages(Gate(setup, lmdb), "a@example.net", "a@watch.example")
    sink = gate.sink({where: None})
    began = time.monotonic()
    done = gate.report("--smtp", sink.address, "--timeout", "500ms", status=75)
    assert time.monotonic() - began < 5
    assert "the mail server does not answer in time" in done.stderr
    assert "watch.example: dmarc@watch.example: not sent, left for the next time: the mail server is out of order" in done.stderr
    assert sink.connections == 1 and len(gate.rows()) == 2
    other = gate.sink()
    gate.report("--smtp", other.address)
    assert len(other.mails) == 2


def test_no_mail_server(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb), "a@example.net")
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    assert "Connection refused" in gate.report("--smtp", f"127.0.0.1:{port}", status=75).stderr
    assert "'nonsense' is no mail server" in gate.report("--smtp", "nonsense", status=64).stderr
    assert len(gate.rows()) == 1


def test_by_the_program_of_the_mail_server(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb), "a@example.net")
    program = setup.folder / "sendmail"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{setup.folder}/args\ncat >{setup.folder}/mail\nexit $(cat {setup.folder}/status)\n')
    program.chmod(0o755)
    for status, said in (("75", "ended with status 75"), ("71", "ended with status 71")):
        (setup.folder / "status").write_text(status)
        assert said in gate.report("--sendmail", program, status=75).stderr
    program.with_name("slow").write_text("#!/bin/sh\nexec sleep 60\n")
    program.with_name("slow").chmod(0o755)
    assert "has not ended in time" in gate.report("--sendmail", program.with_name("slow"), "--timeout", "300ms", status=75).stderr
    assert "No such file" in gate.report("--sendmail", setup.folder / "none", status=75).stderr
    (setup.folder / "status").write_text("0")
    gate.report("--sendmail", program)
    assert (setup.folder / "args").read_text().split() == ["-i", "-f", "dmarc-reports@example.org", "--", "dmarc@example.net"]
    mail = (setup.folder / "mail").read_bytes()
    assert b"\r" not in mail
    assert gate.keys.signers(mail.replace(b"\n", b"\r\n")) == ["example.org/s1 rsa-sha256"]


def test_without_a_key_it_goes_out_unsigned_and_says_so_once(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb, key="elsewhere.example"), "a@example.net", "a@watch.example")
    sink = gate.sink()
    done = gate.report("--smtp", sink.address)
    assert done.stderr.count("unsigned") == 1 and "no key signs for example.org" in done.stderr
    assert len(sink.mails) == 2 and not any(b"DKIM-Signature" in mail for _, _, mail in sink.mails)


def test_two_gateways_of_one_store_send_once(setup, state):
    gate = with_messages(Gate(setup, state), "a@example.net")
    slow = gate.sink({"end": None})
    first = subprocess.Popen([str(sluice.SLUICECTL), "dmarc", "report", "-c", str(gate.sluice.conf), "--now",
                              gate.later(1, "03"), "--smtp", slow.address, "--timeout", "3s"],
                             env=sluice.environment(), stderr=subprocess.PIPE)
    net.wait_for(lambda: slow.connections == 1, "the first to send")
    other = gate.sink()
    done = gate.report("--smtp", other.address, status=75)
    assert "another run sends to it" in done.stderr and not other.mails
    first.communicate()
    assert first.returncode == 75 and len(gate.rows()) == 1
    gate.report("--smtp", other.address)
    assert len(other.mails) == 1


# ---- to whom ----

EXTERNAL = [
    # name, rua, records, who gets it, what is said
    ("not authorized", "mailto:a@far.example", {}, [], "a@far.example: not sent: its domain does not say in the DNS that it takes such reports"),
    ("authorized", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1"]}, ["a@far.example"], ""),
    ("with a semicolon", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1;"]}, ["a@far.example"], ""),
    ("among others", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=spf1 -all", "v=DMARC1; p=none"]}, ["a@far.example"], ""),
    ("not a record", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["p=none; v=DMARC1", "v=DMARC2", "yes"]}, [], "not sent"),
    ("another address there", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1; rua=mailto:b@far.example,mailto:c@far.example"]},
     ["b@far.example", "c@far.example"], ""),
    ("another address elsewhere", "mailto:a@far.example", {"example.net._report._dmarc.far.example": ["v=DMARC1; rua=mailto:b@victim.example"]}, [],
     "sends them on to another domain"),
    ("below the organization", "mailto:a@reports.example.net", {}, ["a@reports.example.net"], ""),
    ("its own organization", "mailto:a@reports.example.net", {"_dmarc.reports.example.net": ["v=DMARC1; p=none; psd=n"]}, [], "not sent"),
    ("its own, authorized", "mailto:a@reports.example.net", {"_dmarc.reports.example.net": ["v=DMARC1; p=none; psd=n"],
                                                            "example.net._report._dmarc.reports.example.net": ["v=DMARC1"]}, ["a@reports.example.net"], ""),
    ("one of two", "mailto:a@far.example,mailto:b@example.net", {}, ["b@example.net"], "a@far.example: not sent"),
    ("of a neighbour by name", "mailto:a@badexample.net", {}, [], "not sent"),
    ("ourselves", "mailto:root@localhost,mailto:root@[127.0.0.1],mailto:a@example.net", {}, ["a@example.net"], ""),
    ("ten at most", ",".join(f"mailto:a{i}@example.net" for i in range(20)), {}, [f"a{i}@example.net" for i in range(10)], ""),
    ("twice the same", "mailto:a@example.net,mailto:a@EXAMPLE.net", {}, ["a@example.net"], ""),
    ("too large for it", "mailto:a@example.net!100,mailto:b@example.net!10k", {}, ["b@example.net"], "and the domain wants 100 at most"),
]


@pytest.mark.parametrize("name, rua, more, got, said", EXTERNAL, ids=[row[0] for row in EXTERNAL])
def test_who_gets_it(setup, lmdb, name, rua, more, got, said):
    record = dkim_sender.quoted(f"v=DMARC1; p=none; rua={rua}")
    gate = Gate(setup, lmdb, {("_dmarc.example.net", "TXT"): [record], **{(n, "TXT"): v for n, v in more.items()}})
    with_messages(gate, "a@example.net")
    sink = gate.sink()
    done = gate.report("--smtp", sink.address)
    assert sorted(to.strip("<>") for _, to, _ in sink.mails) == sorted(got)
    assert said in done.stderr
    assert not gate.rows()


def test_by_the_public_suffix_list(setup, lmdb):
    gate = Gate(setup, lmdb, {("_dmarc.example.net", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@reports.example.net,mailto:b@far.example"]},
                dmarc="discovery psl")
    with_messages(gate, "a@example.net")
    sink = gate.sink()
    assert gate.files()["example.net"].findtext("policy_published/discovery_method") == "psl"
    gate.report("--smtp", sink.address)
    assert [to for _, to, _ in sink.mails] == ["<a@reports.example.net>"]


def test_a_dry_run_says_what_would_be_sent(setup, lmdb):
    gate = Gate(setup, lmdb, {("_dmarc.example.net", "TXT"): ["v=DMARC1; p=none; rua=mailto:a@example.net,mailto:b@far.example"]})
    with_messages(gate, "a@example.net", "a@example.net")
    assert gate.report("--dry-run").stdout == (
        "example.net: 2 messages in 1 rows\nexample.net: a@example.net: would be sent\n"
        "example.net: b@far.example: would not be sent: its domain does not say in the DNS that it takes such reports\n")
    assert len(gate.rows()) == 1


def test_who_has_opted_out_gets_none(setup, lmdb):
    gate = Gate(setup, lmdb)
    with_messages(gate, "a@example.net", "a@watch.example")
    config = CONF.format(state=lmdb, forward=gate.dns.forward, keys=gate.keys.folder, dmarc="",
                         more="list dmarc-no-reports domain [watch.example]\n")
    assert gate.sluice.reload(config).returncode == 0
    gate.send(content("a@watch.example"), client=STRANGE)
    sink = gate.sink()
    gate.report("--smtp", sink.address)
    assert [to for _, to, _ in sink.mails] == ["<dmarc@example.net>"]
    assert not gate.rows()  # what was counted before is gone


# ---- settings and errors ----

@pytest.mark.parametrize("dmarc, state, said", [
    ("reports yes", "lmdb state", "reports need an address to be sent from: add 'report_from dmarc-reports@example.org'"),
    ("reports yes report_from x report_org y", "lmdb state", "report_from is no plain address"),
    ("reports yes report_from a@example.org", "lmdb state", "add 'report_org"),
    ("reports yes report_from a@example.org report_org y", "", "dmarc needs a store: say where, with 'state { lmdb"),
    ("reports yes report_from a@example.org report_org y report_rows 0", "lmdb state", "report_rows"),
])
def test_a_configuration_is_whole(tmp_path, dmarc, state, said):
    block = f"state {{ {state} }}\n" if state else ""
    (tmp_path / "sluice.conf").write_text(sluice.plugin_lines() + f"authserv_id mx.example.org\n{block}dmarc {{ {dmarc} }}\n")
    done = sluice.ctl("config", "check", "-c", tmp_path / "sluice.conf")
    assert done.returncode == 78 and said in done.stderr, done.stderr


def test_what_cannot_be_done(setup, lmdb):
    gate = with_messages(Gate(setup, lmdb), "a@example.net")
    assert "choose one" in gate.report("--dry-run", "--out", setup.folder, status=64).stderr
    assert "is no day" in gate.report("--day", "yesterday", status=64).stderr
    assert "is no duration" in gate.report("--timeout", "soon", status=64).stderr
    assert "No such file" in gate.report("--out", setup.folder / "none", status=73).stderr
    (setup.folder / "bare.conf").write_text(sluice.plugin_lines() + "authserv_id mx.example.org\n")
    done = sluice.ctl("dmarc", "report", "-c", setup.folder / "bare.conf")
    assert done.returncode == 78 and "who reports is not configured" in done.stderr
    gate.sluice.stop()
    assert "no daemon answers" in gate.report("--dry-run", status=69).stderr


@pytest.mark.parametrize("request_", ["dmarc", "dmarc keys", "dmarc keys x", "dmarc keys 1 x", "dmarc rows 1", "dmarc rows 1 " + "A" * 32,
                                      "dmarc rows 1 " + "a" * 31, "dmarc claim 1 " + "a" * 32 + " " + "b" * 32, "dmarc nonsense 1",
                                      "dmarc keys 99999999999", "dmarc rows 1 " + "a" * 32 + "x", "dmarc rows 1 " + "a" * 32 + " "])
def test_what_the_daemon_is_asked_wrongly(setup, lmdb, request_):
    gate = Gate(setup, lmdb)
    assert gate.raw(request_).startswith("64\n")


def test_many_rows(setup, lmdb):
    gate = Gate(setup, lmdb)
    m = setup.milter(gate.sluice)
    m.greet(STRANGE, helo="host.invalid")
    for i in range(700):
        assert m.mail("<b@other.example>").kind == CONTINUE
        assert m.rcpt("<u@example.org>").kind == CONTINUE
        m.data()
        for name, value in dkim_sender.split(content(f"a@x{i}.example.net"))[0]:
            m.raw_header(name, value)
        m.end_of_headers()
        m.body(b"x\r\n")
        m.end_of_message()
    m.quit()
    net.wait_for(lambda: len(gate.rows()) == 700, "all rows")
    sink = gate.sink()
    gate.report("--smtp", sink.address)
    attachment = email.message_from_bytes(sink.mails[0][2], policy=email.policy.default).get_payload()[1]
    tree = parse(gzip.decompress(attachment.get_content()))
    assert len(records(tree)) == 700
    assert not gate.rows()
