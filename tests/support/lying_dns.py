# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server that does not keep to the protocol: what comes back for a question is of another id, another name, another place, or no DNS at all."""
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rrset

from . import dns as honest

LIE = "v=spf1 +all"  # what a forged answer says of every name that has TXT records


def bound_twice():
    """Sockets of UDP and TCP on one port, which must be free for both."""
    for _ in range(100):
        sock = honest.bound()
        try:
            return sock, socket.create_server(sock.getsockname())
        except OSError:
            sock.close()
    raise AssertionError("no port is free for UDP and TCP")


class Server(honest.Server):
    """`lie`: which, of the methods below; None: the truth. then_truth: the true answer follows behind the lie. tcp: the truth can be had there."""

    def __init__(self, records=None, lie=None, then_truth=False, tcp=False, **kwargs):
        self.lie = lie
        self.then_truth = then_truth
        self.tcp_asked = 0
        sock, self.listener = bound_twice() if tcp else (None, None)
        super().__init__(records, sock=sock, **kwargs)
        if tcp:
            threading.Thread(target=self._listen, daemon=True).start()

    def _send(self, response, peer):
        if isinstance(peer, socket.socket):
            wire = response.to_wire()
            peer.sendall(struct.pack(">H", len(wire)) + wire)
            return
        if self.lie:
            getattr(self, "_" + self.lie)(response, peer)
        if not self.lie or self.then_truth:
            super()._send(response, peer)

    def _forged(self, response):
        """The same, but for what it says of the name."""
        forged = dns.message.from_wire(response.to_wire())
        question = forged.question[0]
        if question.rdtype == dns.rdatatype.TXT:
            forged.answer = [dns.rrset.from_text(question.name, 300, "IN", "TXT", f'"{LIE}"')]
        return forged

    def _wrong_id(self, response, peer):
        forged = self._forged(response)
        for _ in range(20):
            forged.id = (forged.id + 257) & 0xffff
            self.sock.sendto(forged.to_wire(), peer)

    def _wrong_name(self, response, peer):
        forged = self._forged(response)
        for rrset in forged.question + forged.answer:
            rrset.name = dns.name.from_text("other.example")
        self.sock.sendto(forged.to_wire(), peer)

    def _wrong_port(self, response, peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            other.sendto(self._forged(response).to_wire(), peer)

    def _wrong_address(self, response, peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", 0))
            other.sendto(self._forged(response).to_wire(), peer)

    def _garbage(self, response, peer):
        wire = response.to_wire()
        for octets in [b"", b"\0", wire[:2], wire[:11], wire[:12] + b"\xff" * 400, wire[:2] + b"\x81\x80" + b"\xff" * 8, wire[:-1], wire[:12] + b"\xc0\x0c" * 100]:
            self.sock.sendto(octets, peer)

    def _question(self, response, peer):
        """The question comes back as it went out: no answer at all."""
        response.flags &= ~dns.flags.QR
        self.sock.sendto(response.to_wire(), peer)

    def _loop(self, response, peer):
        """One name is an alias of another, and that of the first."""
        name = response.question[0].name
        other = dns.name.from_text("other.example")
        response.set_rcode(dns.rcode.NOERROR)
        response.answer = [dns.rrset.from_text(name, 1, "IN", "CNAME", other.to_text()), dns.rrset.from_text(other, 1, "IN", "CNAME", name.to_text())]
        self.sock.sendto(response.to_wire(), peer)

    def _truncated(self, response, peer):
        response.flags |= dns.flags.TC
        response.answer = []
        self.sock.sendto(response.to_wire(), peer)

    def _listen(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(conn,), daemon=True).start()

    def _converse(self, conn):
        stream = conn.makefile("rb")
        with conn:
            while True:
                head = stream.read(2)
                if len(head) < 2:
                    return
                self.tcp_asked += 1
                self._answer(stream.read(struct.unpack(">H", head)[0]), conn)

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        super().stop()
