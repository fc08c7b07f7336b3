# SPDX-License-Identifier: BSD-2-Clause
"""The shipped policy: what becomes of mail in many situations, each an assertion that it plays itself."""
import json
import re

import pytest

from support import sluice

RULES = sluice.TOP / "rules"
LISTS = {"local-domains": "example.org\nsecond.example\n", "relay-domains": "relayed.example\n", "trusted": "10.0.0.0/8\n2001:db8:1::/48\n",
         "our-names": "mail.example.org\n"}

# A stranger with nothing wrong about him or his header, and what each finding changes. Points are of mx.conf, and judged by verdict.conf.
FINE = {"dnsbl.weight": "0", "rdns.result": "pass", "spf.result": "pass", "dmarc.disposition": "none", "headers.hidden_end": "no"}
FINDINGS = {  # name: (facts, points before MAIL, points at the end)
    "nothing": ({}, 0, 0),
    "listed once": ({"dnsbl.weight": "4"}, 3, 3),
    "welcome": ({"dnsbl.weight": "-3"}, -2, -2),
    "no name": ({"rdns.result": "permerror"}, 0, 2),
    "a false name": ({"rdns.result": "fail"}, 0, 1),
    "an ill DNS for its name": ({"rdns.result": "temperror"}, 0, 0),
    "SPF fails": ({"spf.result": "fail"}, 0, 4),
    "SPF is not sure": ({"spf.result": "softfail"}, 0, 1),
    "SPF says nothing": ({"spf.result": "neutral"}, 0, 0),
    "no SPF": ({"spf.result": "none"}, 0, 0),
    "an ill DNS for SPF": ({"spf.result": "temperror"}, 0, 0),
    "a broken SPF record": ({"spf.result": "permerror"}, 0, 0),
    "quarantine": ({"dmarc.disposition": "quarantine"}, 0, 5),
}
RECIPIENTS = {"ours": "<u@example.org>", "our second domain's": "<u@second.example>", "relayed": "<u@relayed.example>"}
STRANGER = "client 198.51.100.1 from <a@sender.example>"


def facts(found):
    return " ".join(f"fact {name} {value}" for name, value in {**FINE, **found}.items())


def strangers():
    """One finding, two findings, and which recipient it is for."""
    for name, (found, early, late) in FINDINGS.items():
        for whose, rcpt in RECIPIENTS.items():
            grey = "fact greylist.blocked yes" if early >= 3 else ""
            expect = "expect tempfail at rcpt by greylist" if early >= 3 else "expect accept"
            yield f"{name}, for {whose}", f"{STRANGER} rcpt {rcpt} {facts(found)} {grey} {expect}"
        yield f"{name}, to elsewhere", f"{STRANGER} rcpt <u@elsewhere.example> {facts(found)} expect reject at rcpt by no-relay"
    for one, (a, early_a, late_a) in FINDINGS.items():
        for two, (b, early_b, late_b) in FINDINGS.items():
            if one >= two or set(a) & set(b) or early_a + early_b >= 3:
                continue
            expect = "expect reject at message by spam" if late_a + late_b >= 12 else "expect accept"
            yield f"{one} and {two}", f"{STRANGER} rcpt <u@example.org> {facts({**a, **b})} {expect}"


def others():
    here = f"rcpt <u@example.org> {facts({})}"
    away = "rcpt <u@elsewhere.example>"
    listed = facts({"dnsbl.weight": "8"})
    yield "heavily listed", f"{STRANGER} {listed} rcpt <u@example.org> expect reject at connect by dnsbl-heavy"
    yield "heavily listed, and knows our users", f"{STRANGER} {listed} port 587 user u {away} expect accept"
    yield "heavily listed, on the port of our users", f"{STRANGER} {listed} port 465 rcpt <u@example.org> expect accept"
    yield "heavily listed, of our own network", f"client 10.1.2.3 {listed} rcpt <u@example.org> expect accept"
    yield "heavily listed, by IPv6 of ours", f"client 2001:db8:1::5 {listed} rcpt <u@example.org> expect accept"
    yield "heavily listed, by IPv6", f"client 2001:db8:2::5 {listed} rcpt <u@example.org> expect reject at connect"
    for helo, verdict in [("example.org", "accept"), ("mail.example.org", "reject at helo by helo-ours"), ("mx.example.org", "reject at helo by helo-ours"),
                          ("MX.Example.ORG", "reject at helo by helo-ours"), ("mx.sender.example", "accept"), ('"[198.51.100.1]"', "accept"), ("printer", "accept")]:
        yield f"HELO {helo}", f"client 198.51.100.1 helo {helo} from <a@sender.example> {here} expect {verdict}"
        yield f"HELO {helo} from our network", f"client 10.1.2.3 helo {helo} from <a@sender.example> {here} expect accept"
    for helo in ('"[198.51.100.9]"', '"a b"', '"-x.example"'):  # three points: come again
        yield f"HELO {helo}", f"client 198.51.100.1 helo {helo} from <a@sender.example> {here} fact greylist.blocked yes expect tempfail at rcpt by greylist"
        yield f"HELO {helo}, again", f"client 198.51.100.1 helo {helo} from <a@sender.example> {here} fact greylist.blocked no expect accept"
        yield f"HELO {helo} of a user", f"client 198.51.100.1 port 587 user u helo {helo} {away} expect accept"
    for sender in ("<>", "<a@sender.example>", "<a@example.org>", '"a b@sender.example"'):
        yield f"from {sender}", f"client 198.51.100.1 from {sender} {here} expect accept"
        yield f"from {sender} to elsewhere", f"client 198.51.100.1 from {sender} {facts({})} {away} expect reject at rcpt by no-relay"
        yield f"from {sender}, a user", f"client 198.51.100.1 port 587 user u from {sender} {away} expect accept"
        yield f"from {sender}, our network", f"client 10.1.2.3 from {sender} {away} expect accept"
    for route in ("@example.org:u@elsewhere.example", "u%elsewhere.example@example.org", "elsewhere.example!u@example.org", '"\\"u@elsewhere.example\\"@example.org"'):
        yield f"a route, {route}", f"{STRANGER} rcpt {route} {facts({})} expect reject at rcpt by no-relay"
        yield f"a route, {route}, our network", f"client 10.1.2.3 from <a@example.org> rcpt {route} expect accept"
    yield "one of two is elsewhere", f"{STRANGER} {here} {away} expect accept"
    yield "both are elsewhere", f"{STRANGER} {facts({})} {away} rcpt <v@elsewhere.example> expect reject at rcpt by no-relay"
    for policy, verdict in [("reject", "reject at message by dmarc-reject"), ("quarantine", "accept"), ("none", "accept")]:
        found = facts({"dmarc.disposition": policy})
        yield f"DMARC {policy}", f"{STRANGER} rcpt <u@example.org> {found} header From a@bank.example expect {verdict}"
        yield f"DMARC {policy}, a bounce", f"client 198.51.100.1 from <> rcpt <u@example.org> {found} header From a@bank.example expect {verdict}"
        yield f"DMARC {policy}, our user", f"client 198.51.100.1 port 587 user u {away} {found} header From a@bank.example expect accept"
        yield f"DMARC {policy}, our network", f"client 10.1.2.3 {away} {found} header From a@bank.example expect accept"
    bad = {"spf.result": "fail", "dmarc.disposition": "quarantine"}
    yield "three things are wrong", f"{STRANGER} rcpt <u@example.org> {facts({**bad, 'dnsbl.weight': '3'})} fact greylist.blocked no expect reject at message by spam"
    yield "three things, and it comes too early", f"{STRANGER} rcpt <u@example.org> {facts({**bad, 'dnsbl.weight': '3'})} fact greylist.blocked yes expect tempfail at rcpt"
    yield "two and a half", f"{STRANGER} rcpt <u@example.org> {facts({**bad, 'rdns.result': 'permerror'})} expect accept"
    yield "two and a half, with a short HELO", f"client 198.51.100.1 helo pc from <a@sender.example> rcpt <u@example.org> {facts({**bad, 'rdns.result': 'permerror'})} expect reject at message by spam"
    yield "the same from a user", f"client 198.51.100.1 port 587 user u helo pc {away} {facts(bad)} expect accept"
    yield "somebody vouches for it", f"client 198.51.100.1 helo pc from <a@sender.example> rcpt <u@example.org> {facts({**bad, 'rdns.result': 'permerror'})} fact dnsbl.weight -2 expect accept".replace("fact dnsbl.weight 0 ", "")
    for count, verdict in [("1", "accept"), ("300", "accept"), ("301", "hold at message by account-stolen")]:
        yield f"{count} people", f"client 198.51.100.1 port 587 user u {away} fact account.recipients {count} expect {verdict}".replace("at message ", "")
    for count, verdict in [("0", "accept"), ("9", "accept"), ("10", "hold by account-roams")]:
        yield f"{count} new networks", f"client 198.51.100.1 port 587 user u {away} fact account.new_networks {count} expect {verdict}"
        yield f"{count} new networks, no user", f"{STRANGER} {here} fact account.new_networks {count} expect accept"
    for fact, value, verdict in [("headers.received_by_us", "5", "accept"), ("headers.received_by_us", "6", "reject at message by loop"),
                                 ("headers.hidden_end", "yes", "reject at message by smuggling"), ("mime.name_control", "yes", "reject at message by name-hidden"),
                                 ("mime.name_bidi", "yes", "reject at message by name-hidden"), ("files.executable", "yes", "reject at message by file-program"),
                                 ("files.double_extension", "yes", "reject at message by file-program"), ("files.slip", "yes", "reject at message by file-slip"),
                                 ("files.bomb", "yes", "accept"), ("files.macro", "yes", "accept"), ("files.encrypted", "yes", "accept"),
                                 ("uribl.weight", "8", "reject at message by uribl-heavy"), ("uribl.weight", "7", "accept")]:
        found = " ".join(f"fact {name} {said}" for name, said in {**FINE, fact: value}.items())
        yield f"{fact} {value}", f"{STRANGER} rcpt <u@example.org> {found} expect {verdict}"
        yield f"{fact} {value}, our user", f"client 198.51.100.1 port 587 user u {away} fact {fact} {value} expect accept"
        yield f"{fact} {value}, our network", f"client 10.1.2.3 {away} fact {fact} {value} expect accept"
    yield "helpers that read files are out of order", f"{STRANGER} {here} fact files.error other expect accept"
    for result in ("yes", "no"):
        verdict = "tempfail at message by sign" if result == "yes" else "accept"
        yield f"signing blocked: {result}", f"client 198.51.100.1 port 587 user u {away} fact sign.blocked {result} expect {verdict}"
        yield f"signing blocked: {result}, our network", f"client 10.1.2.3 {away} fact sign.blocked {result} expect {verdict}"
        yield f"signing blocked: {result}, a stranger", f"{STRANGER} {here} fact sign.blocked {result} expect accept"


SITUATIONS = [*strangers(), *others()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    for file in RULES.glob("*.conf"):
        (folder / file.name).write_text(file.read_text())
    (folder / "lists").mkdir()
    for file in (RULES / "lists").iterdir():
        (folder / "lists" / file.name).write_text(file.read_text() + LISTS.get(file.name, ""))
    main = folder / "sluice.conf"
    main.write_text(f'{sluice.plugin_lines()}authserv_id mx.example.org\nscan {{ helper "{sluice.SCAN}" }}\n' + main.read_text().replace("/var/lib/sluice/state", f"{folder}/state")
                    .replace("\nuser    sluice\n", "\n"))  # whom the package makes, and this machine may not have
    return folder


# Of the files whose include is a comment.
OPTIONAL = [
    ("a virus", f"{STRANGER} rcpt <u@example.org> {facts({'clamav.found': 'yes'})} expect reject at message by virus"),
    ("a virus of our user", "client 198.51.100.1 port 587 user u rcpt <u@elsewhere.example> fact clamav.found yes expect reject at message by virus"),
    ("clamd is away", f"{STRANGER} rcpt <u@example.org> {facts({'clamav.error': 'other'})} expect tempfail at message"),
    *[(f"the words say {probability}, {known} known, and SPF {spf}",
       f"{STRANGER} rcpt <u@example.org> {facts({'inbound.probability': probability, 'inbound.known': known, 'spf.result': spf, 'dmarc.disposition': 'quarantine'})} expect {verdict}")
      for probability, known, spf, verdict in [("1", "100", "fail", "reject at message by spam"), ("1", "100", "softfail", "accept"), ("1", "19", "fail", "accept"),
                                               ("0.998", "100", "fail", "accept"), ("0.949", "100", "fail", "accept"), ("0", "100", "fail", "accept")]],
    ("words alone refuse nobody", f"{STRANGER} rcpt <u@example.org> {facts({'inbound.probability': '1', 'inbound.known': '500'})} expect accept"),
    *[(f"SpamAssassin says {says}, and SPF {spf}", f"{STRANGER} rcpt <u@example.org> {facts({'spamd.score': says, 'spf.result': spf, **also})} expect {verdict}")
      for says, spf, also, verdict in [("8", "fail", {"dmarc.disposition": "quarantine"}, "reject at message by spam"), ("7.9", "fail", {"dmarc.disposition": "quarantine"}, "accept"),
                                       ("30", "none", {}, "accept"), ("-2", "fail", {"dmarc.disposition": "quarantine", "rdns.result": "permerror"}, "accept")]],
    ("spamd is away", f"{STRANGER} rcpt <u@example.org> {facts({'spamd.error': 'other', 'spf.result': 'fail'})} expect accept"),
    ("the store is away", f"{STRANGER} rcpt <u@example.org> {facts({'inbound.error': 'other'})} expect accept"),
]


def check(site, situations):
    played = "".join(f"assert {json.dumps(name)} {{ {said} }}\n" for name, said in situations)  # strings have the escapes of JSON
    (site / "test.conf").write_text("include sluice.conf\n" + played)
    return sluice.ctl("config", "check", "-c", site / "test.conf")


def test_there_are_enough():
    assert len(SITUATIONS) >= 150 and len({said for _, said in SITUATIONS}) == len(SITUATIONS)


@pytest.mark.parametrize("part", range(8))
def test_situations(site, part):
    done = check(site, SITUATIONS[part::8])
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_an_expectation_that_is_wrong_is_seen(site):
    """Each situation with another verdict than its own must fail: the table says something."""
    for name, said in SITUATIONS[::7]:
        right = re.search(r"expect (\w+)", said)[1]
        wrong = re.sub(r"expect .*", "expect " + ("reject" if right == "accept" else "accept"), said)
        done = check(site, [(name, wrong)])
        assert done.returncode == 78 and "does not hold" in done.stderr, (name, done.stderr)


def test_each_rule_decides_somewhere_or_gives_points():
    rules = re.findall(r"^ +rule (\S+) +(\w+)", "".join(f.read_text() for f in RULES.glob("*.conf")), flags=re.M)
    deciding = {name for name, action in rules if action in ("reject", "tempfail", "hold", "greylist", "sign")}
    named = set(re.findall(r"by (\S+)", " ".join(said for _, said in [*SITUATIONS, *OPTIONAL])))
    assert deciding <= named | {"account-flood", "flood"}, deciding - named  # limits are in tests/dialogue/test_limit.py


def test_each_rule_says_why():
    for file in RULES.glob("*.conf"):
        lines = file.read_text().splitlines()
        for i, line in enumerate(lines):
            if re.match(r" +rule ", line):
                assert re.match(r" *#", lines[i - 1]) or (lines[i - 1].endswith("{") and lines[i - 2].startswith("#")), (file.name, line)


def test_what_is_included_where_a_site_has_what_it_needs(site):
    main = site / "sluice.conf"
    plain = main.read_text()
    try:
        main.write_text(re.sub(r"(?m)^# include (virus|learned|opinion)\.conf$", r"include \1.conf", plain))
        done = check(site, [*SITUATIONS, *OPTIONAL])
        assert done.returncode == 0, done.stderr
        for name, said in OPTIONAL:
            wrong = said.replace("expect accept", "expect discard") if "expect accept" in said else re.sub("expect (reject|tempfail).*", "expect accept", said)
            assert name in check(site, [(name, wrong)]).stderr
    finally:
        main.write_text(plain)
