# SPDX-License-Identifier: BSD-2-Clause
"""ARC as others do it: python3-dkim seals, and judges seals."""
import dkim

from . import dkim_sender


def seal(message, domain="list.example.net", selector="sel", key=None, cv="none", results="spf=pass smtp.mailfrom=a@example.net"):
    """The message with a set above it, by a host of this domain that found out these results."""
    key = key or dkim_sender.rsa()
    header = f"Authentication-Results: {domain}; arc={cv}; {results}\r\n".encode()
    fields = dkim.arc_sign(header + message, selector.encode(), domain.encode(), key.private, domain.encode(),
                           include_headers=[b"from", b"to", b"subject"])
    assert len(fields) == 3, fields
    return b"".join(field if field.endswith(b"\r\n") else field + b"\r\n" for field in fields) + message


def verdict(message, records):
    """What python3-dkim says of the chain, and why. records: {name: text} of the keys."""
    cv, _, why = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode())
    return cv.decode(), why
