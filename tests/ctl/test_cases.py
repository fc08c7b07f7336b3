# SPDX-License-Identifier: BSD-2-Clause
"""Cases that are kept on the disk: found, hidden, and forgotten."""
import json
import os
import re
import time

import pytest

from support import net, sluice

CONF = """list local-domains domain [example.org]
history {history}
{state}
cases {{ to "{cases}" {keep} }}
greylist {{ delay 1h }}
at mail {{ rule many limit 100/1h by auth.user  when client.authenticated }}
at rcpt {{
    rule no-relay reject "550 5.7.1 <{{rcpt.address}}> is elsewhere" when relay.attempt
    rule grey greylist when mail.domain == grey.example
}}
"""


def conf(setup, keep="", history=0, state=None):
    return CONF.format(cases=setup.folder / "cases", keep=keep, history=history, state=state or f'state {{ lmdb "{setup.folder}/state" }}')


def mail(setup, s, sender="alice@example.net", recipient="u@example.org", **macros):
    m = setup.milter(s, macros={"M": {"i": "4XQ" + sender.split("@")[0], **macros}})
    m.greet()
    answer = m.message(f"<{sender}>", (f"<{recipient}>",))
    m.sock.close()
    return answer


def lines(setup):
    return [json.loads(line) for line in sluice.case_lines(setup.folder / "cases")]


def case_of(s):
    return re.search(r"case=(\w+)", s.cases()[-1]).group(1)


def test_a_case_is_found_on_the_disk_when_memory_has_it_no_more(setup):
    s = setup.sluice(conf(setup))
    mail(setup, s)
    one = case_of(s)
    mail(setup, s, "bob@example.net")
    for ident in (one, "4XQalice"):
        assert s.explain(ident)["from"] == "alice@example.net"
    s.stop()
    s.start()
    mail(setup, s, "carol@example.net")
    assert [s.explain("4XQ" + who)["from"] for who in ("alice", "bob", "carol")] == [who + "@example.net" for who in ("alice", "bob", "carol")]
    done = s.ctl("explain", "nobody")
    assert done.returncode == 66 and f"no case 'nobody' is kept, in memory or in {setup.folder}/cases" in done.stderr
    assert "alice@example.net" in sluice.ctl("explain", "-c", s.conf, one).stdout


def test_a_reload_goes_on_in_the_same_file_and_a_folder_can_be_another(setup):
    s = setup.sluice(conf(setup))
    mail(setup, s)
    assert s.reload(conf(setup, "keep 1d")).returncode == 0
    mail(setup, s)
    assert len(list((setup.folder / "cases").glob("*.jsonl"))) == 1 and len(lines(setup)) == 2
    assert s.reload(conf(setup).replace("/cases\"", "/others\"")).returncode == 0
    mail(setup, s)
    assert len(lines(setup)) == 2 and len(sluice.case_lines(setup.folder / "others")) == 1
    done = s.reload(conf(setup).replace("/cases\"", "/no/such\""))
    assert done.returncode == 78 and "cases: " in done.stderr and "cannot be made" in done.stderr
    mail(setup, s)
    assert len(sluice.case_lines(setup.folder / "others")) == 2


def files(setup):
    return sorted((setup.folder / "cases").glob("*.jsonl"))


def test_a_file_that_is_large_enough_is_followed_by_another(setup):
    s = setup.sluice(conf(setup, "size 1M"))  # a twentieth of it, but 64K at least
    m = setup.milter(s)
    m.greet()
    for i in range(60):
        m.message(f"<a{i}@example.net>")
    assert len(files(setup)) > 1 and all(path.stat().st_size <= 65536 for path in files(setup))
    assert [c["from"] for c in lines(setup)] == [f"a{i}@example.net" for i in range(60)]


def test_a_file_that_is_old_enough_is_followed_by_another(setup):
    s = setup.sluice(conf(setup, "keep 20s"))  # a twentieth of it
    m = setup.milter(s)
    m.greet()
    net.wait_for(lambda: m.message() and len(files(setup)) > 1, "the next file")
    assert len(lines(setup)) == len(s.cases()) > 1


def test_people_can_be_hidden_from_the_start(setup):
    s = setup.sluice(conf(setup, "addresses 0s", history=10))
    mail(setup, s)
    refused = mail(setup, s, recipient="bob@elsewhere.example")
    assert refused.kind != "continue"
    text = "".join(sluice.case_lines(setup.folder / "cases"))
    assert "alice" not in text.replace("4XQalice", "") and "bob" not in text and "@elsewhere.example> is elsewhere" in text
    hidden = lines(setup)
    assert hidden[0]["from"] == hidden[1]["from"] and re.fullmatch(r"~[0-9a-z]{13}@example.net", hidden[0]["from"]) and hidden[0]["hidden"]
    assert s.explain(hidden[0]["case"])["from"] == "alice@example.net"  # in memory nothing is
    assert os.stat(setup.folder / "cases" / ".key").st_mode & 0o777 == 0o600
    done = sluice.ctl("replay", "--policy", s.conf)
    assert done.returncode == 2 and "2 not to be replayed" in done.stdout and "the people in it are hidden" in done.stdout


def test_what_is_too_old_goes_by_itself_and_says_so_when_it_cannot(setup):
    folder = setup.folder / "cases"
    folder.mkdir()
    for name, age_s in (("20200101T000000Z-000.jsonl", 3600), ("20200101T000000Z-001.jsonl", 5)):
        (folder / name).write_text('{"case":"x"}\n')
        os.utime(folder / name, (time.time() - age_s,) * 2)
    s = setup.sluice(conf(setup, "keep 30m"))
    net.wait_for(lambda: not (folder / "20200101T000000Z-000.jsonl").exists(), "the old file to go")
    assert (folder / "20200101T000000Z-001.jsonl").exists()
    mail(setup, s)
    assert s.explain(case_of(s))


def test_a_person_is_forgotten(setup, state):
    s = setup.sluice(conf(setup, history=100, state=f"state {{ {state} }}"))
    mail(setup, s)
    mail(setup, s, "bob@grey.example")
    mail(setup, s, "alice@grey.example")
    mail(setup, s, "dave@example.net", "alice@elsewhere.example")
    mail(setup, s, "carol@example.org", auth_authen="carol")
    assert s.ctl("forget", "alice@grey.example").stdout.startswith("forgotten: 1 cases in memory, 1 entries of the store, 1 cases in ")
    assert "alice@grey.example" not in s.ctl("greylist", "list").stdout and "bob@grey.example" in s.ctl("greylist", "list").stdout
    assert [c["from"] for c in lines(setup)] == ["alice@example.net", "bob@grey.example", "dave@example.net", "carol@example.org"]
    assert s.ctl("forget", "alice@elsewhere.example").stdout.startswith("forgotten: 1 cases in memory, 0 entries of the store, 1 cases in ")
    assert s.ctl("forget", "carol").stdout.startswith("forgotten: 1 cases in memory, 1 entries of the store, 1 cases in ")
    assert s.ctl("limits", "list").stdout == ""
    assert [c["from"] for c in lines(setup)] == ["alice@example.net", "bob@grey.example"]
    assert s.ctl("explain", "4XQdave").returncode == 66 and s.explain("4XQalice")["from"] == "alice@example.net"
    mail(setup, s, "bob@grey.example")
    assert len(lines(setup)) == 3, "what comes after it goes on to be written"


def test_forgetting_what_was_hidden(setup):
    s = setup.sluice(conf(setup, "addresses 0s"))
    mail(setup, s)
    mail(setup, s, "bob@example.net")
    assert "1 cases in /" in s.ctl("forget", "alice@example.net").stdout
    assert len(lines(setup)) == 1


@pytest.mark.parametrize("args, status, message", [
    ([], 64, "usage: sluicectl forget"),
    (["<a@example.org>"], 64, "an address is written as user@example.org, with no brackets"),
    (["-s", "/nonexistent", "a@example.org"], 69, "no daemon answers on"),
])
def test_wrong_use_of_forget(args, status, message):
    done = sluice.ctl("forget", *args)
    assert done.returncode == status and message in done.stderr and done.stdout == ""
