# SPDX-License-Identifier: BSD-2-Clause
"""Between an MTA and sluiced: passes the milter protocol on, and writes down which packets went which way."""
import socket
import struct
import threading


class Proxy:
    """`listen` is for the MTA. `connections`: for each its packets, ("mta" | "milter", command, data) in their order."""

    def __init__(self, path, target):
        self.path = path
        self.target = target.split(":", 1)[1]
        self.listen = f"unix:{path}"
        self.connections = []
        self._lock = threading.Lock()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        path.chmod(0o666)
        self.sock.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                mta, _ = self.sock.accept()
            except OSError:
                return
            milter = socket.socket(socket.AF_UNIX)
            milter.connect(self.target)
            packets = []
            self.connections.append(packets)
            for who, source, sink in (("mta", mta, milter), ("milter", milter, mta)):
                threading.Thread(target=self._pump, args=(packets, who, source, sink), daemon=True).start()

    def _pump(self, packets, who, source, sink):
        stream = source.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                break
            body = stream.read(struct.unpack(">I", head)[0])
            with self._lock:
                packets.append((who, body[:1].decode("latin-1"), body[1:]))
            sink.sendall(head + body)
        sink.close()

    def messages(self):
        """Of each connection that had a message: the commands of the MTA and those of the milter, in a string each."""
        with self._lock:
            pairs = [["".join(command for side, command, _ in packets if side == who) for who in ("mta", "milter")]
                     for packets in self.connections]
        return [pair for pair in pairs if "M" in pair[0]]

    def stop(self):
        self.sock.close()
