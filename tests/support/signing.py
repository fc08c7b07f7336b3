# SPDX-License-Identifier: BSD-2-Clause
"""DKIM keys as sluicectl makes them, and python3-dkim as the judge of signatures."""
import re

import dkim

from . import sluice


class Keys:
    """A folder of keys, as the setting `keys` names it, and the DNS that belongs to it."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.records = {}

    def make(self, domain, selector, kind="rsa"):
        """Make one; its file."""
        done = sluice.ctl("dkim", "keygen", domain, "--selector", selector, "--type", kind, "--out", self.folder)
        assert done.returncode == 0, done.stderr
        name = re.search(r"^(\S+)\. IN TXT", done.stdout, re.M)[1]
        self.records[name] = "".join(re.findall(r'"([^"]*)"', done.stdout))
        return self.folder / domain / f"{selector}.pem"

    def signers(self, message):
        """Who signed, from the top down: DOMAIN/SELECTOR ALGORITHM. Each signature has to be good."""
        signers = []
        for i, signature in enumerate(signatures(message)):
            assert dkim.DKIM(message).verify(idx=i, dnsfunc=self._txt), signature
            signers.append("{d}/{s} {a}".format(**tags(signature)))
        return signers

    def _txt(self, name, timeout=5):
        return self.records.get(name.decode().rstrip("."), "").encode()


def signatures(message):
    """The values of all DKIM-Signature fields, unfolded."""
    header = message.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    return [re.sub(r"\r\n(?=[ \t])", "", m.decode()) for m in re.findall(rb"(?m)^DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", header)]


def tags(signature):
    """The tags of a signature, without white space in them."""
    pairs = [tag.split("=", 1) for tag in signature.split(";") if tag.strip()]
    return {name.strip(): re.sub(r"\s", "", value) for name, value in pairs}


def sent(answer, headers, body):
    """The message as the MTA sends it on: with the header fields that the milter adds."""
    fields = [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in headers]
    for edit in answer.edits:
        assert edit[:2] == ("insert", 0), edit
        fields.insert(0, f"{edit[2]}:{edit[3]}".encode("latin-1"))
    lines = [field.replace(b"\n", b"\r\n") for field in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body + (b"" if body.endswith(b"\n") or not body else b"\r\n")
