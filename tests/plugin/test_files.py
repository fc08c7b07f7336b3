# SPDX-License-Identifier: BSD-2-Clause
"""The facts files.*, of real files that are sent through a daemon; what they do to its helpers, and what becomes of the mail then."""
import bz2
import contextlib
import concurrent.futures
import gzip
import lzma
import os
import pathlib
import random
import re
import signal
import struct
import threading
import time

import pytest
from support import attachments as att
from support import milter, net, sluice

KINDS = ["mismatch", "executable", "script", "double_extension", "archive", "encrypted", "bomb", "slip", "macro", "pdf_active", "embedded", "external", "unread"]
RULES = ('at message { rule broken tempfail "451 4.7.1 later" when files.outcome == temperror  rule program reject "554 5.7.1 a program" when files.executable  '
         'rule other score 1 when files.depth > 0 }\n')
SCAN = f'scan {{ helper "{sluice.SCAN}"  timeout 20s  %s }}\nstage_deadline 60s\n'


def helpers(s):
    """The processes of sluice-scan that this daemon has."""
    found = []
    for task in pathlib.Path(f"/proc/{s.process.pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            pass
    return found


def send(setup, s, *files, text="hello\n"):
    with setup.milter(s) as m:
        m.greet()
        headers, body = att.message(*files, text=text)
        return m.message(headers=headers, body=body)


def facts(setup, *files, more="", s=None):
    """What the case of a mail with these says, under `kinds` those that are true."""
    s = s or setup.sluice((SCAN % more if more else "stage_deadline 60s\n") + RULES)
    send(setup, s, *files)
    case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
    found = {name[6:]: value for name, value in case["facts"].items() if name.startswith("files.")}
    found["kinds"] = {k for k in KINDS if found.get(k)}
    return found


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """One daemon for all that only want to know what is found."""
    s = sluice.Sluice(tmp_path_factory.mktemp("gate"), SCAN % "workers 2" + RULES)
    yield s
    s.stop()


OCTETS = "application/octet-stream"
VBA = att.compound([("Macros", 1, b""), ("VBA", 1, b""), ("_VBA_PROJECT", 2, b"\xcc\x61" + bytes(5000))])


FOUND = [
    ("a.txt", "text/plain", b"hello\n", set()),
    ("a.png", "image/png", att.PNG, set()),
    ("a.jpg", "image/jpeg", att.JPEG, set()),
    ("a.pdf", "application/pdf", att.pdf(b"<</Type /Catalog>>"), set()),
    ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", att.docx(), set()),
    # not what it says
    ("a.pdf", "application/pdf", att.PNG, {"mismatch"}),
    ("a.bin", "image/jpeg", att.PNG, {"mismatch"}),
    ("a.doc", "application/msword", b"<html><body>x</body></html>\n", {"mismatch"}),
    # programs
    ("a.bin", OCTETS, att.PE, {"executable"}),
    ("a.jpg", "image/jpeg", att.PE, {"executable", "mismatch"}),
    ("a.bin", OCTETS, att.ELF, {"executable"}),
    ("a.bin", OCTETS, att.MACH_O, {"executable"}),
    ("a.bin", OCTETS, att.JAVA, {"executable"}),
    ("a.bin", OCTETS, att.SHORTCUT, {"executable"}),
    ("a.bin", OCTETS, b"#!/bin/sh\nrm -rf /\n", {"script"}),
    ("a.js", "text/plain", b"eval(x)\n", {"executable"}),
    ("A.VBS ", OCTETS, b"x = 1\n", {"executable"}),
    ("a.txt", "text/plain", b"<html><hta:application id=x></html>\n", {"executable"}),
    ("a.bin", OCTETS, b"<job id='x'><script language='VBScript'></script></job>\n", {"executable"}),
    ("a.bin", OCTETS, att.compound([("x", 2, b"y")], root_class=bytes.fromhex("84100c0000000000c000000000000046")), {"executable"}),
    ("invoice.pdf.exe", OCTETS, att.PE, {"executable", "double_extension"}),
    ("invoice.pdf          .exe", OCTETS, att.PE, {"executable", "double_extension"}),
    ("invoice\u202efdp.exe", OCTETS, att.PE, {"executable", "double_extension"}),
    ("report.2026.exe", OCTETS, att.PE, {"executable"}),
    # archives
    ("a.zip", "application/zip", att.zipped([("a.txt", b"x")]), {"archive"}),
    ("a.tar", "application/x-tar", att.tarred([("a.exe", att.PE)]), {"archive", "executable"}),
    ("a.tgz", "application/gzip", att.tarred([("a/b/c.txt", b"x")], "w:gz"), {"archive"}),
    ("a.tar.xz", "application/x-xz", att.tarred([("a.exe", att.PE)], "w:xz"), {"archive", "executable"}),
    ("a.sh.gz", "application/gzip", gzip.compress(b"#!/bin/sh\n"), {"archive", "script"}),
    ("a.bz2", "application/x-bzip2", bz2.compress(att.PE), {"archive", "executable"}),
    ("a.lzma", OCTETS, lzma.compress(att.PE, lzma.FORMAT_ALONE), {"archive", "executable"}),
    ("a.zip", "application/zip", att.encrypted_zip(), {"archive", "encrypted"}),
    ("a.zip", "application/zip", att.nested(3, att.PE), {"archive", "executable", "mismatch"}),
    ("a.exe", OCTETS, att.PE + att.zipped([("inner.js", b"x")]), {"executable", "archive"}),
    ("a.a", OCTETS, att.ar(("/", b"\0\0\0\0"), ("//", b"a_long_name_of_a_member.txt/\n"), ("/0", b"hello\n")), {"archive"}),
    ("a.bin", OCTETS, att.tarred([("a.txt", att.zipped([("x", b"x")], 0) + b"hello")]), {"archive", "mismatch"}),
    # names that leave the folder
    ("a.zip", "application/zip", att.zipped([("../../etc/cron.d/x", b"x")]), {"archive", "slip"}),
    ("a.zip", "application/zip", att.zipped([("/etc/passwd", b"x")]), {"archive", "slip"}),
    ("a.zip", "application/zip", att.zipped([("..\\x.txt", b"x")]), {"archive", "slip"}),
    ("a.zip", "application/zip", att.zipped([("C:\\x.txt", b"x")]), {"archive", "slip"}),
    ("a.zip", "application/zip", att.zipped([("a..b/..x/x", b"x")]), {"archive"}),
    ("a.tar", "application/x-tar", att.tarred([], links=[("x", "../../../etc/passwd")]), {"archive", "slip"}),
    # documents
    ("a.doc", "application/msword", VBA, {"macro"}),
    ("a.docm", OCTETS, att.docx(("word/vbaProject.bin", VBA)), {"macro"}),
    ("a.docx", OCTETS, att.docx(("word/_rels/settings.xml.rels", att.relation("attachedTemplate", "http://x.example/t.dotm"))), {"external"}),
    ("a.docx", OCTETS, att.docx(("word/_rels/document.xml.rels", att.relation("hyperlink", "http://x.example/"))), set()),
    ("a.docx", OCTETS, att.docx(("word/_rels/document.xml.rels", att.relation("oleObject", "http://x.example/a").encode("utf-16"))), {"external"}),
    ("a.docx", OCTETS, att.docx(("word/footer.xml", '<?xml version="1.0"?><w:instrText>DDEAUTO c:\\windows\\cmd.exe</w:instrText>')), {"external"}),
    ("a.docx", OCTETS, att.docx(("word/embeddings/oleObject1.bin", att.compound([("\1Ole10Native", 2, att.PE)]))), {"embedded"}),
    ("a.docx", OCTETS, att.docx(("word/media/image1.png", att.PE)), {"executable", "mismatch"}),
    ("a.xls", "application/vnd.ms-excel", att.compound([("Workbook", 2, att.workbook((0x809, bytes(16)), (0x85, bytes(5) + b"\1" + b"\6Macro1"), (10, b"")))]), {"macro"}),
    ("a.xls", "application/vnd.ms-excel", att.compound([("Workbook", 2, att.workbook((0x809, bytes(16)), (0x2f, bytes(54)), (10, b"")))]), {"encrypted"}),
    ("a.xls", "application/vnd.ms-excel", att.compound([("Workbook", 2, att.workbook((0x809, bytes(16)), (0x85, bytes(6) + b"\6Sheet1"), (10, b"")))]), set()),
    ("a.docx", OCTETS, att.compound([("EncryptionInfo", 2, b"x"), ("EncryptedPackage", 2, b"x")]), {"encrypted"}),
    ("a.rtf", "application/rtf", b"{\\rtf1{\\object\\objemb\\objupdate{\\*\\objdata 0105}}}", {"embedded"}),
    ("a.rtf", "application/rtf", b"{\\rtf1{\\*\\template http://x.example/t}}", {"external"}),
    ("a.rtf", "application/rtf", b"{\\rtf1 hello}", set()),
    ("a.one", OCTETS, bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(100) + bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac") +
     struct.pack("<Q", len(att.PE)) + bytes(12) + att.PE, {"embedded", "executable"}),
    # PDF
    ("a.pdf", "application/pdf", att.pdf(b"<</Type /Catalog /OpenAction 2 0 R>>", b"<</S /JavaScript /JS (app.alert\\(1\\))>>"), {"pdf_active"}),
    ("a.pdf", "application/pdf", att.pdf(b"<</S /J#61vaScr#69pt>>"), {"pdf_active"}),
    ("a.pdf", "application/pdf", att.pdf(b"<</S /Launch /F (cmd.exe)>>"), {"pdf_active"}),
    ("a.pdf", "application/pdf", att.pdf(att.object_stream(b"1 0 <</S /JavaScript /JS (x)>>")), {"pdf_active"}),
    ("a.pdf", "application/pdf", att.pdf(b"<</Type /EmbeddedFile /Length 1>>\nstream\nx\nendstream"), {"embedded"}),
    ("a.pdf", "application/pdf", att.pdf(b"<</Length 9>>\nstream\n/JS /AA x\nendstream"), set()),
    ("a.pdf", "application/pdf", att.pdf(b"<<>>") + b"trailer <</Encrypt 5 0 R>>", {"encrypted"}),
    # what cannot be read
    ("a.zip", "application/zip", att.zipped([("a.txt", random.Random(1).randbytes(5000))])[:3000], {"archive", "unread"}),
    ("a.gz", "application/gzip", gzip.compress(random.Random(1).randbytes(5000))[:3000], {"unread"}),
]


@pytest.mark.parametrize("row", range(len(FOUND)), ids=[f"{i}-{row[0]}" for i, row in enumerate(FOUND)])
def test_what_is_found(setup, gate, row):
    name, kind, content, kinds = FOUND[row]
    found = facts(setup, (content, kind, name), s=gate)
    assert found["outcome"] == "done" and found["kinds"] == kinds, found["evidence"] if "evidence" in found else found
    assert found["names"][0] == name.strip()


def test_names_types_and_evidence_are_told(setup, gate):
    inner = att.zipped([("b.exe", att.PE), ("ä.txt", b"hello\n")])
    found = facts(setup, (att.zipped([("a.zip", inner)]), "application/zip", "out.zip"), (att.PNG, "image/png", "p.png"), s=gate)
    assert found["names"] == ["out.zip", "a.zip", "b.exe", "ä.txt", "p.png"]
    assert found["types"] == ["application/zip", "application/zip", "application/vnd.microsoft.portable-executable", "text/plain", "image/png"]
    assert found["depth"] == 2
    assert "2 executable: out.zip/a.zip/b.exe: a program for Windows" in found["evidence"]


def test_a_part_with_two_names_is_looked_at_by_both(setup, gate):
    with setup.milter(gate) as m:
        m.greet()
        assert m.message(headers=[("Content-Type", "text/plain; name=a.txt"), ("Content-Disposition", "attachment; filename=a.exe")], body=b"x = 1\r\n").code == 554
    case = gate.explain(re.search(r"case=(\w+)", gate.cases()[-1]).group(1))
    assert sorted(case["facts"]["files.names"]) == ["a.exe", "a.txt"]


def test_other_archives(setup, gate, tmp_path):
    for kind in ("7zip", "iso9660", "cpio"):
        found = facts(setup, (att.by_bsdtar(tmp_path / kind, kind, [("a.exe", att.PE), ("b.txt", b"hello\n")]), OCTETS, "x.bin"), s=gate)
        assert {"archive", "executable"} <= found["kinds"] and {"a.exe", "b.txt"} <= {n.lower() for n in found["names"]}, kind


def test_text_alone_asks_nobody(setup, gate):
    send(setup, gate)
    case = gate.explain(re.search(r"case=(\w+)", gate.cases()[-1]).group(1))
    assert case["facts"]["files.executable"] is False and not [a for a in case.get("answers", []) if a["type"] == "scan"]


BOMBS = {
    "one entry of zeros": lambda: att.zipped([("zero", bytes(40 << 20))]),
    "many entries": lambda: att.zipped([(f"{i}", b"x") for i in range(10000)]),
    "deep": lambda: att.nested(8),
    "flat": lambda: att.overlapping(1000, 8 << 20),
    "compressed twice": lambda: gzip.compress(gzip.compress(bytes(100 << 20))),
    "wide and deep": lambda: att.zipped([(f"{i}.zip", att.zipped([(f"{k}", bytes(1 << 20)) for k in range(20)])) for i in range(20)]),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_end_at_a_limit(setup, gate, bomb):
    content = BOMBS[bomb]()
    assert len(content) < 2 << 20
    began = time.monotonic()
    found = facts(setup, (content, "application/zip", "bomb.zip"), s=gate)
    assert "bomb" in found["kinds"] and found["outcome"] == "done", found
    assert time.monotonic() - began < 30


def test_a_program_is_known_though_it_is_blown_up_until_a_limit(setup, gate):
    found = facts(setup, (att.zipped([("photo.jpg", att.PE + bytes(40 << 20))]), "application/zip", "a.zip"), s=gate)
    assert found["kinds"] == {"archive", "bomb", "executable", "mismatch"}


def test_each_limit_is_a_setting(setup):
    archive = att.zipped([(f"{i}", random.Random(i).randbytes(50000)) for i in range(50)])
    for more, content, kinds in (("entries 10", archive, {"archive", "bomb"}), ("unpacked 1M", archive, {"archive", "bomb"}), ("max 1M", archive, {"unread"}),
                                 ("depth 1", att.nested(2), {"archive", "bomb"}), ("depth 2", att.nested(2), {"archive"}), ("workers 1", archive, {"archive"})):
        assert facts(setup, (content, "application/zip", "a.zip"), more=more)["kinds"] == kinds, more


def test_no_file_ends_a_helper(setup, gate):
    """Garbage, and all that is above, cut anywhere or with octets changed."""
    rng = random.Random(7)
    good = [VBA, att.docx(("word/vbaProject.bin", VBA)), att.zipped([("a", att.PE), ("b", att.PNG)]), att.tarred([("a", att.PE)], "w:gz"),
            att.pdf(att.object_stream(b"/JS" * 500)), att.tarred([("a", b"x" * 3000)]), b"{\\rtf1{\\*\\objdata 0105}}", att.nested(3),
            att.by_bsdtar(setup.folder / "z", "7zip", [("a", b"x" * 500)]), rng.randbytes(3000)]
    for _ in range(6):
        files = []
        for content in good:
            bad = bytearray(content[:rng.randrange(1, len(content) + 1)])
            for _ in range(rng.randrange(20)):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            files.append((bytes(bad), OCTETS, "x.bin"))
        found = facts(setup, *files, s=gate)
        assert found["outcome"] == "done", found
    assert "scan is switched off" not in gate.log()


# ---- when helpers fail ----


def test_without_helpers_the_policy_decides(setup):
    program = setup.folder / "no-helper"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    s = setup.sluice(f'scan {{ helper {program} }}\n' + RULES)
    net.wait_for(lambda: "scan is switched off: the helper ended: it ended with status 3" in s.log(), "the log to tell")
    assert send(setup, s, (att.PE, OCTETS, "a.exe")).code == 451
    assert send(setup, s).kind != milter.REPLY
    assert "switched_off scan: " in s.ctl("status").stdout
    assert s.log().count("scan is switched off") == 1


@pytest.mark.parametrize("what, why", [
    ("sys.stdin.close(); os.kill(os.getpid(), 11)", "the helper ended: it was ended by signal 11"),
    ("time.sleep(1000)", "the helper had no answer in its time"),
    ("link.send(b'end\\t0\\n'); time.sleep(1000)", "the helper said what is no answer"),
    ("link.send(b'file\\t0\\ttext/plain\\t' + b'a' * 300 + b'\\nend\\t0\\n'); time.sleep(1000)", "the helper said what is no answer"),
    ("link.send(b'x' * 150000); time.sleep(1000)", "the helper said what is no answer"),
    ("link.close(); sys.stdin.close(); os.closerange(0, 3); time.sleep(1000)", "the helper had no answer in its time"),
])
def test_a_helper_that_a_file_has_taken_over_costs_its_own_mail(setup, what, why):
    """It answers as files do that have a NUL in them; to others it is good."""
    program = setup.folder / "helper"
    program.write_text(f"""#!/usr/bin/python3
import os, socket, sys, time
link = socket.socket(fileno=os.dup(0))
link.send(b"ready")
packet, fds, _, _ = socket.recv_fds(link, 2000, 1)
if os.pread(fds[0], 100, 0).startswith(b"bad"):
    {what}
else:
    link.send(b"file\\t0\\ttext/plain\\tgood\\nend\\t0\\n")
""")
    program.chmod(0o755)
    s = setup.sluice(f'stage_deadline 60s\nscan {{ helper {program}  workers 1  timeout 1500ms }}\n' + RULES)
    for _ in range(2):
        assert send(setup, s, (b"bad\0", OCTETS, "x.bin")).code == 451
        case = s.explain(re.search(r"case=(\w+)", s.cases()[-1]).group(1))
        assert [a["records"] for a in case["answers"] if a["type"] == "scan"] == [[why]]
        assert case["facts"]["files.error"] == ("timeout" if "time" in why else "other")
        assert send(setup, s, (b"good\0", OCTETS, "x.bin")).kind != milter.REPLY
    assert "scan is switched off" not in s.log()


def test_helpers_that_end_over_every_file_are_told_of_once(setup):
    program = setup.folder / "helper"
    program.write_text("""#!/usr/bin/python3
import os, socket
link = socket.socket(fileno=os.dup(0))
link.send(b"ready")
packet, fds, _, _ = socket.recv_fds(link, 2000, 1)
if b"good" in packet:
    link.send(b"file\\t0\\ttext/plain\\tgood\\nend\\t0\\n")
""")
    program.chmod(0o755)
    s = setup.sluice(f'stage_deadline 60s\nscan {{ helper {program}  timeout 20s }}\n' + RULES)
    for _ in range(7):
        assert send(setup, s, (b"\0", OCTETS, "bad")).code == 451
    assert s.log().count("scan is switched off: 5 files in a row had no answer; of the last: the helper ended: it ended with status 0") == 1
    assert send(setup, s, (b"\0", OCTETS, "good")).kind != milter.REPLY
    assert s.log().count("scan works again") == 1


def test_what_one_file_has_is_known_though_another_cannot_be_read(setup):
    program = setup.folder / "helper"
    program.write_text("""#!/usr/bin/python3
import os, socket
link = socket.socket(fileno=os.dup(0))
link.send(b"ready")
packet, fds, _, _ = socket.recv_fds(link, 2000, 1)
if b"good" in packet:
    link.send(b"file\\t0\\ttext/plain\\tgood\\nfound\\tmacro\\tx\\tgood\\nend\\t0\\n")
""")
    program.chmod(0o755)
    s = setup.sluice(f'scan {{ helper {program} }}\n' + RULES)
    found = facts(setup, (b"\0", OCTETS, "good"), (b"\0", OCTETS, "bad"), s=s)
    assert found["outcome"] == "temperror" and found["macro"] is True and "executable" not in found


@pytest.mark.skipif(sluice.sanitized(), reason="sanitizers reserve more memory than any limit would let them")
def test_a_file_that_takes_memory_takes_it_from_its_helper_alone(setup):
    s = setup.sluice(SCAN % "memory 128M  unpacked 10G  ratio 1000000" + RULES)
    before = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{s.process.pid}/status").read_text())[1])
    for _ in range(3):
        found = facts(setup, (gzip.compress(bytes(300 << 20)), "application/gzip", "a.gz"), s=s)
        assert found["kinds"] >= {"archive", "bomb"} or found["outcome"] == "temperror"
    after = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{s.process.pid}/status").read_text())[1])
    assert after - before < 40 << 10


def test_killing_helpers_at_any_time_changes_a_verdict_only_to_what_the_policy_says_of_failures(setup):
    s = setup.sluice(SCAN % "workers 2" + RULES)
    program, good = (att.zipped([("a.exe", att.PE)]), "application/zip", "a.zip"), (att.zipped([("a.txt", b"x")]), "application/zip", "a.zip")
    ends, killed = threading.Event(), 0
    codes = {}

    def kill():
        nonlocal killed
        rng = random.Random(1)
        while not ends.is_set():
            for pid in helpers(s)[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            ends.wait(rng.random() * 0.1)

    def run(i):
        rejected = i % 2 == 0
        answer = send(setup, s, program if rejected else good)
        code = answer.code if answer.kind == milter.REPLY else 250
        assert code in ((554, 451) if rejected else (250, 451)), answer
        return code

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            while killed < 20:
                for code in pool.map(run, range(20)):
                    codes[code] = codes.get(code, 0) + 1
    finally:
        ends.set()
        killer.join()
    assert codes.keys() <= {250, 451, 554}

    def well():
        return send(setup, s, program).code == 554 and send(setup, s, good).kind != milter.REPLY
    net.wait_for(well, "the helpers to be back")


def test_helpers_are_there_only_if_the_policy_wants_them(setup):
    s = setup.sluice('at message { rule r score 1 when client.trusted }\n')
    assert not helpers(s)
    assert s.reload(SCAN % "workers 3" + RULES).returncode == 0
    net.wait_for(lambda: len(helpers(s)) == 3, "helpers")
    before = helpers(s)
    assert s.reload(SCAN % "workers 3" + RULES).returncode == 0
    assert helpers(s) == before, "a reload that changes nothing keeps them"
    assert s.reload(SCAN % "workers 1" + RULES).returncode == 0
    net.wait_for(lambda: len(helpers(s)) == 1 and helpers(s)[0] not in before, "the new one alone")
    last = helpers(s)
    s.stop()
    assert not pathlib.Path(f"/proc/{last[0]}").exists()


def test_helpers_end_when_the_daemon_is_killed(setup):
    s = setup.sluice(SCAN % "workers 2" + RULES)
    net.wait_for(lambda: len(helpers(s)) == 2, "helpers")
    last = helpers(s)
    s.process.kill()
    s.process.wait()
    s.process = None
    net.wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in last), "the helpers to end")


def test_a_helper_that_is_not_there_is_an_error_of_the_configuration(setup):
    s = setup.sluice('at message { rule r score 1 when client.trusted }\n')
    done = s.reload('scan { helper /nowhere/sluice-scan }\n' + RULES)
    assert done.returncode != 0 and "/nowhere/sluice-scan cannot be started" in done.stderr + done.stdout


def test_a_replay_takes_the_facts_of_the_case(setup):
    cases = setup.folder / "cases"
    cases.mkdir()
    s = setup.sluice(f'cases {{ to {cases} }}\n' + RULES)
    assert send(setup, s, (att.PE, OCTETS, "a.exe")).code == 554
    s.stop()
    done = sluice.ctl("replay", "-c", s.conf, *sorted(cases.glob("*.jsonl")))
    assert done.returncode == 0, done.stdout + done.stderr
