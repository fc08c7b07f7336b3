# SPDX-License-Identifier: BSD-2-Clause
"""What is done on a machine that is booted: packages come and go, mail is sent, pages are looked at."""
import hashlib
import json

APT = "apt-get -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
SEND = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 25, local_hostname="mail.example.net", timeout=60) as c:
    c.ehlo()
    for said in (c.mail(sys.argv[1]), c.rcpt(sys.argv[2]), c.data("From: a@example.net\\r\\nSubject: a test\\r\\n\\r\\nhello\\r\\n")):
        print(said[0], said[1].decode())
"""
ASK = """
import sys, urllib.request
body = sys.argv[3].encode() or None
request = urllib.request.Request("http://127.0.0.1:9580" + sys.argv[1], body, {"Authorization": "Bearer " + sys.argv[2], "Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


def apt(root, *args):
    return root.sh(f"{APT} {' '.join(map(str, args))}")


def install(root, packages, *names):
    return apt(root, "install", *[f"/packages/{packages.path(name).name}" for name in names])


def settings(root, *names):
    """Octets, mode and owner of files."""
    found = {}
    for name in names:
        st = root.path(name).stat()
        found[name] = (hashlib.sha256(root.path(name).read_bytes()).hexdigest(), st.st_mode, st.st_uid, st.st_gid)
    return found


def send(root, recipient, sender="a@example.net"):
    """A message by SMTP; the last reply."""
    said = root.run("python3", "-c", SEND, sender, recipient).strip().split("\n")
    assert said[-1].startswith("250 "), said
    return said[-1]


def explain(root, queue_id):
    """Its case, which is closed just after the reply."""
    root.wait(lambda: root.run("sluicectl", "explain", "--json", queue_id, status=None).startswith("{"), f"{queue_id} to be explained")
    return json.loads(root.run("sluicectl", "explain", "--json", queue_id))


def ask(root, path, token, body=""):
    """What HTTP gives; with a body it is a POST."""
    return root.run("python3", "-c", ASK, path, token, body)
