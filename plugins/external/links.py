#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""links: does a message show one address and lead to another? An example of a program that Sluice asks.

    external links {
        program  /usr/local/lib/sluice/links.py
        at message  headers yes  body 256K
        bool misleading  text [shows leads_to]  list hosts
    }
    at message { rule misleading  hold "shows {links.shows}, leads to {links.leads_to}"  when links.misleading }
"""
import base64
import email
import email.policy
import html.parser
import json
import re
import sys
import urllib.parse

HOST = re.compile(r"^\s*(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/:?#]\S*)?\s*$", re.I)
HOSTS_MAX = 100


class Links(html.parser.HTMLParser):
    """The pairs of where a link leads and what it shows."""

    def __init__(self):
        super().__init__()
        self.pairs, self.href, self.text = [], None, ""

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.href, self.text = dict(attrs).get("href"), ""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        if tag == "a" and self.href:
            self.pairs.append((self.href, self.text))
            self.href = None


def host_of(url):
    try:
        return (urllib.parse.urlsplit(url).hostname or "").lower()
    except ValueError:  # such as [ without ]
        return ""


def related(a, b):
    return a == b or a.endswith("." + b) or b.endswith("." + a)


def parse(ask):
    """The message as far as it was sent."""
    head = "".join(f"{h['name']}:{h['value']}\r\n" for h in ask["headers"])
    return email.message_from_bytes(head.encode("utf-8", "replace") + b"\r\n" + base64.b64decode(ask["body"]), policy=email.policy.compat32)


def facts(ask):
    found, hosts = {"misleading": False}, []
    for part in parse(ask).walk():
        if part.get_content_type() != "text/html":
            continue
        links = Links()
        links.feed((part.get_payload(decode=True) or b"").decode("utf-8", "replace"))
        for href, text in links.pairs:
            host, shown = host_of(href), HOST.match(text)
            if host and host not in hosts:
                hosts.append(host)
            if host and shown and not related(host, shown[1].lower()):
                found = {"misleading": True, "shows": shown[1][:255], "leads_to": host[:255]}
    return {**found, "hosts": [host[:255] for host in hosts[:HOSTS_MAX]]}


def main():
    greeting = json.loads(sys.stdin.readline())
    if greeting["sluice"] != 1:
        sys.exit(f"this is for version 1 of the protocol, and not {greeting['sluice']}")
    for line in sys.stdin:  # it ends when Sluice does
        question = json.loads(line)
        try:
            answer = {"facts": facts(question["ask"])}
        except Exception as e:  # a message that nobody has thought of: the next one may be better
            print(f"question {question['id']}: {e!r}", file=sys.stderr, flush=True)
            answer = {"outcome": "temperror", "error": type(e).__name__}
        print(json.dumps({"id": question["id"], **answer}), flush=True)


if __name__ == "__main__":
    main()
