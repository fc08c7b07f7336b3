# SPDX-License-Identifier: BSD-2-Clause
"""tests/bench/run, scale and soak: does each of their lines still run? How fast is nobody's business here."""
import json
import os
import shutil
import subprocess

import pytest
from support import sluice

RUN = sluice.TOP / "tests/bench/run"
pytestmark = [pytest.mark.skipif(sluice.sanitized(), reason="builds with a sanitizer are not measured"),
              pytest.mark.skipif(bool(sluice.SHARED_PLUGINS), reason="one variant is enough"),
              pytest.mark.skipif(not shutil.which("unbound", path="/usr/sbin"), reason="unbound is not there (contrib/packages test)"),
              pytest.mark.skipif(os.getuid() != 0, reason="namespaces need root")]


def run(*args):
    return subprocess.run([RUN, sluice.BUILD, *args], capture_output=True, text=True, timeout=900, check=False)


def test_every_line_runs(tmp_path):
    figures = tmp_path / "figures"
    done = run("--quick", "--json", figures)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = json.loads(figures.read_text())["lines"]
    assert [line["line"] for line in lines] == ["verify-2k", "verify-20k", "verify-500k", "redis-20k", "lmdb-20k", "sign-20k", "refuse",
                                                "latency", "tcp", "slow-dns", "idle", "busy", "postfix", "memory"]
    for line in lines[:-1]:
        assert line["reached"] is None and {"null", "null-nr", "sluice"} <= set(line["milters"]), line
        assert f"| {line['line']} | sluice |" in done.stdout


def test_a_line_that_there_is_not_is_an_error():
    done = run("--only", "no-such-line")
    assert done.returncode == 2 and "no-such-line" in done.stderr


def test_scale_runs():
    done = subprocess.run([RUN.with_name("scale"), sluice.BUILD, "--quick"], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    assert [row[0].strip('"') for row in rows] == ["no store", "LMDB", "one Redis", "Cluster of 3"]
    assert all(float(row[5]) == 2 for row in rows[2:]), done.stdout


def test_a_soak():
    done = subprocess.run([RUN.with_name("soak"), sluice.BUILD, "--quick"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "240 messages in 0.2 minutes" in done.stdout and "1 reloads, 1 restarts of Redis" in done.stdout
