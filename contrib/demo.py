# SPDX-License-Identifier: BSD-2-Clause
"""Real mail through a private Postfix and the shipped policy, each transaction with what ought to become of it.

demo.py FOLDER: FOLDER/sluice has the configuration that contrib/quickstart made. Exit status 0: all came as expected.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from support import dns, net, postfix, sluice  # noqa: E402

GOOD, LISTED, STRANGE, WORSE = "192.0.2.1", "192.0.2.66", "198.51.100.7", "198.51.100.8"
RECORDS = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
    ("mail.example.net", "A"): [GOOD],
    ("example.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("_dmarc.bank.example", "TXT"): ['"v=DMARC1; p=reject"'],
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"],
    ("66.2.0.192.bl.example.net", "A"): ["127.0.0.2"],
    ("2.0.0.127.soft.example.net", "A"): ["127.0.0.2"],
    ("8.100.51.198.soft.example.net", "A"): ["127.0.0.2"],
}
OURS = b"From: Alice <alice@example.org>\r\nTo: u@example.org\r\nSubject: hello\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\nwritten by Alice\r\n"
FORGED = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bank.example\r\n"

RULES = """
socket_mode 666
authserv_id mx.example.org
dnsbl bl.example.net { weight 8 }
dnsbl soft.example.net { weight 3 }
greylist { delay 1s }
sign { keys keys }
at mail { rule demo-fast  limit 1/1m burst 3 by mail.from   when mail.from == fast@example.net }
"""

# what is tried; client; how; expected reply; what the reply or, of mail that came through, the message has to show
TRANSACTIONS = [
    ("honest mail", GOOD, {}, 250, r"^Authentication-Results: mx\.example\.org;[^:]*spf=pass"),
    ("a bounce (null sender)", GOOD, {"sender": ""}, 250, r"spf=\w+ smtp.helo=mail\.example\.net"),
    ("relaying: b@elsewhere", GOOD, {"recipients": ["b@elsewhere.example"]}, 550, r"5\.7\.1.*relaying denied"),
    ("relaying: b%elsewhere@us", GOOD, {"recipients": ["b%elsewhere.example@example.org"]}, 550, r"relaying denied"),
    ("relaying: elsewhere!b@us", GOOD, {"recipients": ["elsewhere.example!b@example.org"]}, 550, r"relaying denied"),
    ("relaying: @us:b@elsewhere", GOOD, {"recipients": ["@example.org:b@elsewhere.example"]}, 550, r"relaying denied"),
    ('relaying: "b@elsewhere"@us', GOOD, {"recipients": ['"b@elsewhere.example"@example.org']}, 550, r"relaying denied"),
    ("a user, logged in, to elsewhere", STRANGE, {"login": "alice", "sender": "alice@example.org",
                                                  "recipients": ["b@elsewhere.example"]}, 250, None),
    ("a client on a DNS list", LISTED, {}, 554, r"192\.0\.2\.66 is listed by bl\.example\.net"),
    ("a client that uses our name", STRANGE, {"helo": "mx.example.org"}, 554, r"mx\.example\.org is a name of ours"),
    ("SPF fail, no name: suspicious", STRANGE, {}, 250, r"spf=fail[\s\S]*X-Sluice-Tag: suspicious, 6 points"),
    ("all that and worse: come back", WORSE, {"helo": "bad_name"}, 451, r"greylisted: try again in 1 seconds"),
    ("... it comes back, and is spam", WORSE, {"helo": "bad_name", "patience": 451}, 550, r"looks like spam \(12 points\)"),
    ("the fourth message in a minute", GOOD, {"sender": "fast@example.net", "times": 4}, 451, r"too many messages: try again in \d+ seconds"),
    ("a forged verdict of ours", GOOD, {"message": FORGED + b"From: a@example.net\r\n\r\nbody\r\n"}, 250, r"^(?![\s\S]*bank\.example)"),
    ("From a bank that nobody vouches for", GOOD, {"message": b"From: The Bank <info@bank.example>\r\n\r\nbody\r\n"}, 550,
     r"5\.7\.1 bank\.example asks to refuse this"),
    ("a user's mail leaves signed", STRANGE, {"login": "alice", "sender": "alice@example.org", "message": OURS}, 250,
     r"(?=[\s\S]*a=ed25519-sha256;)(?=[\s\S]*a=rsa-sha256;)"),
    ("... and is known again, forwarded", GOOD, {"message": "as delivered"}, 250, r"dkim=pass header\.d=example\.org[\s\S]*dkim=pass header\.d=example\.org"),
    ("... but not when it was changed", GOOD, {"message": "changed"}, 250, r"dkim=fail"),
]


def make_keys(folder):
    """Two keys for example.org, by sluicectl; the names and records that it prints."""
    records = {}
    for kind in ("rsa", "ed25519"):
        done = sluice.ctl("dkim", "keygen", "example.org", "--type", kind, "--out", folder)
        assert done.returncode == 0, done.stderr
        name = re.search(r"^(\S+)\. IN TXT", done.stdout, re.M)[1]
        records[name, "TXT"] = [" ".join(re.findall(r'"[^"]*"', done.stdout))]
    return records


def attempt(mta, client, how, last):
    """The code and the text of the reply; for mail to us that came through, the message."""
    how = dict(how)
    times, patience = how.pop("times", 1), how.pop("patience", 0)
    if how.get("message") in ("as delivered", "changed"):
        text = last.replace("by Alice", "by Mallory") if how["message"] == "changed" else last
        how["message"] = text[text.index("DKIM-Signature"):].replace("\n", "\r\n").encode()
    for _ in range(times - 1):
        attempt(mta, client, how, last)
    before = set(mta.mail.iterdir())
    code, text = net.wait_for(lambda: (answer := mta.send(client, **how))[0] != patience and answer, "another answer")
    if code != 250 or any(not r.endswith("@example.org") for r in how.get("recipients", [])):
        return code, text
    new = net.wait_for(lambda: [f for f in set(mta.mail.iterdir()) - before if f.read_bytes().endswith(b"\n")], "the message")
    return code, new[0].read_text()


def explained(daemon, text):
    """The rule that gave this reply, and where it stands."""
    ref = re.search(r"\(ref=(\w+)\)", text)
    done = daemon.ctl("explain", ref[1] if ref else "-")
    return re.search(r"by rule (\S+) \(\S*?(\w+\.conf:\d+)\)", done.stdout)


def show(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def run(daemon, mta):
    rows = [("transaction", "expected", "actual", "ok")]
    last = ""
    for name, client, how, expected, pattern in TRANSACTIONS:
        code, text = attempt(mta, client, how, last)
        last = text if "DKIM-Signature" in text and "message" in how and how["message"] == OURS else last
        good = code == expected and (pattern is None or re.search(pattern, text))
        said = text.split(" (ref=")[0].replace("\n", " ") if code != 250 else "delivered" if text.startswith("Auth") else "accepted"
        rows.append((name, str(expected), f"{code} {said}"[:70], "yes" if good else "NO"))
        if client == LISTED:
            why = explained(daemon, text)
            rows.append(("... and why: sluicectl explain", "dnsbl-heavy", f"{why[1]}, {why[2]}" if why else "?",
                         "yes" if why and why[1] == "dnsbl-heavy" else "NO"))
    show(rows)
    return all(row[3] == "yes" for row in rows[1:])


def main():
    folder = pathlib.Path(sys.argv[1])
    names = dns.Server({**RECORDS, **make_keys(folder / "sluice/keys")})
    daemon = mta = None
    try:
        conf = folder / "sluice/sluice.conf"
        text = conf.read_text().replace("# forward  127.0.0.1", f"forward  {names.forward}")
        conf.write_text(text + RULES)
        daemon = sluice.Sluice.from_folder(folder / "sluice")
        mta = postfix.Postfix(folder / "postfix", daemon.listen)
        good = run(daemon, mta)
    finally:
        for thing in (mta, daemon, names):
            if thing:
                thing.stop()
    print("all as expected" if good else f"NOT as expected; sluiced said:\n{daemon.log()}")
    sys.exit(0 if good else 1)


main()
