# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's side of the milter protocol, versions 6 and 2: packets as Sendmail and Postfix send them."""
import socket
import struct

from . import net

# actions that an MTA may allow (SMFIF_*)
ALL_ACTIONS = 0x1FF
V1_ACTIONS = 0xF
# steps (SMFIP_*)
NOCONNECT, NOHELO, NOMAIL, NORCPT, NOBODY, NOHDRS, NOEOH = 1, 2, 4, 8, 0x10, 0x20, 0x40
NR_HDR, NOUNKNOWN, NODATA, SKIP, RCPT_REJ = 0x80, 0x100, 0x200, 0x400, 0x800
NR_CONN, NR_HELO, NR_MAIL, NR_RCPT, NR_DATA = 0x1000, 0x2000, 0x4000, 0x8000, 0x10000
NR_UNKN, NR_EOH, NR_BODY, HDR_LEADSPC = 0x20000, 0x40000, 0x80000, 0x100000
ALL_STEPS = 0x1FFFFF
V2_STEPS = 0x7F

CONTINUE, ACCEPT, REJECT, TEMPFAIL, DISCARD, REPLY = "continue", "accept", "reject", "tempfail", "discard", "reply"
VERDICTS = {b"c": CONTINUE, b"a": ACCEPT, b"r": REJECT, b"t": TEMPFAIL, b"d": DISCARD, b"y": REPLY}
SMTP_CODES = {REJECT: "550 5.7.1 Command rejected", TEMPFAIL: "451 4.7.1 Service unavailable - try again later"}


class Closed(Exception):
    """The milter has closed the connection."""


class Answer:
    """What the milter said to one step: kind, and for a reply its lines."""

    def __init__(self, kind, text="", edits=()):
        self.kind = kind
        self.text = text
        self.edits = list(edits)

    @property
    def code(self):
        return int(self.text[:3]) if self.text else 0

    def __repr__(self):
        return f"{self.kind} {self.text!r} {self.edits!r}"


def z(text):
    """A string of the protocol: octets with a NUL behind."""
    return (text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")) + b"\0"


class Milter:
    """One connection. `sent` has all octets that went out, so that a test can play them again."""

    def __init__(self, where, version=6, actions=ALL_ACTIONS, steps=None, macros=None, negotiate=True):
        kind, place = where.split(":", 1)
        if kind == "unix":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(place)  # without a time limit it waits for room among those that are not accepted yet
            self.sock.settimeout(net.PATIENCE_S)
        else:
            port, host = place.split("@")
            self.sock = socket.create_connection((host, int(port)), timeout=net.PATIENCE_S)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = bytearray()
        self.macros = macros or {}
        self.steps = 0
        self.actions = 0
        self.wanted_macros = {}
        self.opened = steps if steps is not None else (ALL_STEPS if version >= 6 else V2_STEPS)
        if negotiate:
            self.negotiate(version, actions, self.opened)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    # ---- packets ----

    def send(self, command, data=b""):
        packet = struct.pack(">I", len(data) + 1) + command + data
        self.sent += packet
        self.sock.sendall(packet)

    def receive(self):
        head = self._exactly(4)
        body = self._exactly(struct.unpack(">I", head)[0])
        if not body:
            raise Closed  # no packet of the protocol, at which an MTA gives the connection up
        return body[:1], body[1:]

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                got = self.sock.recv(n - len(data))
            except ConnectionError:
                raise Closed from None
            if not got:
                raise Closed
            data += got
        return data

    def negotiate(self, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS):
        self.send(b"O", struct.pack(">III", version, actions, steps))
        command, data = self.receive()
        assert command == b"O", command
        self.version, self.actions, self.steps = struct.unpack(">III", data[:12])
        rest = data[12:]
        while rest:
            stage = struct.unpack(">I", rest[:4])[0]
            names, rest = rest[4:].split(b"\0", 1)
            self.wanted_macros[stage] = names.decode().split()
        actions, steps = actions or V1_ACTIONS, steps or V2_STEPS  # none at all: an MTA of version 1, with what that could do
        assert self.actions & ~actions == 0 and self.steps & ~steps == 0, "the milter wants what was not offered"

    def _macros(self, command):
        values = self.macros.get(command.decode())
        if values:
            self.send(b"D", command + b"".join(z(name if len(name) == 1 or name.startswith("{") else "{" + name + "}") + z(value)
                                               for name, value in values.items()))

    def _step(self, command, data=b"", skip=0, no_reply=0):
        """Send a step unless it was negotiated away, and hear the answer unless there is none."""
        if self.steps & skip:
            return Answer(CONTINUE)
        self._macros(command)
        self.send(command, data)
        if self.steps & no_reply:
            return Answer(CONTINUE)
        return self.answer()

    def answer(self):
        edits = []
        while True:
            command, data = self.receive()
            if command in b"himr+-bqpeO2" and command not in (b"r",):
                edits.append(self._edit(command, data))
                continue
            kind = VERDICTS[command]
            text = data.rstrip(b"\0").decode("latin-1").replace("%%", "%")  # as the MTA's printf() would
            return Answer(kind, text if kind == REPLY else SMTP_CODES.get(kind, ""), edits)

    @staticmethod
    def _edit(command, data):
        if command in (b"i", b"m"):
            index = struct.unpack(">I", data[:4])[0]
            name, value, _ = data[4:].split(b"\0")
            return ("insert" if command == b"i" else "change", index, name.decode(), value.decode("latin-1"))
        return (command.decode(), data)

    # ---- the conversation ----

    def connect(self, address="192.0.2.1", name="mail.example.net", port=4711, family=None):
        family = family or ("6" if ":" in address else "4")
        where = b"" if family == "U" else struct.pack(">H", port) + z(address)
        return self._step(b"C", z(name) + family.encode() + where, NOCONNECT, NR_CONN)

    def helo(self, name="mail.example.net"):
        return self._step(b"H", z(name), NOHELO, NR_HELO)

    def mail(self, sender="<a@example.net>", *params):
        return self._step(b"M", b"".join(map(z, (sender, *params))), NOMAIL, NR_MAIL)

    def rcpt(self, recipient="<u@example.org>", *params):
        return self._step(b"R", b"".join(map(z, (recipient, *params))), NORCPT, NR_RCPT)

    def data(self):
        return self._step(b"T", b"", NODATA, NR_DATA)

    def unknown(self, command="FOO"):
        return self._step(b"U", z(command), NOUNKNOWN, NR_UNKN)

    def header(self, name, value):
        lead = " " if self.steps & HDR_LEADSPC and not value.startswith(" ") else ""
        return self._step(b"L", z(name) + z(lead + value), NOHDRS, NR_HDR)

    def raw_header(self, name, value):
        """value: all that stands after the colon."""
        return self._step(b"L", z(name) + z(value), NOHDRS, NR_HDR)

    def end_of_headers(self):
        return self._step(b"N", b"", NOEOH, NR_EOH)

    def body(self, chunk=b"body\r\n"):
        return self._step(b"B", chunk, NOBODY, NR_BODY)

    def end_of_message(self):
        return self._step(b"E")

    def abort(self):
        self.send(b"A")

    def quit(self):
        self.send(b"Q")

    def quit_nc(self):
        self.send(b"K")

    # ---- shorthand ----

    def greet(self, address="192.0.2.1", helo="mail.example.net", name="mail.example.net"):
        """connect and HELO; the answer of HELO."""
        answer = self.connect(address, name)
        assert answer.kind == CONTINUE, answer
        return self.helo(helo)

    def content(self, headers=(("From", "a@example.net"), ("Subject", "test")), body=b"hello\r\n"):
        """DATA and the message up to its end; the last answer."""
        for answer in [self.data(), *[self.header(n, v) for n, v in headers], self.end_of_headers(), self.body(body)]:
            if answer.kind != CONTINUE:
                return answer
        return self.end_of_message()

    def message(self, sender="<a@example.net>", recipients=("<u@example.org>",), **content):
        """A whole message; the first answer that is not `continue`, or the one to its end."""
        answer = self.mail(sender)
        if answer.kind != CONTINUE:
            return answer
        for recipient in recipients:
            answer = self.rcpt(recipient)
            if answer.kind != CONTINUE:
                return answer
        return self.content(**content)
