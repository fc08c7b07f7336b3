# SPDX-License-Identifier: BSD-2-Clause
"""No memory, at each place where some is asked for: no crash, no refusal for good, nothing of another message, and the next message is served."""
import os
import re
import resource
import time

import pytest
from support import dkim_sender, net, preload, process, sluice
from support.milter import ACCEPT, CONTINUE, REPLY, TEMPFAIL, Closed, Milter

ONE, ALL = 1, 1 << 60  # that follow get nothing
BUDGET_S = 12  # of one sweep: where there is more to try, every second place is tried, or every third

RULES = """
dnsbl bl.example { weight 1 }
state { lmdb "FOLDER/state" }
cases { to "FOLDER/cases" }
pattern offers "(?i)hello" in subject, text
at mail { rule many limit 1000000/1h by client.ip }
at rcpt { rule no reject "550 5.7.1 no {rcpt.address}" when rcpt.address matches "no*" }
at message {
    rule tagged tag "from {mail.from} {pattern.offers}" when score >= 0 and not mime.no_end and not url.userinfo
    rule listed score 1 when dnsbl.weight >= 1
    # what is not known must not be taken for what is bad
    rule spf     reject "550 5.7.1 LIE spf {spf.result}"      when spf.result != pass and not spf.result == temperror
    rule dkim    reject "550 5.7.1 LIE dkim {dkim.result}"    when dkim.result != pass and not dkim.result == temperror
    rule dmarc   reject "550 5.7.1 LIE dmarc {dmarc.result}"  when dmarc.result != pass and not dmarc.result == temperror
    rule name    reject "550 5.7.1 LIE rdns"                  when not rdns.confirmed
    rule header  reject "550 5.7.1 LIE header"                when headers.control or headers.bare_lf or headers.eight_bit or headers.empty_body
    rule mime    reject "550 5.7.1 LIE mime"                  when mime.bad_type or mime.bad_header or mime.no_end
    rule offer   reject "550 5.7.1 LIE pattern"               when not pattern.offers
}
"""
CONFIG = "authserv_id mx.example.org\nstage_deadline 1s\non_fault {on_fault}\n"
ZONE = f"""example.net TXT v=spf1 a:mail.example.net include:other.example -all
other.example TXT v=spf1 -all
mail.example.net A 192.0.2.1
1.2.0.192.in-addr.arpa PTR mail.example.net
_dmarc.example.net TXT v=DMARC1; p=reject
sel._domainkey.example.net TXT {dkim_sender.rsa().record}
1.2.0.192.bl.example A 127.0.0.2
2.0.0.127.bl.example A 127.0.0.2
"""
RECORDS = {tuple(line.split(" ", 2)[:2]): [line.split(" ", 2)[2]] for line in ZONE.splitlines()}
RECORDS["1.2.0.192.in-addr.arpa", "PTR"] = ["mail.example.net."]
RECORDS["sel._domainkey.example.net", "TXT"] = [dkim_sender.quoted(dkim_sender.rsa().record)]
BODY = b"Hello at http://www.example.net/\r\n" * 20


def headers(n):
    message = f"From: a{n}@example.net\r\nTo: u{n}@example.org\r\nSubject: Hello {n}\r\n\r\n".encode() + BODY
    signed = dkim_sender.sign(message, canon="simple/simple").split(b"\r\n\r\n", 1)[0]
    fields = re.sub(rb"\r\n(?=[ \t])", b"\n", signed).split(b"\r\n")
    return [tuple(part.decode() for part in field.split(b":", 1)) for field in fields]


class Dialogue:
    """One message of sender and recipient n, refused once for another recipient. `answers`: what each step was answered."""

    def __init__(self, s, n, fields):
        self.n = n
        self.answers = []
        self.closed = False
        m = None
        try:
            m = Milter(s.listen, macros={"M": {"i": f"Q{n}"}})
            steps = [m.connect, m.helo, lambda: m.mail(f"<a{n}@example.net>"), lambda: m.rcpt(f"<no{n}@example.org>"), lambda: m.rcpt(f"<u{n}@example.org>"),
                     lambda: m.content(headers=fields, body=BODY)]
            for step in steps:
                self.answers.append(step())
                if self.answers[-1].kind not in ((CONTINUE, REPLY) if step is steps[3] else (CONTINUE,)):
                    return
        except TimeoutError:
            raise AssertionError(f"no answer to step {len(self.answers)}") from None
        except (Closed, OSError):
            self.closed = True
        finally:
            if m:
                m.sock.close()

    def check(self, on_fault):
        """Nothing that on_fault does not allow, and nothing of another message."""
        for i, answer in enumerate(self.answers):
            if answer.kind == REPLY and answer.code == 550:
                assert i == 3 and answer.text.startswith(f"550 5.7.1 no no{self.n}@example.org "), answer
            elif on_fault == "accept":
                assert answer.kind in (CONTINUE, ACCEPT), answer
            else:
                assert answer.kind in (CONTINUE, TEMPFAIL) or (answer.kind == REPLY and answer.code == 451), answer
            text = answer.text + str(answer.edits)
            assert set(re.findall(r"\b(?:a|no|u)(\d+)@example", text)) <= {str(self.n)}, answer


@preload.needs_preload
@pytest.mark.parametrize("on_fault, names, count", [
    ("tempfail", "zone", ONE), ("tempfail", "zone", ALL), ("accept", "zone", ONE), ("accept", "zone", ALL), ("tempfail", "network", ONE),
    ("tempfail", "network", ALL),
])
def test_every_place(setup, monkeypatch, on_fault, names, count):
    memory = preload.Memory(setup.folder)
    config = CONFIG.format(on_fault=on_fault) + RULES.replace("FOLDER", str(setup.folder))
    if names == "network":
        config += f"dns {{\n forward {setup.dns(RECORDS, ttl=0).forward}\n timeout 800ms\n}}\n"
    s = memory.start(monkeypatch, setup, config, ZONE)
    fields = [headers(n) for n in range(4)]
    for n in range(3):  # what is made once is made
        whole = Dialogue(s, n, fields[n])
        whole.check(on_fault)
        assert len(whole.answers) == 6 and whole.answers[3].code == 550 and f"from a{n}@example.net" in str(whole.answers[-1].edits), whole.answers
        assert "dkim=pass" in str(whole.answers[-1].edits) and "dmarc=pass" in str(whole.answers[-1].edits)
    memory.fail(0)
    began = time.monotonic()
    Dialogue(s, 3, fields[3])
    net.wait_for(lambda: s.status()["connections"] == "0", "the connection to be gone")
    places, _ = memory.well()
    took = time.monotonic() - began
    assert places > 100
    step = max(1, int(places * took / BUDGET_S))
    began, tried, n = time.monotonic(), 0, 100
    for place in range(1, places + 1, step):
        if time.monotonic() - began > BUDGET_S:
            break
        n += 1
        memory.fail(place, count)
        dialogue = Dialogue(s, n, headers(n) if n % 10 == 0 else fields[0])
        memory.well()
        assert s.process.poll() is None, f"at {place} of {places}:\n{s.log()[-2000:]}"
        try:
            dialogue.check(on_fault)
        except AssertionError as e:
            raise AssertionError(f"at {place} of {places}: {e}") from None
        tried += 1
        after = Dialogue(s, 0, fields[0])
        assert len(after.answers) == 6 and after.answers[3].code == 550 and after.answers[-1].kind == CONTINUE, f"after {place} of {places}: {after.answers}"
    assert tried > 20
    net.wait_for(lambda: s.status()["connections"] == "0", "all connections to be gone")
    assert s.status()["in_progress"] == "0"


@preload.needs_preload
def test_what_many_messages_took_is_given_back(setup):
    """Within a minute, or at a reload. What stays is more than before by a quarter at most: the case of a message may lie behind what the message had."""
    s = setup.sluice("authserv_id mx.example.org\nhistory 100\nat message { rule junk score 1 when mime.junk }\n")

    def message():
        with setup.milter(s) as m:
            m.greet()
            assert m.message().kind == CONTINUE
    for _ in range(200):
        message()
    before = process.own_kib(s.process)
    crowd = [setup.milter(s) for _ in range(100)]
    for m in crowd:
        m.greet()
        m.mail()
        m.rcpt()
        m.data()
        m.header("From", "a@example.net")
        m.end_of_headers()
        for _ in range(5):
            m.body((b"x" * 70 + b"\r\n") * 800)
    for m in crowd:
        assert m.end_of_message().kind == CONTINUE
        m.sock.close()
    net.wait_for(lambda: s.status()["connections"] == "0", "all connections to be gone")
    assert process.own_kib(s.process) > before * 1.5, "else there is nothing to be seen here"
    assert s.ctl("reload").returncode == 0
    net.wait_for(lambda: process.own_kib(s.process) < before * 1.25, "memory to be given back")
    message()


def test_a_limit_that_a_message_meets(setup):
    """RLIMIT_AS: it is answered as on_fault says, and the next one is served."""
    if sluice.sanitized():
        pytest.skip("sanitizers reserve more memory than any limit would let them")
    s = setup.sluice(CONFIG.format(on_fault="tempfail") + 'at message { rule t tag "{header.count}" }')
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    resource.prlimit(s.process.pid, resource.RLIMIT_AS, (process.virtual_bytes(s.process) + (24 << 20), resource.RLIM_INFINITY))
    large = "x" * (9 << 20)
    m.mail()
    m.rcpt()
    try:
        for _ in range(4):
            m.header("X-Large", large)
        answer = m.end_of_message()
        assert answer.kind == REPLY and answer.code == 451, answer
        for _ in range(3):
            assert m.message().kind == CONTINUE, "the next one on the same connection"
        assert s.status()["faults"] == "1"
    except (Closed, OSError):
        pass  # a packet for which there is no memory ends its connection, and the mail server puts the message off
    other = setup.milter(s)
    other.greet()
    assert other.message().kind == CONTINUE
    assert s.process.poll() is None


@preload.needs_preload
def test_no_worker_lives_for_long(setup, monkeypatch):
    """What malloc keeps for a thread grows with its age. Each is relieved after a minute, and nobody who speaks meanwhile is cut off."""
    workers = 2 * os.cpu_count()
    clock = preload.Clock(setup.folder)
    s = clock.start(monkeypatch, setup, "authserv_id mx.example.org\n")
    held = setup.milter(s)
    held.greet()
    assert held.mail().kind == CONTINUE
    before = process.threads(s.process)

    def all_are_others():
        with setup.milter(s) as m:
            m.greet()
            assert m.message().kind == CONTINUE
        return len(before - process.threads(s.process)) >= workers
    for _ in range(20):
        assert not all_are_others()
    clock.go_on(61)
    net.wait_for(all_are_others, "other workers than before")
    assert held.rcpt().kind == CONTINUE and held.content().kind == CONTINUE
    assert len(process.threads(s.process)) == len(before)
