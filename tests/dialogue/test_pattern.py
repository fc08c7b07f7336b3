# SPDX-License-Identifier: BSD-2-Clause
"""Patterns: each place to look in, what is found where, and files of them, through the daemon."""
import base64
import re

import pytest

from support import sluice

RULE = 'at message { rule found score 1 when pattern.outcome == done and %s }\n'


def looked(setup, conf, headers=(), body=b"x", condition="pattern.p"):
    s = setup.sluice(conf + "\n" + RULE % condition)
    m = setup.milter(s)
    m.greet()
    assert m.message(headers=[("From", "a@example.net"), *headers], body=body).kind == "continue"
    return s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))["facts"]


PART = b"--b\r\n%s\r\n\r\n%s\r\n--b--\r\n"
IN_B = [("Content-Type", "multipart/mixed; boundary=b")]
HTML = [("Content-Type", "text/html; charset=utf-8")]


@pytest.mark.parametrize("place, headers, body, where", [
    ("subject", [("Subject", "=?utf-8?b?bm8gTmFkZWw=?= here")], b"x", "subject"),
    ("subject", [("subject", "nadel")], b"x", "subject"),
    ("header X-Thing", [("X-Thing", "=?iso-8859-1?q?n=61del?=")], b"x", "header X-Thing"),
    ("text", [], b"a nadel.", "text 1"),
    ("text", [("Content-Transfer-Encoding", "base64")], base64.b64encode(b"a nadel."), "text 1"),
    ("text", [("Content-Type", "text/plain; charset=utf-16le")], "a nadel.".encode("utf-16le"), "text 1"),
    ("text", IN_B, PART % (b"Content-Type: text/html", b"<p>a na<b>d</b>e<i></i>&#108; <p>"), "text 1"),
    ("html", HTML, b"<p class=nadel>", "html 1"),
    ("url", [], b"see http://x.example/nadel now", "url 1"),
    ("url", HTML, b"<a href='http://x.example/n&#97;del'>x</a>", "url 1"),
    ("filename", IN_B, PART % (b"Content-Disposition: attachment; filename==?utf-8?q?na=64el.exe?=", b"x"), "filename 1"),
    ("raw", IN_B, PART % (b"X-Nadel: y", b"x"), "raw"),
    ("subject, text", [], b"a nadel.", "text 1"),
])
def test_each_place(setup, place, headers, body, where):
    found = looked(setup, f'pattern p "(?i)nadel" in {place}', headers, body)
    assert found["pattern.p"] is True and found["pattern.found"] == [f"p in {where}"]


@pytest.mark.parametrize("place, headers, body", [
    ("subject", [("X-Subject", "nadel")], b"nadel"),
    ("header X-Thing", [("X-Things", "nadel")], b"nadel"),
    ("text", HTML, b"<p class=nadel><script>nadel</script><!-- nadel -->"),
    ("text", [("Content-Type", "image/png")], b"nadel"),
    ("html", [], b"nadel"),
    ("url", [], b"nadel"),
    ("filename", [("Subject", "nadel")], b"nadel"),
    ("raw", [("Subject", "nadel")], base64.b64encode(b"nadel")),
])
def test_where_it_does_not_look(setup, place, headers, body):
    found = looked(setup, f'pattern p "(?i)nadel" in {place}', headers, body)
    assert found["pattern.p"] is False and "pattern.found" not in found


def test_a_file_of_them_and_a_reload(setup):
    phrases = setup.folder / "phrases"
    phrases.write_text("# what they say\n\n  free\\s+money  \n(?i)act #now\nnever there\n")
    s = setup.sluice(f'pattern phrases file {phrases} in subject, text\n' + RULE % "pattern.phrases_count == 2")
    m = setup.milter(s)
    m.greet()

    def facts():
        assert m.message(headers=[("Subject", "ACT #NOW")], body=b"free\r\nmoney, free money, act #now").kind == "continue"
        return s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))["facts"]

    found = facts()
    assert found["pattern.phrases"] is True and found["pattern.phrases_count"] == 2 and found["pattern.gave_up"] is False
    assert sorted(found["pattern.found"]) == ["phrases:3 in text 1", "phrases:4 in subject", "phrases:4 in text 1"]
    phrases.write_text("bro(ken\n")
    bad = s.reload()
    assert bad.returncode != 0 and f"{phrases}:1:1" in bad.stderr and "bro(ken" in bad.stderr
    assert facts()["pattern.phrases_count"] == 2
    phrases.write_text("money\n")
    assert s.reload().returncode == 0
    m = setup.milter(s)
    m.greet()
    assert facts()["pattern.phrases_count"] == 1


def test_a_quote_and_backslashes_are_the_patterns_own(setup):
    found = looked(setup, r'pattern p "\"\\\\\w\"" in text', body=rb'say "\\a" now')
    assert found["pattern.p"] is True


@pytest.mark.parametrize("regex, why", [("a(b", "parenthesis"), ("x*", "it is found in whatever there is, as it is also found in nothing")])
def test_what_cannot_be_looked_for_is_an_error_with_its_place(setup, regex, why):
    conf = setup.folder / "bad.conf"
    conf.write_text(f'pattern p "{regex}" in text\n')
    bad = sluice.ctl("config", "check", "-c", conf)
    assert bad.returncode != 0 and "bad.conf:1:11: a pattern that " in bad.stderr and why in bad.stderr


def test_nothing_is_looked_for_if_nobody_asks(setup):
    s = setup.sluice('pattern p "x" in text\nat message { rule r score 1 when message.size > 0 }\n')
    m = setup.milter(s)
    m.greet()
    assert m.message(body=b"x").kind == "continue"
    assert "pattern.p" not in s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))["facts"]


def test_ten_thousand_at_once(setup):
    (setup.folder / "many").write_text("".join(f"(?i)word{i} of many\n" for i in range(10000)))
    found = looked(setup, f"pattern p file {setup.folder / 'many'} in text", body=b"so word77 of many and Word9999 of many, " * 3)
    assert found["pattern.p_count"] == 2


def test_a_replay_and_an_assertion_know_what_was_found(setup):
    conf = f'''pattern p "(?i)nadel" in text
pattern set file {setup.folder / "set"} in text
at message {{
    rule found reject "550 5.7.1 no" when pattern.p
    rule many score 3 when pattern.set_count == 2
}}
'''
    (setup.folder / "set").write_text("one\ntwo\n")
    s = setup.sluice(f'cases {{ to "{setup.folder}/cases" }}\n{conf}')
    m = setup.milter(s)
    m.greet()
    for body in (b"a nadel", b"hay", b"one two"):
        m.message(body=body)
    s.stop()
    new = setup.folder / "new.conf"
    new.write_text(sluice.plugin_lines() + conf)
    done = sluice.ctl("replay", "--policy", new, f"{setup.folder}/cases")
    assert done.returncode == 0 and "3 the same, 0 changed, 0 undecided" in done.stdout, done.stdout + done.stderr
    new.write_text(sluice.plugin_lines() + 'pattern q "hay" in text\nat message { rule new score 1 when pattern.q }\n' + conf)
    assert ", 3 undecided" in sluice.ctl("replay", "--policy", new, f"{setup.folder}/cases").stdout  # nobody knows whether it would have been found
    new.write_text(sluice.plugin_lines() + conf + 'assert "a needle" { client 192.0.2.1 from <a@example.net> rcpt <u@example.org> fact pattern.p yes '
                   'expect reject at message by found }\nassert "hay" { client 192.0.2.1 from <a@example.net> rcpt <u@example.org> fact pattern.p no expect accept }\n')
    done = sluice.ctl("config", "check", "-c", new)
    assert done.returncode == 0, done.stderr
