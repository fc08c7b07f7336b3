# SPDX-License-Identifier: BSD-2-Clause
"""A disk that is full under what sluiced writes: mail goes on, it is told once each way, and all is well when there is room again. The store is in
dialogue/test_store_faults.py."""
import json
import resource

import pytest
from support import disk, net, sluice
from support.milter import CONTINUE, REPLY

CONFIG = """authserv_id mx.example.org
stage_deadline 5s
history 0
{rules}
"""


@pytest.fixture
def small(setup):
    d = disk.Disk(setup.folder / "disk", 256)
    setup.running.append(d)  # it goes after the daemon, which comes later
    return d


def send(setup, s, number, octets=b"hello\r\n"):
    m = setup.milter(s)
    m.greet()
    answer = m.message(f"<n{number}@example.net>", body=octets)
    m.sock.close()
    return answer


def senders(folder):
    """Of the cases that are kept, which are all whole ones."""
    return [json.loads(line)["from"] for line in sluice.case_lines(folder)]


FULL = "the folder of cases is switched off: {}/cases cannot be written to: No space left on device; the cases that come meanwhile are lost"
ROOM = "the folder of cases works again"


@disk.needs_root
@pytest.mark.parametrize("leave", [0, 100])
def test_cases(setup, small, leave):
    """leave: octets of room, into which no whole case fits."""
    s = setup.sluice(CONFIG.format(rules=f'cases {{ to "{small.folder}/cases" }}'))
    for i in range(3):
        assert send(setup, s, i).kind == CONTINUE
    small.fill(leave)
    lost = iter(range(100, 1000))

    def until_told():
        """There may be room in the last page of the file."""
        assert send(setup, s, next(lost)).kind == CONTINUE
        return FULL.format(small.folder) in s.log()
    net.wait_for(until_told, "the log to say so")
    for _ in range(5):
        assert send(setup, s, next(lost)).kind == CONTINUE
    assert s.log().count("the folder of cases") == 1
    assert [row for row in s.ctl("status").stdout.splitlines() if row.startswith("switched_off the folder of cases: ")]
    assert 'sluice_switched_off{subject="the folder of cases"} 1' in s.ctl("metrics").stdout
    small.clear()
    for i in range(3, 6):
        assert send(setup, s, i).kind == CONTINUE
    assert s.log().count(FULL.format(small.folder)) == s.log().count(ROOM) == 1 and "switched_off" not in s.ctl("status").stdout
    kept = senders(small.folder / "cases")
    assert kept[:3] + kept[-3:] == [f"n{i}@example.net" for i in range(6)] and len(kept) < next(lost) - 100 + 6
    assert s.status()["faults"] == "0"
    done = sluice.ctl("replay", "--policy", s.conf, "--json", small.folder / "cases")
    assert json.loads(done.stdout)["cases"] == len(kept), done.stdout + done.stderr


def test_half_a_case_is_no_case(setup):
    """What a process has left that was killed while it wrote."""
    folder = setup.folder / "cases"
    s = setup.sluice(CONFIG.format(rules=f'cases {{ to "{folder}" }}'))
    assert send(setup, s, 1).kind == CONTINUE
    assert send(setup, s, 2).kind == CONTINUE
    s.process.kill()
    s.process.wait()
    s.process = None
    path, = folder.glob("*.jsonl")
    octets = path.read_bytes()
    first, second = (json.loads(line)["case"] for line in octets.splitlines())
    path.write_bytes(octets[:-100])
    s.start()
    assert send(setup, s, 3).kind == CONTINUE
    assert s.explain(first)["from"] == "n1@example.net"
    done = s.ctl("explain", second)
    assert done.returncode == 66 and "no case" in done.stderr, done.stdout
    replayed = sluice.ctl("replay", "--policy", s.conf, "--json", folder)
    assert json.loads(replayed.stdout)["same"] == 2, replayed.stdout + replayed.stderr
    assert s.ctl("forget", "nobody@example.com").returncode == 0
    assert s.ctl("explain", second).returncode == 66 and s.explain(first)["from"] == "n1@example.net"


@disk.needs_root
def test_the_spool_of_bodies(setup, small):
    """What the body would have said is unknown, and the policy says what then happens."""
    large = (b"x" * 70 + b"\r\n") * 2000
    rules = f'body {{\n memory 64K\n spool "{small.folder}"\n}}\nat message {{\n rule ends tag "no end" when mime.no_end\n%s}}'
    s = setup.sluice(CONFIG.format(rules=rules % ""))
    assert send(setup, s, 0, large).kind == CONTINUE and "the spool folder" not in s.log()
    net.wait_for(small.is_empty, "the body to be given up")
    small.fill()
    for i in range(3):
        assert send(setup, s, i, large).kind == CONTINUE
    assert s.log().count(f"the spool folder is switched off: {small.folder} is full, or cannot be written to; checks cannot look into larger messages meanwhile") == 1
    assert 'sluice_switched_off{subject="the spool folder"} 1' in s.ctl("metrics").stdout
    assert send(setup, s, 4).kind == CONTINUE and "works again" not in s.log(), "a small one needs no file, and shows nothing"
    s.reload(CONFIG.format(rules=rules % 'on_error mime tempfail "451 4.3.1 no room to look into this"\n'))
    answer = send(setup, s, 5, large)
    assert answer.kind == REPLY and "451 4.3.1 no room to look into this" in answer.text
    assert send(setup, s, 6).kind == CONTINUE
    small.clear()
    assert send(setup, s, 7, large).kind == CONTINUE
    assert s.log().count("the spool folder works again") == 1 and s.status()["faults"] == "0"


@disk.needs_root
def test_the_log(setup, small):
    s = setup.sluice(CONFIG.format(rules='at rcpt { rule no reject "550 5.7.1 no" when rcpt.address == no@example.org }'), start=False)
    s.log_file = small.folder / "log"
    s.start()
    small.fill()
    for i in range(200):
        m = setup.milter(s)
        m.greet()
        m.mail()
        assert m.rcpt("<no@example.org>").kind == REPLY and m.rcpt().kind == CONTINUE
        assert m.content().kind == CONTINUE
        m.sock.close()
    small.clear()
    assert send(setup, s, "last").kind == CONTINUE
    net.wait_for(lambda: "from=<nlast@example.net>" in s.log(), "the log to go on")
    assert s.status()["faults"] == "0" and s.status()["accept"] == "201"


def test_files_at_their_limit_do_not_end_it(setup):
    """RLIMIT_FSIZE: by itself the system ends who writes beyond it."""
    s = setup.sluice(CONFIG.format(rules=f'cases {{ to "{setup.folder}/cases" }}\nstate {{ lmdb "{setup.folder}/state" }}\ngreylist {{ delay 1h }}\n'
                                   'at rcpt { rule grey greylist when mail.domain == grey.example }'))
    resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    for i in range(30):
        assert send(setup, s, i).kind == CONTINUE
    assert s.process.poll() is None and s.status()["accept"] == "30"
    resource.prlimit(s.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert send(setup, s, "last").kind == CONTINUE
    assert senders(setup.folder / "cases")[-1] == "nlast@example.net" and ROOM in s.log()
