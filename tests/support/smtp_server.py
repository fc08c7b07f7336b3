# SPDX-License-Identifier: BSD-2-Clause
"""A mail server that answers as a test says."""
import contextlib
import socket
import threading


class Server:
    """One that answers by a table: the beginning of a command, and the answer; None closes the connection."""

    def __init__(self, answers, ends=(b"\r\n.\r\n",), greeting="220 mx.fake.example ESMTP"):
        self.answers, self.ends, self.greeting = answers, ends, greeting
        self.messages, self.commands = [], []
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.where = "127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(client,), daemon=True).start()

    def _listen(self, client):
        with contextlib.suppress(ConnectionError), client:  # who tries ends of lines hangs up
            self._serve(client)

    def _serve(self, client):
        data, buffer = False, b""
        client.sendall(self.greeting.encode() + b"\r\n")
        while True:
            ends = [(buffer.find(end), end) for end in (self.ends if data else (b"\r\n", b"\n")) if end in buffer]
            if not ends:
                chunk = client.recv(65536)
                if not chunk:
                    return
                buffer += chunk
                continue
            at, end = min(ends, key=lambda found: (found[0], -len(found[1])))
            line, buffer = buffer[:at], buffer[at + len(end):]
            if data:
                self.messages.append(line)
                data, answer = False, "250 taken"
            else:
                self.commands.append(line.decode("latin-1"))
                answer = next((a for begin, a in self.answers if line.decode("latin-1").startswith(begin)), "250 fine")
                data = line == b"DATA" and answer.startswith("354")
            if answer is None:
                return
            client.sendall(answer.encode() + b"\r\n")
            if line == b"QUIT":
                return
