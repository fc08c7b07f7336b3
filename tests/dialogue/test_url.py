# SPDX-License-Identifier: BSD-2-Clause
"""The facts url.*, of whole messages."""
import email.message
import email.policy
import re

import pytest
from support import sluice

CONF = """list url-redirectors domain [r.example]
list url-shorteners domain [s.example]
at message { rule look score 1 when url.outcome == done }
"""
FLAGS = ["userinfo", "percent_host", "control", "backslash", "odd_dot", "idn", "mixed_script", "odd_ip", "bad_host", "ip", "shown_other", "redirector", "shortener",
         "form", "too_many"]
NOTHING = {"count": 0, "mailto": 0} | {name: False for name in FLAGS}


def facts(setup, body=b"", fields=(), conf=CONF):
    s = setup.sluice(conf)
    m = setup.milter(s)
    m.greet()
    assert m.message(headers=[("From", "a@example.net"), *fields], body=body).kind == "continue"
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    return {name[4:]: value for name, value in case["facts"].items() if name.startswith("url.") and name != "url.outcome"}


def of_message(setup, message):
    head, body = message.as_bytes(policy=email.policy.SMTP).split(b"\r\n\r\n", 1)
    fields = [tuple(f.split(":", 1)) for f in re.split(r"\r\n(?!\s)", head.decode())]
    return facts(setup, body, [(n, v.strip()) for n, v in fields])


def test_mail_without_links(setup):
    assert facts(setup, b"Hello,\r\nsee you at 5.30.\r\n") == NOTHING


def test_good_mail(setup):
    m = email.message.EmailMessage()
    m["Subject"] = "=?utf-8?q?all_about_www=2Esubject=2Eexample?="
    m["Reply-To"] = "Us <us@example.net>"
    m.set_content("See https://www.example.net/a?b=c, or write to ann@example.net.\n", cte="quoted-printable")
    m.add_alternative('<p>See <a href="https://www.example.net/a?b=c">our page</a> or <a href="mailto:bob@example.net">Bob</a>'
                      '<img src="https://cdn.example.org/x.png"><img src="cid:1">', subtype="html", cte="base64")
    assert of_message(setup, m) == NOTHING | {
        "count": 6, "mailto": 1, "hosts": ["www.subject.example", "www.example.net", "cdn.example.org"], "domains": ["subject.example", "example.net", "example.org"],
        "addresses": ["us@example.net", "ann@example.net", "bob@example.net"]}


HTML = [("Content-Type", "text/html; charset=utf-8")]


@pytest.mark.parametrize("flag, body", [
    ("userinfo", "http://bank.example@evil.example/"),
    ("percent_host", "http://%65vil.example/"),
    ("backslash", "http:\\\\evil.example\\x"),
    ("odd_dot", "http://evil\u3002example/"),
    ("idn", "http://b\u00fccher.example/"),
    ("bad_host", "http://evil..example/"),
    ("ip", "http://192.0.2.1/"),
    ("redirector", "http://r.example/"),
    ("shortener", "http://s.example/"),
])
def test_each_trick_is_a_fact(setup, flag, body):
    found = facts(setup, body.encode(), HTML)
    assert {name for name in FLAGS if found[name]} == {flag} and found["count"] == 1


@pytest.mark.parametrize("flags, body", [
    ({"control"}, "<a href='http://ev\til.example/'>x</a>"),
    ({"idn", "mixed_script"}, "<a href='http://p\u0430ypal.example/'>x</a>"),
    ({"ip", "odd_ip"}, "<a href='http://0300.0.513/'>x</a>"),
    ({"shown_other"}, "<a href='http://evil.example/'>www.bank.example</a>"),
    ({"form"}, "<form action='http://evil.example/'>"),
    ({"too_many"}, "".join(f"http://a{i}.example/ " for i in range(257))),
    ({"too_many"}, "<a href='http://a.example/'>" * 2049),
])
def test_tricks_of_html(setup, flags, body):
    found = facts(setup, body.encode(), HTML)
    assert {name for name in FLAGS if found[name]} == flags


def test_where_links_lead(setup):
    body = """<a href="http://evil.example/">https://www.bank.example/login</a> <a href="javascript:x">y</a> <a href="search-ms:z">z</a>
        <a href="https://r.example/?u=http%3A%2F%2F0xc0000201%2F">r</a> <a href="mailto:a@example.net?cc=b@example.net">a</a>"""
    assert facts(setup, body.encode(), HTML) == NOTHING | {
        "count": 6, "mailto": 1, "hosts": ["evil.example", "r.example", "192.0.2.1"], "domains": ["evil.example", "r.example"], "schemes": ["javascript", "search-ms"],
        "addresses": ["a@example.net"], "shown": ["www.bank.example -> evil.example"], "shown_other": True, "redirector": True, "ip": True, "odd_ip": True}


@pytest.mark.parametrize("kind, name, found", [
    ("text/plain", "x.txt", ["plain.example"]),
    ("text/html", "x", ["href.example"]),
    ("application/octet-stream", "Invoice.HTML", ["href.example"]),
    ("application/xhtml+xml", "x", ["href.example"]),
    ("image/svg+xml", "x.svg", ["href.example"]),
    ("application/octet-stream", "x.bin", None),
])
def test_attached_pages_are_looked_at(setup, kind, name, found):
    m = email.message.EmailMessage()
    m.set_content("attached\n")
    m.add_attachment(b"<a href='//href.example/'>http&#58;//</a> <b title='http://plain.example/'>" if kind != "text/plain" else b"http://plain.example/",
                     *kind.split("/"), filename=name)
    assert of_message(setup, m).get("hosts") == found


def test_text_in_other_charsets(setup):
    found = facts(setup, "http://b\u00fccher.example/ \u00e4".encode("iso-8859-1"), [("Content-Type", "text/plain; charset=iso-8859-1")])
    assert found["hosts"] == ["xn--bcher-kva.example"]
    found = facts(setup, "http://evil.example/".encode("utf-16"), [("Content-Type", "text/plain; charset=utf-16")])
    assert found["hosts"] == ["evil.example"]


def test_hostile_html_costs_little(setup):
    """What a parser with a tree would need minutes and gigabytes for."""
    s = setup.sluice(CONF)
    m = setup.milter(s)
    m.greet()
    tags = b"".join(b"<b id=%d>" % i for i in range(20000))
    for body in (b"<div>" * 400000, b"<p>" + tags + b"</p>" + b"<p>x</p>" * 20000, b"<a " + b"x " * 500000, b"<!--" * 300000, b"&" * 1000000, b"http://a," * 200000):
        assert m.message(headers=HTML, body=body).kind == "continue"
        case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
        assert case["facts"]["url.outcome"] == "done"
        assert sluice.sanitized() or case["checks"]["url"]["ms"] < 1000, case["checks"]["url"]


def test_nobody_reads_it_and_it_does_not_run(setup):
    s = setup.sluice("at message { rule a score 1 }")
    m = setup.milter(s)
    m.greet()
    assert m.message(body=b"http://a.example/").kind == "continue"
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    assert "url" not in case["checks"]


def test_the_shipped_lists(setup):
    lists = sluice.TOP / "rules/lists"
    conf = re.sub(r"(?m)^list (\S+) .*$", rf"list \1 domain file {lists}/\1", CONF)
    found = facts(setup, b"https://www.google.com/url?q=https%3A%2F%2Fbit.ly%2Fabc&sa=D", conf=conf)
    assert found["redirector"] and found["shortener"] and found["hosts"] == ["www.google.com", "bit.ly"]
