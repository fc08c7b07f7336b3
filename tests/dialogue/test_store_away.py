# SPDX-License-Identifier: BSD-2-Clause
"""Redis, and LMDB for while it is away: mail is judged by the local store, and what that counted is added up when Redis is back."""
import pytest
from support import net
from support.milter import CONTINUE
from support.redis import Redis

RULES = """authserv_id mx.example.org
stage_deadline 20s
state {{ redis {redis} lmdb {folder}/state timeout 5s }}
greylist {{ delay {delay} client_passes 0 }}
at mail {{ rule few limit 1/1d burst {burst} by mail.domain tempfail "451 4.7.1 enough" }}
at rcpt {{ rule grey greylist  when rcpt.domain == "grey.example.org" }}
"""
GREYLISTED = "greylisted: try again in"
OUT, BACK = "the store is out of order", "the store works again"


@pytest.fixture
def redis(setup):
    with Redis(setup.folder) as server:
        server.cli("config", "set", "save", "3600 1")  # and so a restart has what was there
        yield server


def start(setup, redis, delay="1h", burst=5):
    s = setup.sluice(RULES.format(redis=redis.path, folder=setup.folder, delay=delay, burst=burst))
    net.wait_for(lambda: take(setup, s, "warm.example.net") is not None and int(redis.cli("dbsize")) > 0, "the Redis to be used")
    return s


def take(setup, s, domain, recipient="<u@example.org>"):
    """The first answer that refuses, or the one to the recipient."""
    m = setup.milter(s)
    try:
        m.greet("192.0.2.1")
        answer = m.mail(f"<a@{domain}>")
        return m.rcpt(recipient) if answer.kind == CONTINUE else answer
    finally:
        m.sock.close()


def away(redis, s):
    redis.cli("save")
    redis.stop()
    net.wait_for(lambda: s.status()["store_in_use"] == "local", "the local store to be in use")


def back(redis, s):
    redis.start()
    net.wait_for(lambda: s.status()["store_in_use"] == "shared" and s.status()["store_to_merge"] == "0", "all to be merged")


def test_what_is_taken_while_redis_is_away_is_taken(setup, redis):
    s = start(setup, redis)
    assert s.status()["store_in_use"] == "shared" and s.status()["store_local"] == "works"
    for _ in range(2):
        assert take(setup, s, "one.example.net").kind == CONTINUE
    away(redis, s)
    for _ in range(5):  # the local store begins with nothing
        assert take(setup, s, "two.example.net").kind == CONTINUE
    assert "enough" in take(setup, s, "two.example.net").text
    for _ in range(2):
        assert take(setup, s, "one.example.net").kind == CONTINUE
    assert "sluice_store_local 1\n" in s.ctl("metrics").stdout
    back(redis, s)
    assert "enough" in take(setup, s, "two.example.net").text
    assert take(setup, s, "one.example.net").kind == CONTINUE  # the fifth of five
    assert "enough" in take(setup, s, "one.example.net").text
    assert int(s.status()["store_merged"]) >= 2
    assert "sluice_store_local 0\n" in s.ctl("metrics").stdout
    log = s.log()
    assert log.count(OUT) == 1 and log.count(BACK) == 1, log
    assert "; the one of this machine is used meanwhile" in log and "keys of this machine's own are merged into it" in log, log


def test_a_second_outage_merges_only_what_is_new(setup, redis):
    s = start(setup, redis)
    for _ in range(2):
        away(redis, s)
        assert take(setup, s, "one.example.net").kind == CONTINUE
        back(redis, s)
    for _ in range(3):
        assert take(setup, s, "one.example.net").kind == CONTINUE
    assert "enough" in take(setup, s, "one.example.net").text


def test_a_pass_of_the_greylist_is_known_on_both_sides(setup, redis):
    s = start(setup, redis, delay="1s", burst=500)

    def passes(name):
        return net.wait_for(lambda: take(setup, s, "example.net", f"<{name}@grey.example.org>").kind == CONTINUE, f"{name} to pass")
    assert GREYLISTED in take(setup, s, "example.net", "<early@grey.example.org>").text
    passes("early")
    away(redis, s)
    assert take(setup, s, "example.net", "<early@grey.example.org>").kind == CONTINUE  # has not to wait again
    assert GREYLISTED in take(setup, s, "example.net", "<late@grey.example.org>").text
    passes("late")
    back(redis, s)
    assert take(setup, s, "example.net", "<late@grey.example.org>").kind == CONTINUE
    assert GREYLISTED in take(setup, s, "example.net", "<never@grey.example.org>").text


def test_a_gateway_that_begins_without_redis(setup, redis):
    redis.stop()
    s = setup.sluice(RULES.format(redis=redis.path, folder=setup.folder, delay="1h", burst=5))
    for _ in range(5):
        assert take(setup, s, "one.example.net").kind == CONTINUE
    assert "enough" in take(setup, s, "one.example.net").text
    back(redis, s)
    assert "enough" in take(setup, s, "one.example.net").text
