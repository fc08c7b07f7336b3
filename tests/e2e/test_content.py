# SPDX-License-Identifier: BSD-2-Clause
"""What is inside the message, behind a real Postfix, with a real clamd and the policy as it is shipped: what the client hears, and what explain says of it."""
import re

import pytest

from support import attachments as att
from support import clamd, mails, sluice

RECORDS = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
    ("mail.example.net", "A"): ["192.0.2.1"],
    ("example.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"],
    ("test.links.example.net", "A"): ["127.0.0.2"],
    ("bad.example.links.example.net", "A"): ["127.0.0.2"],
}
URIBL = "uribl links.example.net { answer 127.0.0.2 weight 3 }\n"
OCTETS = "application/octet-stream"
DOCUMENT = att.docx(("word/vbaProject.bin", mails.VBA))
MACRO = (DOCUMENT, "application/vnd.ms-word.document.macroEnabled.12", "order.docm")


class Site:
    def __init__(self, setup, extra=""):
        names = setup.dns(RECORDS)
        self.clamd = clamd.Clamd(setup.folder)
        self.clamd.start()
        config = sluice.shipped(names.forward, extra=f'scan {{ helper "{sluice.SCAN}"  timeout 30s }}\n{URIBL}')
        config = re.sub(r"(?m)^# include ((virus|learned)\.conf)$", lambda m: (sluice.TOP / "rules" / m[1]).read_text(), config)
        config = config.replace("unix:/run/clamav/clamd.ctl", self.clamd.unix).replace("bayes inbound { }", "bayes inbound { min_learned 5 }")
        self.sluice = setup.sluice(config.replace("stage_deadline 2s", "stage_deadline 60s") + extra)
        self.postfix = setup.postfix(self.sluice)

    def send(self, octets):
        return self.postfix.send("192.0.2.1", sender="a@example.net", message=octets)

    def explain(self, text=None):
        """What people are shown of what a reply names, or of the last message."""
        ident = re.search(r"ref=(\w+)", text)[1] if text else re.search(r"case=(\w+)", self.sluice.cases()[-1])[1]
        return self.sluice.ctl("explain", ident).stdout


@pytest.fixture(scope="module")
def site(shared_setup):
    s = Site(shared_setup)
    yield s
    s.clamd.stop()


def attached(*file):
    return mails.octets(mails.attached(*file))


def forwarded_in_zip():
    inner = attached(att.zipped([("a.txt", clamd.EICAR)]), "application/zip", "a.zip")
    return attached(att.zipped([("forwarded.eml", inner)]), "application/zip", "mail.zip")


@pytest.mark.parametrize("what, make, evidence", [
    ("plain", lambda: attached(clamd.EICAR, OCTETS, "eicar.txt"), r"2 Eicar-Test-Signature\S*: eicar\.txt"),
    ("zipped", lambda: attached(att.zipped([("a.txt", clamd.EICAR)]), "application/zip", "a.zip"), r"2 Eicar-Test-Signature\S*: a\.zip"),
    ("forwarded, in a zip", forwarded_in_zip, r"2 Eicar-Test-Signature\S*: mail\.zip")])
def test_a_virus_is_refused_by_its_name(site, what, make, evidence):
    code, text = site.send(make())
    assert code == 554 and "a virus is in this message: Eicar-Test-Signature" in text, (code, text)
    shown = site.explain(text)
    assert re.search(evidence, shown) and "virus.conf" not in text and "rule virus reject" in shown, shown


def test_a_document_with_a_program_gives_points_as_it_is_shipped(site):
    code, text = site.send(attached(*MACRO))
    assert code == 250, text
    shown = site.explain()
    assert re.search(r"file-macro\s+.*3", shown) and re.search(r"2 macro: order\.docm/word/vbaProject\.bin", shown), shown


def test_a_listed_link_raises_the_score(site):
    code, text = site.send(mails.octets(mails.written("see https://www.bad.example/offer today\n")))
    assert code == 250, text
    shown = site.explain()
    assert re.search(r"uribl-some\s+.*3", shown) and re.search(r"uribl\.names +bad\.example", shown) and "links.example.net" in shown, shown


def test_words_that_were_learned_raise_the_score(site):
    for kind, subject in (("spam", "cheap pills"), ("ham", "team meeting")):
        for n in range(6):
            octets = mails.octets(mails.written(f"{subject} {'abcdef'[n] * 4} without delay\n", subject=subject))
            done = sluice.ctl("learn", "-s", site.sluice.control, kind, "-", stdin=octets)
            assert done.stdout == "1 learned\n", (done.stdout, done.stderr)
    assert site.send(mails.octets(mails.written("cheap pills now\n", subject="cheap pills")))[0] == 250
    shown = site.explain()
    assert re.search(r"learned-spam\s+.*2", shown) and re.search(r"inbound\.tokens +.*pills", shown), shown


@pytest.mark.parametrize("rule, code", [('hold "{files.evidence}"', 250), ('reject "550 5.7.1 no macros here: {files.evidence}"', 550)])
def test_a_document_with_a_program_is_held_or_refused_as_a_site_says(setup, rule, code):
    s = Site(setup, f"at message in mx {{ rule macros {rule} when files.macro }}\n")
    try:
        got, text = s.send(attached(*MACRO))
        assert got == code and (code == 250 or "no macros here: 2 macro: order.docm" in text), (got, text)
        assert bool(s.postfix.held()) == (code == 250)
        assert re.search(r"2 macro: order\.docm/word/vbaProject\.bin", s.explain()), s.explain()
    finally:
        s.clamd.stop()
