# SPDX-License-Identifier: BSD-2-Clause
"""What is known of authenticated users, on each store; and what a site does with it."""
import pytest

from support import net
from support.milter import CONTINUE, RCPT_REJ

RULES = """at mail {
  rule m reject "550 5.7.1 {account.messages} messages" when account.messages > 3
  rule n reject "550 5.7.1 {account.new_networks} networks" when account.new_networks > 2
}
at rcpt {
  rule r hold "{auth.user}: {account.recipients} recipients" warn when account.recipients > 5
  rule f reject "550 5.7.1 {account.failed} of {account.tried} failed" when account.tried >= 4 and account.failed_percent >= 50
}
"""


def start(setup, state, rules, extra=""):
    s = setup.sluice(f"authserv_id mx.example.org\nstage_deadline 2s\nstate {{ {state} }}\n{extra}{rules}")
    net.wait_for(lambda: s.ctl("limits", "list").returncode == 0, "the store to be connected")
    return s


def session(setup, s, user="bob", address="192.0.2.1"):
    m = setup.milter(s, macros={"M": {"auth_authen": user, "auth_type": "PLAIN"}} if user else None)
    m.greet(address)
    return m


def held(answer):
    return [data.rstrip(b"\0").decode() for kind, data in (e for e in answer.edits if len(e) == 2) if kind == "q"]


def test_messages_of_an_hour(setup, state):
    s = start(setup, state, RULES)
    m = session(setup, s)
    assert [m.mail().code for _ in range(4)] == [0, 0, 0, 550]
    assert session(setup, s, "BOB").mail().text.startswith("550 5.7.1 5 messages")  # the same account
    assert session(setup, s, "eve").mail().kind == CONTINUE
    for _ in range(6):
        assert session(setup, s, None).mail().kind == CONTINUE  # nobody is logged in


def test_networks_that_are_new_today(setup, state):
    s = start(setup, state, 'at mail { rule n reject "550 5.7.1 {account.new_networks} networks" when account.new_networks > 2 }')
    for address in ("192.0.2.1", "192.0.2.200", "198.51.100.1", "192.0.2.1"):
        assert session(setup, s, address=address).mail().kind == CONTINUE
    assert session(setup, s, address="2001:db8::1").mail().text.startswith("550 5.7.1 3 networks")
    assert session(setup, s, "eve", "2001:db8::1").mail().kind == CONTINUE


def test_recipients_of_an_hour_and_one_warning(setup, state):
    s = start(setup, state, 'at rcpt { rule r hold "{auth.user}: {account.recipients} recipients" warn when account.recipients > 5 }\n')
    m = session(setup, s)
    for users in (["u0", "u1", "u2"], ["u3", "u4", "U0"]):  # five different ones: case makes no other
        answer = m.message(recipients=[f"<{user}@example.org>" for user in users])
        assert answer.kind == CONTINUE and not held(answer)
    for _ in range(3):
        assert held(session(setup, s, "Bob", "192.0.2.9").message(recipients=("<new@example.org>",))) == ["Bob: 6 recipients"]
    assert held(session(setup, s, "eve").message(recipients=[f"<u{i}@example.org>" for i in range(6)])) == ["eve: 6 recipients"]
    assert s.log().count("rule=r matched: action=hold stage=rcpt user=Bob") == 1


def test_recipients_that_the_mail_server_refuses(setup, state):
    s = start(setup, state, RULES)
    m = session(setup, s)
    assert m.steps & RCPT_REJ
    m.mail()
    m.macros["R"] = {"rcpt_mailer": "error", "rcpt_addr": "5.1.1 no such user", "rcpt_host": "5.1.1"}
    for i in range(2):
        assert m.rcpt(f"<no{i}@example.org>").kind == CONTINUE
    m.macros["R"] = {"rcpt_mailer": "smtp", "rcpt_addr": "u@example.org"}
    assert m.rcpt().kind == CONTINUE
    assert m.rcpt("<v@example.org>").text.startswith("550 5.7.1 2 of 4 failed")
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert [r["address"] for r in case["recipients"]] == ["v@example.org"]
    m.macros["R"] = {"rcpt_mailer": "smtp", "rcpt_addr": "u@example.org"}
    assert m.content().kind == CONTINUE
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert [r["address"] for r in case["recipients"]] == ["u@example.org", "v@example.org"]  # those that it refused itself are not ours


def test_refused_recipients_are_asked_for_only_where_they_count(setup):
    s = start(setup, f"lmdb {setup.folder}/state", 'at rcpt { rule r reject "550 5.7.1 no" when account.recipients > 5 }')
    assert not setup.milter(s).steps & RCPT_REJ


SENDERS = """# who may send as whom
bob  bob@example.org  Sales@Example.org
bob  @bob.example      # his own domain
robot no-reply@example.org
"""
AS_WHOM = [
    ("bob", "<bob@example.org>", True), ("BOB", "<sales@example.org>", True), ("bob", "<anything@bob.example>", True), ("bob", "<>", True),
    ("bob", "<boss@example.org>", False), ("bob", "<x@sub.bob.example>", False), ("bob", "<no-reply@example.org>", False),
    ("robot", "<no-reply@example.org>", True), ("robot", "<bob@example.org>", False), ("bo", "<bob@example.org>", False),
    ("eve@example.org", "<Eve@example.org>", True), ("eve@example.org", "<bob@example.org>", False), ("eve", "<eve@example.org>", False),
]


@pytest.fixture
def senders(setup):
    path = setup.folder / "senders"
    path.write_text(SENDERS)
    return start(setup, f"lmdb {setup.folder}/state", f"""account {{ senders {path} }}
at mail {{ rule s reject "550 5.7.1 {{mail.from}} is not yours, {{auth.user}}" when not account.mail_from_allowed }}
at message {{ rule f reject "550 5.7.1 From is not yours" when not account.from_allowed }}
""")


@pytest.mark.parametrize("user, sender, allowed", AS_WHOM)
def test_who_may_send_as_whom(setup, senders, user, sender, allowed):
    answer = session(setup, senders, user).mail(sender)
    assert answer.kind == CONTINUE if allowed else answer.text.startswith(f"550 5.7.1 {sender[1:-1]} is not yours, {user}")


@pytest.mark.parametrize("fields, allowed", [
    (["Bob <bob@example.org>"], True),
    (["Boss <boss@example.org>"], False),
    (["Bob <bob@example.org>", "Boss <boss@example.org>"], False),
    (["Bob <bob@example.org>, Boss <boss@example.org>"], False),
    ([], False),
])
def test_from_is_looked_at_as_well(setup, senders, fields, allowed):
    answer = session(setup, senders).message("<bob@example.org>", headers=[("From", field) for field in fields] + [("Subject", "t")])
    assert (answer.kind == CONTINUE) == allowed


def test_strangers_have_no_account(setup, senders):
    assert session(setup, senders, None).message("<boss@example.org>").kind == CONTINUE


def test_a_store_that_does_not_answer_refuses_nobody(setup):
    s = setup.sluice(f"authserv_id mx.example.org\nstate {{ redis {setup.folder}/nobody.sock timeout 200ms }}\n" + RULES)
    for _ in range(5):
        assert session(setup, s).message().kind == CONTINUE
    case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
    assert case["facts"]["account_messages.outcome"] == case["facts"]["account_networks.outcome"] == "temperror"


@pytest.mark.parametrize("table, message", [
    ("bob\n", "senders:1: there is no address after the account 'bob'"),
    ("# x\n\nbob bob@example.org\nbob bob\n", "senders:4: write user@example.org or @example.org after the account, and not 'bob'"),
    (None, "senders: {dir}/senders cannot be read: No such file or directory"),
])
def test_a_table_that_cannot_be_read(tmp_path, table, message):
    from support import sluice
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + "account {\n senders senders\n}\n")
    if table is not None:
        (tmp_path / "senders").write_text(table)
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode == 78 and message.format(dir=tmp_path) in done.stderr, done.stderr
    assert "sluice.conf:" in done.stderr
