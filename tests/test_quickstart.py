# SPDX-License-Identifier: BSD-2-Clause
"""What a stranger runs first."""
import os
import re
import signal
import subprocess

from support import milter, net, sluice

QUICKSTART = sluice.TOP / "contrib/quickstart"


def test_the_demo_agrees_twice_from_any_folder(tmp_path):
    for _ in range(2):
        done = subprocess.run([QUICKSTART, "--demo"], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith("all as expected\n") and len(re.findall(r" yes$", done.stdout, re.M)) >= 12


def test_the_gateway_runs_with_the_shipped_policy(setup):
    port = net.free_port()
    folder = setup.folder / "gateway"
    log = setup.folder / "log"
    with open(log, "wb") as out:
        process = net.start([QUICKSTART, "--dir", folder, "--listen", f"inet:{port}@127.0.0.1", "--domain", "example.net"], stdout=out, stderr=out)
    try:
        net.wait_for(lambda: "is ready" in log.read_text() or process.poll() is not None, "the gateway", 600)
        assert f"smtpd_milters=inet:127.0.0.1:{port}" in log.read_text()
        with milter.Milter(f"inet:{port}@127.0.0.1") as m:
            m.greet("127.0.0.1")
            m.mail()
            assert m.rcpt("<u@example.net>").kind == milter.CONTINUE
        with milter.Milter(f"inet:{port}@127.0.0.1", macros={"C": {"daemon_port": "587"}}) as m:
            m.greet("192.0.2.1")
            m.mail()
            assert m.rcpt("<u@example.com>").code == 550
        assert sluice.ctl("status", "-s", folder / "control.sock").returncode == 0
        assert os.stat(folder / "control.sock").st_uid != 0
    finally:
        assert net.stop(process, signal.SIGINT) == 0, log.read_text()
