# SPDX-License-Identifier: BSD-2-Clause
"""Assertions: what a site wants to be sure of, played whenever its configuration is loaded."""
import pytest

from support import sluice

POLICY = """authserv_id mx.example.org
list local-domains domain [example.org]
list friends address [friend@example.net]
role mx { when port == 25 and not client.trusted }
at helo { rule named     reject "550 5.7.1 no"               when helo.name == bad.example and client.ip == 198.51.100.1 }
at mail { on_error spf timeout tempfail }
at rcpt {
    rule no-relay        reject "550 5.7.1 relaying denied"  when relay.attempt
    rule grey            greylist                            when spf.result == softfail
}
at message in mx {
    rule dmarc           reject "550 5.7.1 no"               when dmarc.disposition == reject
    rule names           hold "strange"                      when rdns.names contains odd.example
    rule words           discard "spam"                      when from.address in friends
}
state { lmdb "state" }
"""
FINE = "fact spf.result none"
GOOD = [
    "from <a@example.net> rcpt <b@elsewhere.example> fact spf.result none expect reject at rcpt",
    "rcpt b@elsewhere.example fact spf.result none expect reject by no-relay",
    f"user joe rcpt <b@elsewhere.example> {FINE} expect accept",
    "helo bad.example client 198.51.100.1 expect reject at helo by named",
    f"helo bad.example client 198.51.100.2 rcpt <u@example.org> {FINE} expect accept",
    "rcpt <u@example.org> fact spf.error timeout expect tempfail at mail",
    "rcpt <u@example.org> fact spf.error servfail expect accept",
    f"rcpt <u@example.org> {FINE} fact dmarc.disposition reject expect reject at message",
    f"port 587 rcpt <u@example.org> {FINE} fact dmarc.disposition reject expect accept",
    f"rcpt <u@example.org> {FINE} fact rdns.names [even.example odd.example] expect hold",
    f'rcpt <u@example.org> {FINE} header From "A <friend@example.net>" header Subject x expect discard by words',
    f"from <friend@example.net> rcpt <u@example.org> {FINE} expect discard",
    f"from <> rcpt <u@example.org> {FINE} expect accept",
    "rcpt <u@example.org> fact spf.result softfail fact greylist.blocked yes expect tempfail at rcpt by grey",
    f"from <> rcpt <u@example.org> rcpt <x@elsewhere.example> {FINE} expect accept",
]
BAD = [
    ("rcpt <u@example.org> fact spf.result none expect reject at rcpt", "it ends with accept; no rule matched"),
    ("rcpt <x@elsewhere.example> fact spf.result none expect accept", "it ends with reject at rcpt by no-relay; rules that matched: no-relay"),
    ("rcpt <x@elsewhere.example> fact spf.result none expect tempfail", "it ends with reject at rcpt by no-relay; rules that matched: no-relay"),
    ("rcpt <x@elsewhere.example> fact spf.result none expect reject at message", "it ends with reject at rcpt by no-relay; rules that matched: no-relay"),
    ("rcpt <x@elsewhere.example> fact spf.result none expect reject by dmarc", "it ends with reject at rcpt by no-relay; rules that matched: no-relay"),
    ("rcpt <u@example.org> fact spf.result none fact rdns.names [odd.example] expect reject", "it ends with hold at message by names; rules that matched: names"),
    ("rcpt <u@example.org> expect accept", "it ends with tempfail at mail by on_error-spf; rules that matched: on_error-spf"),  # nobody answers
]


def config(folder, *assertions):
    conf = folder / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + POLICY.replace('"state"', f'"{folder}/state"') + "".join(f'assert "it is so" {{ {a} }}\n' for a in assertions))
    return conf


def test_what_holds(tmp_path):
    done = sluice.ctl("config", "check", "-c", config(tmp_path, *GOOD))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "state").exists()  # an assertion leaves no trace


@pytest.mark.parametrize("assertion, found", BAD)
def test_what_does_not_hold(tmp_path, assertion, found):
    done = sluice.ctl("config", "check", "-c", config(tmp_path, GOOD[0], assertion, GOOD[1]))
    assert done.returncode == 78
    first, line, mark = done.stderr.rstrip("\n").split("\n")
    assert first.split(": ", 1)[1] == f'assert "it is so" does not hold: {found}'
    assert line.endswith("}") and len(line[:mark.index("^")]) < len(line)


def test_a_reload_with_one_that_fails_keeps_the_old_policy(setup):
    rules = 'list local-domains domain [example.org]\nat rcpt { rule no-relay reject "550 5.7.1 relaying denied" when relay.attempt }\n'
    wish = 'assert "no relay" { rcpt <x@elsewhere.example> expect reject at rcpt }\n'
    s = setup.sluice(rules + wish)
    m = setup.milter(s)
    m.greet()
    assert m.message(recipients=["<x@elsewhere.example>"]).code == 550
    done = s.reload(rules.replace("when relay.attempt", "when relay.attempt and mail.null") + wish)
    assert done.returncode == 78 and 'assert "no relay" does not hold: it ends with accept' in done.stderr
    other = setup.milter(s)
    other.greet()
    assert other.message(recipients=["<x@elsewhere.example>"]).code == 550
