# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix in front, a real spamd and a real rspamd behind: who is asked about which mail, and what its client hears."""
from support import rspamd, sluice, spamd

RULES = """stage_deadline 60s
spamd { server SPAMD }
rspamd { server RSPAMD }
at message {
    rule doubt  score 4  when from.domain == "doubt.example"
    rule sure   score 9  when from.domain == "sure.example"
    rule first  reject "554 5.7.1 spam by {spamd.rules}"  when score >= 4 and score < 8 and spamd.score >= 5
    rule second reject "554 5.7.1 spam: {rspamd.action}"  when score >= 8 and rspamd.score >= 10
    on_error spamd continue
}
"""


def mail(domain, text=b"hello"):
    return b"From: a@%s\r\nSubject: t\r\n\r\n%s\r\n" % (domain.encode(), text)


def test_a_second_opinion_is_asked_for_in_doubt(setup):
    with spamd.Spamd(setup.folder) as first, rspamd.Rspamd(setup.folder) as second:
        s = setup.sluice(RULES.replace("RSPAMD", second.unix).replace("SPAMD", first.address))
        p = setup.postfix(s)
        for domain, text, code, said, asked in [
            ("other.example", spamd.GTUBE, 250, "", []),
            ("doubt.example", b"hello", 250, "", ["spamd"]),
            ("doubt.example", spamd.GTUBE, 554, "spam by ", ["spamd"]),
            ("sure.example", b"hello", 250, "", ["rspamd"]),
            ("sure.example", spamd.GTUBE, 554, "spam: reject", ["rspamd"]),
        ]:
            got, reply = p.send("192.0.2.7", message=mail(domain, text))
            assert got == code and said in reply, (got, reply)
            case = s.explain(s.cases()[-1].split("case=")[1].split()[0])
            assert [name for name in ("spamd", "rspamd") if f"{name}.outcome" in case["facts"]] == asked, case["facts"]
            if code == 554:
                shown = sluice.ctl("explain", "-s", s.control, reply.rsplit("ref=", 1)[1].rstrip(")")).stdout
                assert "GTUBE" in shown, shown
        first.stop()
        assert p.send("192.0.2.7", message=mail("doubt.example", spamd.GTUBE))[0] == 250
