# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl chaos, in builds that have it: a table of what a client hears with each thing broken."""
import re

import pytest
from support import sluice

pytestmark = [pytest.mark.skipif("\n  chaos " not in sluice.ctl("--help").stdout, reason="a build with -Dchaos=true"),
              pytest.mark.skipif(sluice.sanitized(), reason="a sanitizer has an allocator of its own")]
CONF = """authserv_id mx.example.org
stage_deadline 1s
on_fault {on_fault}
list local-domains domain [example.org]
body {{ memory 4K }}
at rcpt {{
    rule unsure tempfail "451 4.7.24 SPF is not known" when spf.result == temperror
    rule relay reject "550 5.7.1 relaying denied" when relay.attempt
}}
at message {{
    rule t tag "x" when not mime.no_end
    on_error mime tempfail "451 4.3.1 no room"
}}
"""


def table(folder, on_fault="tempfail", *args):
    """{fault: {step: reply}}"""
    (folder / "conf").write_text(sluice.plugin_lines() + CONF.format(on_fault=on_fault))
    (folder / "zone").write_text("example.net TXT v=spf1 ip4:192.0.2.1 -all\n")
    done = sluice.ctl("chaos", "-c", folder / "conf", "--zone", folder / "zone", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    head, *rows = done.stdout.splitlines()
    names = re.split(r"  +", head.strip())[1:]
    return {row[:24].strip(): dict(zip(names, (row[25 + 17 * i:25 + 17 * i + 16].strip() for i in range(6)))) for row in rows}


WELL = {"connect": "250", "HELO": "250", "MAIL": "250", "RCPT": "250", "DATA": "354", "end of message": "250"}


def test_each_fault(tmp_path):
    found = table(tmp_path)
    assert found["store, scanners dead"] == WELL and found["DNS lies: no name is"] == WELL
    for fault in ("DNS silent", "DNS SERVFAIL"):
        assert found[fault]["MAIL"] == "250" and found[fault]["RCPT"] == "451 4.7.24" and found[fault]["DATA"] == ""
    assert found["disk full"] == {**WELL, "end of message": "451 4.3.1"}
    rows = [row for name, row in found.items() if name.startswith("no memory")]
    assert len(rows) > 3
    for row in rows:
        assert {reply.split(" ")[0] for reply in row.values()} <= {"", "250", "354", "451", "closed"}, row


def test_on_fault_accept(tmp_path):
    replies = {reply for name, row in table(tmp_path, "accept").items() if name.startswith("no memory") for reply in row.values()}
    assert "250 (on_fault)" in replies and "451 4.3.0" not in replies


def test_a_refusal_of_the_policy_stays_one(tmp_path):
    assert table(tmp_path, "tempfail", "--rcpt", "u@elsewhere.example")["store, scanners dead"]["RCPT"] == "550 5.7.1"


@pytest.mark.parametrize("args, status", [(["--client", "nobody"], 64), (["more"], 64), (["-c", "/nonexistent"], 78)])
def test_what_is_wrong_is_said(args, status):
    assert sluice.ctl("chaos", *args).returncode == status
