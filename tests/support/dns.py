# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server on loopback that answers as a test wants: from a table, late, badly, or never."""
import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


def bound():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


class Server:
    """records: {(name, type): [values] | "SERVFAIL" | "TIMEOUT" | "TRUNCATED"}; a name that is not there is NXDOMAIN.
    What is truncated cannot be had over TCP either. pace_s: so long before each answer, one after the other. sock: of UDP, bound already; None: one is made."""

    def __init__(self, records=None, delay_s=0, ttl=300, sock=None, pace_s=0):
        self.records = {(name.lower().rstrip("."), kind): value for (name, kind), value in (records or {}).items()}
        self.delay_s = delay_s
        self.pace_s = pace_s
        self.ttl = ttl
        self.asked = []
        self.silent = False
        self.released = threading.Event()  # until then the names in `held` are not answered
        self.released.set()
        self.held = set()
        self.sock = sock or bound()
        self.sock.settimeout(0.2)
        self.port = self.sock.getsockname()[1]
        self.forward = f"127.0.0.1@{self.port}"
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended:
            try:
                wire, peer = self.sock.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            if self.pace_s:
                time.sleep(self.pace_s)
                self._answer(wire, peer)
            else:
                threading.Thread(target=self._answer, args=(wire, peer), daemon=True).start()

    def _answer(self, wire, peer):
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        value = self.records.get((name, kind))
        if value == "TIMEOUT" or self.silent:
            return
        if name in self.held:
            self.released.wait()
        time.sleep(self.delay_s)
        response = dns.message.make_response(query, recursion_available=True)
        if value == "SERVFAIL":
            response.set_rcode(dns.rcode.SERVFAIL)
        elif value == "TRUNCATED":
            response.flags |= dns.flags.TC
        elif value:
            if kind == "TXT":
                value = [text if text.startswith('"') else f'"{text}"' for text in value]
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *value))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        try:
            self._send(response, peer)
        except OSError:
            pass

    def _send(self, response, peer):
        self.sock.sendto(response.to_wire(), peer)

    def hold(self, *names):
        """Answer these only after release(); they are in `asked` all the same."""
        self.held = set(names)
        self.released.clear()

    def release(self):
        self.released.set()

    def stop(self):
        self._ended = True
        self.released.set()
        self.sock.close()
        self._thread.join()
