# SPDX-License-Identifier: BSD-2-Clause
"""Limits over the milter socket, on each store: what is counted, what is given back, and a store that fails."""
import time

import pytest
from support import net
from support.milter import CONTINUE, Closed
from support.redis import Redis


def start(setup, state, rules, extra=""):
    s = setup.sluice(f"authserv_id mx.example.org\nstage_deadline 2s\nstate {{ {state} }}\n{extra}{rules}\n")
    if "redis" in state:
        net.wait_for(lambda: "CONNECTED" in warm(setup, s), "the store to be connected")
    return s


def warm(setup, s):
    """A limit of the rules is looked at for a client of its own: does the store answer?"""
    m = setup.milter(s)
    m.greet("203.0.113.250")
    m.message("<warm@example.net>", recipients=("<warm@example.org>",))
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    return "CONNECTED" if any(a["type"] == "rate" and a["status"] == "ok" for a in case["answers"]) else ""


def session(setup, s, address="192.0.2.1", user=None, helo="mail.example.net"):
    m = setup.milter(s, macros={"M": {"auth_authen": user, "auth_type": "PLAIN"}} if user else None)
    m.greet(address, helo=helo)
    return m


def passed(answers):
    return [answer.kind == CONTINUE for answer in answers]


def test_the_61st_of_a_minute_is_put_off(setup, state):
    s = start(setup, state, "at mail { rule fast limit 60/1m by client.ip }")
    m = session(setup, s)
    began = time.monotonic()
    answers = [m.mail() for _ in range(64)]
    refilled = int(time.monotonic() - began) + 1  # one a second
    assert passed(answers[:60]) == [True] * 60
    assert sum(passed(answers)) <= 60 + refilled
    refusal = next(answer for answer in answers if answer.kind != CONTINUE)
    assert refusal.text.startswith("451 4.7.1 too many messages: try again in 1 seconds"), refusal
    assert session(setup, s, "192.0.2.2").mail().kind == CONTINUE
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert case["verdict"]["rule"] == "fast"
    answer = case["answers"][-1]
    assert answer["name"] == "limit|fast|192.0.2.1" and answer["type"] == "rate" and answer["checks"] == "rules"
    assert answer["records"][0].startswith("over the limit")


@pytest.mark.parametrize("keys, same, other", [
    ("client.net", {}, {"address": "198.51.100.1"}),
    ("client.net", {"address": "192.0.2.200"}, {"address": "192.0.3.1"}),
    ("helo.name", {"address": "198.51.100.1", "helo": "MAIL.example.net"}, {"helo": "other.example.net"}),
    ("mail.domain, rcpt.domain", {"sender": "<b@EXAMPLE.net>"}, {"sender": "<a@example.com>"}),
    ("mail.domain, rcpt.domain", {}, {"rcpt": "<u@example.com>"}),
    ("rcpt.address", {"sender": "<b@example.com>"}, {"rcpt": "<v@example.org>"}),
    ("auth.user", {"address": "198.51.100.1"}, {"user": "eve"}),
    ("auth.user", {}, {"user": None}),  # nobody is logged in: the rule does not apply
])
def test_each_key_is_counted_for_itself(setup, keys, same, other):
    s = start(setup, f"lmdb {setup.folder}/state", f"at rcpt {{ rule one limit 1/1h by {keys} }}")

    def once(address="192.0.2.1", user="bob", helo="mail.example.net", sender="<a@example.net>", rcpt="<u@example.org>"):
        m = session(setup, s, address, user, helo)
        assert m.mail(sender).kind == CONTINUE
        return m.rcpt(rcpt)

    assert once().kind == CONTINUE
    assert once(**same).text.startswith("451 4.7.1 too many recipients: try again in 3600 seconds")
    assert once(**other).kind == CONTINUE


def test_the_action_of_a_limit_may_be_any(setup):
    s = start(setup, f"lmdb {setup.folder}/state",
              'at mail { rule points limit 1/1h by client.ip score 2\n rule no limit 1/1h by mail.from reject "554 5.7.1 {limit.wait} s" }\n'
              'at message { rule spam reject "550 5.7.1 spam" when score >= 2 }')
    m = session(setup, s)
    assert m.message().kind == CONTINUE
    assert m.message("<b@example.net>").text.startswith("550 5.7.1 spam")
    assert m.mail().text.startswith("554 5.7.1 3600 s")


def test_what_is_refused_elsewhere_is_given_back(setup, state):
    s = start(setup, state, """list blocked address [no@example.org]
at rcpt {
  rule each limit 3/1h by client.ip
  rule no reject "550 5.7.1 no such user" when rcpt.address in blocked
}
at data { rule later tempfail "451 4.7.1 later" when mail.from == later@example.net }
at message { rule spam reject "550 5.7.1 spam" when mail.from == spam@example.net }""")
    m = session(setup, s)
    for sender, recipients in (("<a@example.net>", ["<no@example.org>"] * 5), ("<spam@example.net>", ["<u@example.org>"] * 3),
                               ("<later@example.net>", ["<u@example.org>"] * 2), ("<spam@example.net>", ["<u@example.org>"] * 3)):
        m.mail(sender)
        for recipient in recipients:
            answer = m.rcpt(recipient)
            assert (answer.code == 550) if recipient == "<no@example.org>" else answer.kind == CONTINUE, (sender, answer)
        if recipient != "<no@example.org>":
            assert m.content().code in (451, 550)
    m.mail()
    assert passed([m.rcpt() for _ in range(4)]) == [True, True, True, False]


def test_a_client_that_goes_away_is_given_nothing_back(setup):
    s = start(setup, f"lmdb {setup.folder}/state", "at rcpt { rule each limit 3/1h by client.ip }")
    m = session(setup, s)
    for _ in range(3):
        m.mail()
        assert m.rcpt().kind == CONTINUE
        m.abort()
    m.mail()
    assert m.rcpt().code == 451


def test_messages_are_counted_once_however_many_recipients(setup):
    s = start(setup, f"lmdb {setup.folder}/state",
              'at rcpt { rule m limit 2/1h of messages by client.ip\n rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }')
    m = session(setup, s)
    for _ in range(2):
        m.mail()
        assert passed([m.rcpt() for _ in range(5)]) == [True] * 5
        assert m.content().kind == CONTINUE
    m.mail()
    assert m.rcpt().text.startswith("451 4.7.1 too many messages")


def test_a_message_without_recipients_is_no_message(setup):
    s = start(setup, f"lmdb {setup.folder}/state",
              'at rcpt { rule m limit 2/1h of messages by client.ip\n rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }')
    m = session(setup, s)
    for _ in range(5):
        m.mail()
        assert m.rcpt("<no@example.org>").code == 550
        m.abort()
    m.mail()
    assert m.rcpt().kind == CONTINUE


def test_a_client_that_leaves_after_its_recipients_were_refused(setup):
    s = start(setup, f"lmdb {setup.folder}/state",
              'at rcpt { rule m limit 1/1h of messages by client.ip\n rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }')
    for _ in range(3):
        m = session(setup, s)
        m.mail()
        assert m.rcpt("<no@example.org>").code == 550
        m.quit()
        with pytest.raises(Closed):
            m.receive()
    m = session(setup, s)
    m.mail()
    assert m.rcpt().kind == CONTINUE


def test_recipients_and_bytes_at_the_end_of_a_message(setup):
    s = start(setup, f"lmdb {setup.folder}/state",
              "at message { rule r limit 5/1h of recipients by client.ip\n rule b limit 100K/1h of bytes burst 64K by mail.from }")
    m = session(setup, s)
    recipients = ("<u@example.org>",) * 3
    assert m.message(recipients=recipients).kind == CONTINUE
    assert m.message(recipients=recipients).text.startswith("451 4.7.1 too many recipients")
    other = session(setup, s, "192.0.2.2")
    assert other.message("<b@example.net>", body=b"x" * 60000).kind == CONTINUE
    assert other.message("<b@example.net>", body=b"x" * 10000).text.startswith("451 4.7.1 too many bytes")
    assert other.message("<c@example.net>", body=b"x" * 200000).kind == CONTINUE  # larger than the burst: it takes all of it


def test_connections(setup):
    s = start(setup, f"lmdb {setup.folder}/state", "at connect { rule c limit 2/1h by client.ip }")
    for _ in range(2):
        m = setup.milter(s)
        m.connect()
        assert m.helo().kind == CONTINUE and m.helo("again.example.net").kind == CONTINUE and m.mail().kind == CONTINUE
    m = setup.milter(s)
    m.connect()
    assert m.helo().text.startswith("451 4.7.1 too many connections: try again in 1800 seconds")


def test_strict_counts_on_while_blocked(setup, state):
    s = start(setup, state, "at mail { rule fast limit 1/1s by client.ip strict }")
    m = session(setup, s)
    assert m.mail().kind == CONTINUE
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert m.mail().code == 451
    net.wait_for(lambda: time.monotonic() > until + 2.1, "the limit to fill up")
    assert m.mail().kind == CONTINUE


def test_two_gateways_share_one_limit(setup):
    with Redis(setup.folder) as redis:
        one, two = (start(setup, f"redis {redis.path} timeout 20s", "at mail { rule fast limit 4/1h by mail.from }") for _ in range(2))
        answers = [session(setup, s).mail() for s in (one, two) * 3]
        assert passed(answers) == [True] * 4 + [False] * 2


def test_a_redis_that_is_gone_puts_nobody_off(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 300ms", "at mail { rule fast limit 1/1h by client.ip }")
        m = session(setup, s)
        assert passed([m.mail(), m.mail()]) == [True, False]
        redis.stop()
        net.wait_for(lambda: m.mail().kind == CONTINUE, "the store to be known as gone")
        assert passed([m.mail() for _ in range(20)]) == [True] * 20
        redis.start()
        net.wait_for(lambda: m.mail().code == 451, "the store to be used again")
        assert s.log().count("the store is out of order") == 1 and s.log().count("the store works again") == 1


def test_bytes_are_asked_for_only_where_a_limit_counts_them(setup):
    s = start(setup, f"lmdb {setup.folder}/state", "authentication_results no\nat message { rule b limit 100K/1h of bytes by mail.from }")
    assert not setup.milter(s).steps & 0x10  # SMFIP_NOBODY


def test_a_case_has_each_limit_that_was_looked_at(setup):
    s = start(setup, f'lmdb "{setup.folder}/state"', "at mail { rule fast limit 2/1h by client.ip }\nat rcpt { rule many limit 9/1h by mail.from }")
    m = setup.milter(s)
    m.greet()
    for _ in range(2):
        assert m.message(recipients=("<u@example.org>", "<v@example.org>")).kind == CONTINUE
    assert m.mail().code == 451
    cases = [s.explain(line.split("case=")[1].split()[0]) for line in s.cases() if "verdict=" in line]
    assert cases[0]["limits"] == [
        {"rule": "fast", "limit": "a message in 1800000000 us, 2 at once, by client.ip", "over": False, "wait": 0},
        {"rule": "many", "limit": "a recipient in 400000000 us, 9 at once, by mail.from", "recipient": "u@example.org", "over": False, "wait": 0},
        {"rule": "many", "limit": "a recipient in 400000000 us, 9 at once, by mail.from", "recipient": "v@example.org", "over": False, "wait": 0}]
    assert [(row["rule"], row["over"], row["wait"] > 0) for row in cases[2]["limits"]] == [("fast", True, True)]
