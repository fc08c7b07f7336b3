# SPDX-License-Identifier: BSD-2-Clause
"""What a test does with a mail server, whichever it is: sessions, transactions, and the mail that came through."""
import email.utils

from . import net

DATE = b"Date: " + email.utils.formatdate().encode() + b"\r\n"
PLAIN = DATE + b"From: a@example.net\r\nSubject: t\r\n\r\nbody\r\n"


class Mta:
    """`mail` is the folder where mail for example.org ends, a file each. client() makes a session: see the servers."""

    def send(self, address, sender="a@example.net", recipients=("u@example.org",), message=PLAIN, **client):
        """One transaction: the first reply that is not positive, or the last."""
        with self.client(address, **client) as smtp:
            code, text = smtp.ehlo()
            if code >= 400:
                return code, text.decode()
            code, text = smtp.docmd("MAIL", f"FROM:<{sender}>{'' if sender.isascii() else ' SMTPUTF8'}")
            for recipient in recipients:
                if code < 400:
                    code, text = smtp.docmd("RCPT", f"TO:<{recipient}>")
            if code < 400:
                code, text = smtp.data(message)
            return code, text.decode()

    def delivered(self, count=1, marker=b""):
        """The messages with the marker in them that came through, once there are so many."""
        def arrived():
            found = [m for m in (f.read_bytes() for f in sorted(self.mail.iterdir())) if marker in m]
            return found if len(found) >= count else None
        try:
            return net.wait_for(arrived, f"{count} messages to be delivered")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from e

    def place_for_mail(self):
        """The folder, and the program that writes into it as nobody: a file is there when it is whole."""
        self.mail = self.dir / "mail"
        self.mail.mkdir(parents=True)
        self.mail.chmod(0o777)
        begun = self.dir / "mail-begun"
        begun.mkdir()
        begun.chmod(0o777)
        for parent in [self.dir, *self.dir.parents][:3]:
            parent.chmod(parent.stat().st_mode | 0o755)
        (self.dir / "sink").write_text(f"#!/bin/sh\nname=$(date +%s%N).$$\ncat >{begun}/$name && mv {begun}/$name {self.mail}/\n")
        (self.dir / "sink").chmod(0o755)
