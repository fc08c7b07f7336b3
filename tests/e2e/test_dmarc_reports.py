# SPDX-License-Identifier: BSD-2-Clause
"""The shipped policy behind a real Postfix: strangers send in a domain's name, and the domain hears of it through that Postfix."""
import datetime

import pytest
from support import net, sluice
from support.signing import Keys

RECORDS = {
    ("example.net", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.example.net", "TXT"): ["v=DMARC1; p=reject; rua=mailto:dmarc@example.org"],
    ("example.net._report._dmarc.example.org", "TXT"): ["v=DMARC1"],
    ("_dmarc.shop.example", "TXT"): ["v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.example"],
}
EXTRA = """
sign {{ keys {keys} }}
dmarc {{ reports yes  report_from dmarc-reports@example.org  report_org "Example Inc." }}
"""


@pytest.mark.parametrize("way", ["smtp", "sendmail"])
def test_a_domain_hears_of_what_came_in_its_name(setup, way):
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "s1")
    dns = setup.dns(RECORDS)
    gate = setup.sluice(sluice.shipped(dns.forward, extra=EXTRA.format(keys=keys.folder)))
    postfix = setup.postfix(gate)
    for _ in range(2):
        assert postfix.send("192.0.2.1", message=b"From: a@example.net\r\nSubject: one\r\n\r\nbody\r\n")[0] == 250
    code, text = postfix.send("198.51.100.7", sender="b@shop.example", message=b"From: a@example.net\r\nSubject: two\r\n\r\nbody\r\n")
    assert code == 550 and "asks to refuse" in text
    postfix.delivered(2, b"Subject: one")
    program = setup.folder / "sendmail"
    program.write_text(f'#!/bin/sh\nexec /usr/sbin/sendmail -C {postfix.conf} "$@"\n')
    program.chmod(0o755)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    how = ["--smtp", f"127.0.0.1:{postfix.port}"] if way == "smtp" else ["--sendmail", program]
    net.wait_for(lambda: "3 messages" in sluice.ctl("dmarc", "report", "-c", gate.conf, "--now", tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                                     "--dry-run").stdout, "the messages to be counted")
    done = sluice.ctl("dmarc", "report", "-c", gate.conf, "--now", tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ"), *how)
    assert (done.returncode, done.stdout, done.stderr) == (0, "example.net: dmarc@example.org: sent\n", "")
    mail = postfix.delivered(1, b"Subject: Report Domain: example.net")[0]
    assert "example.org/s1 rsa-sha256" in keys.signers(mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    shown = sluice.ctl("dmarc", "read", "-", stdin=mail).stdout.splitlines()
    assert shown[0].startswith("Example Inc. about example.net, ") and shown[1] == "  policy reject, of subdomains reject; 3 messages, 2 pass, 1 fail"
    assert shown[2:] == ["         2  192.0.2.1  pass  dkim=fail spf=pass  from example.net, envelope example.net",
                         "         1  198.51.100.7  reject  dkim=fail spf=fail  from example.net, envelope shop.example"]
