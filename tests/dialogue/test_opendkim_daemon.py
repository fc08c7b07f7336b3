# SPDX-License-Identifier: BSD-2-Clause
"""OpenDKIM as the other side: what we sign it verifies, what it signs we verify."""
import re

import pytest
from dialogue import test_dkim, test_sign
from support import dkim_sender
from support.opendkim import BINARY, OpenDkim
from support.signing import Keys, sent

pytestmark = pytest.mark.skipif(not BINARY, reason="opendkim is not installed")

BODIES = {
    "plain": b"hello\r\n",
    "blanks": b" a  b\t \r\n\r\nc \t\r\n",
    "empty lines last": b"a\r\n\r\n\r\n",
    "8-bit": "gr\u00fc\u00dfe \u2713\r\n".encode(),
    "none": b"",
    "dots": b".\r\n..\r\n",
    "large": b"0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 3000,
}


@pytest.fixture(scope="module")
def opendkim(shared_setup):
    return OpenDkim(shared_setup.folder / "opendkim")


@pytest.fixture(scope="module")
def signer(shared_setup):
    keys = Keys(shared_setup.folder / "keys")
    keys.make("example.org", "rsa")
    keys.make("example.org", "ed", "ed25519")
    return keys, shared_setup.sluice(test_sign.CONF.format(settings=f"keys {keys.folder}"))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("headers", [
    test_sign.HEADERS,
    [*test_sign.HEADERS[:2], ("Subject", "one\n two\n\tthree  "), ("Cc", "c@example.net,\n\td@example.net"), ("Received", "from x")],
], ids=["plain", "folded"])
def test_what_we_sign_opendkim_verifies(shared_setup, signer, opendkim, headers, body):
    keys, s = signer
    message = sent(test_sign.submit(shared_setup, s, headers=headers, chunks=[body] if body else []), headers, body)
    assert sorted(opendkim.verify(message, keys.records)) == [("pass", "ed"), ("pass", "rsa")]
    changed = message.replace(b"From: A", b"From: B")
    assert {result for result, _ in opendkim.verify(changed, keys.records)} == {"fail"}


@pytest.fixture(scope="module")
def gate(shared_setup):
    s = shared_setup.sluice(test_dkim.CONF, dkim_sender.zone(test_dkim.KEYS))
    return lambda message, **how: test_dkim.send(shared_setup, s, message, **how)


def key_file(opendkim, key, selector):
    """As PEM, which it wants of both types."""
    pem = key.private
    if selector == "ed":
        der = bytes.fromhex("302e020100300506032b657004220420") + dkim_sender.base64.b64decode(key.private)
        pem = dkim_sender.openssl("pkey", "-inform", "DER", data=der)
    path = opendkim.folder / f"{selector}.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    return path


# With Ed25519 and a simple header it signs what nobody, itself included, finds good.
@pytest.mark.parametrize("key, selector, canon", [
    *[(dkim_sender.rsa(), "sel", canon) for canon in ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")],
    *[(dkim_sender.ed25519(), "ed", canon) for canon in ("relaxed/simple", "relaxed/relaxed")],
], ids=lambda value: str(getattr(value, "algorithm", value)))
def test_what_opendkim_signs_we_verify(gate, opendkim, key, selector, canon):
    path = key_file(opendkim, key, selector)
    header = dkim_sender.MESSAGE.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
    if canon.startswith("simple"):  # in its test mode it has other blanks than the message
        header = re.sub(rb":\s+", b": ", re.sub(rb"\s+\r\n\s*", b"\r\n", header.replace(b"\r\n\t", b" "))) + b"\r\n"
    for name, body in BODIES.items():
        message = opendkim.sign(header + body, path, selector, key.algorithm, canon)
        seen = gate(message)
        assert (name, seen.result) == (name, "pass"), seen.signatures
        assert seen.facts["dkim.domains"] == ["example.net"] and seen.facts["dkim.partial"] is False
        assert gate(message.replace(b"From: Ann", b"From: Bob")).result == "fail"
        assert gate(message + b"more\r\n").result == "fail"
