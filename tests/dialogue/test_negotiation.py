# SPDX-License-Identifier: BSD-2-Clause
"""What is negotiated with the MTA follows from the policy: no event and no reply that it has no use for."""
import pytest
from support.milter import (ALL_ACTIONS, CONTINUE, HDR_LEADSPC, NOBODY, NOCONNECT, NODATA, NOEOH, NOHDRS, NOHELO, NOMAIL, NORCPT,
                            NOUNKNOWN, NR_BODY, NR_CONN, NR_DATA, NR_EOH, NR_HDR, NR_HELO, NR_MAIL, NR_RCPT, NR_UNKN, RCPT_REJ, REPLY,
                            SKIP, V2_STEPS)

ADDHDRS, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE, SETSYMLIST = 1, 4, 8, 0x10, 0x20, 0x100
ALWAYS = HDR_LEADSPC | NOEOH | NR_CONN | NR_UNKN | NR_HDR | NR_EOH | NR_BODY
IDLE = NODATA | NOUNKNOWN | NOBODY | NR_HELO | NR_MAIL | NR_RCPT | NR_DATA  # all that a policy without rules adds to it
NAMES = {value: name for name, value in list(globals().items()) if isinstance(value, int) and name.isupper()}

POLICIES = [  # without our Authentication-Results, for which DKIM would read every message
    ("nothing", "", IDLE),
    ("rcpt and message", 'at rcpt { rule a reject "no" when rcpt.count > 5 }\nat message { rule b reject "no" when score > 5 }',
     IDLE & ~NR_RCPT),
    ("connect", 'at connect { rule a reject "no" when client.port == 1 }', IDLE & ~(NR_HELO | NR_MAIL)),
    ("helo", 'at helo { rule a tempfail "no" when helo.literal }', IDLE & ~(NR_HELO | NR_MAIL)),
    ("mail", 'at mail { rule a reject "no" when mail.null }', IDLE & ~NR_MAIL),
    ("data", 'at data { rule a reject "no" when score > 5 }', IDLE & ~(NODATA | NR_DATA)),
    ("data, which refuses nobody", "at data { rule a score 1 }", IDLE & ~NODATA),
    ("scores at each stage", "".join(f"at {stage} {{ rule {stage} score 1 }}\n" for stage in ["connect", "helo", "mail", "rcpt", "message"]),
     IDLE),
    ("accept and tag", 'at rcpt { rule a accept when rcpt.local }\nat message { rule b tag "t" }', IDLE),
    ("size of the message", 'at message { rule a reject "no" when message.size > 10M }'.replace("10M", "10000000"), IDLE & ~NOBODY),
    ("size of the header", 'at message { rule a reject "no" when header.size > 100000 }', IDLE),
    ("a reply that says the size", 'at message { rule a reject "{message.size}" }', IDLE & ~NOBODY),
    ("a signature", "at message { rule a score 1 when dkim.result == fail }", IDLE & ~NOBODY),
    ("unknown commands", "at mail { rule a score 1 when client.unknown_commands > 3 }", IDLE & ~NOUNKNOWN),
]


def shown(steps):
    return {name for value, name in NAMES.items() if value & steps and name not in ("ALWAYS", "IDLE", "ALL_ACTIONS", "V2_STEPS")}


@pytest.mark.parametrize("policy, steps", [row[1:] for row in POLICIES], ids=[row[0] for row in POLICIES])
def test_steps_follow_from_the_policy(setup, policy, steps):
    s = setup.sluice("authentication_results no\n" + policy)
    m = setup.milter(s)
    assert shown(m.steps) == shown(steps | ALWAYS)
    assert not m.steps & (NOCONNECT | NOHELO | NOMAIL | NORCPT | NOHDRS | SKIP | RCPT_REJ)
    assert m.actions == ADDHDRS | CHGHDRS | SETSYMLIST
    assert m.greet().kind == CONTINUE
    assert m.message().kind == (REPLY if "a reply" in policy or "{message.size}" in policy else CONTINUE)


@pytest.mark.parametrize("policy, more", [
    ('at message { rule a reject "no" }', 0),
    ("at message { rule a redirect x@example.org }", ADDRCPT | DELRCPT),
    ("at message { rule a add recipient x@example.org }", ADDRCPT),
    ('at message { rule a hold "why" }', QUARANTINE),
    ("at message for each recipient { rule a accept }", 0),
    ('at message for each recipient { rule a reject "no" rule b tempfail "no" }', 0),  # the strictest holds for all
    ('recipients_disagree remove\nat message for each recipient { rule a reject "no" }', DELRCPT),
    ('recipients_disagree remove\nat message for each recipient { rule a tempfail "no" }', 0),
    ('at message for each recipient { rule a discard "why" }', DELRCPT),
    ('at message for each recipient { shadow rule a discard "why" }', 0),
    ("at message for each recipient { rule a redirect x@example.org }", ADDRCPT | DELRCPT),
])
def test_actions_follow_from_the_policy(setup, policy, more):
    m = setup.milter(setup.sluice("authentication_results no\n" + policy))
    assert m.actions == ADDHDRS | CHGHDRS | SETSYMLIST | more


def test_our_header_says_what_dkim_finds_in_the_body(setup):
    assert shown(setup.milter(setup.sluice("")).steps) == shown(ALWAYS | IDLE & ~NOBODY)


def test_asks_for_the_macros_that_it_reads(setup):
    m = setup.milter(setup.sluice(""))
    wanted = {stage: set(names) for stage, names in m.wanted_macros.items()}
    assert {"j", "{client_addr}", "{client_name}", "{daemon_port}"} <= wanted[0]
    assert {"i", "{auth_authen}", "{mail_addr}", "{tls_version}", "{cipher_bits}"} <= wanted[2]
    assert {"i", "{rcpt_addr}", "{rcpt_mailer}"} <= wanted[3]
    assert wanted[4] == wanted[5] == {"i"}


def test_asks_for_no_macros_where_the_mta_gives_no_choice(setup):
    m = setup.milter(setup.sluice(""), actions=ALL_ACTIONS & ~SETSYMLIST)
    assert not m.wanted_macros and m.actions == ADDHDRS | CHGHDRS


REFUSE = 'at rcpt { rule r reject "550 5.7.1 not here" when rcpt.address == "bad@example.org" }\n'


def test_version_2(setup):
    s = setup.sluice(REFUSE)
    m = setup.milter(s, version=2, actions=0x3F)
    assert m.version == 2 and m.steps & ~V2_STEPS == 0 and m.steps == NOEOH
    assert m.connect().kind == m.helo().kind == m.mail().kind == m.rcpt().kind == CONTINUE, "each step has its answer"
    refused = m.rcpt("<bad@example.org>")
    assert (refused.kind, refused.code) == (REPLY, 550)
    assert m.header("Subject", "t").kind == CONTINUE
    end = m.end_of_message()
    assert end.kind == CONTINUE
    assert [edit[:3] for edit in end.edits] == [("insert", 0, "Authentication-Results")]
    assert not end.edits[0][3].startswith(" ")


def test_an_mta_that_offers_nothing(setup):
    s = setup.sluice("")
    m = setup.milter(s, actions=0, steps=0)
    assert m.steps & ~V2_STEPS == 0 and m.actions == ADDHDRS
    assert m.greet().kind == CONTINUE
    end = m.message(headers=[("Authentication-Results", s.status()["authserv_id"] + "; spf=pass")])
    assert end.kind == CONTINUE, "the message goes on even if the forged header cannot be removed"
    assert s.status()["faults"] == "0"


def test_an_mta_that_allows_no_edits(setup):
    s = setup.sluice("")
    m = setup.milter(s, actions=0x20)
    assert m.actions == 0
    m.greet()
    end = m.message(headers=[("Authentication-Results", "forged.example; spf=pass")])
    assert end.kind == CONTINUE and not end.edits


def test_a_newer_mta(setup):
    """What a later version of the protocol offers is left alone."""
    m = setup.milter(setup.sluice(""), version=7, actions=0x3FF, steps=0x3FFFFF)
    assert m.version == 6 and m.steps == ALWAYS | IDLE & ~NOBODY
    assert m.greet().kind == CONTINUE and m.message().kind == CONTINUE


def test_the_blank_after_the_colon_is_ours_to_give(setup):
    m = setup.milter(setup.sluice('at message { rule t tag "spam" }\nauthserv_id mx.example.org'))
    m.greet()
    edits = m.message().edits
    assert [edit[2] for edit in edits] == ["X-Sluice-Tag", "Authentication-Results"]
    assert edits[0][3] == " spam" and edits[1][3].startswith(" mx.example.org;")


def test_no_negotiation_at_all(setup):
    """A connection whose first packet is no negotiation is none."""
    s = setup.sluice("")
    m = setup.milter(s, negotiate=False)
    m.send(b"C", b"mail.example.net\x004\x12\x34192.0.2.1\0")
    assert m.sock.recv(100) == b""
    other = setup.milter(s)
    assert other.greet().kind == CONTINUE


def test_version_1_is_refused(setup):
    s = setup.sluice("")
    m = setup.milter(s, negotiate=False)
    m.send(b"O", b"\0\0\0\1\0\0\0\x3f\0\0\0\x7f")
    assert m.sock.recv(100) == b""
    assert setup.milter(s).greet().kind == CONTINUE


def test_authentication_results_can_be_left_out(setup):
    m = setup.milter(setup.sluice("authentication_results no"))
    m.greet()
    end = m.message()
    assert end.kind == CONTINUE and not end.edits
