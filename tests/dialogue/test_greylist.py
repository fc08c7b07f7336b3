# SPDX-License-Identifier: BSD-2-Clause
"""Greylisting over the milter socket, on each store; and a store that fails."""
import signal

from support import net
from support.redis import Redis

ZONE = """1.2.0.192.in-addr.arpa PTR mail.example.net
2.2.0.192.in-addr.arpa PTR mail.example.net
1.100.51.198.in-addr.arpa PTR mail.example.net
9.113.0.203.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
mail.example.net TXT none
example.net TXT v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 -all
"""
CONF = """authserv_id mx.example.org
list greylist-exempt-recipients address [postmaster@example.org]
list greylist-exempt-clients network [10.0.0.0/8]
stage_deadline 2s
greylist {{ delay {delay} client_passes {passes} }}
state {{ {state} }}
at mail {{ rule good score -1 when helo.name == good.example.net }}
at rcpt {{ rule grey greylist when score >= 0 }}
"""


def start(setup, state, delay="1s", passes=5):
    s = setup.sluice(CONF.format(delay=delay, passes=passes, state=state), ZONE)
    if "redis" in state:
        warm = f"<{s.folder.name}@example.org>"  # of each gateway another recipient, and each is new once
        net.wait_for(lambda: send(setup, s, "192.0.2.99", recipients=(warm,)).code == 451, "the store to be connected")
    return s


def send(setup, s, address, helo="mail.example.net", **message):
    m = setup.milter(s)
    m.greet(address, helo=helo)
    answer = m.message(**message)
    m.quit()
    return answer


def test_a_stranger_waits_and_its_pool_counts_as_one(setup, state):
    s = start(setup, state)
    first = send(setup, s, "192.0.2.1")
    assert first.text.startswith("451 4.7.1 greylisted: try again in 1 seconds"), first
    assert send(setup, s, "192.0.2.2").code == 451  # of the same network, and as early
    assert send(setup, s, "198.51.100.1").code == 451  # by SPF another client: the domain itself
    net.wait_for(lambda: send(setup, s, "192.0.2.1").kind == "continue", "the delay to be over")
    net.wait_for(lambda: send(setup, s, "198.51.100.1").kind == "continue", "the delay to be over")
    assert send(setup, s, "203.0.113.9").kind == "continue"  # another address that the domain authorises


def test_what_is_not_greylisted(setup, state):
    s = start(setup, state, delay="1h")
    assert send(setup, s, "192.0.2.1", helo="good.example.net").kind == "continue"  # the rule does not ask for it
    assert send(setup, s, "10.1.1.1").kind == "continue"
    assert send(setup, s, "192.0.2.1", recipients=("<postmaster@example.org>",)).kind == "continue"


def test_the_null_sender_waits_at_data(setup, state):
    s = start(setup, state, delay="1h")
    m = setup.milter(s)
    m.greet("192.0.2.1")
    assert m.mail("<>").kind == "continue" and m.rcpt().kind == "continue"
    assert m.data().text.startswith("451 4.7.1 greylisted: try again in 3600 seconds")


def test_a_client_that_has_passed_is_let_through_for_anybody(setup, state):
    s = start(setup, state, delay="0ms", passes=2)
    for user in ("a", "b"):
        assert send(setup, s, "192.0.2.1", recipients=(f"<{user}@example.org>",)).code == 451
        assert send(setup, s, "192.0.2.1", recipients=(f"<{user}@example.org>",)).kind == "continue"
    net.wait_for(lambda: send(setup, s, "192.0.2.1", recipients=("<new@example.org>",)).kind == "continue", "the client to be known", 10)


def test_state_outlives_the_daemon(setup):
    s = start(setup, f"lmdb {setup.folder}/state", delay="1h")
    assert send(setup, s, "192.0.2.1").text.startswith("451 4.7.1 greylisted: try again in 3600 seconds")
    s.stop()
    s.write(CONF.format(delay="1ms", passes=5, state=f"lmdb {setup.folder}/state"), ZONE)
    s.start()
    assert send(setup, s, "192.0.2.1").kind == "continue"


def test_a_reload_keeps_the_store(setup):
    s = start(setup, f"lmdb {setup.folder}/state", delay="1h")
    assert send(setup, s, "192.0.2.1").code == 451
    assert s.reload(CONF.format(delay="1ms", passes=5, state=f"lmdb {setup.folder}/state"), ZONE).returncode == 0
    assert send(setup, s, "192.0.2.1").kind == "continue"


def test_a_redis_that_is_gone_refuses_nobody_and_says_so_once(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 300ms", delay="1h")
        assert send(setup, s, "192.0.2.1").code == 451
        redis.stop()
        for _ in range(20):
            net.wait_for(lambda: send(setup, s, "192.0.2.1").kind == "continue", "the store to be known as gone", 5)
        case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
        assert case["facts"]["greylist.outcome"] == "temperror"
        redis.start()
        net.wait_for(lambda: send(setup, s, "192.0.2.1").code == 451, "the store to be used again")
        assert s.log().count("the store is out of order") == 1 and s.log().count("the store works again") == 1


def test_a_redis_that_hangs_delays_no_message_past_the_deadline(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 200ms", delay="1h")
        redis.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(5):
                assert send(setup, s, "192.0.2.7").kind == "continue"
        finally:
            redis.process.send_signal(signal.SIGCONT)
        net.wait_for(lambda: send(setup, s, "192.0.2.7").code == 451, "the store to be used again")


def test_a_redis_of_others_and_a_full_one(setup):
    with Redis(setup.folder) as redis:
        s = start(setup, f"redis {redis.path} timeout 20s", delay="1h")
        redis.cli("set", "sluice:{greylist:greylist|192.0.2.0/24|a@example.net|u@example.org}", "theirs")
        assert send(setup, s, "192.0.2.1").kind == "continue"  # WRONGTYPE: this key alone fails
        assert send(setup, s, "192.0.2.1", recipients=("<v@example.org>",)).code == 451
        redis.cli("script", "flush")
        assert send(setup, s, "192.0.2.1", recipients=("<w@example.org>",)).code == 451  # NOSCRIPT: it is sent whole
        redis.cli("config", "set", "maxmemory", "1")
        assert send(setup, s, "192.0.2.1", recipients=("<x@example.org>",)).kind == "continue"
        assert "the store is out of order" in s.log()


def test_two_gateways_share_one_redis(setup):
    with Redis(setup.folder) as redis:
        one, two = (start(setup, f"redis {redis.path} timeout 20s", delay="0ms") for _ in range(2))
        assert send(setup, one, "192.0.2.1").code == 451
        assert send(setup, two, "192.0.2.1").kind == "continue"
