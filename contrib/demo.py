# SPDX-License-Identifier: BSD-2-Clause
"""Real mail through a private Postfix and the shipped policy, each transaction with what ought to become of it.

demo.py FOLDER: FOLDER/sluice has the configuration that contrib/quickstart made. Exit status 0: all came as expected.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from support import dns, net, postfix, sluice  # noqa: E402

GOOD, LISTED, STRANGE = "192.0.2.1", "192.0.2.66", "198.51.100.7"
RECORDS = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
    ("mail.example.net", "A"): [GOOD],
    ("example.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"],
    ("66.2.0.192.bl.example.net", "A"): ["127.0.0.2"],
    ("2.0.0.127.soft.example.net", "A"): ["127.0.0.2"],
    ("8.100.51.198.soft.example.net", "A"): ["127.0.0.2"],
}
FORGED = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bank.example\r\n"

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
    ("all that and worse: spam", "198.51.100.8", {"helo": "bad_name"}, 550, r"looks like spam \(12 points\)"),
    ("a forged verdict of ours", GOOD, {"message": FORGED + b"From: a@example.net\r\n\r\nbody\r\n"}, 250, r"^(?![\s\S]*bank\.example)"),
]


def attempt(mta, client, how):
    """The code and the text of the reply; for mail to us that came through, the message."""
    before = set(mta.mail.iterdir())
    code, text = mta.send(client, **how)
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
    for name, client, how, expected, pattern in TRANSACTIONS:
        code, text = attempt(mta, client, how)
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
    names = dns.Server(RECORDS)
    daemon = mta = None
    try:
        conf = folder / "sluice/sluice.conf"
        text = conf.read_text().replace("# forward  127.0.0.1", f"forward  {names.forward}")
        text += "socket_mode 666\nauthserv_id mx.example.org\ndnsbl bl.example.net { weight 8 }\ndnsbl soft.example.net { weight 3 }\n"
        conf.write_text(text)
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
