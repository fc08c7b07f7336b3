# SPDX-License-Identifier: BSD-2-Clause
"""The facts spamd.* and rspamd.*: what the real ones say of messages, when they are asked, and what becomes of the mail when they do not answer."""
import re
import time

import pytest
from support import milter, net, rspamd, sluice, spamd

GTUBE = spamd.GTUBE + b"\r\n"
RULES = """at message {
    rule a score SUBJECT when from.domain == "doubt.example"
    rule spam reject "554 5.7.1 spam" when score >= 4 and score < 8 and NAME.score >= 5
    rule large tag "large" when score >= 4 and score < 8 and NAME.too_large
    rule failed tag "failed" when NAME.outcome == temperror
}
"""


def conf(name, *servers, more="", score=4, deadline="60s"):
    lines = "".join(f" server {s}\n" for s in servers)
    return f"stage_deadline {deadline}\n{name} {{\n{lines} {more}\n}}\n" + RULES.replace("NAME", name).replace("SUBJECT", str(score))


def send(setup, s, body=b"hello\r\n", sender="x@doubt.example", helo="mail.example.net", mail="<a@example.net>"):
    with setup.milter(s) as m:
        m.greet("192.0.2.7", helo)
        return m.message(mail, headers=[("From", sender), ("Subject", "t")], body=body)


def facts(s, name):
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    return {fact.split(".", 1)[1]: value for fact, value in case["facts"].items() if fact.startswith(name + ".")}


def spamd_says(score, *rules):
    text = ",".join(rules).encode()
    return b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: %s ; %.1f / 5.0\r\n\r\n%s" % (len(text), b"True" if score >= 5 else b"False", score, text)


def rspamd_says(score, action="no action"):
    text = b'{"score":%f,"required_score":15.0,"action":"%s","symbols":{"A":{"score":%f}}}' % (score, action.encode(), score)
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


SAYS = {"spamd": spamd_says, "rspamd": rspamd_says}
both = pytest.mark.parametrize("name", ["spamd", "rspamd"])


@pytest.mark.parametrize("unix", [True, False], ids=["unix", "inet"])
def test_what_a_real_spamd_says(setup, unix):
    with spamd.Spamd(setup.folder, unix) as server:
        s = setup.sluice(conf("spamd", server.address))
        assert send(setup, s).kind == milter.CONTINUE
        found = facts(s, "spamd")
        assert (found["score"], found["required"], found["spam"], found["too_large"], found["outcome"]) == (1.7, 5, False, False, "done")
        assert sorted(found["rules"]) == ["FROM_CLIENT", "FROM_ENVELOPE", "HAS_SUBJECT"]
        assert send(setup, s, body=GTUBE).code == 554
        found = facts(s, "spamd")
        assert found["score"] > 900 and found["spam"] and "GTUBE" in found["rules"]
        assert send(setup, s, body=b"no end of line").kind == milter.CONTINUE and facts(s, "spamd")["outcome"] == "done"


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_what_a_real_rspamd_says(setup, kind):
    with rspamd.Rspamd(setup.folder) as server:
        s = setup.sluice(conf("rspamd", getattr(server, kind)))
        assert send(setup, s).kind == milter.CONTINUE
        found = facts(s, "rspamd")
        assert (found["score"], found["required"], found["action"], found["too_large"]) == (1.25, 15, "no-action", False)
        assert sorted(found["symbols"]) == ["FROM_CLIENT 0.25", "FROM_ENVELOPE -0.5", "HAS_SUBJECT 1.5"]
        assert send(setup, s, body=GTUBE).code == 554
        found = facts(s, "rspamd")
        assert found["score"] == 15 and found["action"] == "reject" and found["symbols"] == ["GTUBE 0"]


@both
def test_it_is_asked_only_between_the_marks(setup, name):
    with spamd.Fake(lambda message: SAYS[name](9)) as fake:
        s = setup.sluice(conf(name, fake.address))
        assert send(setup, s, sender="x@other.example").kind == milter.CONTINUE and not fake.asked
        assert "outcome" not in facts(s, name)
        assert send(setup, s).code == 554 and len(fake.asked) == 1
        assert s.reload(conf(name, fake.address, score=8)).returncode == 0
        assert send(setup, s).kind == milter.CONTINUE and len(fake.asked) == 1


def test_no_user_is_named_unless_it_is_configured(setup):
    with spamd.Fake(lambda message: spamd_says(1)) as fake:
        s = setup.sluice(conf("spamd", fake.address))
        assert send(setup, s).kind == milter.CONTINUE
        assert b"User:" not in fake.asked[0][0]


@both
def test_it_hears_of_client_and_envelope(setup, name):
    with spamd.Fake(lambda message: SAYS[name](1)) as fake:
        s = setup.sluice(conf(name, fake.address, more='user bob' if name == "spamd" else 'password "sesame"'))
        assert send(setup, s).kind == milter.CONTINUE
        head, message = fake.asked[0]
        if name == "spamd":
            assert head.startswith(b"SYMBOLS SPAMC/1.5\r\n") and b"\r\nUser: bob\r\n" in head
            assert re.match(rb"Received: from mail\.example\.net \(([^ ]+ )?\[192\.0\.2\.7\]\)\r\n\tby \S+ with ESMTP( id \S+)?"
                            rb"\r\n\t\(envelope-from <a@example\.net>\); ", message), message
        else:
            for field in (b"Ip: 192.0.2.7", b"Helo: mail.example.net", b"From: a@example.net", b"Password: sesame"):
                assert b"\r\n" + field + b"\r\n" in head, head
            assert message.startswith(b"From: x@doubt.example\r\nSubject: t\r\n")
            assert "sesame" not in s.log()
        assert message.endswith(b"\r\n\r\nhello\r\n")
        assert send(setup, s, helo="a\rX: y", mail='<"a\rX: y"@example.net>').kind == milter.CONTINUE
        assert b"X: y" not in fake.asked[1][0] and not re.search(rb"X: y", fake.asked[1][1])


@both
def test_a_server_that_is_not_there(setup, name):
    dead = f"inet:{net.free_port()}@127.0.0.1"
    s = setup.sluice(conf(name, dead))
    assert send(setup, s).kind == milter.CONTINUE
    found = facts(s, name)
    assert found["outcome"] == "temperror" and found["error"] == "other" and "score" not in found and "too_large" not in found
    assert f"{name} {dead}" in s.ctl("status").stdout
    with spamd.Fake(lambda message: SAYS[name](9)) as fake:
        assert s.reload(conf(name, "unix:/nowhere/sock", dead, fake.address)).returncode == 0
        for _ in range(3):
            assert send(setup, s).code == 554
        assert len(fake.asked) == 3


NONSENSE = [b"hello\r\n", b"\r\n", b"", b"x" * 400000, b"SPAMD/1.1 0 EX_OK\r\n\r\n", b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 9 / 5\r\nContent-length: 99\r\n\r\nA",
            b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"\xff" * 3000]


@both
@pytest.mark.parametrize("reply", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_no_answer(setup, name, reply):
    with spamd.Fake(lambda message: reply) as bad, spamd.Fake(lambda message: SAYS[name](9)) as good:
        s = setup.sluice(conf(name, bad.address))
        assert send(setup, s).kind == milter.CONTINUE and facts(s, name)["outcome"] == "temperror"
        assert s.reload(conf(name, bad.address, good.address, more="timeout 19s")).returncode == 0
        assert send(setup, s).code == 554
        assert send(setup, s).code == 554 and len(bad.asked) == 2, "it is passed over"


@both
def test_an_error_is_of_one_question(setup, name):
    error = b"SPAMD/1.0 79 Timeout: (300 seconds)\r\n" if name == "spamd" else b"HTTP/1.1 500 no such luck\r\n\r\n"
    with spamd.Fake(lambda message: error) as first, spamd.Fake(lambda message: SAYS[name](9)) as second:
        s = setup.sluice(conf(name, first.address, second.address))
        for count in (1, 2):
            assert send(setup, s).code == 554 and (len(first.asked), len(second.asked)) == (count, count)
        assert s.reload(conf(name, first.address)).returncode == 0
        assert send(setup, s).kind == milter.CONTINUE
        assert ("79 Timeout" if name == "spamd" else "no such luck") in s.ctl("explain", re.search(r"case=(\w+)", s.cases()[-1]).group(1)).stdout


@both
def test_silent_and_slow_servers(setup, name):
    def slowly(message):
        for octet in SAYS[name](9):
            time.sleep(0.005)
            yield bytes([octet])
    with spamd.Fake(lambda message: None) as silent, spamd.Fake(slowly) as slow:
        s = setup.sluice(conf(name, silent.address, more="timeout 300ms"))
        assert send(setup, s).kind == milter.CONTINUE
        assert facts(s, name)["outcome"] == "temperror" and facts(s, name)["error"] == "timeout"
        assert s.reload(conf(name, slow.address)).returncode == 0
        assert send(setup, s).code == 554
        assert s.reload(conf(name, silent.address, deadline="300ms")).returncode == 0
        assert send(setup, s).kind == milter.CONTINUE and facts(s, name)["error"] == "timeout"


@both
def test_what_is_too_large_is_not_sent(setup, name):
    with spamd.Fake(lambda message: SAYS[name](9)) as fake:
        s = setup.sluice(conf(name, fake.address, more="max 2K"))
        assert send(setup, s, body=b"x" * 3000 + b"\r\n").kind == milter.CONTINUE
        assert facts(s, name)["too_large"] and facts(s, name)["outcome"] == "done" and not fake.asked
        assert s.reload("body { max 1K }\n" + conf(name, fake.address)).returncode == 0
        assert send(setup, s, body=b"x" * 3000 + b"\r\n").kind == milter.CONTINUE
        assert facts(s, name)["too_large"] and not fake.asked, "half of it is not sent"
        assert send(setup, s).code == 554 and len(fake.asked) == 1


@both
def test_a_large_message_and_a_large_answer(setup, name):
    many = [f"R{i}" for i in range(3000)]
    answer = spamd_says(9, *many) if name == "spamd" else rspamd_says(9).replace(b"\r\n\r\n", b"\r\n\r\n" + b" " * 100000)
    if name == "rspamd":
        answer = re.sub(rb"Content-Length: \d+\r\n", b"", answer)
    with spamd.Fake(lambda message: answer) as fake:
        s = setup.sluice(conf(name, fake.address, more="max 5M"))
        assert send(setup, s, body=b"x" * 70 + b"\r\n" + b"y" * 1000000 + b"\r\n").code == 554
        assert len(fake.asked[0][1]) > 1000000
        assert len(facts(s, name)["rules" if name == "spamd" else "symbols"]) == (200 if name == "spamd" else 1)


@both
def test_a_reload_that_changes_nothing_keeps_who_is_passed_over(setup, name):
    with spamd.Fake(lambda message: b"nonsense\r\n") as bad, spamd.Fake(lambda message: SAYS[name](9)) as good:
        s = setup.sluice(conf(name, bad.address, good.address))
        assert send(setup, s).code == 554 and len(bad.asked) == 1
        assert s.reload(conf(name, bad.address, good.address) + "# nothing else\n").returncode == 0
        assert send(setup, s).code == 554 and len(bad.asked) == 1


@both
def test_a_replay_takes_what_was_said(setup, name):
    cases = setup.folder / "cases"
    cases.mkdir()
    with spamd.Fake(lambda message: SAYS[name](9)) as fake:
        rules = conf(name, fake.address)
        s = setup.sluice(f"cases {{ to {cases} }}\n" + rules)
        assert send(setup, s).code == 554
        assert send(setup, s, sender="x@other.example").kind == milter.CONTINUE
        s.stop()
        files = sorted(cases.glob("*.jsonl"))
        done = sluice.ctl("replay", "-c", s.conf, *files)
        assert done.returncode == 0, done.stdout + done.stderr
        s.conf.write_text(s.conf.read_text().replace(f"{name}.score >= 5", f"{name}.score >= 10"))
        assert "1 of 2" in (text := sluice.ctl("replay", "-c", s.conf, *files).stdout) or "spam" in text, text
        assert len(fake.asked) == 1
