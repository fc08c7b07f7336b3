# SPDX-License-Identifier: BSD-2-Clause
"""HTTP over TLS: which certificates are taken, what a reload does to them, and what strangers cannot do to the handshake."""
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time

import pytest
from support import certificates, net, sluice
from support.milter import CONTINUE
from support.sluice import ctl
from support.web import Web

CLIENTS = 64  # HTTP_MAX_CLIENTS
HELLO = bytes.fromhex("1603010200 010001fc 0303")  # how a ClientHello of 512 octets begins


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="module")
def files(authority):
    """Certificate and key of each kind."""
    return {"ec": authority.server("ec"), "rsa": authority.server("rsa", "rsa:2048"), "other": authority.server("other")}


def configure(s, port, more=""):
    s.write(f'http 127.0.0.1:{port}\nstate {{ lmdb state }}\nhistory 1000\napi {{\n tokens "{s.tokens_file}"\n certificate "{s.certificate}"\n key "{s.key}"\n}}\n{more}')


def put(s, pair):
    """New files in the place of the old, as those who renew certificates do."""
    for source, target in zip(pair, (s.certificate, s.key)):
        fresh = target.with_suffix(".fresh")
        shutil.copy(source, fresh)
        fresh.chmod(0o644 if target == s.certificate else 0o600)
        fresh.rename(target)


@pytest.fixture
def stopped(setup, authority, files):
    """A daemon that has all it needs for TLS, and does not run yet."""
    port = net.free_port()
    s = setup.sluice("", start=False)
    s.tokens_file, s.certificate, s.key = s.folder / "tokens", s.folder / "cert.pem", s.folder / "key.pem"
    put(s, files["ec"])
    configure(s, port)
    done = ctl("token", "add", "-c", s.conf, "all", "admin")
    assert done.returncode == 0, done.stderr
    s.web = Web(port, done.stdout.strip(), tls=authority.client())
    return s


@pytest.fixture
def secure(stopped):
    stopped.start()
    return stopped


def serial(sock):
    return sock.getpeercert()["serialNumber"]


def request(s, path, method="GET", body=None):
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.web.token}\r\n"
    return (head + (f"Content-Length: {len(body)}\r\n" if body is not None else "") + "\r\n").encode() + (body or b"")


def ends(sock):
    """Read what still comes until the other side has closed."""
    octets = b""
    with contextlib.suppress(OSError):
        while chunk := sock.recv(65536):
            octets += chunk
    sock.close()
    return octets


# ---- what is spoken ----

@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_requests_with_a_certificate_that_is_verified(secure, files, kind):
    put(secure, files[kind])
    assert secure.ctl("reload").returncode == 0
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        secure.web.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        secure.web.tls.maximum_version = version
        with secure.web.connect() as sock:  # trusts the root alone: the one between was sent
            assert sock.version() == version.name.replace("_", ".") and ("subject", ((("commonName", kind),),)) in sock.getpeercert().items()
            sock.sendall(request(secure, "/api/v1/status"))
            assert Web.read(sock).json["version"]
    assert secure.web.ask("/api/v1/status", token="0" * 64).status == 401
    assert Web(secure.web.where, tls=secure.web.tls).ask("/metrics").text.startswith("# HELP")


def test_pages(secure):
    answer = secure.web.ask("/")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html") and "http://" not in answer.text
    assert "strict-transport-security" not in answer.headers  # it would bind all other services of this host
    assert all(secure.web.ask(path).status == 200 for path in ("/page.css", "/page.js", "/history", "/rules"))


def test_a_name_that_is_not_in_the_certificate_is_for_the_client_to_refuse(secure, authority):
    with socket.create_connection(("127.0.0.1", secure.web.where)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        authority.client().wrap_socket(plain, server_hostname="elsewhere.example")
    assert secure.web.ask("/metrics").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(secure, version):
    secure.web.tls.set_ciphers("DEFAULT@SECLEVEL=0")
    secure.web.tls.minimum_version, secure.web.tls.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
    with pytest.raises(ssl.SSLError):
        secure.web.connect()


@pytest.mark.parametrize("cipher", ["NULL", "aNULL", "RC4", "3DES", "EXPORT"])
def test_weak_ciphers_are_refused(secure, cipher):
    done = subprocess.run(["openssl", "s_client", "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0", "-connect", f"127.0.0.1:{secure.web.where}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
    assert done.returncode != 0 and "-----BEGIN CERTIFICATE" not in done.stdout


@pytest.mark.parametrize("offered, chosen", [([], None), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["h2"], "refused")])
def test_protocols(secure, offered, chosen):
    if offered:
        secure.web.tls.set_alpn_protocols(offered)
    if chosen == "refused":
        with pytest.raises(ssl.SSLError):
            secure.web.connect()
        return
    with secure.web.connect() as sock:
        assert sock.selected_alpn_protocol() == chosen
        sock.sendall(request(secure, "/metrics"))
        assert Web.read(sock).status == 200


def test_no_renegotiation(secure):
    with subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{secure.web.where}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as client:
        _, said = client.communicate("R\n", timeout=net.PATIENCE_S)
    assert "no renegotiation" in said
    assert secure.web.ask("/metrics").status == 200


# ---- octets ----

@pytest.mark.parametrize("size", [0, 1, 7000, 8192, 12000, 16384, 16385, 40000, 900000])
def test_a_message_of_any_size_is_tried(secure, size):
    """Whole records, and what is left of them behind the head, wherever it ends."""
    mail = b"From: a@example.net\r\nSubject: x\r\n\r\n" + b"hello, world\r\n" * (size // 14)
    path = "/api/v1/check?client=192.0.2.1&helo=mail.example.net&from=a@example.net&rcpt=u@example.org"
    with secure.web.connect() as sock:
        sock.sendall(request(secure, path, "POST", mail))
        answer = Web.read(sock)
    assert answer.status == 200 and answer.json["verdict"]["action"] == "accept", answer.body
    with secure.web.connect() as sock:  # each octet of the head in a record of its own
        for octet in request(secure, path, "POST", mail)[:60]:
            sock.sendall(bytes([octet]))
        sock.sendall(request(secure, path, "POST", mail)[60:])
        assert Web.read(sock).status == 200


def test_a_body_that_nobody_wants(secure):
    with secure.web.connect() as sock:
        sock.sendall(f"POST /api/v1/check HTTP/1.1\r\nAuthorization: Bearer {secure.web.token}\r\nContent-Length: 1073741824\r\n\r\nxx".encode())
        assert Web.read(sock).status == 413


def test_a_slow_reader_gets_a_large_answer_to_its_end(setup, secure):
    m = setup.milter(secure)
    m.greet()
    for i in range(150):
        assert m.message(recipients=tuple(f"<{'r' * 60}{i}.{k}@{'d' * 60}.example.org>" for k in range(5))).kind == CONTINUE
    m.quit()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(net.PATIENCE_S)
    plain.connect(("127.0.0.1", secure.web.where))
    with secure.web.tls.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
        sock.sendall(request(secure, "/api/v1/history?limit=1000"))
        octets = sock.recv(1000)
        assert secure.web.ask("/metrics").status == 200, "the others do not wait for it"
        while chunk := sock.recv(3000):
            octets += chunk
    head, _, body = octets.partition(b"\r\n\r\n")
    assert len(body) > 100000 and f"Content-Length: {len(body)}".encode() in head and len(secure.web.get("/api/v1/history?limit=1000")["cases"]) == 150


def test_the_end_is_told(secure):
    """Web reads with suppress_ragged_eofs off: an end without close_notify is an exception."""
    with secure.web.connect() as sock:
        sock.sendall(request(secure, "/metrics"))
        assert Web.read(sock).status == 200
    with secure.web.connect() as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert Web.read(sock).status == 400


def test_who_has_said_all_still_gets_the_answer(secure):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = secure.web.tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", secure.web.where), timeout=net.PATIENCE_S) as plain:
        def step(what):
            while True:
                try:
                    return what()
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    octets = plain.recv(65536)
                    incoming.write(octets) if octets else incoming.write_eof()
        step(tls.do_handshake)
        tls.write(request(secure, "/api/v1/check?client=192.0.2.1&helo=mail.example.net&from=a@example.net&rcpt=u@example.org", "POST", b"Subject: x\r\n\r\nx\r\n"))
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()  # close_notify, right behind the request
        octets = b""
        with contextlib.suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while chunk := step(lambda: tls.read(65536)):
                octets += chunk
    assert octets.startswith(b"HTTP/1.1 200 ")


# ---- who speaks something else ----

@pytest.mark.parametrize("octets", [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 70000, os.urandom(3000), b"EHLO x\r\n", HELLO + b"\xff" * 510,
                                    bytes.fromhex("15030100020128"), bytes.fromhex("1703030001") + b"x"], ids=range(8))
def test_what_is_no_handshake_is_closed(secure, octets):
    with socket.create_connection(("127.0.0.1", secure.web.where), timeout=net.PATIENCE_S) as sock:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            sock.sendall(octets)
        answer = ends(sock)
    assert b"HTTP/" not in answer and time.monotonic() - began < net.PATIENCE_S / 2
    assert secure.web.ask("/metrics").status == 200


def test_stalled_handshakes_hold_up_nobody_and_end(secure):
    stalled = []
    for i in range(CLIENTS):
        sock = socket.create_connection(("127.0.0.1", secure.web.where), timeout=net.PATIENCE_S)
        sock.sendall([b"", HELLO, HELLO + b"x" * 100][i % 3])
        stalled.append(sock)
    assert secure.web.ask("/metrics").status == 200
    assert all(ends(sock) == b"" for sock in stalled), "after their deadline"
    assert secure.web.ask("/metrics").status == 200


def test_a_handshake_and_then_silence(secure):
    with secure.web.connect() as sock:
        assert ends(sock) == b""


def test_ten_thousand_half_open_handshakes_cost_nobody_anything(setup, secure):
    m = setup.milter(secure)
    m.greet()
    idle = []
    for _ in range(10000):
        sock = socket.create_connection(("127.0.0.1", secure.web.where), timeout=net.PATIENCE_S)
        with contextlib.suppress(OSError):
            sock.sendall(HELLO)
        idle.append(sock)
        if len(idle) > 300:
            idle.pop(0).close()
    descriptors = len(os.listdir(f"/proc/{secure.process.pid}/fd"))
    assert descriptors < CLIENTS + 60, descriptors
    assert m.message().kind == CONTINUE
    assert secure.web.ask("/api/v1/status").status == 200
    for sock in idle:
        sock.close()


def test_too_many_handshakes_are_refused_before_they_cost_anything(secure):
    refused = 0
    for _ in range(900):
        try:
            secure.web.connect().close()
        except (ssl.SSLError, OSError):
            refused += 1
    if not refused:
        pytest.skip("this machine is too slow to shake hands so often")

    def served():
        with contextlib.suppress(ssl.SSLError, OSError):
            return secure.web.ask("/metrics").status == 200
    net.wait_for(served, "handshakes to be made again")


# ---- files ----

def start_fails(s):
    done = subprocess.run([str(sluice.SLUICED), "-c", str(s.conf)], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False, env=sluice.environment())
    assert done.returncode == 78
    for argv in ([str(sluice.SLUICED), "-t", "-c", str(s.conf)], [str(sluice.SLUICECTL), "config", "check", "-c", str(s.conf)]):
        checked = subprocess.run(argv, capture_output=True, text=True, timeout=net.PATIENCE_S, check=False, env=sluice.environment())
        assert checked.returncode == 78 and checked.stderr.strip() in done.stderr
    return done.stderr


def missing_certificate(s, files):
    s.certificate.unlink()
    return "cert.pem cannot be read: No such file or directory"


def missing_key(s, files):
    s.key.unlink()
    return "key.pem cannot be read: No such file or directory"


def another_key(s, files):
    shutil.copy(files["other"][1], s.key)
    return "key.pem is not the key of the first certificate in "


def chain_first(s, files):
    blocks = s.certificate.read_text().split("-----BEGIN")
    s.certificate.write_text("-----BEGIN" + blocks[2] + "-----BEGIN" + blocks[1])
    return "key.pem is not the key of the first certificate in "


def no_certificate(s, files):
    shutil.copy(s.key, s.certificate)
    return "cert.pem has no certificate in it (PEM): that of this server comes first"


def half_a_certificate(s, files):
    s.certificate.write_text(s.certificate.read_text()[:300])
    return "cert.pem has no certificate in it (PEM)"


def no_key(s, files):
    s.key.write_text(s.certificate.read_text())
    return "key.pem has no private key in it (PEM): put the key of the certificate there"


def empty_key(s, files):
    s.key.write_text("")
    return "key.pem is empty: put the key of the certificate there"


def readable(s, files):
    s.key.chmod(0o644)
    return f"key.pem is open to others (mode 644): chmod 600 {s.key}"


def readable_by_its_group(s, files):
    s.key.chmod(0o640)
    return f"key.pem is open to others (mode 640): chmod 600 {s.key}"


def of_somebody(s, files):
    os.chown(s.key, 65534, -1)
    return "key.pem belongs to nobody: chown root "


def encrypted(s, files):
    subprocess.run(["openssl", "pkey", "-in", str(files["ec"][1]), "-out", str(s.key), "-aes128", "-passout", "pass:secret"], check=True, capture_output=True, timeout=net.PATIENCE_S)
    return "key.pem is encrypted, and nobody is there to ask: take the passphrase off with openssl pkey"


def a_folder(s, files):
    s.certificate.unlink()
    s.certificate.mkdir()
    return "cert.pem is no file: name the file of a certificate"


FAULTS = [missing_certificate, missing_key, another_key, chain_first, no_certificate, half_a_certificate, no_key, empty_key, readable, readable_by_its_group, of_somebody, encrypted, a_folder]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
def test_files_that_are_not_taken(stopped, files, fault):
    """Neither at a start nor at a reload, where the old ones stay."""
    stopped.start()
    with stopped.web.connect() as sock:
        before = serial(sock)
    said = fault(stopped, files)
    done = stopped.ctl("reload")
    assert done.returncode == 78 and said in done.stderr and "sluice.conf:" in done.stderr, done.stderr
    assert "reload failed, the old configuration stays" in stopped.log()
    with stopped.web.connect() as sock:
        assert serial(sock) == before
        sock.sendall(request(stopped, "/metrics"))
        assert Web.read(sock).status == 200
    stopped.stop()
    if os.geteuid() == 0:
        assert said in start_fails(stopped)


@pytest.mark.parametrize("kind, said", [("rsa:1024", "has a certificate that is too weak: RSA has 2048 bits or more"), ("rsa:5120", "has an RSA key of 5120 bits, which every handshake would wait for")])
def test_keys_of_a_bad_size(stopped, authority, kind, said):
    put(stopped, authority.server(kind.replace(":", ""), kind))
    assert said in start_fails(stopped)


# ---- reload ----

def test_a_reload_takes_new_files_and_lets_connections_be(secure, files):
    with secure.web.connect() as old:
        before = serial(old)
        put(secure, files["other"])
        with secure.web.connect() as sock:
            assert serial(sock) == before, "not before the reload"
        assert secure.ctl("reload").returncode == 0
        with secure.web.connect() as sock:
            assert serial(sock) != before
            sock.sendall(request(secure, "/api/v1/status"))
            assert Web.read(sock).json["generation"] == 2
        old.sendall(request(secure, "/api/v1/status"))
        assert Web.read(old).status == 200 and serial(old) == before
    put(secure, files["rsa"])
    assert secure.web.ask("/api/v1/reload", method="POST", body=b"").json == {"result": "done"}
    with secure.web.connect() as sock:
        assert serial(sock) not in (before, None)
    assert "Sanitizer" not in secure.log()


def test_a_session_from_before_a_reload_is_made_anew(secure, files):
    secure.web.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with secure.web.connect() as sock:
        session = sock.session

    def resumed():
        with socket.create_connection(("127.0.0.1", secure.web.where), timeout=net.PATIENCE_S) as plain:
            with secure.web.tls.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as sock:
                return sock.session_reused
    assert resumed()
    put(secure, files["other"])
    assert secure.ctl("reload").returncode == 0
    assert not resumed()


def test_tls_comes_with_a_reload_and_does_not_go_with_one(setup, secure):
    secure.conf.write_text("\n".join(line for line in secure.conf.read_text().splitlines() if "cert.pem" not in line and "key.pem" not in line) + "\n")
    for _ in range(2):
        assert secure.ctl("reload").returncode == 0
        assert "api.certificate was taken out: HTTP is spoken over TLS" in secure.log()
        assert secure.web.ask("/metrics").status == 200
    secure.stop()
    secure.start()
    assert Web(secure.web.where).ask("/metrics").status == 200
    configure(secure, secure.web.where)
    assert secure.ctl("reload").returncode == 0
    assert secure.web.ask("/metrics").status == 200


def test_a_daemon_that_has_given_up_root_takes_new_files_of_its_own(stopped, files):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for path in [stopped.folder, *stopped.folder.iterdir()]:
        os.chown(path, 65534, -1)
    configure(stopped, stopped.web.where, "user nobody\n")
    stopped.start()
    assert stopped.web.ask("/metrics").status == 200
    put(stopped, files["other"])
    done = stopped.ctl("reload")
    assert done.returncode == 78 and "key.pem cannot be read: it has to belong to the user that the daemon runs as" in done.stderr, "it is root's"
    os.chown(stopped.key, 65534, -1)
    assert stopped.ctl("reload").returncode == 0, stopped.log()
    with stopped.web.connect() as sock:
        assert ("subject", ((("commonName", "other"),),)) in sock.getpeercert().items()
