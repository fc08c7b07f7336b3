# SPDX-License-Identifier: BSD-2-Clause
"""What is done on a machine that is booted: packages come and go, mail is sent, pages are looked at."""
import hashlib
import json
import re

APT = "apt-get -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "
SEND = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 25, local_hostname="mail.example.net", timeout=60) as c:
    c.ehlo()
    for said in (c.mail(sys.argv[1]), c.rcpt(sys.argv[2]), c.data(sys.argv[3])):
        print(said[0], said[1].decode().replace("\\n", " "))
"""
MESSAGE = "From: a@example.net\r\nSubject: a test\r\n\r\nhello\r\n"
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


def send(root, recipient, sender="a@example.net", message=MESSAGE, code=250):
    """A message by SMTP; the last reply."""
    said = root.run("python3", "-c", SEND, sender, recipient, message).strip().split("\n")
    assert said[-1].startswith(f"{code} "), said
    return said[-1]


def bounds(root, pid):
    """What the kernel says a process may do: of /proc/PID/status."""
    return dict(re.findall(r"(?m)^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp|Groups):\s*(.*?)\s*$", root.run("cat", f"/proc/{pid}/status")))


def explain(root, queue_id):
    """Its case, which is closed just after the reply."""
    root.wait(lambda: root.run("sluicectl", "explain", "--json", queue_id, status=None).startswith("{"), f"{queue_id} to be explained")
    return json.loads(root.run("sluicectl", "explain", "--json", queue_id))


def ask(root, path, token, body=""):
    """What HTTP gives; with a body it is a POST."""
    return root.run("python3", "-c", ASK, path, token, body)
