# SPDX-License-Identifier: BSD-2-Clause
"""The pictures of the README: pictures.py FOLDER [MINUTES]. Mail of all kinds goes through a sluiced of its own for some minutes (12), so that there is something to draw; then
Chromium shows the pages. Run by hand, when the pages look different."""
import math
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from conftest import Setup  # noqa: E402
from support import browser, net  # noqa: E402
from support.milter import CONTINUE  # noqa: E402
from support.signing import Keys  # noqa: E402
from support.sluice import ctl  # noqa: E402

CONFIG = """authserv_id mx.example.org
history 3000
dns {{ forward {forward} }}
state {{ lmdb {folder}/state }}
sign {{ keys {folder}/keys }}
list local-domains domain [example.org]
dnsbl bl.example.net {{ weight 8 }}
dnsbl soft.example.net {{ weight 3 }}
greylist {{ delay 5m }}
pattern bait "(?i)(free|win|urgent)" in subject
role submission {{ when client.authenticated }}
role mx {{ when not client.authenticated }}
at connect {{ rule dnsbl-heavy reject "554 5.7.1 {{client.ip}} is listed by {{dnsbl.zones}}" when dnsbl.weight >= 8 }}
at rcpt in mx {{
 rule no-relay reject "550 5.7.1 relaying denied" when rcpt.domain not in local-domains
 rule dnsbl score 4 when dnsbl.weight >= 3
 rule spf-fail score 4 when spf.result == fail
 rule greylist greylist when score >= 4
}}
at message in mx {{
 rule dmarc-reject reject "550 5.7.1 {{from.domain}} asks to refuse this" when dmarc.result == fail and dmarc.policy == reject
 rule bait score 3 when pattern.bait
 shadow rule bait-alone reject "550 5.7.1 no" when pattern.bait
 rule odd hold "looks odd: {{mail.from}}" when score >= 7
}}
at rcpt in submission {{ rule flood limit 60/1h by auth.user tempfail "451 4.7.1 too much, {{auth.user}}" }}
at message in submission {{ rule sign sign }}
"""
LISTED, DOUBTFUL = "203.0.113.9", "198.51.100.77"
SENDERS = "v=spf1 ip4:192.0.2.0/24 -all"
NAMES = {
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"], ("9.113.0.203.bl.example.net", "A"): ["127.0.0.2"],
    ("2.0.0.127.soft.example.net", "A"): ["127.0.0.2"], ("77.100.51.198.soft.example.net", "A"): ["127.0.0.2"],
    ("shop.example", "TXT"): [SENDERS], ("news.example", "TXT"): [SENDERS], ("university.example", "TXT"): [SENDERS],
    ("bank.example", "TXT"): ["v=spf1 -all"],
    ("_dmarc.shop.example", "TXT"): ["v=DMARC1; p=none"], ("_dmarc.bank.example", "TXT"): ["v=DMARC1; p=reject"],
    **{(f"{client}.2.0.192.in-addr.arpa", "PTR"): [name + "."] for client, name in ((17, "mail.university.example"), (40, "out3.news.example"), (61, "smtp.shop.example"))},
    ("mail.university.example", "A"): ["192.0.2.17"], ("out3.news.example", "A"): ["192.0.2.40"], ("smtp.shop.example", "A"): ["192.0.2.61"],
}
# weight; client, its name, reverse-path, author, recipient, subject, account
KINDS = [
    (20, ("192.0.2.17", "mail.university.example", "ada@university.example", "ada@university.example", "maria@example.org", "the draft", None)),
    (14, ("192.0.2.40", "out3.news.example", "list-bounces@news.example", "letter@news.example", "tom@example.org", "this week", None)),
    (10, ("192.0.2.61", "smtp.shop.example", "orders@shop.example", "orders@shop.example", "erik@example.org", "your order", None)),
    (7, (LISTED, "host9.pool.example", "x@pool.example", "x@pool.example", "info@example.org", "hello", None)),
    (3, (DOUBTFUL, "unknown.example", "win@shop.example", "win@shop.example", "info@example.org", "you WIN", None)),
    (3, ("198.51.100.8", "cheap.example", "bounce@cheap.example", "security@bank.example", "maria@example.org", "your account", None)),
    (2, ("198.51.100.9", "open.example", "a@open.example", "a@open.example", "someone@elsewhere.example", "relay", None)),
    (6, ("192.0.2.200", "home.example.org", "maria@example.org", "maria@example.org", "ada@university.example", "Re: the draft", "maria")),
]


def send(setup, s, kind):
    client, name, sender, author, rcpt, subject, user = kind
    m = setup.milter(s, macros={"M": {"auth_authen": user, "auth_type": "PLAIN"}} if user else {})
    m.connect(name=name, address=client)
    if m.helo(name).kind == CONTINUE and m.mail(f"<{sender}>").kind == CONTINUE and m.rcpt(f"<{rcpt}>").kind == CONTINUE:
        m.content([("From", author), ("To", rcpt), ("Subject", subject), ("Message-Id", f"<{random.randrange(10 ** 9)}@{name}>")])
    m.quit()


def main(folder, minutes):
    setup = Setup(pathlib.Path(tempfile.mkdtemp(prefix="sluice-pictures-")))
    port = net.free_port()
    try:
        keys = Keys(setup.folder / "keys")
        keys.make("example.org", "2026-11", "ed25519")
        server = setup.dns(NAMES | {(name, "TXT"): [record] for name, record in keys.records.items()})
        s = setup.sluice(f"http 127.0.0.1:{port}\n" + CONFIG.format(folder=setup.folder, forward=server.forward), start=False)
        s.conf.write_text(s.conf.read_text() + f'api {{ tokens "{s.folder}/tokens" }}\n')
        token = ctl("token", "add", "-c", s.conf, "reader", "read").stdout.strip()
        s.start()
        end, weights = time.monotonic() + minutes * 60, [weight for weight, _ in KINDS]
        while time.monotonic() < end:
            send(setup, s, random.choices([kind for _, kind in KINDS], weights)[0])
            time.sleep(0.4 + 0.3 * math.sin(time.monotonic() / 70))
        driver = browser.start(size=(1100, 620))
        try:
            driver.get(f"http://reader:{token}@127.0.0.1:{port}/")
            net.wait_for(lambda: driver.execute_script("return document.querySelectorAll('svg path').length"), "the charts")
            (folder / "page.png").write_bytes(driver.get_screenshot_as_png())
            print(ctl("explain", "-s", s.control, next(c for c in reversed(s.cases()) if "rule=dmarc-reject" in c).split("case=")[1].split()[0]).stdout)
        finally:
            driver.quit()
    finally:
        setup.end()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 12)
