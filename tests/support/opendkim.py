# SPDX-License-Identifier: BSD-2-Clause
"""OpenDKIM's daemon in its test mode, which takes a message from a file and no socket. (opendkim-testmsg signs by rsa-sha1 alone, and asks the real DNS.)"""
import re
import shutil
import subprocess

from . import net

BINARY = shutil.which("opendkim", path="/usr/sbin:/usr/bin")


class OpenDkim:
    """In a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def _run(self, message, **settings):
        """The header fields that it adds to the message: [(name, value)], lines folded by LF."""
        conf, file = self.folder / "opendkim.conf", self.folder / "message"
        conf.write_text("".join(f"{name} {value}\n" for name, value in {"Syslog": "no", "RequireSafeKeys": "no", **settings}.items()))
        file.write_bytes(message)
        done = subprocess.run([BINARY, "-x", conf, "-vv", "-t", file], capture_output=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return re.findall(r"(?s)### INSHEADER: idx=\d+ hname='([^']*)' hvalue='(.*?)'\n", done.stdout.decode())

    def sign(self, message, key_file, selector, algorithm, canon, domain="example.net"):
        """The message with its signature."""
        (name, value), = self._run(message, Mode="s", Domain=domain, KeyFile=key_file, Selector=selector, SignatureAlgorithm=algorithm,
                                   Canonicalization=canon, OversignHeaders="From")
        return f"{name}: {value}\r\n".replace("\n", "\r\n").replace("\r\r", "\r").encode() + message

    def verify(self, message, records):
        """What it says of each signature: [(result, selector)]. records: {name: record}."""
        keys = self.folder / "keys"
        keys.write_text("".join(f"{name} {record}\n" for name, record in records.items()))
        (_, value), = (field for field in self._run(message, Mode="v", TestPublicKeys=keys) if field[0] == "Authentication-Results")
        return [(result, re.search(r"header\.s=(\S+)", rest)[1]) for result, rest in re.findall(r"dkim=(\w+)([^;]*)", value) if "header.s=" in rest]
