# SPDX-License-Identifier: BSD-2-Clause
"""A mail server that takes mail and keeps it, or does not, as a test wants."""
import socket
import threading


class Sink:
    """answers: what it says in place of its own words, by command: {"RCPT": "450 4.2.0 later"}. None: it says nothing more."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.mails = []  # (MAIL FROM, RCPT TO, octets without the doubled dots)
        self.connections = 0
        self.ended = threading.Event()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.clients = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            self.clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        file = client.makefile("rb")
        sender = recipient = None

        def say(command, usual):
            answer = self.answers.get(command, usual)
            if answer is None:
                self.ended.wait()
                raise OSError("it has hung until the end")
            client.sendall(answer.encode() + b"\r\n")
            return answer[0] in "23"

        try:
            if not say("connect", "220-mx.sink.example ESMTP\r\n220 at your service"):
                return
            for line in file:
                verb = line.strip().split(b" ")[0].split(b":")[0].upper().decode("latin-1")
                if verb in ("EHLO", "HELO"):
                    say(verb, "250-mx.sink.example\r\n250-SIZE 30000000\r\n250 8BITMIME" if verb == "EHLO" else "250 mx.sink.example")
                elif verb == "MAIL":
                    sender = line.decode().strip()[10:]
                    say(verb, "250 2.1.0 ok")
                elif verb == "RCPT":
                    recipient = line.decode().strip()[8:]
                    say(verb, "250 2.1.5 ok")
                elif verb == "DATA":
                    if not say(verb, "354 go on"):
                        continue
                    content = b""
                    for text in file:
                        if text == b".\r\n":
                            break
                        content += text[1:] if text.startswith(b".") else text
                    if (self.answers.get("end", "250") or "").startswith("2"):  # before it is said: then it is looked for
                        self.mails.append((sender, recipient, content))
                    say("end", "250 2.0.0 queued")
                elif verb == "QUIT":
                    say(verb, "221 bye")
                    return
        except OSError:
            pass
        finally:
            file.close()
            client.close()

    def stop(self):
        self.ended.set()
        self.sock.close()
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
