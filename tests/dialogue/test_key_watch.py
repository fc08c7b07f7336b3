# SPDX-License-Identifier: BSD-2-Clause
"""The keys that sign, and what the DNS has of them: who looks, and who is told."""
import json

import pytest
from support import net
from support.signing import Keys
from support.web import Web

NAME = "k1._domainkey.example.org"
REVOKED = "v=DKIM1; k=ed25519; p="
OTHER = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


class Watched:
    """A daemon that signs by one key, and the DNS of its domain."""

    def __init__(self, setup, timeout="500ms"):
        self.keys = keys = Keys(setup.folder / "keys")
        keys.make("example.org", "k1", "ed25519")
        self.record = keys.records[NAME]
        self.dns = setup.dns(ttl=1)
        self.events_file = setup.folder / "events"
        self.sluice = setup.sluice(f"http unix:{setup.folder}/http\nevents {{ file {self.events_file} of key }}\nsign {{ keys {keys.folder} }}\n"
                                   f"dns {{ forward {self.dns.forward} timeout {timeout} }}\nat message {{ rule sign sign when client.authenticated }}\n", start=False)
        self.web = Web(setup.folder / "http")

    def start(self, value):
        self.publish(value)
        self.sluice.start()

    def publish(self, value):
        self.dns.records[(NAME, "TXT")] = value

    def look_until(self, value, until):
        """Reload, with this in the DNS, until that has been seen: what it said before stays in the cache for a second."""
        self.publish(value)
        self.dns.asked.clear()

        def again():
            assert self.sluice.reload().returncode == 0
            return until()
        net.wait_for(again, value)

    def key(self):
        keys = self.web.get("/api/v1/keys")["keys"]
        return keys[0] if keys else {"state": None}

    def metrics(self):
        return self.web.ask("/metrics").text

    def events(self):
        return [json.loads(line) for line in self.events_file.read_text().splitlines()] if self.events_file.exists() else []


@pytest.fixture
def watched(setup):
    return Watched(setup)


def test_a_key_that_goes_and_comes_back(watched):
    w, s = watched, watched.sluice
    w.start([w.record])
    net.wait_for(lambda: f'sluice_dkim_key_good{{name="{NAME}"}} 1' in w.metrics(), "the key to be looked for")
    assert "dkim_key" not in s.status() and "DKIM key" not in s.log()
    assert w.key()["state"] == "good" and w.key()["bad"] is False

    w.look_until([OTHER], lambda: w.key()["state"] == "other")
    assert f'sluice_dkim_key_good{{name="{NAME}"}} 0' in w.metrics() and w.key()["bad"] is True
    assert f"the DKIM key {NAME} is not as it should be in the DNS: another key is published: signatures will fail; 'sluicectl dkim check' shows the record" in s.log()
    assert s.status()["dkim_key"] == f"{NAME}: another key is published: signatures will fail"
    w.look_until([REVOKED], lambda: w.key()["state"] == "revoked")  # another thing is wrong with it now
    w.look_until([w.record], lambda: w.key()["state"] == "good")
    assert f"the DKIM key {NAME} is well again" in s.log() and s.log().count("is not as it should be") == 2
    net.wait_for(lambda: len(w.events()) == 3, "the events")
    assert [(e["event"], e["subject"], e["good"]) for e in w.events()] == [("key", NAME, False), ("key", NAME, False), ("key", NAME, True)]
    assert "revoked" in w.events()[1]["text"]


def test_while_the_dns_is_silent_what_it_said_last_stays(watched):
    w, s = watched, watched.sluice
    w.start("SERVFAIL")
    net.wait_for(lambda: w.key()["state"] == "unanswered", "the look")
    assert "dkim_key" not in s.status() and "sluice_dkim_key_good{" not in w.metrics()
    w.look_until([REVOKED], lambda: w.key()["state"] == "revoked")
    w.look_until("SERVFAIL", lambda: w.dns.asked)
    w.look_until([REVOKED], lambda: w.dns.asked)
    assert w.key()["state"] == "revoked" and s.status()["dkim_key"].startswith(NAME)
    w.look_until([w.record], lambda: w.key()["state"] == "good")
    net.wait_for(lambda: len(w.events()) == 2, "the events")
    assert [e["good"] for e in w.events()] == [False, True]


def test_a_key_that_is_gone_from_the_configuration_is_nobodys_business(watched):
    w, s = watched, watched.sluice
    w.start([REVOKED])
    net.wait_for(lambda: w.key()["state"] == "revoked", "the look")
    s.conf.write_text(s.conf.read_text().replace("sign {", "#sign {").replace("rule sign sign", "rule sign score 1"))
    assert s.reload().returncode == 0
    net.wait_for(lambda: w.key()["state"] is None, "the next look")
    assert "dkim_key" not in s.status()


def test_many_keys_are_asked_for_some_dozens_at_a_time(setup):
    w = Watched(setup, timeout="60s")
    for i in range(80):
        w.keys.make(f"d{i}.example", "k1", "ed25519")
    w.dns.records = {(name, "TXT"): [record] for name, record in w.keys.records.items()}
    w.dns.hold(*w.keys.records)
    w.sluice.start()
    net.wait_for(lambda: len(w.dns.asked) > len(set(w.dns.asked)) >= 64, "the first to be asked for again")
    assert len(set(w.dns.asked)) == 64
    w.dns.release()
    net.wait_for(lambda: [key["state"] for key in w.web.get("/api/v1/keys")["keys"]] == ["good"] * 81, "all of them")
