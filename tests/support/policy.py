# SPDX-License-Identifier: BSD-2-Clause
"""One transaction judged by a policy of a few rules, through `sluicectl check`: no daemon, a small DNS of its own."""
import json

from support import sluice

BASE = """authserv_id mx.example.org
list trusted network [10.0.0.0/8]
list local-domains domain [example.org .below.example]
list friends domain [friend.example]
list people address [boss@example.org @staff.example]
list shapes pattern ["*@example.???" "mail.*.net"]
"""
ZONE = """1.2.0.192.in-addr.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
example.net TXT v=spf1 ip4:192.0.2.1 -all
silent.example TXT TIMEOUT
ill.example TXT SERVFAIL
"""
WHO = {"client": "192.0.2.1", "helo": "mail.example.net", "from": "a@example.net", "rcpt": "u@example.org"}
EXIT = {"accept": 0, "tempfail": 10, "reject": 20}


def check(folder, rules, message=b"From: a@example.net\n\nbody\n", **changed):
    conf, zone = folder / "sluice.conf", folder / "zone"
    conf.write_text(sluice.plugin_lines() + BASE + "stage_deadline 200ms\n" + rules)
    zone.write_text(ZONE)
    who = {**WHO, **changed}
    args = [f"--{k.replace('_', '-')}={v}" for k, v in who.items() if v is not None]
    done = sluice.ctl("check", "-c", conf, "--zone", zone, "--json", *args, "-", stdin=message)
    assert done.stderr == "", done.stderr
    case = json.loads(done.stdout)
    assert done.returncode == EXIT[case["verdict"]["action"]]
    return case
