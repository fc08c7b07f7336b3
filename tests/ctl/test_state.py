# SPDX-License-Identifier: BSD-2-Clause
"""sluicectl limits and greylist, on each store."""
from support import net, sluice
from support.milter import CONTINUE

CONF = """authserv_id mx.example.org
state {{ {state} }}
greylist {{ delay 1h }}
at mail {{ rule fast limit 3/1h by client.ip, mail.from }}
at rcpt {{ rule grey greylist }}
"""
WHO = ("192.0.2.0/24", "a@example.net", "u@example.org")


def start(setup, state):
    s = setup.sluice(CONF.format(state=state))
    net.wait_for(lambda: "record" in str(attempt(setup, s, "203.0.113.250", "<warm@example.net>")) or s.status()["store"] == "works" and
                 s.ctl("limits", "list").stdout, "the store to be connected")
    s.ctl("greylist", "forget", "203.0.113.0/24")
    s.ctl("limits", "reset", "fast", "203.0.113.250", "warm@example.net")
    return s


def attempt(setup, s, address="192.0.2.1", sender="<a@example.net>"):
    m = setup.milter(s)
    m.greet(address)
    answer = m.mail(sender)
    return answer if answer.kind != CONTINUE else m.rcpt()


def shown(s, *args, status=0):
    done = s.ctl(*args)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout or done.stderr


def listed(s, noun, count):
    lines = shown(s, noun, "list").splitlines()
    assert len(lines) == count, lines
    return lines


def test_limits(setup, state):
    s = start(setup, state)
    for _ in range(2):
        assert attempt(setup, s).text.startswith("451 4.7.1 greylisted")  # the limit is taken at MAIL, and kept
    assert attempt(setup, s, "192.0.2.2", "<B x|y%@Example.net>").code == 451
    lines = listed(s, "limits", 2)
    assert sorted(line.split("  ")[0] for line in lines) == ["fast 192.0.2.1 a@example.net", "fast 192.0.2.2 b%20x%7cy%25@example.net"]
    assert all("unused again in" in line for line in lines)
    assert shown(s, "limits", "show", "fast", "192.0.2.1", "a@example.net").startswith("1 of 3 messages left, one more each 20 min\n")
    assert attempt(setup, s).code == 451
    assert attempt(setup, s).text.startswith("451 4.7.1 too many messages")
    assert shown(s, "limits", "show", "fast", "192.0.2.1", "a@example.net").startswith("0 of 3 messages left")
    assert shown(s, "limits", "reset", "fast", "192.0.2.1", "a@example.net") == ""
    assert "nothing is counted there" in shown(s, "limits", "reset", "fast", "192.0.2.1", "a@example.net", status=66)
    assert shown(s, "limits", "show", "fast", "192.0.2.1", "a@example.net").startswith("3 of 3 messages left")
    assert "there is no rule of this name with a limit" in shown(s, "limits", "show", "slow", "x", status=66)


def test_greylist(setup, state):
    s = start(setup, state)
    assert attempt(setup, s).text.startswith("451 4.7.1 greylisted")
    assert listed(s, "greylist", 1)[0].startswith("192.0.2.0/24 a@example.net u@example.org  came once; may pass in 60 min, forgotten in ")
    assert shown(s, "greylist", "show", *WHO) == "came once; may pass in 60 min\n"
    assert shown(s, "greylist", "pass", *WHO) == ""
    assert shown(s, "greylist", "show", *WHO) == "has passed 1 times\n"
    assert attempt(setup, s).kind == CONTINUE
    assert shown(s, "greylist", "show", *WHO) == "has passed 2 times\n"
    assert shown(s, "greylist", "pass", WHO[0], "new@example.net", WHO[2]) == ""
    assert attempt(setup, s, sender="<new@example.net>").kind == CONTINUE
    assert shown(s, "greylist", "forget", *WHO) == ""
    assert shown(s, "greylist", "show", *WHO, status=66) == "never came, or was forgotten\n"
    assert "nothing is known of it" in shown(s, "greylist", "forget", *WHO, status=66)
    assert shown(s, "greylist", "forget", WHO[0]) == ""
    assert attempt(setup, s, sender="<new@example.net>").text.startswith("451 4.7.1 greylisted")


def test_greylist_of_what_the_log_has(setup, state):
    """The address of the client, and sender and recipient as the mail has them: the key is the one that the daemon looks for."""
    s = start(setup, state)
    mail = ("198.51.100.8", "Bounce-17+u=example.org@Example.net", "U@Example.org")
    assert shown(s, "greylist", "pass", *mail) == ""
    assert listed(s, "greylist", 1)[0].startswith("198.51.100.0/24 bounce-##@example.net u@example.org  has passed 1 times")
    assert attempt(setup, s, "198.51.100.9", "<bounce-18+u=example.org@example.net>").kind == CONTINUE
    assert shown(s, "greylist", "show", *mail) == "has passed 2 times\n"
    assert shown(s, "greylist", "show", "198.51.100.0/24", "bounce-##@example.net", "u@example.org") == "has passed 2 times\n"
    assert shown(s, "greylist", "pass", "2001:db8::7", "<>", "") == shown(s, "greylist", "pass", "@example.net", "a%7cb@example.net", "u@example.org") == ""
    assert {line.split("  ")[0] for line in listed(s, "greylist", 3)} >= {"2001:db8::/64 @", "@example.net a%7cb@example.net u@example.org"}
    assert shown(s, "greylist", "forget", *mail) == shown(s, "greylist", "forget", "2001:db8::8") == ""
    assert listed(s, "greylist", 1)


def test_what_is_asked_wrongly(setup):
    s = setup.sluice(CONF.format(state=f"lmdb {setup.folder}/state"))
    for words in (["show"], ["show", "fast"], ["reset", "fast"], ["list", "fast"]):
        assert "usage: sluicectl limits" in shown(s, "limits", *words, status=64)
    for words in (["pass", *WHO[:1]], ["pass", *WHO[:2]], ["pass", *WHO, "x"], ["show", "x"], ["show", *WHO, "x"], ["forget"], ["forget", *WHO[:2]], ["list", "x"]):
        assert "usage: sluicectl greylist" in shown(s, "greylist", *words, status=64)
    for verb in ("show", "pass", "forget"):
        for client in ("198.51.100", "mail.example.net", "@", "198.51.100.8/24", ""):
            assert f"'{client}' is no client: write its address" in shown(s, "greylist", verb, client, *WHO[1:], status=64)
        assert "'nobody' is no sender" in shown(s, "greylist", verb, WHO[0], "nobody", WHO[2], status=64)
        assert "'nobody' is no recipient" in shown(s, "greylist", verb, *WHO[:2], "nobody", status=64)
    assert "this network is not one client" in shown(s, "greylist", "pass", "198.51.100.0/25", *WHO[1:], status=64)
    assert listed(s, "greylist", 0) == []
    assert "usage: sluicectl greylist" in shown(s, "greylist", status=64)
    assert "does not know this request" in shown(s, "greylist", "burn", "x", status=64)
    assert "usage: sluicectl limits" in shown(s, "limits", "-h")
    assert "a key is shorter" in shown(s, "limits", "show", "fast", "x" * 20000, status=64)
    assert "a key is shorter" in shown(s, "limits", "show", "fast", "x\nreload", status=64)
    none = setup.sluice("authserv_id mx.example.org\n")
    assert "there is no store" in shown(none, "limits", "list", status=69)


def test_a_store_that_does_not_answer(setup):
    s = setup.sluice(CONF.format(state=f"redis {setup.folder}/nobody.sock timeout 200ms"))
    assert "the store does not answer" in shown(s, "limits", "list", status=69)
    assert "the store does not answer" in shown(s, "greylist", "show", *WHO, status=69)
    assert "the store does not answer" in shown(s, "limits", "reset", "fast", "x", status=69)
    assert s.status()["store"] == "is out of order"
    assert "sluice_store_working 0" in s.ctl("metrics").stdout


def test_a_trial_leaves_no_trace_and_needs_no_store(setup):
    s = setup.sluice(CONF.format(state=f"lmdb {setup.folder}/state"))
    for _ in range(5):  # the daemon has the store, and there are three messages an hour
        done = sluice.ctl("check", "-c", s.conf, "--client", "192.0.2.1", "--helo", "mail.example.net", "--from", "a@example.net", "--rcpt",
                          "u@example.org")
        assert done.returncode == 0 and "no store is configured" in done.stdout, done.stdout + done.stderr
    assert shown(s, "limits", "list") == shown(s, "greylist", "list") == ""
