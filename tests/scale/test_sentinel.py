# SPDX-License-Identifier: BSD-2-Clause
"""Gateways with a Redis behind three sentinels, as contrib/scale has it: the primary is killed, and demoted, under load."""
import pytest
from support import net
from support.redis import Sentinels
from support.scale import CONNECTIONS, GATEWAYS, REDIS, RULES, Load, gateway_conf, metric, recipe, said_each_way, taken

OUT = "the store is out of order"
IN_FLIGHT = GATEWAYS * CONNECTIONS  # each connection has one operation under way at most


@pytest.fixture
def redis(network, setup):
    lines = [line.replace("10.0.0.1 6379", "{primary}") for line in recipe("sentinel.conf")]
    with Sentinels(setup.folder, lines=recipe("redis.conf"), sentinel_lines=lines, host=REDIS, inside=network.inside(network.middle)) as made:
        yield made


@pytest.fixture
def three(redis, gateways):
    return gateways(RULES.replace("authserv_id", gateway_conf("sluice-sentinel.conf", "sentinels", redis.names) + "authserv_id", 1))


def test_a_primary_that_is_killed_costs_no_message_and_no_count(redis, three):
    with Load(three) as load:
        load.go_on()
        old = redis.primary()
        old.kill()
        net.wait_for(lambda: redis.primary() is not None, "a failover")
        load.go_on()
    assert load.total() > 200
    new = redis.primary()
    assert new is not old
    # one that was under way may have been counted, or may have been counted by the old primary alone
    assert abs(taken([new]) - load.total()) <= IN_FLIGHT, (taken([new]), load.total(), load.away)
    assert load.away >= metric(three, "sluice_store_lost_total") - IN_FLIGHT
    for s in three:
        said_each_way(s)
        assert s.status()["store"] == "works"
        assert "change-me" not in s.log()


def test_a_primary_that_is_demoted_is_left_for_the_new_one(redis, three):
    with Load(three) as load:
        load.go_on()
        old = redis.primary()
        redis.sentinels[0].cli("sentinel", "failover", "mymaster")
        net.wait_for(lambda: redis.primary() not in (old, None) and not old.try_cli("role").startswith("master"), "a failover")
        load.go_on()
    # what the old one took until the sentinels had told everybody is gone: contrib/design/0029; what comes later is not
    new = redis.primary()
    assert 0 < taken([new]) <= load.total() + IN_FLIGHT
    before = taken([new])
    with Load(three) as later:
        later.go_on()
    assert later.away == 0 and taken([new]) - before == later.total()


def test_a_sentinel_that_is_gone_is_passed_over(redis, three):
    redis.sentinels[0].kill()
    with Load(three) as load:
        load.go_on()
        redis.primary().kill()
        net.wait_for(lambda: redis.primary() is not None, "a failover")
        load.go_on()
    assert abs(taken([redis.primary()]) - load.total()) <= IN_FLIGHT


@pytest.mark.parametrize("what, words", [
    ("master             mymaster", "it knows no master 'other'"),
    ('sentinel_password  "change-me"', "WRONGPASS"),
    ('    password           "change-me"', "WRONGPASS"),
])
def test_a_wrong_name_or_password_is_said(redis, gateways, what, words):
    conf = gateway_conf("sluice-sentinel.conf", "sentinels", redis.names)
    wrong = what.replace("mymaster", "other").replace("change-me", "wrong")
    assert what in conf
    s = gateways(RULES.replace("authserv_id", conf.replace(what, wrong) + "authserv_id", 1))[0]
    net.wait_for(lambda: OUT in s.log(), "the log to say so")
    assert words in s.log(), s.log()
