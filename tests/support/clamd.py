# SPDX-License-Identifier: BSD-2-Clause
"""A clamd of a test's own, with one signature; and servers that only look like one."""
import os
import pwd
import socket
import struct
import subprocess
import threading

from . import net

# in two halves, so that this file is none
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
NAME = "Eicar-Test-Signature"
FOUND = NAME + ".UNOFFICIAL"  # as clamd calls what is not signed by ClamAV


class Clamd:
    """The real one, over a unix socket and over TCP."""

    def __init__(self, folder, more="", network=True):
        self.folder = folder / "clamd"
        self.path = self.folder / "sock"
        self.port = net.free_port()
        self.unix = f"unix:{self.path}"
        self.inet = f"inet:{self.port}@127.0.0.1"
        self.process = None
        (self.folder / "db").mkdir(parents=True)
        (self.folder / "db/test.ndb").write_text(f"{NAME}:0:*:{EICAR.hex()}\n")
        self.conf = self.folder / "clamd.conf"
        user = pwd.getpwuid(os.getuid()).pw_name
        tcp = f"TCPSocket {self.port}\nTCPAddr 127.0.0.1\n" if network else ""
        self.conf.write_text(f"Foreground yes\nDatabaseDirectory {self.folder}/db\nLocalSocket {self.path}\nFixStaleSocket yes\n{tcp}"
                             f"User {user}\nOfficialDatabaseOnly no\nMaxThreads 4\nSelfCheck 86400\nTemporaryDirectory {self.folder}\n{more}\n")

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = net.start(["clamd", "-c", self.conf], stdout=self.log, stderr=subprocess.STDOUT)
        net.wait_for(lambda: net.listens_unix(self.path) or self.process.poll() is not None, "clamd to listen")
        assert self.process.poll() is None, (self.folder / "log").read_text()

    def kill(self):
        """As when it crashes."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process:
            net.stop(self.process)
            self.process = None
            self.log.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()


class Fake:
    """A server that answers as it is told: answer(octets) is called for what each stream has; None leaves it open without a word."""

    def __init__(self, answer=lambda octets: b"stream: OK\0", version=b"ClamAV 1.4.3/27800/Mon Nov 25 09:30:00 2024\0"):
        self.answer, self.version = answer, version
        self.streams = []  # octets of each
        self.versions = 0
        self.ended = threading.Event()
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.sock.getsockname()[1]
        self.address = f"inet:{self.port}@127.0.0.1"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, client.makefile("rb") as file:
                command = b""
                while not command.endswith(b"\0"):
                    octet = file.read(1)
                    if not octet:
                        return
                    command += octet
                if command == b"zVERSION\0":
                    self.versions += 1
                    reply = self.version
                else:
                    octets = b""
                    while length := struct.unpack(">I", file.read(4))[0]:
                        octets += file.read(length)
                    self.streams.append(octets)
                    reply = self.answer(octets)
                if reply is None:
                    self.ended.wait()
                else:
                    client.sendall(reply)
        except (OSError, struct.error):
            pass  # it has gone, or has heard enough

    def stop(self):
        self.ended.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Relay:
    """A unix socket in front of a clamd on TCP: descriptors do not get through, so it says what clamd says of that."""

    def __init__(self, path, port):
        self.port = port
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(100)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            first = client.recv(65536)
            if first.startswith(b"zFILDES"):
                client.sendall(b"No file descriptor received. ERROR\0")
                return
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                server.sendall(first)
                thread = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                thread.start()
                self._copy(client, server)
                thread.join()

    @staticmethod
    def _copy(source, target):
        try:
            while octets := source.recv(65536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self._thread.join()
