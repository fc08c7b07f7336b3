# SPDX-License-Identifier: BSD-2-Clause
"""A thousand reloads while Postfix passes on as much mail as it can: each changes what the next message hears, and nothing is put off."""
import pathlib
import subprocess
import threading
import time

from support import net, sluice

BATCH = 500   # messages of one run of smtp-source
SESSIONS = 4

RULES = """at mail {{
    rule probe  reject "550 5.7.1 generation {generation}"  when mail.from == probe@example.net
}}
at message {{
    rule spf    score 1                                     when spf.result == pass
    rule load   discard "load"                              when mail.from == load@example.net
}}
"""


class Load:
    """smtp-source, again and again, until told to stop; one that is not taken is an error of its own."""

    def __init__(self, port):
        self.argv = ["smtp-source", "-M", "mail.example.net", "-s", str(SESSIONS), "-m", str(BATCH), "-l", "2000", "-f", "load@example.net", "-t", "u@example.org",
                     f"inet:127.0.0.1:{port}"]
        self.messages = 0
        self.complaints = ""
        self.stopping = False
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stopping and not self.complaints:
            done = subprocess.run(self.argv, capture_output=True, text=True, timeout=10 * net.PATIENCE_S, check=False)
            self.complaints += done.stdout + done.stderr
            if done.returncode:
                self.complaints += f" exit {done.returncode}"
            self.messages += BATCH

    def __enter__(self):
        self.began = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping = True
        self.thread.join()
        self.seconds = time.monotonic() - self.began


def resident_kb(process):
    return next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def test_a_thousand_reloads(setup, record_property):
    reloads = 100 if sluice.sanitized() else 1000
    zone = "example.net TXT v=spf1 ip4:127.0.0.1 -all\n"  # what is asked of no zone waits for a resolver that is not there
    s = setup.sluice(RULES.format(generation=0), zone=zone)
    postfix = setup.postfix(s, extra="in_flow_delay = 0\n")  # what is discarded never comes out of the queue, where Postfix counts
    sizes = []
    with Load(postfix.port) as load:
        for generation in range(1, reloads + 1):
            done = s.reload(RULES.format(generation=generation))
            assert done.returncode == 0, done.stderr
            if generation % 10 == 0:
                code, text = postfix.send("192.0.2.1", sender="probe@example.net")
                assert code == 550 and f"generation {generation} " in text, text
            if generation in (reloads // 5, reloads):
                sizes.append(resident_kb(s.process))
            assert not load.complaints, load.complaints
    assert not load.complaints, load.complaints
    status = s.status()
    assert status["tempfail"] == "0" and status["faults"] == "0" and status["discard"] == str(load.messages)
    assert status["reject"] == str(reloads // 10)
    record_property("messages", load.messages)
    print(f"{load.messages} messages in {load.seconds:.1f} s, {load.messages / load.seconds:.0f} a second; {sizes[0]} KB after {reloads // 5} "
          f"reloads, {sizes[1]} KB after {reloads}")
    if not sluice.sanitized():  # there the allocator keeps what was freed, and LeakSanitizer counts at the end
        assert sizes[1] - sizes[0] < 4096, sizes
    assert not [line for line in postfix.log().splitlines() if "milter" in line and "warning" in line]
