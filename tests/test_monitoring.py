# SPDX-License-Identifier: BSD-2-Clause
"""contrib/prometheus and contrib/grafana: alerts that ring when they should, and a board, of figures that there are."""
import json
import re
import shutil
import subprocess

import pytest

from support import net, sluice
from support.signing import Keys

PROMETHEUS = sluice.TOP / "contrib/prometheus"
RULES = PROMETHEUS / "sluice.rules.yml"
BOARD = json.loads((sluice.TOP / "contrib/grafana/sluice.json").read_text())
pytestmark = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool, of Debian's package prometheus, is not there")


def promtool(*args):
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, timeout=4 * net.PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions():
    found = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]] + [a["expr"] for a in BOARD["annotations"]["list"]]
    assert len(found) > 15
    return [expr.replace("$instance", ".*") for expr in found]


def test_alerts_ring_when_they_should():
    promtool("check", "rules", RULES)
    promtool("test", "rules", PROMETHEUS / "sluice.test.yml")


def test_each_alert_is_tried():
    tried = (PROMETHEUS / "sluice.test.yml").read_text()
    for alert in re.findall(r"alert: (\w+)", RULES.read_text()):
        assert f'alertname="{alert}"' in tried and f"alertname: {alert}, exp_alerts: []" in tried, alert


def test_the_boards_expressions_are_some(tmp_path):
    lines = "".join(f"      - record: board:panel{i}\n        expr: {json.dumps(expr)}\n" for i, expr in enumerate(expressions()))
    (tmp_path / "board.yml").write_text(f"groups:\n  - name: board\n    rules:\n{lines}")
    promtool("check", "rules", tmp_path / "board.yml")


def test_all_figures_are_there(setup):
    """What alerts and board read is what a daemon says, with the labels by which they tell it apart."""
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "k1", "ed25519")
    s = setup.sluice(f"authserv_id mx.example.org\nstate {{ lmdb {setup.folder}/state }}\nsign {{ keys {keys.folder} }}\nclamav {{ server unix:{setup.folder}/none }}\n"
                     "at message { rule v score 1 when clamav.found  shadow rule r reject \"550 5.7.1 no\" when spf.result == fail }\n"
                     "at rcpt { rule n reject \"550 5.7.1 no\" when rcpt.address == no@example.org }\n", "_.k1._domainkey.example.org A 192.0.2.255\n")
    with setup.milter(s) as m:
        m.greet()
        m.message()
        m.message(recipients=["<no@example.org>"])
        m.quit()
    net.wait_for(lambda: "sluice_switched_off{" in s.ctl("metrics").stdout, "clamd to be missed")
    net.wait_for(lambda: "sluice_dkim_key_good{" in s.ctl("metrics").stdout, "the key to be looked for")
    said = s.ctl("metrics").stdout
    promtool_ok = subprocess.run(["promtool", "check", "metrics"], input=said, capture_output=True, text=True, timeout=4 * net.PATIENCE_S, check=False)
    assert promtool_ok.returncode in (0, 3) and "error" not in promtool_ok.stderr, promtool_ok.stderr  # 3: matters of taste
    there = {}
    for name, labels in re.findall(r"^(sluice_\w+)(?:\{(.*)\})? ", said, re.M):
        there.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    for expr in [*expressions(), *re.findall(r"expr: (.*(?:\n {10}.*)*)", RULES.read_text())]:
        for name, labels in re.findall(r"(sluice_\w+)(?:\{([^}]*)\})?", expr):
            assert name in there, name
            assert set(re.findall(r'(\w+)(?:=|=~)"', labels)) <= there[name] | {"instance"}, (name, labels)
        for label in re.findall(r"by \(([\w, ]+)\)", expr):
            assert set(re.split(", *", label)) <= {"instance"} | set().union(*(there[name] for name in re.findall(r"sluice_\w+", expr))), expr
