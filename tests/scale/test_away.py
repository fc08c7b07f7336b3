# SPDX-License-Identifier: BSD-2-Clause
"""A gateway whose link to Redis is down carries on by its own store, says so, and merges what it counted when the link is back."""
import pytest
from support import net
from support.redis import Sentinels
from support.scale import CONNECTIONS, GATEWAYS, REDIS, RULES, Load, gateway_conf, metric, recipe, taken


@pytest.fixture
def redis(network, setup):
    lines = [line.replace("10.0.0.1 6379", "{primary}") for line in recipe("sentinel.conf")]
    with Sentinels(setup.folder, lines=recipe("redis.conf"), sentinel_lines=lines, host=REDIS, inside=network.inside(network.middle)) as made:
        yield made


def test_a_gateway_that_is_cut_off_carries_on_and_merges(redis, network, gateways):
    conf = gateway_conf("sluice-sentinel.conf", "sentinels", redis.names)
    assert "state {\n" in conf
    three = gateways(RULES.replace("authserv_id", conf.replace("state {\n", "state {\n    lmdb  state\n") + "authserv_id", 1))
    lonely, others = three[0], three[1:]
    try:
        with Load(three) as load:
            load.go_on()
            network.cut(0)
            net.wait_for(lambda: lonely.status()["store_in_use"] == "local", "the local store to be in use")
            net.wait_for(lambda: int(lonely.status()["store_local_asked"]) > 100, "it to be asked")
            network.cut(0, off=False)
            net.wait_for(lambda: lonely.status()["store_in_use"] == "shared", "the shared store to be in use")
            load.go_on()
    finally:
        network.cut(0, off=False)
    net.wait_for(lambda: lonely.status()["store_to_merge"] == "0", "all to be merged")
    assert metric([lonely], "sluice_store_merged_total") > 0 and metric(others, "sluice_store_local_operations_total") == 0
    # one that was under way when the link went down may be counted here and there
    assert load.away == 0
    assert 0 <= taken([redis.primary()]) - load.total() <= CONNECTIONS, (taken([redis.primary()]), load.total())
    assert lonely.log().count("the store is out of order") == 1 and lonely.log().count("the store works again") == 1, lonely.log()
    assert "; the one of this machine is used meanwhile" in lonely.log() and "of this machine's own are merged into it" in lonely.log()
    assert all("the store is out of order" not in s.log() for s in others) and len(three) == GATEWAYS
