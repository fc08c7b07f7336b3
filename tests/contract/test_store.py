# SPDX-License-Identifier: BSD-2-Clause
"""One contract for all homes of the store, and what becomes of LMDB under kill -9. SLUICE_SOAK=1 runs a million operations."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from support import net, sluice
from support.redis import Cluster, Redis, Sentinels

CONTRACT = sluice.BUILD / "tests" / "contract" / "contract"
OPERATIONS = "1000000" if os.environ.get("SLUICE_SOAK") else "20000"


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="sluice-store-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def redis(folder):
    with Redis(folder) as server:
        yield server.path


def run(*args, timeout=600):
    done = subprocess.run([str(CONTRACT), *args], capture_output=True, text=True, env=sluice.environment(), timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lmdb_keeps_the_contract(folder):
    run("lmdb", f"{folder}/state", OPERATIONS)


def test_redis_keeps_the_contract(redis):
    run("redis", redis, OPERATIONS)


def test_redis_behind_sentinel_keeps_the_contract(folder):
    with Sentinels(folder, replicas=1) as redis:
        run("sentinels", redis.names, OPERATIONS)


def test_a_redis_cluster_keeps_the_contract(folder):
    with Cluster(folder) as redis:
        run("cluster", redis.names.split()[0], OPERATIONS)
        assert all(int(s.cli("dbsize")) > 0 for s in redis.primaries)


def test_the_contract_holds_while_slots_move(folder):
    """New keys are where the slot goes to (ASK); of a tally some items are there and some are not, until all have moved; then the slot is there (MOVED)."""
    names = ["greylist:run/retry", "rate:run/burst", "count:run/sum", "rate:run/once/key", "count:run/once/key", "value:run/value", "tally:run/book", "tally:run/bounds"]
    with Cluster(folder, primaries=2) as redis:
        moving = {int(redis.primaries[0].cli("cluster", "keyslot", f"contract:{{{name}}}")) for name in names}
        for slot in moving:
            source, target = redis.primaries if slot < 8192 else reversed(redis.primaries)
            target.cli("cluster", "setslot", slot, "importing", redis.ident(source))
            source.cli("cluster", "setslot", slot, "migrating", redis.ident(target))

        def seen(error):
            return sum("errorstat_" + error in server.cli("info", "errorstats") for server in redis.primaries)
        process = net.start([CONTRACT, "cluster", redis.names, OPERATIONS, "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=sluice.environment())
        try:
            net.wait_for(lambda: seen("ASK") and seen("ERR"), "an answer that the items of a tally are not all there")
            fixed = redis.primaries[0].cli("--cluster", "fix", redis.primaries[0].name, "--cluster-yes")
            assert process.wait(net.PATIENCE_S * 5) == 0, process.stdout.read() + fixed
        finally:
            net.stop(process, signal.SIGKILL)
            process.stdout.close()
        assert seen("MOVED")


@pytest.mark.parametrize("wait_s", [0.05, 0.3, 1.5])
def test_kill_9_loses_nothing_that_was_answered_a_second_ago(folder, wait_s):
    writer = net.start([CONTRACT, "write", f"{folder}/state"], stdout=subprocess.PIPE, env=sluice.environment(), text=True)
    lines = [writer.stdout.readline()]
    first = int(lines[0].split()[0])
    while int(lines[-1].split()[0]) - first < wait_s * 1000:
        lines.append(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    lines += writer.stdout.readlines()
    answered = [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]
    last_ms = answered[-1][0]
    promised = max((number for ms, number in answered if ms <= last_ms - 1000), default=0)
    kept = int(run("read", f"{folder}/state"))
    assert promised <= kept <= answered[-1][1] + 1


def test_two_processes_cannot_have_one_folder(folder):
    writer = net.start([CONTRACT, "write", f"{folder}/state"], stdout=subprocess.PIPE, env=sluice.environment())
    try:
        writer.stdout.readline()
        done = subprocess.run([str(CONTRACT), "read", f"{folder}/state"], capture_output=True, text=True, env=sluice.environment(),
                              timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 1 and "another process has it: is sluiced running?" in done.stderr
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


@pytest.mark.parametrize("damage, message", [
    (lambda path: path.write_bytes(path.read_bytes()[:8192]), "is cut off: restore it, or remove it"),
    (lambda path: path.write_bytes(b"not a store" * 1000), "cannot be opened"),
])
def test_a_damaged_file_is_refused_with_a_message(folder, damage, message):
    run("lmdb", f"{folder}/state", "2000")
    damage(pathlib.Path(folder) / "state" / "data.mdb")
    done = subprocess.run([str(CONTRACT), "read", f"{folder}/state"], capture_output=True, text=True, env=sluice.environment(),
                          timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 1 and message in done.stderr, done.stderr
