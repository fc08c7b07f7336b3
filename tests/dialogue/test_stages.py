# SPDX-License-Identifier: BSD-2-Clause
"""What is said at each stage of an SMTP session, and what is remembered from one to the next."""
import re

import pytest
from support import net
from support.milter import CONTINUE, REJECT, REPLY, TEMPFAIL

OURS = "authserv_id mx.example.org\n"


def reply(answer, code, text):
    assert answer.kind == REPLY, answer
    assert answer.text.startswith(f"{code} "), answer
    assert text in answer.text, answer
    return re.search(r"\(ref=([0-9a-z]+)\)", answer.text.replace("\r\n", " "))[1]


def authres(answer):
    assert answer.kind == CONTINUE, answer
    return [edit[3] for edit in answer.edits if edit[0] == "insert" and edit[2] == "Authentication-Results"]


# ---- refusals ----

@pytest.mark.parametrize("action, code", [("reject", 550), ("tempfail", 451)])
@pytest.mark.parametrize("stage", ["connect", "helo", "mail", "rcpt", "data", "message"])
def test_a_refusal_is_said_at_its_stage(setup, stage, action, code):
    s = setup.sluice(f'at {stage} {{ rule r {action} "not today" }}')
    m = setup.milter(s)
    assert m.connect().kind == CONTINUE, "it comes at HELO"
    if stage in ("connect", "helo"):
        answer = m.helo()
    else:
        assert m.helo().kind == CONTINUE
        answer = m.mail()
        if stage != "mail":
            assert answer.kind == CONTINUE
            answer = m.rcpt()
        if stage in ("data", "message"):
            assert answer.kind == CONTINUE
            answer = m.data()
        if stage == "message":
            assert answer.kind == CONTINUE
            m.header("Subject", "t")
            answer = m.end_of_message()
    ref = reply(answer, code, f"{'5' if action == 'reject' else '4'}.7.1 not today")
    verdict = s.explain(ref)["verdict"]
    assert (verdict["action"], verdict["stage"], verdict["rule"], verdict["code"]) == (action, stage, "r", code)
    assert s.status()[action] == "1"


def test_connect_refusal_holds_for_all_that_follows(setup):
    s = setup.sluice('at connect { rule r reject "554 5.7.1 {client.ip} go away" when client.ip in [192.0.2.0/24] }')
    m = setup.milter(s)
    assert m.connect("192.0.2.1").kind == CONTINUE
    reply(m.helo(), 554, "5.7.1 192.0.2.1 go away")
    reply(m.helo("other.example.net"), 554, "go away")
    reply(m.mail(), 554, "go away")
    reply(m.mail("<b@example.net>"), 554, "go away")
    other = setup.milter(s)
    assert other.greet("198.51.100.1").kind == CONTINUE
    assert other.message().kind == CONTINUE


def test_connect_refusal_without_helo_comes_at_mail(setup):
    s = setup.sluice('at connect { rule r reject "554 5.7.1 go away" }')
    m = setup.milter(s)
    m.connect()
    case = s.explain(reply(m.mail(), 554, "go away"))
    assert case["verdict"]["stage"] == "connect" and case["client"]["helo"] == "" and case["from"] == "a@example.net"


def test_helo_again(setup):
    """A better name is another try; the verdict of the connection stays."""
    s = setup.sluice('at helo { rule r reject "not with a literal" when helo.literal\nrule s score 2 when helo.form == single-label }\n'
                     'at mail { rule t reject "{score} points" when score > 0 }')
    m = setup.milter(s)
    m.connect()
    reply(m.helo("[192.0.2.1]"), 550, "not with a literal")
    reply(m.mail(), 550, "not with a literal")
    assert m.helo("mail.example.net").kind == CONTINUE
    assert m.mail().kind == CONTINUE
    m.abort()
    assert m.helo("localhost").kind == CONTINUE
    reply(m.mail(), 550, "2 points")
    assert m.helo("mail.example.net").kind == CONTINUE
    assert m.message().kind == CONTINUE, "points for the first name are gone"


def test_a_session_without_helo(setup):
    s = setup.sluice("at helo { rule r score 5 when helo.form == malformed }\nat message { rule t tag \"x\" when score > 0 }")
    m = setup.milter(s)
    m.connect()
    end = m.message()
    assert end.kind == CONTINUE and "X-Sluice-Tag" not in [edit[2] for edit in end.edits]


def test_accept_ends_the_stage_and_no_more(setup):
    s = setup.sluice('at rcpt { rule a accept when rcpt.local\nrule b reject "no relay" }\nlist local-domains domain [example.org]\n'
                     'at message { rule c reject "too bad" when mail.from == "bad@example.net" }')
    m = setup.milter(s)
    m.greet()
    m.mail("<bad@example.net>")
    assert m.rcpt("<u@example.org>").kind == CONTINUE
    reply(m.rcpt("<u@elsewhere.example>"), 550, "no relay")
    reply(m.content(), 550, "too bad")


# ---- several messages, several recipients ----

POINTS = """
at connect { rule c score 1 when client.ip == 192.0.2.1 }
at mail    { rule m score 2 when mail.from == "two@example.net" }
at rcpt    { rule r score 4 when rcpt.address == "four@example.org" }
at message { rule e score 8 when header.count > 3
             rule tagged tag "{score} points" }
"""


def tags(answer):
    assert answer.kind == CONTINUE, answer
    return [edit[3].strip() for edit in answer.edits if edit[2] == "X-Sluice-Tag"]


def test_messages_of_one_connection_know_nothing_of_each_other(setup):
    s = setup.sluice(POINTS)
    m = setup.milter(s)
    m.greet()
    many = [("Subject", "t")] * 4
    assert tags(m.message("<two@example.net>", ["<four@example.org>"], headers=many)) == ["15 points"]
    assert tags(m.message("<a@example.net>", ["<u@example.org>"])) == ["1 points"], "only what was known of the connection is left"
    assert tags(m.message("<two@example.net>", ["<u@example.org>"])) == ["3 points"]
    assert tags(m.message("<a@example.net>", ["<four@example.org>"])) == ["5 points"]
    assert tags(m.message("<a@example.net>", ["<u@example.org>"], headers=many)) == ["9 points"]
    assert s.status()["accept"] == "5"


def test_a_rule_gives_its_points_once_for_many_recipients(setup):
    m = setup.milter(setup.sluice(POINTS))
    m.greet("198.51.100.1")
    assert tags(m.message(recipients=["<four@example.org>"] * 3)) == ["4 points"]


def test_recipients_are_refused_one_by_one(setup):
    s = setup.sluice('at rcpt { rule r reject "550 5.1.1 no {rcpt.address} here" when rcpt.address matches "bad*"\n'
                     'rule t tempfail "450 4.2.1 later" when rcpt.address matches "slow*" }')
    m = setup.milter(s, macros={"R": {"i": "QID1"}})
    m.greet()
    m.mail()
    assert m.rcpt("<good@example.org>").kind == CONTINUE
    first = reply(m.rcpt("<bad1@example.org>"), 550, "5.1.1 no bad1@example.org here")
    second = reply(m.rcpt("<slow@example.org>"), 450, "4.2.1 later")
    third = reply(m.rcpt("<bad2@example.org>"), 550, "no bad2@example.org here")
    assert m.rcpt("<also@example.org>").kind == CONTINUE
    assert m.content().kind == CONTINUE
    assert len({first, second, third}) == 3, "each refusal is a case of its own"
    for ref, who in [(first, "bad1@example.org"), (second, "slow@example.org"), (third, "bad2@example.org")]:
        case = s.explain(ref)
        assert [(r["address"], r["refused"]) for r in case["recipients"]] == [(who, True)] and case["rules"][0]["recipient"] == who
    whole = s.explain("QID1")
    assert [(r["address"], r["refused"]) for r in whole["recipients"]] == [
        ("good@example.org", False), ("bad1@example.org", True), ("slow@example.org", True), ("bad2@example.org", True),
        ("also@example.org", False)]
    assert whole["verdict"]["action"] == "accept"
    status = s.status()
    assert (status["accept"], status["reject"], status["tempfail"]) == ("1", "2", "1")


def test_more_recipients_than_any_message_has(setup):
    s = setup.sluice('at rcpt { rule r reject "no" when rcpt.address == "bad@example.org" }')
    m = setup.milter(s)
    m.greet()
    m.mail()
    for i in range(100):
        for k in range(100):
            m.send(b"R", b"<u%d@example.org>\0" % (100 * i + k))
        assert all(m.answer().kind == CONTINUE for _ in range(100))
    case = s.explain(reply(m.rcpt("<last@example.org>"), 452, "4.5.3 too many recipients"))
    assert case["verdict"]["rule"] == "" and case["recipients"] == []
    assert m.content().kind == CONTINUE, "those before are served"


def test_abort_and_then_another_message(setup):
    s = setup.sluice(POINTS)
    m = setup.milter(s)
    m.greet()
    m.mail("<two@example.net>")
    m.rcpt("<four@example.org>")
    net.wait_for(lambda: s.status()["in_progress"] == "1", "a step that has no reply to be heard")
    m.abort()
    assert tags(m.message()) == ["1 points"]
    m.mail()
    m.rcpt()
    m.data()
    m.header("Subject", "t")
    m.abort()
    assert tags(m.message()) == ["1 points"]
    m.abort()
    net.wait_for(lambda: s.status()["in_progress"] == "0", "the end of the message to be heard")


def test_quit_nc_begins_another_connection(setup):
    s = setup.sluice(OURS + 'at connect { rule r reject "not you" when client.ip == 192.0.2.66\nrule s score 1 when client.ip == 192.0.2.1 }\n'
                     'at rcpt { rule b reject "not here" when rcpt.address == "bad@example.org" }\n'
                     'at message { rule t tag "{score} points" when score > 0 }')
    m = setup.milter(s)
    m.greet("192.0.2.1")
    assert tags(m.message()) == ["1 points"]
    m.quit_nc()
    assert m.greet("192.0.2.2").kind == CONTINUE
    m.mail()
    reply(m.rcpt("<bad@example.org>"), 550, "not here")
    m.rcpt()
    end = m.content()
    assert tags(end) == [] and authres(end)[0].startswith(" mx.example.org;"), "what was negotiated still holds"
    status = s.status()
    assert (status["connections"], status["in_progress"]) == ("1", "0")
    m.quit_nc()
    m.connect("192.0.2.66")
    reply(m.helo(), 550, "not you")


# ---- facts from the MTA ----

def facts_of(setup, m, s, **kwargs):
    m.greet()
    case = s.explain(reply(m.message(**kwargs), 550, "see"))
    return case["facts"]


REFUSE = 'at message { rule r reject "see the case" }\n'


def test_esmtp_parameters_become_facts(setup):
    s = setup.sluice(REFUSE)
    m = setup.milter(s)
    m.greet()
    m.mail("<a@example.net>", "SIZE=12345", "BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=QQ314159", "AUTH=<>")
    m.rcpt("<u@example.org>", "NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;u@example.org")
    facts = s.explain(reply(m.content(), 550, "see"))["facts"]
    want = {"mail.size": 12345, "mail.body": "8bitmime", "mail.smtputf8": True, "mail.ret": "HDRS", "mail.envid": "QQ314159",
            "rcpt.notify": "SUCCESS,DELAY", "rcpt.orcpt": "rfc822;u@example.org", "rcpt.count": 1}
    assert {name: facts.get(name) for name in want} == want


def test_missing_parameters_are_unknown_facts(setup):
    s = setup.sluice(REFUSE)
    facts = facts_of(setup, setup.milter(s), s, sender="<>")
    assert facts["mail.null"] is True and facts["mail.from"] == "" and facts["mail.smtputf8"] is False
    assert not {"mail.size", "mail.ret", "mail.envid", "auth.user", "tls.version", "rcpt.mailer"} & set(facts)


def test_macros_become_facts(setup):
    s = setup.sluice(REFUSE)
    m = setup.milter(s, macros={
        "C": {"j": "mx.example.org", "v": "Postfix 3.7.11", "client_addr": "192.0.2.1", "client_name": "mail.example.net",
              "client_ptr": "ptr.example.net", "client_port": "4711", "daemon_name": "smtpd", "daemon_addr": "198.51.100.25", "daemon_port": "587"},
        "M": {"auth_type": "PLAIN", "auth_authen": "alice", "auth_author": "alice@example.net", "mail_addr": "a@example.net",
              "tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256", "verify": "OK", "cert_subject": "/CN=alice"},
        "R": {"i": "4QID", "rcpt_addr": "u@example.org", "rcpt_mailer": "smtp"},
    })
    m.connect()
    m.helo()
    case = s.explain(reply(m.message(), 550, "see"))
    want = {"mta.name": "mx.example.org", "mta.version": "Postfix 3.7.11", "client.ip": "192.0.2.1", "client.name": "mail.example.net",
            "client.ptr": "ptr.example.net", "client.port": 4711, "daemon.name": "smtpd", "daemon.addr": "198.51.100.25", "port": 587,
            "client.authenticated": True, "auth.user": "alice", "auth.mechanism": "PLAIN", "auth.author": "alice@example.net",
            "mail.resolved": "a@example.net", "tls.version": "TLSv1.3", "tls.cipher": "TLS_AES_256_GCM_SHA384", "tls.bits": 256,
            "tls.verify": "OK", "tls.cert_subject": "/CN=alice", "rcpt.resolved": "u@example.org", "rcpt.mailer": "smtp"}
    assert {name: case["facts"].get(name) for name in want} == want
    assert case["queue_id"] == "4QID" and case["client"]["user"] == "alice"


def test_macros_of_one_message_are_not_those_of_the_next(setup):
    s = setup.sluice(REFUSE)
    m = setup.milter(s, macros={"M": {"auth_authen": "alice", "i": "Q1"}})
    m.greet()
    first = s.explain(reply(m.message(), 550, "see"))
    m.macros = {"M": {"i": "Q2"}}
    second = s.explain(reply(m.message(), 550, "see"))
    assert (first["client"]["user"], first["queue_id"]) == ("alice", "Q1")
    assert (second["client"]["user"], second["queue_id"]) == ("", "Q2")


@pytest.mark.parametrize("event", ["M", "R", "T", "E"])
def test_the_queue_id_comes_when_it_comes(setup, event):
    s = setup.sluice("at data { rule d score 1 }" if event == "T" else "")
    m = setup.milter(s, macros={event: {"i": "3X1"}})
    m.greet()
    assert m.message().kind == CONTINUE
    case = s.explain("3X1")
    assert case["queue_id"] == "3X1"
    assert f"case={case['case']} qid=3X1 " in s.log()


def test_unknown_commands_are_counted(setup):
    s = setup.sluice('at mail { rule r reject "{client.unknown_commands}" when client.unknown_commands >= 2 }')
    m = setup.milter(s)
    m.greet()
    m.unknown("FOO")
    assert m.mail().kind == CONTINUE
    m.abort()
    m.unknown("GET / HTTP/1.1")
    reply(m.mail(), 550, "5.7.1 2 ")


def test_local_submission_has_no_address(setup):
    s = setup.sluice('at rcpt { rule relay reject "no relay" when relay.attempt }\nlist local-domains domain [example.org]')
    m = setup.milter(s)
    m.connect(name="localhost", family="U")
    m.helo("localhost")
    assert m.message(recipients=["<u@elsewhere.example>"]).kind == CONTINUE


def test_ipv6_clients(setup):
    s = setup.sluice('at rcpt { rule r reject "{client.ip}" when client.ip in [2001:db8::/32] }')
    m = setup.milter(s)
    m.greet("2001:db8::7")
    m.mail()
    reply(m.rcpt(), 550, "2001:db8::7")


# ---- replies ----

def test_percent_signs_are_said_as_they_are(setup):
    s = setup.sluice('at rcpt { rule r reject "550 5.7.1 100% sure: %s%n {rcpt.address}" }')
    m = setup.milter(s)
    m.greet()
    m.mail()
    reply(m.rcpt("<50%off%n@example.org>"), 550, "5.7.1 100% sure: %s%n 50%off%n@example.org")


def test_facts_in_replies_are_printable_ascii(setup):
    s = setup.sluice('at helo { rule r reject "550 5.7.1 <{helo.name}> no" }')
    m = setup.milter(s)
    m.connect()
    answer = m.helo("a\r\n250 ok\x01\x7f\u00e4\u20ac")
    ref = reply(answer, 550, "<a??250 ok???????> no")
    assert "\r" not in answer.text and "\n" not in answer.text
    assert s.explain(ref)["client"]["helo"].startswith("a\r\n250 ok")


def test_a_long_reply_has_its_codes_in_each_line(setup):
    words = " ".join(f"word{i}" for i in range(120))
    s = setup.sluice(f'at rcpt {{ rule r tempfail "450 4.7.1 {words}" }}')
    m = setup.milter(s)
    m.greet()
    m.mail()
    answer = m.rcpt()
    lines = answer.text.split("\r\n")
    assert len(lines) > 1 and all(len(line) <= 510 for line in lines)
    assert all(line.startswith("450-4.7.1 ") for line in lines[:-1]) and lines[-1].startswith("450 4.7.1 ")
    said = " ".join(line[10:] for line in lines)
    assert said.startswith(words + " (ref=")


def test_a_long_fact_is_cut(setup):
    s = setup.sluice('at helo { rule r reject "{helo.name}" }')
    m = setup.milter(s)
    m.connect()
    answer = m.helo("x" * 5000)
    reply(answer, 550, "5.7.1 " + "x" * 197 + "... (ref=")


def test_an_unknown_fact_is_a_question_mark(setup):
    s = setup.sluice('at helo { rule r reject "{client.name} {helo.literal_matches}" }')
    m = setup.milter(s)
    m.connect(name="[192.0.2.1]")
    reply(m.helo(), 550, "5.7.1 ? ? (ref=")


def test_every_refusal_can_be_explained(setup):
    s = setup.sluice('at rcpt { rule r reject "550 5.7.1 no" when rcpt.address matches "bad*" }')
    m = setup.milter(s)
    m.greet()
    m.mail()
    refs = [reply(m.rcpt(f"<bad{i}@example.org>"), 550, "no") for i in range(20)]
    assert len(set(refs)) == 20
    for i, ref in enumerate(refs):
        done = s.ctl("explain", ref)
        assert done.returncode == 0 and f"bad{i}@example.org" in done.stdout and 'rule r reject "550 5.7.1 no"' in done.stdout


# ---- Authentication-Results ----

FORGED = [
    "mx.example.org; spf=pass smtp.mailfrom=a@example.net",
    " mx.example.org; dkim=pass",
    "(a comment) mx.example.org; spf=pass",
    "\n\tmx.example.org;\n\tspf=pass",
    "(a\n (nested)\n comment)\n MX.Example.ORG; none",
    "mx.example.org 1; spf=pass",
    "mx.example.org(trick)/1; spf=pass",
    '"mx.example.org"; spf=pass',
    '"mx\\.example.org"; spf=pass',
    "mx.example.org",
]
HONEST = ["other.example; spf=pass", "mx.example.org.evil.example; spf=pass", "sub.mx.example.org; none", "(mx.example.org) other.example; none", ""]


@pytest.mark.parametrize("value", FORGED)
def test_a_forged_header_is_removed(setup, value):
    m = setup.milter(setup.sluice(OURS))
    m.greet()
    end = m.message(headers=[("Authentication-Results", value)])
    assert [(edit[0], edit[1], edit[3]) for edit in end.edits if edit[0] == "change"] == [("change", 1, "")]


@pytest.mark.parametrize("value", HONEST)
def test_an_honest_header_stays(setup, value):
    m = setup.milter(setup.sluice(OURS))
    m.greet()
    end = m.message(headers=[("Authentication-Results", value)])
    assert [edit[0] for edit in end.edits] == ["insert"]


def test_forged_headers_are_removed_from_the_last_to_the_first(setup):
    m = setup.milter(setup.sluice(OURS))
    m.greet()
    headers = [("Received", "x"), ("Authentication-Results", FORGED[0]), ("authentication-results", HONEST[0]),
               ("AUTHENTICATION-RESULTS", FORGED[4]), ("Subject", "mx.example.org; spf=pass"), ("X-Authentication-Results", FORGED[0]),
               ("Authentication-Results", FORGED[2])]
    end = m.message(headers=headers)
    assert [edit[1] for edit in end.edits if edit[0] == "change"] == [4, 3, 1]
    inserted = [edit for edit in end.edits if edit[0] == "insert"]
    assert [(edit[1], edit[2]) for edit in inserted] == [(0, "Authentication-Results")] and end.edits[-1] == inserted[0]


def test_ours_has_all_methods(setup):
    zone = "example.net TXT v=spf1 ip4:192.0.2.1 -all\nmail.example.net TXT v=spf1 a -all\nmail.example.net A 192.0.2.1\n" \
           "1.2.0.192.in-addr.arpa PTR mail.example.net\nmail.example.net AAAA 2001:db8::1\n"
    s = setup.sluice(OURS, zone)
    m = setup.milter(s)
    m.greet()
    value = authres(m.message())
    assert len(value) == 1
    for part in [" mx.example.org;", "spf=pass", "smtp.mailfrom=", "smtp.helo=mail.example.net", "iprev=pass policy.iprev=192.0.2.1"]:
        assert part in value[0], value


def test_tags_are_headers_of_their_own(setup):
    s = setup.sluice(OURS + 'at message { rule a tag "one % {mail.from}"\nrule b tag "two" }')
    m = setup.milter(s)
    m.greet()
    edits = m.message().edits
    assert [(edit[0], edit[1], edit[2], edit[3]) for edit in edits[:2]] == [
        ("insert", 0, "X-Sluice-Tag", " one % a@example.net"), ("insert", 0, "X-Sluice-Tag", " two")]
    assert edits[2][2] == "Authentication-Results"


def test_a_refused_message_is_not_edited(setup):
    m = setup.milter(setup.sluice(REFUSE + 'at mail { rule t tag "x" }'))
    m.greet()
    end = m.message(headers=[("Authentication-Results", FORGED[0])])
    assert end.kind == REPLY and not end.edits
    assert end.kind not in (REJECT, TEMPFAIL), "a refusal has always words of ours"
