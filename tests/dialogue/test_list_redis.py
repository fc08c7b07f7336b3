# SPDX-License-Identifier: BSD-2-Clause
"""Lists that are sets in Redis: copied, and kept when Redis has gone."""
import pytest

from support import net, sluice
from support.milter import CONTINUE, REPLY
from support.redis import Redis

CONFIG = """state {{ redis {path} timeout 500ms }}
list refused domain [fixed.example] redis "the:refused"
at mail {{
    rule r reject "550 5.7.1 no" when mail.domain in refused
    rule not-known score 1 when not mail.domain in refused
}}
"""


def answer(m, domain):
    kind = m.mail(f"<a@{domain}>").kind
    m.abort()
    return kind


def until(s, text):
    net.wait_for(lambda: text in s.log(), f"'{text}' in the log")


def test_members_come_and_go_and_stay_when_redis_has_gone(setup):
    with Redis(setup.folder) as redis:
        redis.cli("SADD", "the:refused", "one.example", ".below.example")
        s = setup.sluice(CONFIG.format(path=redis.path))
        until(s, "list refused was read again: 3 items")
        m = setup.milter(s)
        m.greet()
        assert [answer(m, d) for d in ("one.example", "x.below.example", "fixed.example", "two.example")] == [REPLY, REPLY, REPLY, CONTINUE]
        redis.cli("SREM", "the:refused", "one.example")
        redis.cli("SADD", "the:refused", "two.example", "three.example")
        until(s, "list refused was read again: 4 items")
        assert [answer(m, d) for d in ("one.example", "two.example")] == [CONTINUE, REPLY]
        assert s.reload().returncode == 0
        m = setup.milter(s)
        m.greet()
        assert answer(m, "two.example") == REPLY  # at once
        redis.stop()
        until(s, "list refused keeps its old contents: redis the:refused: the store does not answer")
        assert answer(m, "two.example") == REPLY and "list_stale refused: redis the:refused" in s.ctl("status").stdout
        done = s.reload()
        assert done.returncode == 78 and "list refused: redis the:refused: the store does not answer" in done.stderr
        redis.start()
        redis.cli("SADD", "the:refused", "five.example")
        until(s, "list refused was read again: 2 items")
        assert [answer(m, d) for d in ("five.example", "two.example")] == [REPLY, CONTINUE]
        assert "list_stale" not in s.ctl("status").stdout


def test_nothing_is_known_before_it_was_read(setup):
    redis = Redis(setup.folder)
    s = setup.sluice(CONFIG.format(path=redis.path))
    m = setup.milter(s)
    m.greet()
    assert m.message(sender="<a@one.example>").kind == CONTINUE
    ident = s.cases()[-1].split("case=")[1].split()[0]
    assert s.explain(ident)["score"] == 0  # nor is it known not to be in it
    assert answer(m, "fixed.example") == REPLY  # which stands in the configuration
    with redis:
        redis.cli("SADD", "the:refused", "one.example")
        until(s, "list refused was read again: 2 items")
        assert answer(m, "one.example") == REPLY


@pytest.mark.parametrize("make, why", [
    (("SET", "the:refused", "x"), "redis the:refused: this is no set, or we may not see it: SADD makes one"),
    (("SADD", "the:refused", "no domain"), "'no domain' is no domain"),
])
def test_what_is_no_list_is_told(setup, make, why):
    with Redis(setup.folder) as redis:
        redis.cli(*make)
        s = setup.sluice(CONFIG.format(path=redis.path))
        until(s, "list refused keeps its old contents: ")
        assert why in s.log()
        redis.cli("DEL", "the:refused")
        until(s, "list refused was read again: 1 items")  # a set that is not there is empty


def test_many_members(setup):
    with Redis(setup.folder) as redis:
        for i in range(0, 20000, 5000):
            redis.cli("SADD", "the:refused", *[f"host-{k}.example" for k in range(i, i + 5000)])
        s = setup.sluice(CONFIG.format(path=redis.path))
        until(s, "list refused was read again: 20001 items")
        m = setup.milter(s)
        m.greet()
        assert [answer(m, d) for d in ("host-0.example", "host-19999.example", "host-20000.example")] == [REPLY, REPLY, CONTINUE]


def test_sluicectl_says_where_it_is(setup):
    s = setup.sluice(CONFIG.format(path="/nonexistent/redis.sock"), start=False)
    done = sluice.ctl("list", "show", "-c", s.conf, "refused")
    assert done.returncode == 0 and done.stdout.startswith("fixed.example ") and "the set the:refused of Redis is not looked at" in done.stderr
    done = sluice.ctl("list", "add", "-c", s.conf, "refused", "new.example")
    assert done.returncode == 78 and "list refused is a set in Redis, and changed there: SADD the:refused ITEM" in done.stderr
    assert sluice.ctl("list", "test", "-c", s.conf, "refused", "fixed.example").returncode == 0
    done = sluice.ctl("list", "test", "-c", s.conf, "refused", "one.example")
    assert done.returncode == 69 and done.stdout == "" and "is not in list" not in done.stderr, done
    assert "one.example is none of the items of list refused that stand in files; whether it is in the set the:refused of Redis is not known here" in done.stderr
