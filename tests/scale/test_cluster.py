# SPDX-License-Identifier: BSD-2-Clause
"""Gateways with a Redis Cluster, as contrib/scale has it: a primary is killed, and slots move, under load."""
from support import net
from support.redis import Cluster
from support.scale import CONNECTIONS, GATEWAYS, REDIS, RULES, Load, gateway_conf, metric, recipe, said_each_way, taken

IN_FLIGHT = GATEWAYS * CONNECTIONS
DOMAINS = 50


def cluster(network, setup, **kwargs):
    lines = recipe("redis.conf") + recipe("cluster.conf")
    return Cluster(setup.folder, lines=lines, host=REDIS, inside=network.inside(network.middle), **kwargs)


def start(gateways, redis):
    return gateways(RULES.replace("authserv_id", gateway_conf("sluice-cluster.conf", "cluster", redis.names) + "authserv_id", 1))


def primaries(redis):
    """Those that have slots, as one that lives says."""
    alive = next(s for s in redis.servers if s.process.poll() is None)
    names = {line.split()[1].split("@")[0] for line in alive.cli("cluster", "nodes").splitlines()
             if "master" in line.split()[2] and "fail" not in line.split()[2] and len(line.split()) > 8}
    return [s for s in redis.servers if s.name in names]


def test_a_primary_that_is_killed_costs_no_message_and_no_count(network, setup, gateways):
    with cluster(network, setup, replicas=1) as redis:
        three = start(gateways, redis)
        with Load(three, DOMAINS) as load:
            load.go_on()
            old = redis.primaries[1]
            old.kill()
            net.wait_for(lambda: len(primaries(redis)) == 3 and old not in primaries(redis), "a failover")
            load.go_on(300)
        now = primaries(redis)
        assert abs(taken(now) - load.total()) <= IN_FLIGHT, (taken(now), load.total(), load.away)
        for s in three:
            said_each_way(s)


def move(redis, slot, source, target, pause):
    """All of a slot's keys, one after the other, while it is asked for."""
    target.cli("cluster", "setslot", slot, "importing", redis.ident(source))
    source.cli("cluster", "setslot", slot, "migrating", redis.ident(target))
    pause()
    for key in source.cli("cluster", "getkeysinslot", slot, 1000).split("\n"):
        if key:
            assert source.cli("migrate", target.host, target.port, key, 0, 5000, "auth", "change-me").strip() in ("OK", "NOKEY")
    pause()
    for server in (target, source, *redis.servers):
        if server.info("replication", "role") == "master":
            server.cli("cluster", "setslot", slot, "node", redis.ident(target))


def test_slots_that_move_under_load_lose_nothing(network, setup, gateways):
    with cluster(network, setup, replicas=1) as redis:
        three = start(gateways, redis)
        with Load(three, DOMAINS) as load:
            load.go_on(200)
            source, target = redis.primaries[:2]
            slots = sorted({int(source.cli("cluster", "keyslot", key)) for key in source.cli("keys", "sluice:{rate:*").split("\n") if key})
            assert slots
            for slot in slots[:5]:
                move(redis, slot, source, target, lambda: load.go_on(40))
            load.go_on(300)
        assert taken(redis.primaries) == load.total(), (taken(redis.primaries), load.total(), load.away)
        assert load.away == 0
        assert metric(three, "sluice_store_moved_total") > 0 and metric(three, "sluice_store_ask_total") > 0
        assert metric(three, "sluice_store_lost_total") == 0
        for s in three:
            assert "the store is out of order" not in s.log(), s.log()
