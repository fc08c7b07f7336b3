# SPDX-License-Identifier: BSD-2-Clause
"""A gateway that counts messages for DMARC's reports, and has them sent."""
import datetime
import gzip
import socket
import subprocess
import time
import xml.etree.ElementTree as ET

from . import dkim_sender, net, sluice
from .dkim_sender import rsa
from .milter import CONTINUE
from .signing import Keys
from .sink import Sink

CONF = """authserv_id mx.example.org
stage_deadline 2s
state {{ {state} }}
dns {{
 forward {forward}
 timeout 1s
 dnssec no
}}
sign {{ keys {keys} }}
dmarc {{
 reports yes
 report_from dmarc-reports@example.org
 report_org "Example \\"Inc.\\""
 report_contact "https://example.org/dmarc?a&b"
 {dmarc}
}}
{more}
at message {{
 rule later tempfail "451 4.7.1 later" when header.count > 20
 rule dmarc-reject reject "550 5.7.1 no" when dmarc.disposition == reject
 rule dmarc-quarantine tag "DMARC fails" when dmarc.disposition == quarantine
 rule sign sign when client.authenticated
}}
"""
GOOD, STRANGE = "192.0.2.1", "2001:db8::7"
KEY = dkim_sender.quoted(rsa().record)
RECORDS = {
    ("example.net", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.example.net", "TXT"): ["v=DMARC1; p=reject; sp=quarantine; fo=1; rua=mailto:dmarc@example.net"],
    ("sub.example.net", "TXT"): ["nothing of ours"],
    ("sel._domainkey.example.net", "TXT"): [KEY],
    ("other.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.watch.example", "TXT"): ["v=DMARC1; p=none; rua=mailto:dmarc@watch.example"],
    ("_dmarc.quiet.example", "TXT"): ["v=DMARC1; p=none"],
}
NS = "{urn:ietf:params:xml:ns:dmarc-2.0}"
SCHEMA = sluice.TOP / "tests/data/dmarc-2.0.rng"
DAY_S = 86400
LONGEST_S = 120  # that a test takes, on a busy machine


def content(author, fields=b""):
    return fields + f"From: {author}\r\nTo: u@example.org\r\nSubject: hello\r\n\r\nbody\r\n".encode()


class Gate:
    def __init__(self, setup, state, records=(), dmarc="", more="", key="example.org"):
        self.setup = setup
        left = DAY_S - time.time() % DAY_S
        if left < LONGEST_S:  # all that a test sends is of one day, so it begins after midnight
            time.sleep(left + 1)
        self.begin = int(time.time()) // DAY_S * DAY_S
        self.today = datetime.datetime.fromtimestamp(self.begin, datetime.timezone.utc).date()
        self.keys = Keys(setup.folder / "keys")
        self.keys.make(key, "s1")
        self.dns = setup.dns({**RECORDS, **dict(records)})
        self.sluice = setup.sluice(CONF.format(state=state, forward=self.dns.forward, keys=self.keys.folder, dmarc=dmarc, more=more))
        if "redis" in state:
            net.wait_for(lambda: self.raw(f"dmarc keys {self.day()}").startswith("0\n"), "the store to be connected")

    def day(self):
        return self.begin // DAY_S

    def later(self, days, hour):
        """A time, so many days after what was sent."""
        return f"{self.today + datetime.timedelta(days=days)}T{hour}:00:00Z"

    def sink(self, answers=None):
        s = Sink(answers)
        self.setup.running.append(s)
        return s

    def send(self, message, client=GOOD, sender="<a@example.net>", rcpts=("<u@example.org>",), macros=None):
        m = self.setup.milter(self.sluice, macros=macros)
        m.greet(client, helo="host.invalid")
        assert m.mail(sender).kind == CONTINUE
        for rcpt in rcpts:
            assert m.rcpt(rcpt).kind == CONTINUE
        fields, body = dkim_sender.split(message)
        m.data()
        for name, value in fields:
            m.raw_header(name, value)
        m.end_of_headers()
        m.body(body)
        answer = m.end_of_message()
        m.quit()
        return answer

    def raw(self, request):
        """What the daemon answers to a request on its control socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.sluice.control))
            s.sendall(request.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def rows(self):
        return self.raw(f"dmarc keys {self.day()}").splitlines()[1:]

    def counted(self):
        """Messages in all rows."""
        rows = self.rows()
        if not rows:
            return 0
        return sum(int(line.split(" ")[1]) for line in self.raw(f"dmarc rows {self.day()} {' '.join(rows)}").splitlines()[1:])

    def wait_counted(self, count):
        net.wait_for(lambda: self.counted() >= count, f"{count} messages to be counted")
        assert self.counted() == count

    def report(self, *args, status=0, now=None):
        done = sluice.ctl("dmarc", "report", "-c", self.sluice.conf, "--now", now or self.later(1, "03"), *args)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done

    def files(self):
        """The reports, by domain."""
        out = self.setup.folder / f"out{time.monotonic_ns()}"
        out.mkdir()
        self.report("--out", out)
        return {name.name.split("!")[1]: parse(gzip.decompress(name.read_bytes())) for name in out.iterdir()}


def parse(xml):
    """Valid, and as a tree without its namespace."""
    done = subprocess.run(["xmllint", "--nonet", "--noout", "--relaxng", str(SCHEMA), "-"], input=xml, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode() + xml.decode()
    tree = ET.fromstring(xml)
    for element in tree.iter():
        element.tag = element.tag.removeprefix(NS)
    return tree
