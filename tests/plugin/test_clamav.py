# SPDX-License-Identifier: BSD-2-Clause
"""The facts clamav.*: what a real clamd says of parts of messages; and what becomes of the mail when it, or what stands in its place, does not."""
import concurrent.futures
import email.message
import email.policy
import re
import threading

import pytest
from support import attachments as att
from support import clamd, milter, net, sluice

OCTETS = "application/octet-stream"
RULES = ('at message { rule virus reject "554 5.7.1 a virus: {clamav.names}" when clamav.found  '
         'rule broken tempfail "451 4.7.1 later" when clamav.outcome == temperror  rule large score 1 when clamav.too_large  '
         'rule old score 1 when clamav.signatures_age > 1 }\n')
EVIL = (clamd.EICAR, OCTETS, "invoice.com")
CLEAN = (b"a clean file\n" * 10, OCTETS, "clean.bin")


@pytest.fixture(scope="module")
def server(shared_setup):
    with clamd.Clamd(shared_setup.folder) as c:
        yield c


def conf(*servers, more="", rules=RULES):
    return "stage_deadline 60s\nclamav {\n" + "".join(f" server {s}\n" for s in servers) + f" {more}\n}}\n" + rules


def send(setup, s, *files, text="hello\n"):
    with setup.milter(s) as m:
        m.greet()
        headers, body = att.message(*files, text=text)
        return m.message(headers=headers, body=body)


def facts(s):
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    return {name[7:]: value for name, value in case["facts"].items() if name.startswith("clamav.")}


def forwarded(*files):
    """A mail in which another one is, with these files."""
    inner, outer = email.message.EmailMessage(), email.message.EmailMessage()
    for m in (inner, outer):
        m["From"], m["Subject"] = "a@example.net", "t"
        m.set_content("look at this\n")
    for content, kind, name in files:
        inner.add_attachment(content, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    outer.add_attachment(inner)
    return outer.as_bytes(policy=email.policy.SMTP)


def send_octets(setup, s, octets):
    head, body = octets.split(b"\r\n\r\n", 1)
    with setup.milter(s) as m:
        m.greet()
        return m.message(headers=[tuple(f.split(": ", 1)) for f in re.split(r"\r\n(?!\s)", head.decode())], body=body)


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_what_clamd_finds_is_named_with_its_place(setup, server, kind):
    s = setup.sluice(conf(getattr(server, kind)))
    for what, evidence in [
        (dict(text=clamd.EICAR.decode() + "\n"), f"1 {clamd.FOUND}"),
        (dict(files=[CLEAN, EVIL]), f"3 {clamd.FOUND}: invoice.com"),
        (dict(files=[(att.zipped([("x/invoice.com", clamd.EICAR)]), "application/zip", "invoice.zip")]), f"2 {clamd.FOUND}: invoice.zip"),
    ]:
        end = send(setup, s, *what.get("files", []), text=what.get("text", "hello\n"))
        assert (end.code, clamd.FOUND in end.text) == (554, True), end
        found = facts(s)
        assert found["found"] and found["names"] == [clamd.FOUND] and found["evidence"] == [evidence]
        assert found["engine"].startswith("ClamAV 1.") and not found["too_large"] and "signatures_age" not in found
    end = send_octets(setup, s, forwarded((att.zipped([("x.com", clamd.EICAR)]), "application/zip", "a.zip")))
    assert end.code == 554 and facts(s)["evidence"] == [f"2.2 {clamd.FOUND}: a.zip"]
    end = send(setup, s, EVIL, (clamd.EICAR + b"\n", OCTETS, "b.com"))
    assert end.code == 554 and facts(s)["names"] == [clamd.FOUND] and len(facts(s)["evidence"]) == 2
    assert send(setup, s, CLEAN).kind == milter.CONTINUE and facts(s)["found"] is False and "names" not in facts(s)
    large = (bytes(3 << 20), OCTETS, "large.bin")
    assert send(setup, s, large, EVIL).code == 554 and facts(s)["evidence"] == [f"3 {clamd.FOUND}: invoice.com"]


def test_the_message_as_it_came(setup, server):
    s = setup.sluice(conf(server.unix, more="of message"))
    assert send(setup, s, EVIL).code == 554 and facts(s)["evidence"] == [f"message {clamd.FOUND}"]
    assert send(setup, s, CLEAN).kind == milter.CONTINUE
    with clamd.Fake() as fake:
        s = setup.sluice(conf(fake.address, more="of [parts message]"))
        assert send(setup, s).kind == milter.CONTINUE
        part, whole = sorted(fake.streams, key=len)
        assert part == b"hello\r\n"
        assert re.fullmatch(rb"From: a@example.net\r\nSubject: files\r\n(\S+: [^\r]*\r\n)+\r\nhello\r\n", whole)


def test_what_is_too_large_for_us_or_for_clamd(setup):
    s = setup.sluice(conf("unix:/nowhere", more="max 1K"))
    end = send(setup, s, (bytes(2000), OCTETS, "a.bin"), text="x" * 1200)
    assert end.kind == milter.CONTINUE and facts(s)["too_large"] and facts(s)["outcome"] == "done"
    with clamd.Clamd(setup.folder, more="StreamMaxLength 64K") as small:
        s = setup.sluice(conf(small.unix))  # an open file is no stream
        assert send(setup, s, (clamd.EICAR + bytes(200000), OCTETS, "a.bin")).code == 554
        s = setup.sluice(conf(small.inet))
        for size in (65537, 4 << 20):
            assert send(setup, s, (bytes(size), OCTETS, "a.bin")).kind == milter.CONTINUE
            assert facts(s)["too_large"] and facts(s)["outcome"] == "done" and facts(s)["found"] is False


def test_more_parts_than_are_asked_about(setup):
    with clamd.Fake() as fake:
        s = setup.sluice(conf(fake.address, more="keep 0s"))
        assert send(setup, s, *[(b"%d" % i, OCTETS, "a.bin") for i in range(110)]).kind == milter.CONTINUE
        assert len(fake.streams) == 100 and facts(s)["too_large"]


def test_the_age_of_the_signatures_and_odd_names(setup):
    with clamd.Fake(answer=lambda octets: b"stream: \x1b[1m\xff{rcpt.address} % FOUND\0" if b"evil" in octets else b"stream: OK\0") as fake:
        s = setup.sluice(conf(fake.address))
        assert send(setup, s, (b"evil", OCTETS, "a.bin")).code == 554
        found = facts(s)
        assert found["names"] == ["?[1m?{rcpt.address} %"] and found["engine"] == "ClamAV 1.4.3" and found["signatures_age"] > 86400 * 365


def test_an_answer_is_kept_until_the_signatures_change(setup):
    with clamd.Fake(answer=lambda octets: b"stream: X FOUND\0" if octets == b"evil" else b"stream: OK\0") as fake:
        s = setup.sluice(conf(fake.address, more="keep 1h"))
        for _ in range(3):
            assert send(setup, s, (b"evil", OCTETS, "a.bin")).code == 554 and facts(s)["evidence"] == ["2 X: a.bin"]
        assert sorted(fake.streams) == [b"evil", b"hello\r\n"] and fake.versions >= 1
        assert s.reload(conf(fake.address, more="keep 1h") + "# nothing else\n").returncode == 0
        assert send(setup, s, (b"evil", OCTETS, "a.bin")).code == 554 and len(fake.streams) == 2, "a reload that changes nothing keeps it"
        assert s.reload(conf(fake.address, more="keep 0s")).returncode == 0
        for count in (4, 6):
            assert send(setup, s, (b"evil", OCTETS, "a.bin")).code == 554 and len(fake.streams) == count


def test_other_signatures_end_what_was_kept(setup):
    with clamd.Fake(answer=lambda octets: b"nonsense\0" if octets == b"break" else b"stream: OK\0") as fake:
        s = setup.sluice(conf(fake.address))
        for _ in range(2):
            assert send(setup, s, (b"evil", OCTETS, "a.bin")).kind == milter.CONTINUE
        assert fake.streams.count(b"evil") == 1
        fake.version = b"ClamAV 1.4.3/27801/Tue Nov 26 09:30:00 2024\0"
        fake.answer = lambda octets: {b"evil": b"stream: X FOUND\0", b"break": b"nonsense\0"}.get(octets, b"stream: OK\0")
        assert send(setup, s, (b"evil", OCTETS, "a.bin")).kind == milter.CONTINUE, "it is not asked for its version all the time"
        assert send(setup, s, (b"break", OCTETS, "a.bin")).code == 451
        net.wait_for(lambda: send(setup, s, (b"evil", OCTETS, "a.bin")).code == 554, "the server to be asked again")
        assert fake.streams.count(b"evil") == 2


def test_another_server_is_asked_when_the_first_is_not_there(setup, server):
    dead = f"inet:{net.free_port()}@127.0.0.1"
    s = setup.sluice(conf("unix:/nowhere/clamd", dead, server.unix))
    for _ in range(3):
        assert send(setup, s, EVIL).code == 554
    status = s.ctl("status").stdout
    assert f"clamd {dead}" in status and "Connection refused" in s.log() and "No such file" in s.log()
    s = setup.sluice(conf(dead))
    assert send(setup, s, CLEAN).code == 451 and facts(s)["outcome"] == "temperror" and "found" not in facts(s)


NONSENSE = [b"hello\0", b"\0", b"x" * 100000, b"stream: OK", b"", b"stream: FOUND\0", b"\xff" * 5000 + b"\0"]


@pytest.mark.parametrize("reply", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_no_answer(setup, server, reply):
    with clamd.Fake(answer=lambda octets: reply) as fake, clamd.Fake(version=reply) as no_version:
        s = setup.sluice(conf(fake.address))
        assert send(setup, s, EVIL).code == 451 and facts(s)["outcome"] == "temperror"
        assert s.reload(conf(no_version.address, fake.address, server.unix)).returncode == 0
        assert send(setup, s, EVIL).code == 554 and facts(s)["outcome"] == "done"


def test_an_error_of_one_server_is_not_believed(setup, server):
    with clamd.Fake(answer=lambda octets: b"stream: Can't allocate memory ERROR\0") as fake:
        s = setup.sluice(conf(fake.address))
        assert send(setup, s, EVIL).code == 451
        assert "Can't allocate memory" in s.ctl("explain", re.search(r"case=(\w+)", s.cases()[-1]).group(1)).stdout
        assert s.reload(conf(fake.address, server.unix)).returncode == 0
        assert send(setup, s, EVIL).code == 554


def test_a_server_that_never_answers(setup):
    with clamd.Fake(answer=lambda octets: None) as fake:
        s = setup.sluice(conf(fake.address, more="timeout 300ms"))
        assert send(setup, s, EVIL).code == 451 and facts(s)["outcome"] == "temperror" and facts(s)["error"] == "timeout"
        for fate, code in [("continue", 0), ("tempfail", 451), ('reject "550 5.7.1 nobody looked"', 550)]:
            rules = f'at message {{ rule v reject "554 5.7.1 x" when clamav.found\n on_error clamav {fate}\n }}\n'
            s = setup.sluice(conf(fake.address, more="timeout 300ms", rules=rules))
            assert send(setup, s, EVIL).code == code


def test_a_part_that_fails_leaves_what_others_have(setup):
    with clamd.Fake(answer=lambda octets: b"stream: X FOUND\0" if octets == b"evil" else b"stream: no ERROR\0") as fake:
        s = setup.sluice(conf(fake.address))
        assert send(setup, s, (b"evil", OCTETS, "a.bin"), (b"other", OCTETS, "b.bin")).code == 554
        assert facts(s)["outcome"] == "temperror" and facts(s)["names"] == ["X"]


def test_a_server_that_takes_no_files_gets_a_stream(setup, server):
    """One that refuses FILDES, on a unix socket: a clamd whose socket only relays."""
    path = setup.folder / "relay"
    with clamd.Relay(path, server.port):
        s = setup.sluice(conf(f"unix:{path}"))
        for _ in range(2):
            assert send(setup, s, EVIL, (b"%d" % net.free_port(), OCTETS, "x")).code == 554


def test_a_crash_and_a_reload_under_load(setup):
    first, second = clamd.Clamd(setup.folder / "a"), clamd.Clamd(setup.folder / "b")
    with first, second:
        both = conf(first.unix, second.inet, more="keep 0s")
        s = setup.sluice(both)
        ends, wrong, done = threading.Event(), [], [0, 0]

        def work(k):
            while not ends.is_set():
                evil = done[k] % 2
                end = send(setup, s, EVIL if evil else CLEAN)
                if (end.code == 554) != bool(evil) or (not evil and end.kind != milter.CONTINUE):
                    wrong.append(end)
                done[k] += 1

        def more():
            before = list(done)
            net.wait_for(lambda: all(d >= b + 4 for d, b in zip(done, before)), "mails to go through")

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            workers = [pool.submit(work, k) for k in range(2)]
            try:
                more()
                first.kill()
                more()
                first.start()
                more()
                for i in range(4):
                    assert s.reload(conf(first.unix, second.inet, more=f"keep 0s\n timeout {20 + i % 2}s")).returncode == 0
                    more()
            finally:
                ends.set()
            for w in workers:
                w.result()
        assert not wrong, wrong
        second.kill()
        net.wait_for(lambda: send(setup, s, EVIL).code == 554, "the first to be asked again")


def test_a_replay_takes_the_facts_of_the_case(setup, server):
    cases = setup.folder / "cases"
    cases.mkdir()
    s = setup.sluice(f'cases {{ to {cases} }}\n' + conf(server.unix))
    assert send(setup, s, EVIL).code == 554
    s.stop()
    done = sluice.ctl("replay", "-c", s.conf, *sorted(cases.glob("*.jsonl")))
    assert done.returncode == 0, done.stdout + done.stderr
