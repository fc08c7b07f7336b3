# SPDX-License-Identifier: BSD-2-Clause
"""The body that is kept for checks to look at: in memory, in a file, cut, and where it cannot be kept."""
import hashlib
import re

import pytest

PROGRAM = """#!/usr/bin/python3
import base64, hashlib, json, sys
sys.stdin.readline()
for line in sys.stdin:
    q = json.loads(line)
    body = base64.b64decode(q["ask"]["body"])
    print(json.dumps({"id": q["id"], "facts": {"kept": len(body), "size": q["ask"]["body_size"], "sum": hashlib.sha256(body).hexdigest()}}), flush=True)
"""


def conf(setup, spool):
    path = setup.folder / "x"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return f"""stage_deadline 20s
body {{ memory 4K  max 64K  spool "{spool}" }}
external x {{ program {path}  at message  body 2M  number [kept size]  text sum }}
at message {{ rule look score 1 when x.kept >= 0 or body.cut }}
"""


def facts(s):
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1])[1])
    return case["facts"]


@pytest.mark.parametrize("size", [0, 100, 4096, 4097, 65536, 65537, 300000])
def test_checks_see_it_whole_up_to_a_size(setup, size):
    spool = setup.folder / "spool"
    spool.mkdir()
    s = setup.sluice(conf(setup, spool))
    m = setup.milter(s)
    m.greet()
    body = bytes(i * 7 % 251 for i in range(size))
    m.mail()
    m.rcpt()
    m.data()
    m.header("Subject", "t")
    m.end_of_headers()
    for at in range(0, size, 60000):
        m.body(body[at:at + 60000])
    assert m.end_of_message().kind == "continue"
    found = facts(s)
    kept = body[:65536]
    assert (found["x.kept"], found["x.size"], found["x.sum"]) == (len(kept), size, hashlib.sha256(kept).hexdigest())
    assert found["body.cut"] is (size > 65536)
    assert m.message(body=b"another\r\n").kind == "continue"
    assert facts(s)["x.size"] == 9 and list(spool.iterdir()) == []


def test_a_body_that_cannot_be_kept_holds_nothing_up(setup):
    s = setup.sluice(conf(setup, "/nonexistent/folder"))
    m = setup.milter(s)
    m.greet()
    assert m.message(body=b"x" * 5000).kind == "continue"
    found = facts(s)
    assert found["x.outcome"] == "temperror" and found["x.why"] == "the spool folder of 'body' cannot be written to" and "x.kept" not in found
    assert m.message(body=b"x" * 4000).kind == "continue"
    assert facts(s)["x.kept"] == 4000


def test_nobody_looks_and_nothing_is_kept(setup):
    s = setup.sluice(conf(setup, "/nonexistent/folder").replace("x.kept >= 0 or ", ""))
    m = setup.milter(s)
    m.greet()
    assert m.message(body=b"x" * 50000).kind == "continue"
    assert "body.cut" not in facts(s) and "x.outcome" not in facts(s)
