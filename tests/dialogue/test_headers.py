# SPDX-License-Identifier: BSD-2-Clause
"""The facts headers.*, of whole messages."""
import email.utils
import re
import time

import pytest

CONF = """authserv_id mx.example.org
list local-domains domain [example.org]
list trusted network [10.0.0.0/8]
at message { rule look score 1 when headers.outcome == done }
"""
GOOD = {"From": "Ann <a@example.net>", "To": "u@example.org", "Message-ID": "<1@example.net>", "Subject": "hello"}
QUIET = {"headers.received": 0, "headers.received_by_us": 0} | {f"headers.{name}": False for name in (
    "shows_other", "from_ours", "to_nobody", "eight_bit", "control", "long_line", "bare_cr", "bare_lf", "hidden_end", "empty_body")}


def facts(setup, changed=(), body=b"hello\r\n", client="192.0.2.1", more=(), **macros):
    s = setup.sluice(CONF)
    m = setup.milter(s, macros={"M": macros} if macros else None)
    m.greet(client)
    fields = {"Date": email.utils.formatdate(), **GOOD, **dict(changed)}
    assert m.message(headers=[(n, v) for n, v in fields.items() if v is not None] + list(more), body=body).kind == "continue"
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    return {name: value for name, value in case["facts"].items() if name.startswith("headers.") and name != "headers.outcome"}


def test_nothing_is_said_of_good_mail(setup):
    found = facts(setup)
    assert abs(found.pop("headers.date_offset")) < 60
    assert found == QUIET


@pytest.mark.parametrize("changed, more, body, fact, value", [
    ({"Date": None, "Subject": None}, [], b"x", "missing", ["Date", "Subject"]),
    ({"Message-ID": None, "To": None, "From": None}, [], b"x", "missing", ["From", "To", "Message-ID"]),
    ({}, [("from", "b@example.net"), ("SUBJECT", "again"), ("Received", "by x"), ("Received", "by y")], b"x", "repeated", ["From", "Subject"]),
    ({"Date": "today", "To": "u@", "Message-ID": "none"}, [], b"x", "malformed", ["Date", "To", "Message-ID"]),
    ({}, [("Received", "by mx.example.org; x"), ("Received", "by b.example")], b"x", "received", 2),
    ({}, [("Received", "by mx.example.org; x"), ("Received", "by b.example")], b"x", "received_by_us", 1),
    ({"From": "\"boss@example.org\" <x@evil.example>"}, [], b"x", "shown_address", "boss@example.org"),
    ({"From": "=?utf-8?b?Ym9zc0BleGFtcGxlLm9yZw==?= <x@evil.example>"}, [], b"x", "shows_other", True),
    ({}, [("Reply-To", "x@evil.example")], b"x", "replies_elsewhere", True),
    ({}, [("Reply-To", "x@evil.example")], b"x", "reply_to", "x@evil.example"),
    ({}, [("Reply-To", "x@answers.example.net")], b"x", "replies_elsewhere", False),
    ({"From": "a@example.org"}, [], b"x", "from_ours", True),
    ({"To": "undisclosed-recipients:;"}, [], b"x", "to_nobody", True),
    ({"To": None}, [("Cc", "x@example.org")], b"x", "to_nobody", False),
    ({"Subject": "\u00e4"}, [], b"x", "eight_bit", True),
    ({"Subject": "\u0007"}, [], b"x", "control", True),
    ({"Subject": "x" * 1000}, [], b"x", "long_line", True),
    ({}, [], b"x" * 999 + b"\r\n", "long_line", True),
    ({}, [], b"a\rb\r\n", "bare_cr", True),
    ({}, [], b"a\nb\r\n", "bare_lf", True),
    ({}, [], b"a\n.\r\nMAIL FROM:<x@y>\r\n", "hidden_end", True),
    ({}, [], b"\r\n \r\n", "empty_body", True),
])
def test_what_is_said(setup, changed, more, body, fact, value):
    assert facts(setup, changed, body, more=more)[f"headers.{fact}"] == value


@pytest.mark.parametrize("client, macros", [("10.0.0.1", {}), ("192.0.2.1", {"auth_authen": "ann", "auth_type": "PLAIN"})])
def test_our_own_people_write_in_our_name(setup, client, macros):
    assert facts(setup, {"From": "a@example.org"}, client=client, **macros)["headers.from_ours"] is False


@pytest.mark.parametrize("ahead_s", [-30 * 86400, 2 * 86400])
def test_how_far_off_the_date_is(setup, ahead_s):
    found = facts(setup, {"Date": email.utils.formatdate(time.time() + ahead_s)})["headers.date_offset"]
    assert abs(found - ahead_s) < 60


def test_a_message_of_nothing(setup):
    s = setup.sluice(CONF)
    m = setup.milter(s)
    m.greet()
    m.mail()
    m.rcpt()
    m.data()
    m.end_of_headers()
    assert m.end_of_message().kind == "continue"
    found = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))["facts"]
    assert found["headers.missing"] == ["Date", "From", "To", "Message-ID", "Subject"] and found["headers.empty_body"] is True


def test_nobody_reads_it_and_it_does_not_run(setup):
    s = setup.sluice("at message { rule a score 1 }")
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == "continue"
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    assert "headers" not in case["checks"]
