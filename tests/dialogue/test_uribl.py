# SPDX-License-Identifier: BSD-2-Clause
"""The facts uribl.*: lists in the DNS, asked about what is in a message."""
import base64
import hashlib
import re

import pytest
from support import net

EVIL = b"see http://www.evil.example.net/x\r\n"
RULE = "authentication_results no\nat message { rule look score 1 when uribl.outcome == done and uribl.weight > 0 }\n"


def conf(d, blocks, deadline="20s"):
    return f"stage_deadline {deadline}\ndns {{\n forward {d.forward}\n timeout 20s\n }}\nlist uribl-exempt domain [exempt.net]\n{blocks}\n{RULE}"


def zone(name, rows="weight 2"):
    return f"uribl {name} {{\n {rows}\n test_points no\n }}\n"


def last(s):
    return s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))


def facts(setup, d, blocks, body=EVIL, **more):
    s = setup.sluice(conf(d, blocks, **more))
    m = setup.milter(s)
    m.greet()
    assert m.message(headers=[("From", "a@example.net")], body=body).kind == "continue"
    return {name[6:]: value for name, value in last(s)["facts"].items() if name.startswith("uribl.")}, s


def test_what_is_listed(setup):
    d = setup.dns({("example.net.multi.example", "A"): ["127.0.0.10"],
                   ("www.evil.example.net.host.example", "A"): ["127.0.1.2"], ("1.2.0.192.multi.example", "A"): ["127.0.0.4"]})
    found, s = facts(setup, d, zone("multi.example", "bits 0.0.0.8 weight 3\n bits 0.0.0.2 weight 2\n ask [domain ip]") + zone("host.example", "answer 127.0.1.2/31 weight 4\n ask host"),
                     EVIL + b"http://0xc0000201/ http://fine.example.org/")
    assert found == {"outcome": "done", "listed": True, "weight": 9, "zones": ["multi.example", "host.example"], "too_many": False,
                     "names": ["example.net multi.example=127.0.0.10", "192.0.2.1 multi.example=127.0.0.4", "www.evil.example.net host.example=127.0.1.2"]}
    assert last(s)["score"] == 1


def test_what_is_not(setup):
    found, _ = facts(setup, setup.dns(), zone("multi.example"))
    assert found == {"outcome": "done", "listed": False, "weight": 0, "too_many": False}


def test_a_message_without_links_asks_nobody(setup):
    d = setup.dns()
    found, _ = facts(setup, d, zone("multi.example", "ask [domain host ip address]"), b"nothing\r\n")
    assert found["outcome"] == "done" and not found["listed"] and d.asked == []


def test_lists_and_names_are_asked_side_by_side(setup):
    asked = {f"{name}.{z}" for name in ("example.net", "example.org") for z in ("one.example", "two.example", "three.example")}
    d = setup.dns({(name, "A"): ["127.0.0.2"] for name in asked})
    d.hold(*asked)
    s = setup.sluice(conf(d, "".join(zone(z) for z in ("one.example", "two.example", "three.example"))))
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.rcpt()
    m.data()
    m.end_of_headers()
    m.body(b"http://example.net http://example.org\r\n")
    m.send(b"E")
    net.wait_for(lambda: asked <= {name for name, _ in d.asked}, "all questions, before any answer")
    d.release()
    assert m.answer().kind == "continue" and last(s)["facts"]["uribl.weight"] == 6


@pytest.mark.parametrize("fate", ["SERVFAIL", "TIMEOUT", "TRUNCATED"])
def test_a_list_that_does_not_answer_is_no_listing(setup, fate):
    d = setup.dns({("example.net.ill.example", "A"): fate, ("example.net.multi.example", "A"): ["127.0.0.2"]})
    found, s = facts(setup, d, zone("ill.example", "weight 50") + zone("multi.example"), deadline="1s")
    assert found["outcome"] == "temperror" and found["weight"] == 2 and found["zones"] == ["multi.example"]


def test_a_nameserver_that_is_down_is_no_listing(setup):
    d = setup.dns()
    d.silent = True
    found, _ = facts(setup, d, zone("multi.example"), deadline="500ms")
    assert found["outcome"] == "temperror" and found["weight"] == 0 and not found["listed"]


@pytest.mark.parametrize("answer, why", [("127.0.0.1", "refuses"), ("127.255.255.254", "refuses"), ("192.0.2.80", "no answer of a DNS list")])
def test_a_refusal_is_no_listing_and_is_not_asked_again(setup, answer, why):
    d = setup.dns({("example.net.multi.example", "A"): [answer], ("example.net.other.example", "A"): ["127.0.0.2"]})
    found, s = facts(setup, d, zone("multi.example", "weight 50") + zone("other.example"))
    assert found["weight"] == 2 and found["zones"] == ["other.example"]
    assert why in s.log()
    m = setup.milter(s)
    m.greet()

    def is_off():
        if "uribl multi.example" in s.ctl("status").stdout:
            return True
        m.message(body=EVIL)  # the probe of the daemon's start has come behind the first one, and it is tried again
        return False
    net.wait_for(is_off, "the list to be switched off")
    m.message(body=b"http://again.example.com/")
    assert ("example.com.other.example", "A") in d.asked and ("example.com.multi.example", "A") not in d.asked


def test_a_key_is_never_shown(setup):
    d = setup.dns({("example.net.s3cret.multi.example", "A"): ["127.0.0.2"]})
    found, s = facts(setup, d, zone("multi.example", 'key "s3cret"'))
    assert found["names"] == ["example.net multi.example=127.0.0.2"]
    assert "s3cret" not in s.log() + s.ctl("status").stdout + s.ctl("explain", re.search(r"case=(\w+)", s.cases()[-1]).group(1)).stdout


def test_exempt_domains_are_not_asked_for(setup):
    d = setup.dns({("exempt.net.multi.example", "A"): ["127.0.0.2"], ("www.exempt.net.multi.example", "A"): ["127.0.0.2"]})
    found, _ = facts(setup, d, zone("multi.example", "ask [domain host]"), b"http://www.exempt.net/ http://exempt.net/")
    assert not found["listed"] and d.asked == []


def test_more_names_than_a_list_is_asked_for(setup):
    d = setup.dns()
    found, _ = facts(setup, d, zone("multi.example", "names 5") + zone("two.example"), b" ".join(b"http://a%d.com/" % i for i in range(6)))
    assert found["too_many"] and len(d.asked) == 11
    d = setup.dns()
    found, _ = facts(setup, d, zone("multi.example", "names 6"), b" ".join(b"http://a%d.com/" % i for i in range(6)))
    assert not found["too_many"] and len(d.asked) == 6


@pytest.mark.parametrize("kind", ["sha1", "sha256", "md5"])
def test_mail_addresses_are_asked_for_by_their_hash(setup, kind):
    digest = hashlib.new(kind, b"bad.one@example.net")
    digest = base64.b32encode(digest.digest()).decode().lower().rstrip("=") if kind == "sha256" else digest.hexdigest()
    d = setup.dns({(f"{digest}.ebl.example", "A"): ["127.0.0.2"]})
    found, s = facts(setup, d, zone("ebl.example", f"ask address\n hash {kind}"), b"write to Bad.One@Example.net, http://example.net/")
    assert found["names"] == ["Bad.One@Example.net ebl.example=127.0.0.2"] and found["weight"] == 1 and len(d.asked) == 1


def test_our_own_clients_are_not_looked_at(setup):
    d = setup.dns({("example.net.multi.example", "A"): ["127.0.0.2"]})
    found, _ = facts(setup, d, "list trusted network [192.0.2.0/24]\n" + zone("multi.example"))
    assert found == {"outcome": "skipped"} and d.asked == []


def test_the_hourly_test_finds_a_list_that_has_lapsed(setup):
    d = setup.dns({(f"{name}.lapsed.example", "A"): ["127.0.0.2"] for name in ("test.lapsed.example", "invalid", "example.net")}
                  | {("test.well.example.well.example", "A"): ["127.0.0.2"], ("example.net.well.example", "A"): ["127.0.0.2"]})
    blocks = "".join(f"uribl {name}.example {{\n weight 2\n test_listed test.{name}.example\n }}\n" for name in ("lapsed", "well"))
    s = setup.sluice(conf(d, blocks))
    net.wait_for(lambda: "INVALID must never be listed" in s.log(), "the test at start")
    m = setup.milter(s)
    m.greet()
    m.message(body=EVIL)
    assert last(s)["facts"]["uribl.zones"] == ["well.example"]
