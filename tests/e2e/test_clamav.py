# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix in front, a real clamd behind: what the client of a mail with a virus hears, and what is kept of it."""
import email.message
import email.policy

from support import attachments as att
from support import clamd, sluice

RULES = """stage_deadline 60s
clamav { server SERVER }
at message {
    rule virus reject "554 5.7.1 a virus: {clamav.names}" when clamav.found
    on_error clamav tempfail
}
"""


def mail(text="hello\n", attached=None, forwarded=None):
    m = email.message.EmailMessage()
    m["From"], m["Subject"] = "a@example.net", "t"
    m.set_content(text)
    if attached:
        m.add_attachment(attached, maintype="application", subtype="zip", filename="a.zip")
    if forwarded:
        m.add_attachment(forwarded)
    return m


def test_a_virus_is_refused_by_its_name(setup):
    with clamd.Clamd(setup.folder) as server:
        s = setup.sluice(RULES.replace("SERVER", server.unix))
        p = setup.postfix(s)
        zipped = att.zipped([("invoice.com", clamd.EICAR)])
        for m, evidence in [(mail(clamd.EICAR.decode() + "\n"), f"1 {clamd.FOUND}"), (mail(attached=zipped), f"2 {clamd.FOUND}: a.zip"),
                            (mail(forwarded=mail(attached=zipped)), f"2.2 {clamd.FOUND}: a.zip"),
                            (mail(attached=att.zipped([("x.eml", mail(attached=zipped).as_bytes())])), f"2 {clamd.FOUND}: a.zip")]:
            code, text = p.send("192.0.2.1", message=m.as_bytes(policy=email.policy.SMTP))
            assert code == 554 and text.startswith(f"5.7.1 a virus: {clamd.FOUND}"), (code, text)
            shown = sluice.ctl("explain", "-s", s.control, text.rsplit("ref=", 1)[1].rstrip(")")).stdout
            assert evidence in shown and clamd.FOUND in shown, shown
        code, text = p.send("192.0.2.1", message=mail().as_bytes(policy=email.policy.SMTP))
        assert code == 250, text
        server.kill()
        assert p.send("192.0.2.1", message=mail("another\n").as_bytes(policy=email.policy.SMTP))[0] == 451
