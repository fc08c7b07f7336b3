# SPDX-License-Identifier: BSD-2-Clause
"""DKIM as a sender does it: keys, their records, and signatures with any tags, right or wrong."""
import base64
import functools
import subprocess
import time

import dkim
import nacl.encoding
import nacl.signing
from dkim.canonicalization import CanonicalizationPolicy

MESSAGE = (b"From: Ann <a@example.net>\r\nTo: u@example.org,\r\n\tv@example.org\r\nSubject:  a  subject\t\r\n"
           b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\n"
           b"Hello  there, \t\r\n\r\n the second  paragraph\r\n\r\n\r\n")


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


class Key:
    """`record` is what the domain publishes."""

    def __init__(self, algorithm, private, public):
        self.algorithm = algorithm
        self.private = private
        self.p = base64.b64encode(public).decode()
        self.record = f"v=DKIM1; k={algorithm.split('-')[0]}; p={self.p}"

    @property
    def pkcs1(self):
        """The same key as RFC 6376 names it: RSAPublicKey."""
        public = openssl("rsa", "-RSAPublicKey_out", "-outform", "DER", data=self.private)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


@functools.lru_cache(None)
def rsa(bits=2048, number=0):
    """number: to have several of one size."""
    private = openssl("genrsa", str(bits))
    return Key("rsa-sha256", private, openssl("rsa", "-pubout", "-outform", "DER", data=private))


@functools.lru_cache(None)
def ed25519():
    key = nacl.signing.SigningKey.generate()
    return Key("ed25519-sha256", key.encode(nacl.encoding.Base64Encoder), bytes(key.verify_key))


def sign(message=MESSAGE, key=None, selector="sel", domain="example.net", canon="relaxed/simple", headers=("From", "To", "Subject"), **tags):
    """The message with a signature above it. tags: others, or other values; None leaves one out."""
    key = key or rsa()
    algorithm = tags.get("a", key.algorithm).encode()
    signer = dkim.DKIM(message, signature_algorithm=algorithm if algorithm in dkim.HASH_ALGORITHMS else key.algorithm.encode())
    policy = CanonicalizationPolicy.from_c_value(canon.encode())
    body = policy.canonicalize_body(signer.body)
    signer.hasher = dkim.HASH_ALGORITHMS[signer.signature_algorithm]
    covered = body[:int(tags["l"])] if str(tags.get("l", "")).isdigit() else body
    digest = base64.b64encode(signer.hasher(covered).digest()).decode()
    fields = {"v": "1", "a": key.algorithm, "c": canon, "d": domain, "s": selector, "t": str(int(time.time())),
              "h": " : ".join(headers), "bh": digest, "b": "0" * 60}
    fields.update(tags)
    private = dkim.parse_pem_private_key(key.private) if key.algorithm.startswith("rsa") else nacl.signing.SigningKey(
        key.private, encoder=nacl.encoding.Base64Encoder)
    signed = signer.gen_header([(name.encode(), str(value).encode()) for name, value in fields.items() if value is not None],
                               [name.lower().encode() for name in headers], policy, b"DKIM-Signature", private)
    return b"DKIM-Signature: " + signed + message


def quoted(record):
    """As the DNS has it: strings of at most 255 octets."""
    return " ".join(f'"{record[i:i + 250]}"' for i in range(0, len(record), 250))


def split(message):
    """(name, what stands after the colon) of each field, lines folded with LF as an MTA tells a milter; and the body."""
    header, body = message.split(b"\r\n\r\n", 1)
    fields = header.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n")
    return [tuple(field.split(b":", 1)) for field in fields], body


def give(m, message, chunk=None, lead=True):
    """Send a milter the content of a message up to its end, the body in chunks of this size."""
    fields, body = split(message)
    m.data()
    for name, value in fields:
        m.raw_header(name, value if lead else value.lstrip())
    m.end_of_headers()
    for i in range(0, len(body), chunk or 65535):
        m.body(body[i:i + (chunk or 65535)])


def zone(records):
    """The zone of some selectors of example.net: {selector: record}, or a list of records."""
    return "".join(f"{selector}._domainkey.example.net TXT {record}\n"
                   for selector, value in records.items() for record in ([value] if isinstance(value, str) else value))
