# SPDX-License-Identifier: BSD-2-Clause
"""A gateway that judges chains of seals, the domains that have sealed them, and what came of a message."""
import re

from .arc_sender import seal
from .dkim_sender import MESSAGE, give, rsa
from .milter import CONTINUE

DOMAINS = ["list.example.net", "forward.example.com", "third.example"]
CONF = ("authserv_id mx.example.org\nstage_deadline 2s\nlist trusted network [198.51.100.7]\n"
        "list trusted-sealers domain [list.example.net third.example]\n")
TRUSTED = {"address": "198.51.100.7"}
KEYS = {f"sel._domainkey.{domain}": rsa().record for domain in DOMAINS}


def zone(records):
    """A zone file; a selector `gone` has no key."""
    return "".join(f"{name} TXT {record}\n" for name, record in records.items()) + "gone._domainkey.third.example A 192.0.2.1\n"


def facts_of(s):
    return s.explain(s.cases()[-1].split("case=")[1].split()[0])["facts"]


class Seen:
    """What came of one message."""

    def __init__(self, s, end, message):
        self.end = end
        self.facts = facts_of(s)
        self.cv, self.why = self.facts.get("arc.cv"), self.facts.get("arc.reason")
        self.edits = {edit[2]: edit[3] for edit in end.edits if edit[0] == "insert"}
        self.authres = re.sub(r"\s+", " ", self.edits["Authentication-Results"])
        fields = b""
        for edit in end.edits:
            if edit[0] == "insert":
                fields = f"{edit[2]}:{edit[3]}".encode().replace(b"\n", b"\r\n") + b"\r\n" + fields
        self.message = fields + message


def send(setup, s, message, **client):
    m = setup.milter(s)
    m.greet(**client)
    assert m.mail().kind == m.rcpt().kind == CONTINUE
    give(m, message)
    end = m.end_of_message()
    m.quit()
    return Seen(s, end, message)


def chain(count, message=MESSAGE, **how):
    for i in range(count):
        message = seal(message, DOMAINS[i % len(DOMAINS)], cv="pass" if i else "none", **how)
    return message
