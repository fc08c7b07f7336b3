# SPDX-License-Identifier: BSD-2-Clause
"""A real Postfix in front, the shipped policy behind: what strangers, users and postmasters see."""
import concurrent.futures
import re
import threading
import time

import pytest
from support import dkim_sender, net, sluice
from support.mta import DATE, PLAIN

CLIENT = "192.0.2.1"          # has a name that leads back, and may send for example.net
LISTED = "192.0.2.66"         # on the DNS list
OTHER = "198.51.100.7"        # no name, and not in the SPF record of example.net
RECORDS = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
    ("mail.example.net", "A"): [CLIENT],
    ("example.net", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("sel._domainkey.example.net", "TXT"): [dkim_sender.quoted(dkim_sender.rsa().record)],
    ("ed._domainkey.example.net", "TXT"): [dkim_sender.quoted(dkim_sender.ed25519().record)],
    ("_dmarc.bank.example", "TXT"): ["v=DMARC1; p=reject"],
    ("_dmarc.shop.example", "TXT"): ["v=DMARC1; p=quarantine"],
    ("sel._domainkey.bank.example", "TXT"): [dkim_sender.quoted(dkim_sender.rsa().record)],
    ("2.0.0.127.bl.example.net", "A"): ["127.0.0.2"],
    ("66.2.0.192.bl.example.net", "A"): ["127.0.0.2"],
}
WORDS = """
at rcpt {
    rule percent    reject "550 5.7.1 100% of {rcpt.address} %s%n"              when rcpt.address matches "percent*"
    rule long       reject "550 5.7.1 LONG"                                     when rcpt.address matches "long*"
}
""".replace("LONG", "a refusal of many words " * 30)


class Site:
    def __init__(self, setup, **options):
        self.dns = setup.dns(RECORDS)
        self.sluice = setup.sluice(sluice.shipped(self.dns.forward, extra=WORDS))
        self.postfix = setup.postfix(self.sluice, **options)

    def deliver(self, client=CLIENT, message=PLAIN, **more):
        """Send a message that goes through; as it was delivered."""
        marker = f"X-Marker: {time.monotonic_ns()}".encode()
        code, text = self.postfix.send(client, message=message.replace(b"\r\n\r\n", b"\r\n" + marker + b"\r\n\r\n", 1), **more)
        assert code == 250, (code, text)
        return self.postfix.delivered(1, marker)[0]


@pytest.fixture(scope="module")
def site(shared_setup):
    """One Postfix for all tests that only pass a message or two. At the end it must not have complained of its milter."""
    s = Site(shared_setup)
    yield s
    assert_milter_well(s.postfix)


def assert_milter_well(postfix):
    """Postfix warns when its milter breaks the protocol or cannot be reached; then milter_default_action acts."""
    complaints = [line for line in postfix.log().splitlines() if re.search(r"(warning|error|fatal|panic).*milter|default_action", line)]
    assert not complaints, complaints


def first_header(message):
    """The first field of the header, unfolded, and all that comes after it."""
    lines = message.split(b"\n")
    end = next(i for i in range(1, len(lines)) if not lines[i].startswith((b" ", b"\t")))
    return b" ".join(line.strip() for line in lines[:end]).decode(), b"\n".join(lines[end:])


def ref_of(text):
    return re.search(r"\(ref=(\w+)\)", text)[1]


# ---- refusals ----

@pytest.mark.parametrize("recipient", [
    "b@elsewhere.example",
    "b%elsewhere.example@example.org",
    "elsewhere.example!b@example.org",
    "@example.org:b@elsewhere.example",
    "@example.org,@elsewhere.example:b@example.net",
    '"b@elsewhere.example"@example.org',
    "b@elsewhere.example@example.org",
])
def test_relaying_is_denied_in_every_form(site, recipient):
    code, text = site.postfix.send(CLIENT, recipients=[recipient])
    assert code == 550 and text.startswith("5.7.1") and "relaying denied" in text, text


def test_a_listed_client_is_told_the_list_and_the_postmaster_the_rule(site):
    code, text = site.postfix.send(LISTED)
    assert code == 554 and "5.7.1" in text and f"{LISTED} is listed by bl.example.net" in text
    done = site.sluice.ctl("explain", ref_of(text))
    assert done.returncode == 0, done.stderr
    rules = (sluice.TOP / "rules/mx.conf").read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(rules) if "rule dnsbl-heavy" in text)
    assert f"by rule dnsbl-heavy ({sluice.TOP}/rules/mx.conf:{line})" in done.stdout
    assert re.search(r"66\.2\.0\.192\.bl\.example\.net A: .*\n    127\.0\.0\.2\n", done.stdout)


def test_percent_signs_arrive_single(site):
    code, text = site.postfix.send(CLIENT, recipients=["percent@example.org"])
    assert code == 550 and "100% of percent@example.org %s%n" in text


def test_a_long_refusal_has_several_lines(site):
    with site.postfix.client(CLIENT) as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL", "FROM:<a@example.net>")
        code, text = smtp.docmd("RCPT", "TO:<long@example.org>")
    lines = text.decode().split("\n")
    assert code == 550 and len(lines) == 2 and all(line.startswith("5.7.1 ") for line in lines)
    assert " ".join(line[6:] for line in lines).count("a refusal of many words") == 30


# ---- headers ----

def test_our_results_stand_above_everything(site):
    header, rest = first_header(site.deliver())
    assert header.startswith("Authentication-Results: mx.example.org;")
    assert "spf=pass" in header and "smtp.mailfrom=a@example.net" in header and "iprev=pass" in header
    assert rest.startswith(b"Received: ")


def test_an_spf_failure_counts_and_is_written_down(site):
    header, rest = first_header(site.deliver(OTHER))
    assert "spf=fail" in header and "smtp.mailfrom=a@example.net" in header
    assert b'X-Sluice-Tag: suspicious, 6 points' in rest  # no-rdns 2, spf-fail 4


def test_a_forged_header_goes_and_a_foreign_one_stays(site):
    forged = [b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bank.example",
              b"authentication-results: (hi) MX.example.ORG 1;\r\n\tdkim=pass header.d=bank.example"]
    foreign = b"Authentication-Results: relay.example.com; dkim=pass header.d=other.example"
    message = b"\r\n".join([forged[0], foreign, forged[1], PLAIN])
    _, rest = first_header(site.deliver(message=message))
    assert b"bank.example" not in rest
    assert rest.lower().count(b"\nauthentication-results: ") == 1 and foreign in rest


def test_the_spacing_of_headers_is_kept(site):
    fields = [b"Subject:none", b"X-Two:  two", b"X-Tab:\ttab", b"X-Fold: a\n\tb\n  c", b"X-Empty:", b"X-Trail: t  "]
    message = b"From: a@example.net\r\n" + b"\r\n".join(f.replace(b"\n", b"\r\n") for f in fields) + b"\r\n\r\nbody\r\n"
    delivered = site.deliver(message=message)
    for field in fields:
        assert b"\n" + field + b"\n" in delivered, field


# ---- signatures ----

@pytest.mark.parametrize("canon", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("key, selector", [(dkim_sender.rsa(), "sel"), (dkim_sender.ed25519(), "ed")], ids=["rsa", "ed25519"])
def test_a_signed_message_arrives_as_one(site, key, selector, canon):
    header, rest = first_header(site.deliver(message=dkim_sender.sign(key=key, selector=selector, canon=canon)))
    assert f"dkim=pass header.d=example.net header.s={selector} header.a={key.algorithm} header.b=" in header
    assert rest.startswith(b"Received: ")


def test_one_that_was_changed_on_the_way_fails(site):
    signed = dkim_sender.sign(canon="relaxed/relaxed")
    for old, new in [(b"Hello", b"Hullo"), (b"a  subject", b"another")]:
        header, _ = first_header(site.deliver(message=signed.replace(old, new)))
        assert "dkim=fail reason=" in header and "dkim=pass" not in header
    header, _ = first_header(site.deliver(message=signed.replace(b"a  subject", b"a subject")))
    assert "dkim=pass" in header, "relaxed is not particular about blanks"


def test_a_domain_is_refused_as_it_asks(site):
    """DMARC: what nobody vouches for, and what its domain has signed."""
    bank = DATE + b"From: The Bank <info@bank.example>\r\nSubject: t\r\n\r\nbody\r\n"
    code, text = site.postfix.send(CLIENT, message=bank)
    assert code == 550 and "5.7.1 bank.example asks to refuse this: neither SPF nor DKIM vouches for it" in text
    header, _ = first_header(site.deliver(message=dkim_sender.sign(bank, domain="bank.example", headers=("From", "Subject"))))
    assert "dmarc=pass header.from=bank.example policy.dmarc=reject" in header
    delivered = site.deliver(message=bank.replace(b"bank", b"shop"))
    assert "dmarc=fail" in first_header(delivered)[0] and b"X-Sluice-Tag: suspicious, 5 points" in delivered


def test_a_large_signed_message(site):
    message = dkim_sender.MESSAGE + b"".join(b"%d words in  a line\r\n" % i for i in range(100000))
    assert "dkim=pass" in first_header(site.deliver(message=dkim_sender.sign(message, canon="simple/simple")))[0]


# ---- who may send what ----

def test_an_authenticated_client_may_send_anywhere(site):
    code, text = site.postfix.send(OTHER, login="alice", sender="alice@example.org", recipients=["b@elsewhere.example"])
    assert code == 250, text
    assert "user=alice" in site.sluice.cases()[-1]


def test_an_internationalized_address(site):
    header, _ = first_header(site.deliver(sender="møller@example.net", recipients=["jürgen@example.org"]))
    assert "spf=pass" in header and "mx.example.org" in header
    assert 'smtp.mailfrom="møller@example.net"' in header
    assert "<j\\xc3\\xbcrgen@example.org>" in site.sluice.cases()[-1]


def test_a_thousand_recipients(site):
    recipients = [f"u{i}@example.org" for i in range(1000)]
    code, text = site.postfix.send(CLIENT, recipients=recipients)
    assert code == 250, text
    assert len(site.sluice.explain(site.sluice.cases()[-1].split("case=")[1].split()[0])["recipients"]) == 1000


def test_several_messages_in_one_session(site):
    with site.postfix.client(CLIENT) as smtp:
        smtp.ehlo()
        for i in range(5):
            assert smtp.docmd("MAIL", "FROM:<a@example.net>")[0] == 250
            assert smtp.docmd("RCPT", "TO:<b@elsewhere.example>")[0] == 550
            assert smtp.docmd("RCPT", "TO:<u@example.org>")[0] == 250
            if i == 2:
                assert smtp.rset()[0] == 250
                continue
            assert smtp.data(PLAIN.replace(b"Subject: t", b"Subject: several"))[0] == 250
    for message in site.postfix.delivered(4, b"Subject: several"):
        assert first_header(message)[0].count("spf=pass smtp.mailfrom") == 1


# ---- many at once, and trouble ----

def test_parallel_sessions_lose_nothing(setup):
    site = Site(setup)

    def session(n):
        with site.postfix.client(CLIENT) as smtp:
            smtp.ehlo()
            for i in range(10):
                smtp.docmd("MAIL", "FROM:<a@example.net>")
                smtp.docmd("RCPT", "TO:<u@example.org>")
                assert smtp.data(PLAIN.replace(b"t\r\n", f"s{n}-{i}\r\n".encode()))[0] == 250

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(session, range(20)))
    delivered = site.postfix.delivered(200)
    assert len({re.search(rb"Subject: (\S+)", m)[1] for m in delivered}) == 200
    assert all(first_header(m)[0].startswith("Authentication-Results: mx.example.org;") for m in delivered)
    status = site.sluice.status()
    assert (status["accept"], status["reject"], status["tempfail"], status["faults"]) == ("200", "0", "0", "0")
    net.wait_for(lambda: site.sluice.status()["connections"] == "0", "Postfix to close its connections")
    assert_milter_well(site.postfix)


def test_a_silent_dns_delays_a_stage_by_its_deadline_and_loses_nothing(setup):
    site = Site(setup)
    site.dns.silent = True
    with site.postfix.client(CLIENT) as smtp:
        for step in [lambda: smtp.ehlo(), lambda: smtp.docmd("MAIL", "FROM:<a@example.net>"),
                     lambda: smtp.docmd("RCPT", "TO:<u@example.org>"), lambda: smtp.data(PLAIN)]:
            began = time.monotonic()
            assert step()[0] == 250
            assert time.monotonic() - began < 2 + 1
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert [code for code, _ in pool.map(lambda _: site.postfix.send(OTHER), range(10))] == [250] * 10
    delivered = site.postfix.delivered(11)
    assert all("spf=temperror" in first_header(m)[0] for m in delivered)
    assert_milter_well(site.postfix)


def test_without_sluiced_mail_is_put_off_and_not_lost(setup):
    site = Site(setup)
    assert site.postfix.send(CLIENT)[0] == 250
    site.sluice.stop()
    with site.postfix.client() as smtp:
        smtp.ehlo()
        code, text = smtp.docmd("MAIL", "FROM:<a@example.net>")
        assert code == 451, (code, text)
    site.sluice.start()
    assert site.postfix.send(CLIENT)[0] == 250
    site.postfix.delivered(2)


def test_reloads_under_traffic(setup):
    site = Site(setup)
    ended = threading.Event()
    sent = []

    def traffic():
        while not ended.is_set():  # from many clients: one alone would meet the shipped limit on a fast machine
            sent.append(site.postfix.send(f"192.0.2.{1 + len(sent) % 60}"))

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        senders = [pool.submit(traffic) for _ in range(3)]
        for i in range(20):
            text = sluice.shipped(site.dns.forward, extra=f'at message {{ rule mark tag "generation {i}" }}')
            done = site.sluice.reload(text if i % 5 else text + "nonsense\n")
            assert done.returncode == (0 if i % 5 else 78), done.stderr
            time.sleep(0.02)
        ended.set()
        for sender in senders:
            sender.result()
    assert len(sent) > 20 and not [(code, text) for code, text in sent if code != 250]
    tags = {t for m in site.postfix.delivered(len(sent)) for t in re.findall(rb"X-Sluice-Tag: generation (\d+)", m)}
    assert len(tags) > 3
    assert site.sluice.status()["accept"] == str(len(sent))
    assert_milter_well(site.postfix)


def test_over_tcp(setup):
    dns = setup.dns(RECORDS)
    s = setup.sluice(sluice.shipped(dns.forward), listen=f"inet:{net.free_port()}@127.0.0.1")
    postfix = setup.postfix(s)
    assert postfix.send(LISTED)[0] == 554
    began = time.monotonic()
    for _ in range(10):
        assert postfix.send(CLIENT)[0] == 250
    assert all(b"spf=pass" in m for m in postfix.delivered(10))
    assert time.monotonic() - began < 10
    assert_milter_well(postfix)


@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "203.0.113.1"])
def test_local_submission_is_never_refused(setup, trusted):
    s = setup.sluice(f"""authserv_id mx.example.org
list local-domains domain [example.org]
list trusted network [{trusted}]
at rcpt {{
    rule no-relay reject "550 5.7.1 relaying denied" when relay.attempt
}}
""")
    postfix = setup.postfix(s, non_smtpd=s.listen)
    postfix.submit("root@example.org", ["u@example.org", "b@elsewhere.example"], b"Subject: cron\n\noutput\n")
    message, = postfix.delivered(1)
    assert message.startswith(b"Authentication-Results: mx.example.org;")
    net.wait_for(lambda: "to=<b@elsewhere.example>" in postfix.log(), "the other recipient")
    assert "milter-reject" not in postfix.log() and "status=bounced" not in postfix.log()
    assert_milter_well(postfix)


def test_only_the_stages_with_rules_need_a_reply(setup):
    s = setup.sluice("""authserv_id mx.example.org
list local-domains domain [example.org]
at rcpt { rule no-relay reject "550 5.7.1 relaying denied" when relay.attempt }
at message { rule big tag "big" when header.count > 100 }
""")
    proxy = setup.proxy(s)
    postfix = setup.postfix(proxy)
    code, text = postfix.send(None, recipients=["u@example.org", "v@example.org"])
    assert code == 250, text
    postfix.delivered(1)
    (sent, answers), = proxy.messages()
    assert re.fullmatch("OCHMRRL+B+EA*Q?", sent.replace("D", "")), sent
    assert answers == "Occic"  # negotiation, two recipients, our header, the message
