# SPDX-License-Identifier: BSD-2-Clause
"""HTTP as a test speaks it: octets on a socket, so that nothing is made nicer on the way."""
import json
import socket

from . import net


class Answer:
    def __init__(self, octets):
        head, _, self.body = octets.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """A place that sluiced listens on: a port of 127.0.0.1, or the path of a socket."""

    def __init__(self, where, token=None, tls=None):
        self.where, self.token, self.tls = where, token, tls  # tls: an ssl.SSLContext

    def connect(self):
        if isinstance(self.where, int):
            s = socket.create_connection(("127.0.0.1", self.where), timeout=net.PATIENCE_S)
            return self.tls.wrap_socket(s, server_hostname="127.0.0.1", suppress_ragged_eofs=False) if self.tls else s
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(net.PATIENCE_S)
        s.connect(str(self.where))
        return s

    @staticmethod
    def read(sock):
        octets = b""
        while chunk := sock.recv(65536):
            octets += chunk
        return Answer(octets)

    def raw(self, octets):
        with self.connect() as sock:
            sock.sendall(octets)
            return self.read(sock)

    def ask(self, path, method="GET", body=None, token=None, **headers):
        token = token or self.token
        lines = [f"{method} {path} HTTP/1.1", "Host: sluice.example"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def get(self, path):
        """The JSON of an answer that has to be good."""
        answer = self.ask(path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json
