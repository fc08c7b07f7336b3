# SPDX-License-Identifier: BSD-2-Clause
"""--json: each command that lists something has it, in the same place, and prints one array, or one object where there is one thing."""
import json
import re

import pytest

from support import net, sluice, terminal
from support.milter import CONTINUE
from support.signing import Keys
from support.smtp_server import Server

CONF = """authserv_id mx.example.org
state {{ lmdb state }}
greylist {{ delay 1h }}
bayes inbound {{ min_learned 3 }}
sign {{ keys "{folder}/keys" }}
api {{ tokens "{folder}/tokens" }}
cases {{ to "{folder}/cases" }}
list local-domains domain [example.org]
list partners domain [partner.example] file partners
at rcpt {{
 rule fast limit 100/1h by client.ip tempfail "no"
 rule grey greylist when rcpt.address == "grey@example.org"
 rule unwanted reject "550 5.7.1 no" when rcpt.address == "bad@example.org"
}}
at message {{ rule look hold "odd" when mail.from == b@example.net }}
"""
ZONE = "iana.org MX 10 mail.iana.org\nexample.org TXT v=spf1 -all\n"
REPORT = """<feedback><report_metadata><org_name>Receiver</org_name><report_id>1</report_id><date_range><begin>1700006400</begin><end>1700092799</end></date_range></report_metadata>
<policy_published><domain>example.net</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
<identifiers><header_from>example.net</header_from></identifiers></record></feedback>"""


@pytest.fixture(scope="module")
def site(shared_setup):
    """Something of all that can be listed."""
    setup = shared_setup
    keys = Keys(setup.folder / "keys")
    keys.make("example.org", "s1")
    (setup.folder / "cases").mkdir()
    s = setup.sluice(CONF.format(folder=setup.folder), ZONE, listen=f"inet:{net.free_port()}@127.0.0.1", start=False)
    (s.folder / "partners").write_text("friend.example  # since 2020\n")
    s.start()
    assert sluice.ctl("token", "add", "-c", s.conf, "prometheus", "read").returncode == 0
    net.wait_for(lambda: s.status()["store"] == "works", "the store")
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE
    m.mail()
    assert m.rcpt("<grey@example.org>").code == 451
    m.mail()
    assert m.rcpt("<bad@example.org>").code == 550
    m.quit()
    s.postfix = setup.postfix(s)
    assert s.postfix.send("192.0.2.1", sender="b@example.net")[0] == 250
    s.report = setup.folder / "report.xml"
    s.report.write_text(REPORT)
    s.relay = Server([("VRFY", "252 perhaps"), ("EXPN", "502 no"), ("RCPT", "550 5.7.1 no")])
    s.id = re.search(r"case=(\S+)", s.log())[1]
    return s


LISTS = {
    "config show": lambda s: ["config", "show", "--json", "-c", s.conf],
    "config show --for": lambda s: ["config", "show", "--json", "-c", s.conf, "--for", "u@example.org"],
    "dkim check": lambda s: ["dkim", "check", "--json", "-c", s.conf, "--zone", s.zone_file, "example.org"],
    "dmarc read": lambda s: ["dmarc", "read", "--json", s.report, s.report],
    "doctor": lambda s: ["doctor", "--json", "-c", s.conf, "--zone", s.zone_file],
    "greylist list": lambda s: ["greylist", "list", "--json", "-s", s.control],
    "hold list": lambda s: ["hold", "list", "--json", "--postfix", s.postfix.conf, "-s", s.control],
    "learn status": lambda s: ["learn", "status", "--json", "-s", s.control],
    "limits list": lambda s: ["limits", "list", "--json", "-s", s.control],
    "list show": lambda s: ["list", "show", "--json", "-c", s.conf, "partners"],
    "relaytest": lambda s: ["relaytest", "--json", s.relay.where],
    "token list": lambda s: ["token", "list", "--json", "-c", s.conf],
}
OBJECTS = {
    "check": lambda s: ["check", "--json", "-c", s.conf, "--zone", s.zone_file, "--client", "192.0.2.1", "--helo", "x.example", "--from", "", "--rcpt", "u@example.org"],
    "explain": lambda s: ["explain", "--json", "-s", s.control, s.id],
    "replay": lambda s: ["replay", "--json", "--policy", s.conf],
    "status": lambda s: ["status", "--json", "-s", s.control],
}


def parsed(args):
    done = sluice.ctl(*args)
    assert done.returncode in (0, 1, 2), (done.returncode, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_an_array_of_objects(site, name):
    found = parsed(LISTS[name](site))
    assert isinstance(found, list) and found and all(isinstance(row, dict) and set(row) == set(found[0]) or name.startswith("config") for row in found), found


@pytest.mark.parametrize("name", OBJECTS)
def test_one_thing_is_an_object(site, name):
    assert isinstance(parsed(OBJECTS[name](site)), dict)


@pytest.mark.parametrize("name", {**LISTS, **OBJECTS})
def test_on_a_terminal_it_is_the_same(site, name):
    args = {**LISTS, **OBJECTS}[name](site)
    _, shown, _ = terminal.run(*args, stderr=False)
    assert "\x1b" not in shown
    json.loads(shown)


def test_what_is_in_them(site):
    assert parsed(LISTS["token list"](site)) == [{"name": "prometheus", "scope": "read"}]
    (limit,) = [row for row in parsed(LISTS["limits list"](site)) if row["values"] == ["192.0.2.1"]]
    assert limit["rule"] == "fast" and 0 < limit["free_in_s"] < 3600
    (entry,) = parsed(LISTS["greylist list"](site))
    assert entry["key"] == ["192.0.2.0/24", "a@example.net", "grey@example.org"] and entry["state"].startswith("came once")
    one, two = parsed(LISTS["list show"](site))
    assert (one["item"], one["file"], one["comment"]) == ("partner.example", str(site.conf), "")
    assert two == {"item": "friend.example", "file": str(site.folder / "partners"), "line": 1, "comment": "since 2020"}
    assert parsed(LISTS["learn status"](site)) == [{"classifier": "inbound", "spam": 0, "ham": 0, "needed": 3}]
    (key,) = parsed(LISTS["dkim check"](site))
    assert key["name"] == "s1._domainkey.example.org" and key["good"] is False and key["record"].startswith("v=DKIM1")
    settings = {row["name"]: row for row in parsed(LISTS["config show"](site)) if row["kind"] == "setting"}
    assert settings["authserv_id"]["value"] == "mx.example.org" and settings["authserv_id"]["file"] == str(site.conf) and "file" not in settings["drain"]
    assert {"kind": "fact", "name": "rcpt.local", "value": "yes"} in parsed(LISTS["config show --for"](site))
    status = parsed(OBJECTS["status"](site))
    assert status["rules"] == 4 and status["store"] == "works" and status["switched_off"] == [] and status["listen"].startswith("inet:")
    replayed = parsed(OBJECTS["replay"](site))
    assert replayed["cases"] == replayed["same"] >= 1 and replayed["changes"] == []
    findings = parsed(LISTS["relaytest"](site))
    assert {row["finding"] for row in findings} == {"good"} and len(findings) > 35


def test_there_is_no_other_command_with_it():
    """Those that have it in their help are those above; what lists has it."""
    commands = re.findall(r"^  ([a-z-]+) ", sluice.ctl("--help").stdout, re.M)
    have = {c for c in commands if "--json" in sluice.ctl(c, "-h").stdout}
    assert have == {name.split()[0] for name in {**LISTS, **OBJECTS}}
    manual = (sluice.TOP / "filter/man/sluicectl.8.in").read_text()
    listing = {f"{command} {verb}" for command, verb in re.findall(r"^\.It Cm ([a-z-]+) (list|show|status)\b", manual, re.M)}
    one_thing = {"greylist show", "hold show", "limits show", "config show"}
    assert listing - one_thing <= set(LISTS), listing - one_thing


@pytest.mark.parametrize("args", [["limits", "reset", "--json", "x", "y"], ["greylist", "show", "--json", "x"], ["token", "add", "--json", "x", "read"], ["list", "test", "--json", "x", "y"],
                                  ["learn", "spam", "--json", "-"], ["config", "check", "--json"], ["metrics", "--json"], ["forget", "--json", "a@b"]])
def test_where_it_means_nothing_it_is_refused(args):
    assert sluice.ctl(*args).returncode == 64


def test_an_empty_list(setup):
    s = setup.sluice("state { lmdb state }\nlist some domain []\n")
    net.wait_for(lambda: s.status()["store"] == "works", "the store")
    for args in (["limits", "list", "--json", "-s", s.control], ["greylist", "list", "--json", "-s", s.control], ["learn", "status", "--json", "-s", s.control],
                 ["list", "show", "--json", "-c", s.conf, "some"]):
        assert parsed(args) == []
