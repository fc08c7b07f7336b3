# SPDX-License-Identifier: BSD-2-Clause
"""One Authentication-Results with all methods, as python3-authres reads it; and Received-SPF beside it."""
import re

import authres
import pytest
from support import arc_sender, dkim_sender
from support.dkim_sender import MESSAGE, give, rsa, sign
from support.milter import CONTINUE

CONF = "authserv_id mx.example.org\nstage_deadline 5s\n"
AUTH = {"M": {"{auth_authen}": "alice", "{auth_type}": "PLAIN"}}


@pytest.fixture
def site(setup):
    """example.net with all that there is."""
    key = dkim_sender.quoted(rsa().record)
    server = setup.dns({
        ("example.net", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("sel._domainkey.example.net", "TXT"): [key],
        ("sel._domainkey.list.example.net", "TXT"): [key],
        ("_dmarc.example.net", "TXT"): ["v=DMARC1; p=reject"],
        ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.net."],
        ("mail.example.net", "A"): ["192.0.2.1"],
        ("xn--bcher-kva.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("sel._domainkey.xn--bcher-kva.example", "TXT"): [key],
        ("_dmarc.xn--bcher-kva.example", "TXT"): ["v=DMARC1; p=reject"],
    })
    return lambda more="": setup.sluice(f"{CONF}{more}dns {{ forward {server.forward}  dnssec no }}\n")


def send(setup, s, message, sender="<a@example.net>", parameters=(), macros=None):
    m = setup.milter(s, macros=macros)
    m.greet()
    assert m.mail(sender, *parameters).kind == m.rcpt().kind == CONTINUE
    give(m, message)
    end = m.end_of_message()
    m.quit()
    assert end.kind == CONTINUE, end
    return {edit[2]: edit[3] for edit in end.edits if edit[0] == "insert"}


def results(edits):
    """(method, result, its properties) of each method."""
    header = authres.AuthenticationResultsHeader.parse("Authentication-Results:" + edits["Authentication-Results"].replace("\n", ""))
    assert header.authserv_id == "mx.example.org"
    return [(r.method, r.result, {f"{p.type}.{p.name}": p.value for p in r.properties}) for r in header.results]


def test_all_methods_in_one_field(setup, site):
    message = arc_sender.seal(sign(), "list.example.net")
    got = {method: (result, properties) for method, result, properties in results(send(setup, site(), message))}
    assert {method: result for method, (result, _) in got.items()} == {
        "iprev": "pass", "spf": "pass", "dkim": "pass", "dmarc": "pass", "arc": "pass"}
    assert got["iprev"][1]["policy.iprev"] == "192.0.2.1"
    assert got["spf"][1]["smtp.mailfrom"] == "a@example.net"
    assert (got["dkim"][1]["header.d"], got["dkim"][1]["header.s"], got["dkim"][1]["header.a"]) == ("example.net", "sel", "rsa-sha256")
    assert got["dmarc"][1]["header.from"] == "example.net"
    assert got["arc"][1]["smtp.remote-ip"] == "192.0.2.1"


def test_who_has_authenticated_is_named(setup, site):
    got = results(send(setup, site(), MESSAGE, macros=AUTH))
    assert got[0] == ("auth", "pass", {"smtp.auth": "alice"})
    assert {"spf", "dkim", "dmarc", "arc"}.isdisjoint(method for method, _, _ in got)


def test_internationalized_mail(setup, site):
    """RFC 8616: domains in U-labels are looked up, and those of DKIM and DMARC shown, in A-labels."""
    message = sign(MESSAGE.replace(b"a@example.net", "ann@b\u00fccher.example".encode()), domain="xn--bcher-kva.example")
    edits = send(setup, site(), message, sender="<ann@b\u00fccher.example>", parameters=("SMTPUTF8",))
    header = re.sub(r"\s+", " ", edits["Authentication-Results"].encode("latin-1").decode())
    assert "spf=pass smtp.mailfrom=ann@b\u00fccher.example" in header
    assert "dkim=pass header.d=xn--bcher-kva.example" in header and "dmarc=pass header.from=xn--bcher-kva.example" in header


def test_a_signature_with_u_labels(setup, site):
    message = sign(MESSAGE.replace(b"a@example.net", "ann@b\u00fccher.example".encode()), domain="b\u00fccher.example")
    edits = send(setup, site(), message, sender="<ann@b\u00fccher.example>", parameters=("SMTPUTF8",))
    assert "dkim=pass header.d=xn--bcher-kva.example" in re.sub(r"\s+", " ", edits["Authentication-Results"].encode("latin-1").decode())


def test_received_spf(setup, site):
    edits = send(setup, site("received_spf { add yes }\n"), MESSAGE)
    assert re.sub(r"\s+", " ", edits["Received-SPF"]).strip() == (
        'pass (mx.example.org: 192.0.2.1 is permitted to send mail of example.net) client-ip=192.0.2.1; envelope-from="a@example.net"; '
        'helo="mail.example.net"; mechanism="ip4:192.0.2.1"; receiver=mx.example.org; identity=mailfrom')
    assert list(edits)[-1] == "Authentication-Results"


@pytest.mark.parametrize("more, macros", [("", None), ("received_spf { add no }\n", None), ("received_spf { add yes }\n", AUTH)])
def test_no_received_spf(setup, site, more, macros):
    assert "Received-SPF" not in send(setup, site(more), MESSAGE, macros=macros)
