# SPDX-License-Identifier: BSD-2-Clause
"""Certificates of a certification authority that lives as long as a test."""
import pathlib
import ssl
import subprocess

from . import net

CONFIG = "[req]\ndistinguished_name = name\n[name]\n"
NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Authority:
    """A root, and one below it that signs: who trusts the root has to be sent the other."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.config = self.folder / "config"
        self.config.write_text(CONFIG)
        self.root = self._make("root", "ec", None, "basicConstraints=critical,CA:TRUE")
        self.between = self._make("between", "ec", self.root, "basicConstraints=critical,CA:TRUE")

    def _make(self, name, kind, issuer, *extensions):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", kind]
        if issuer:
            options += ["-CA", str(issuer[0]), "-CAkey", str(issuer[1])]
        for extension in extensions:
            options += ["-addext", extension]
        subprocess.run(["openssl", "req", "-x509", "-config", str(self.config), *options, "-noenc", "-days", "2", "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)],
                       check=True, capture_output=True, timeout=net.PATIENCE_S)
        key.chmod(0o600)
        return certificate, key

    def server(self, name, kind="ec", chain=True):
        """Files of a certificate for 127.0.0.1, with the one that signed it, and of its key."""
        certificate, key = self._make(name, kind, self.between, "basicConstraints=critical,CA:FALSE", NAMES)
        if chain:
            certificate.write_text(certificate.read_text() + self.between[0].read_text())
        return certificate, key

    def client(self):
        """What a client speaks with who trusts the root alone."""
        return ssl.create_default_context(cafile=str(self.root[0]))
