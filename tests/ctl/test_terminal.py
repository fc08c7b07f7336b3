# SPDX-License-Identifier: BSD-2-Clause
"""What sluicectl does to a terminal: colours where they are wanted, and nothing that strangers have written into their mail."""
import json
import re

import pytest

from support import net, sluice, terminal
from support.milter import CONTINUE
from support.smtp_server import Server

CONF = """authserv_id mx.example.org
state {{ lmdb state }}
cases {{ to "{folder}/cases" }}
greylist {{ delay 1h }}
list local-domains domain [example.org]
list friends domain file friends
at rcpt {{
 rule fast limit 100/1h by mail.from tempfail "no"
 rule grey greylist when rcpt.address == "grey@example.org"
 rule unwanted reject "550 5.7.1 {{mail.from}} no" when rcpt.address == "bad@example.org"
}}
at message {{ rule look hold "odd: {{mail.from}}" when header.count >= 1 and mail.domain == example.net }}
"""
COLOUR = re.compile(r"\x1b\[3[123]m([^\x1b]*)\x1b\[0m")
# clear the screen; a link; a bell; C1; a second C1 that is no UTF-8; the other direction; what is not seen; a line drawn over
EVIL = "\x1b[2J\x1b]8;;http://x.invalid\x07\u009b31m\u202eevil\u200b\ufeff\x08\x7f"


def harmless(text):
    bad = [c for c in text if (ord(c) < 0x20 and c not in "\n\t") or 0x7f <= ord(c) < 0xa0 or c in "\u202e\u200b\ufeff"]
    assert not bad, (bad, text)
    return text


def still(text):
    """Without times, and the room on a disk."""
    return re.sub(r"\d+ (ms|s|MB)\b", "", text)


# ---- colours ----

@pytest.fixture(scope="module")
def site(shared_setup):
    setup = shared_setup
    (setup.folder / "cases").mkdir()
    s = setup.sluice(CONF.format(folder=setup.folder), "iana.org MX 10 mail.iana.org\nexample.org TXT v=spf1 +all\n", listen=f"inet:{net.free_port()}@127.0.0.1", start=False)
    (s.folder / "friends").write_text("friend.example\n")
    s.start()
    m = setup.milter(s)
    m.greet()
    m.mail()
    s.id = re.search(r"ref=([^)]+)", m.rcpt("<bad@example.org>").text)[1]
    m.quit()
    s.postfix = setup.postfix(s)
    main = s.postfix.conf / "main.cf"
    main.write_text("".join(line for line in main.read_text().splitlines(True) if "milters" not in line))
    s.relay = Server([("VRFY", "252 perhaps"), ("EXPN", "502 no"), ("RCPT", "550 5.7.1 no")])
    s.bad, s.odd = setup.folder / "bad.conf", setup.folder / "odd.conf"
    s.bad.write_text("lissten x\n")
    s.odd.write_text(sluice.plugin_lines() + "list friends domain []\nat mail { rule a score -1 when mail.domain in friends }\n")
    return s


COLOURED = {
    "doctor": (lambda s: ["doctor", "-c", s.conf, "--zone", s.zone_file], {"good", "BAD "}),
    "explain": (lambda s: ["explain", "-s", s.control, s.id], {"reject"}),
    "relaytest": (lambda s: ["relaytest", s.relay.where], {"good  "}),
    "attach": (lambda s: ["attach", "postfix", "--check", "--config", s.postfix.conf, "-s", s.control], {"+smtpd_milters = "}),
    "config check, good": (lambda s: ["config", "check", "-c", s.conf], {"good"}),
    "config check, bad": (lambda s: ["config", "check", "-c", s.bad], {"there is no setting"}),
    "config check, odd": (lambda s: ["config", "check", "-c", s.odd], {"warning: list friends is empty"}),
}


@pytest.mark.parametrize("name", COLOURED)
def test_colours_on_a_terminal_and_nowhere_else(site, name):
    args, words = COLOURED[name]
    args = args(site)
    status, coloured, _ = terminal.run(*args)
    found = COLOUR.findall(coloured)
    assert all(any(word.strip() in text for text in found) for word in words), (found, coloured)
    assert harmless(COLOUR.sub(r"\1", coloured))
    for more in ({"NO_COLOR": "1"}, {"NO_COLOR": "no"}, {"term": "dumb"}, {"term": None}, {"term": ""}):
        assert terminal.run(*args, **more)[0] == status
        harmless(terminal.run(*args, **more)[1])
    assert COLOUR.search(terminal.run(*args, NO_COLOR="")[1]), "NO_COLOR that is empty is none"
    done = sluice.ctl(*args)
    harmless(done.stdout + done.stderr)
    assert done.returncode == status and still(done.stdout) == still(terminal.run(*args, stderr=False, NO_COLOR="1")[1])


# ---- strings of strangers ----

@pytest.fixture
def victim(setup):
    """Mail that wants to do something to a terminal; each string that a milter hands over."""
    (setup.folder / "cases").mkdir()
    zone = 'iana.org MX 10 mail.iana.org\nexample.org TXT "v=spf1 \\027[2J\\007\\194\\155\\226\\128\\174 -all"\n'
    s = setup.sluice(CONF.format(folder=setup.folder), zone, start=False)
    (s.folder / "friends").write_text("friend.example  # \u202e\u009bevil\n")
    s.start()
    net.wait_for(lambda: s.status()["store"] == "works", "the store")
    m = setup.milter(s)
    m.greet(helo=EVIL)
    m.mail(f'<"{EVIL}"@example.net>')
    answer = m.rcpt("<bad@example.org>")
    s.id = re.search(r"ref=([^)]+)", answer.text)[1]
    m.mail(f'<"{EVIL}"@example.net>')
    m.rcpt("<grey@example.org>")
    m.mail(f'<"{EVIL}"@example.net>')
    assert m.rcpt(f'<"{EVIL}"@example.org>').kind == CONTINUE
    m.content(headers=(("From", f"{EVIL} <a@example.net>"), ("Subject", EVIL), ("Message-ID", f"<{EVIL}@x>")))
    m.quit()
    return s


def test_explain(victim):
    for case in [victim.id, *[json.loads(line)["case"] for line in sluice.case_lines(victim.folder.parent / "cases")]]:
        done = sluice.ctl("explain", "-c", victim.conf, case)
        assert done.returncode == 0
        assert "[U+001B][2J" in harmless(done.stdout) and "[U+202E]evil[U+200B]" in done.stdout and "[U+009B]31m" in done.stdout


def test_check(victim):
    done = sluice.ctl("check", "-c", victim.conf, "--zone", victim.zone_file, "--client", "192.0.2.1", "--helo", EVIL.replace("\n", ""), "--from", f'"{EVIL}"@example.net', "--rcpt", "u@example.org",
                      "-", stdin=f"From: {EVIL} <a@b.example>\r\nSubject: {EVIL}\r\n\r\nx\r\n".encode())
    assert "[U+001B]" in harmless(done.stdout)


def test_lists_of_the_store(victim):
    for noun in ("limits", "greylist"):
        done = victim.ctl(noun, "list")
        assert done.returncode == 0 and "evil" in harmless(done.stdout), done.stdout


def test_replay(victim):
    policy = victim.folder / "other.conf"
    policy.write_text(victim.conf.read_text().replace("rule unwanted reject", "rule other reject"))
    done = sluice.ctl("replay", "--policy", policy)
    assert done.returncode in (0, 1, 2), done.stderr
    harmless(done.stdout + done.stderr)
    assert "[U+001B][2J" in done.stdout, done.stdout


def test_doctor(victim):
    done = sluice.ctl("doctor", "-c", victim.conf, "--zone", victim.zone_file)
    assert "[U+001B][2J[U+0007][U+009B][U+202E]" in harmless(done.stdout), done.stdout
    assert any("[U+001B]" in row["what"] for row in json.loads(sluice.ctl("doctor", "--json", "-c", victim.conf, "--zone", victim.zone_file).stdout))


def test_lists(victim):
    assert "[U+202E][U+009B]evil" in harmless(sluice.ctl("list", "show", "-c", victim.conf, "friends").stdout)
    assert "evil" in harmless(sluice.ctl("list", "test", "-c", victim.conf, "friends", "friend.example").stdout)


def test_relaytest():
    evil = EVIL.replace("\r", "")
    server = Server([("VRFY", f"252 {evil}"), ("EXPN", f"502 {evil}"), ("RCPT", f"550 5.7.1 {evil}")], greeting=f"220 {evil} ESMTP")
    done = sluice.ctl("relaytest", server.where)
    assert done.returncode == 0 and "[U+001B][2J" in harmless(done.stdout), done.stdout + done.stderr
    done = sluice.ctl("relaytest", Server([], greeting=f"554 {evil}").where)
    assert done.returncode == 69 and "evil" in harmless(done.stderr)


def test_dmarc_read(tmp_path):
    """XML has no controls but C1, and all that turns and hides."""
    evil = "\u009b31m\u202eevil\u200b"
    path = tmp_path / "report.xml"
    path.write_text(f"""<feedback><report_metadata><org_name>{evil}</org_name><report_id>1</report_id><date_range><begin>1700006400</begin><end>1700092799</end></date_range></report_metadata>
<policy_published><domain>{evil}.example</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>{evil}</header_from></identifiers></record></feedback>""")
    done = sluice.ctl("dmarc", "read", path)
    assert done.returncode == 0 and harmless(done.stdout).count("[U+009B]31m[U+202E]evil[U+200B]") == 3, done.stdout


def test_hold(setup):
    s = setup.sluice(CONF.format(folder=setup.folder), listen=f"inet:{net.free_port()}@127.0.0.1", start=False)
    (setup.folder / "cases").mkdir()
    (s.folder / "friends").write_text("")
    s.start()
    p = setup.postfix(s)
    evil = EVIL.replace("\x07", "").replace("\x08", "")
    assert p.send("192.0.2.1", sender="\u202e\u009bevil@example.net", message=f"From: {evil} <a@example.net>\r\nSubject: {evil}\r\n\r\n{EVIL}\r\n".encode())[0] == 250
    (held,) = p.held()
    for verb in (["list"], ["show", held]):
        done = sluice.ctl("hold", "--postfix", p.conf, "-s", s.control, *verb)
        assert done.returncode == 0 and "[U+202E]" in harmless(done.stdout), (done.stdout, done.stderr)
    assert "[U+001B][2J" in done.stdout and EVIL in sluice.ctl("hold", "--postfix", p.conf, "-s", s.control, "show", "--raw", held).stdout


# ---- how far it is ----

BAR = re.compile(r"\r\[#*\.*\] +\d+ %  \d+ (messages|cases|files)")
LONG = {
    "replay": lambda s: ["replay", "--policy", s.conf, s.cases],
    "replay --json": lambda s: ["replay", "--json", "--policy", s.conf, s.cases, s.cases / "a.jsonl"],
    "dmarc read": lambda s: ["dmarc", "read", *s.reports],
    "dmarc read --json": lambda s: ["dmarc", "read", "--json", *s.reports],
}


@pytest.fixture(scope="module")
def work(shared_setup):
    """Cases, and reports, as files."""
    setup = shared_setup
    cases = setup.folder / "many"
    cases.mkdir()
    s = setup.sluice(f'authserv_id mx.example.org\ncases {{ to "{cases}" }}\n')
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    m.quit()
    net.wait_for(lambda: sluice.case_lines(cases), "the case")
    (cases / "a.jsonl").write_text("".join(line + "\n" for line in sluice.case_lines(cases)) * 200)
    s.stop()
    s.cases, s.reports = cases, []
    for i in range(20):
        s.reports.append(setup.folder / f"report{i}.xml")
        s.reports[-1].write_text("""<feedback><report_metadata><org_name>R</org_name><report_id>1</report_id><date_range><begin>1700006400</begin><end>1700092799</end></date_range></report_metadata>
<policy_published><domain>example.net</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.net</header_from></identifiers></record></feedback>""")
    return s


@pytest.mark.parametrize("name", LONG)
def test_a_terminal_is_shown_how_far_long_work_is(work, name):
    args = LONG[name](work)
    status, shown, piped = terminal.run(*args, stdout=False)
    done = sluice.ctl(*args)
    assert BAR.search(shown) and shown.endswith("\r\x1b[K"), shown[-200:]
    assert piped == done.stdout and done.stderr == "" and status == done.returncode, "and a pipe is told nothing of it"
    assert "%  " not in piped and not BAR.search(terminal.run(*args, stderr=False)[1])


@pytest.mark.parametrize("name", ["replay", "replay --json"])
def test_the_bar_goes_before_the_result_comes(work, name):
    _, shown, _ = terminal.run(*LONG[name](work))
    assert BAR.search(shown) and BAR.search(shown).start() < shown.rindex("\r\x1b[K") and shown[shown.rindex("\r\x1b[K") + 4:] == sluice.ctl(*LONG[name](work)).stdout


def test_reports_on_a_terminal_are_shown_without_a_bar(work):
    _, shown, _ = terminal.run(*LONG["dmarc read"](work))
    assert not BAR.search(shown) and shown == sluice.ctl(*LONG["dmarc read"](work)).stdout


def test_what_cannot_be_read_is_said_beside_the_bar(work):
    _, shown, _ = terminal.run(*LONG["dmarc read"](work), work.folder / "none", stdout=False)
    assert f"\r\x1b[Ksluicectl: {work.folder}/none: No such file or directory\n" in shown
