# SPDX-License-Identifier: BSD-2-Clause
"""The API over HTTP: who may ask, what is answered, and what strangers cannot do to it."""
import base64
import json
import os
import re
import socket
import stat
import time

import pytest
import yaml
from support import net, sluice
from support.milter import CONTINUE, REPLY
from support.sluice import SLUICED, ctl
from support.web import Web

RULES = """state { lmdb state }
at connect { shadow rule watched score 1 when client.port != 1 }
at rcpt {
 rule fast limit 600/1m by client.ip tempfail "too fast"
 rule unwanted reject "550 5.7.1 not wanted" when rcpt.address == "bad@example.org"
}
"""
READERS = ["status", "rates", "history", "rules", "checks", "health", "lists", "limits", "greylist", "accounts", "dmarc", "keys"]


@pytest.fixture
def api(setup):
    """A daemon with a token of each scope, and one who reads."""
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\n" + RULES, start=False)
    s.tokens_file = s.folder / "tokens"
    s.conf.write_text(s.conf.read_text() + f'api {{ tokens "{s.tokens_file}" }}\n')
    s.tokens = {scope: add_token(s, f"the-{scope}", scope) for scope in ("read", "operate", "admin")}
    s.start()
    s.web = Web(port, s.tokens["read"])
    return s


def add_token(s, name, scope):
    done = ctl("token", "add", "-c", s.conf, name, scope)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused_message(setup, s, sender="<someone@example.net>", rcpt="<bad@example.org>"):
    m = setup.milter(s)
    m.greet()
    m.mail(sender)
    assert m.rcpt(rcpt).kind == REPLY
    m.quit()


# ---- what the file says, and what there is ----

def openapi():
    return yaml.safe_load((sluice.TOP / "contrib/api.yaml").read_text())


def routes():
    """Path, method, access and parameters, as the code has them."""
    text = (sluice.TOP / "filter/api.c").read_text()
    rows = re.findall(r'\{ "(/api/v1/[^"]+)", HTTP_(\w+), ACCESS_(\w+), \w+, \{ ([^}]+) \}(?:, \w+)? \}', text)
    return {(path + "{id}" if path.endswith("/") else path, method.lower()): set(re.findall(r'"(\w+)"', parameters))
            for path, method, _, parameters in rows}


def test_the_openapi_file_and_the_code_name_the_same():
    described = {(path, method): {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
                 for path, operations in openapi()["paths"].items() for method, operation in operations.items()}
    assert described == routes() and len(described) >= 11


def resolve(spec, schema):
    while "$ref" in schema:
        node = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def check_schema(spec, schema, value, where):
    schema = resolve(spec, schema)
    if value is None:
        assert schema.get("nullable"), where
        return
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    assert isinstance(value, kinds[schema["type"]]), (where, value)
    assert value in schema.get("enum", [value]), (where, value)
    for key in schema.get("required", []):
        assert key in value, (where, key)
    for key, inner in schema.get("properties", {}).items():
        if key in value:
            check_schema(spec, inner, value[key], f"{where}.{key}")
    for item in value if schema["type"] == "array" and "items" in schema else []:
        check_schema(spec, schema["items"], item, f"{where}[]")


def test_every_path_answers_as_the_file_says(setup, api):
    refused_message(setup, api)
    spec = openapi()
    ident = api.web.get("/api/v1/history")["cases"][0]["case"]
    for path, operations in spec["paths"].items():
        if "get" not in operations:
            continue
        answer = api.web.ask(path.replace("{id}", ident))
        assert answer.status == 200 and answer.headers["content-type"] == "application/json", path
        check_schema(spec, operations["get"]["responses"]["200"]["content"]["application/json"]["schema"], answer.json, path)


# ---- what is in it ----

def test_history_and_its_filters(setup, api):
    refused_message(setup, api)
    refused_message(setup, api, "<Other@sub.Example.com>")
    m = setup.milter(api)
    m.greet()
    assert m.message().kind == CONTINUE

    def found(query):
        return [c["from"] for c in api.web.get("/api/v1/history" + query)["cases"]]
    newest = found("")
    assert len(newest) == 3 and newest[1:] == ["Other@sub.Example.com", "someone@example.net"]
    assert found("?address=other%40SUB.example.com") == ["Other@sub.Example.com"]
    assert found("?address=ther%40sub.example.com") == []
    assert found("?domain=example.com") == ["Other@sub.Example.com"] and found("?domain=ample.com") == []
    assert found("?verdict=reject&limit=1") == ["Other@sub.Example.com"]
    assert len(found("?rule=unwanted")) == 2 and len(found("?rule=watched")) == 3 and found("?rule=unwante") == []
    assert len(found("?since=1h")) == 3 and len(found("?address=bad%40example.org&since=1d&rule=unwanted")) == 2
    case = api.web.get("/api/v1/history?limit=1&verdict=reject")["cases"][0]
    assert case["rule"] == "unwanted" and case["text"].endswith("not wanted") and case["recipients"] == ["bad@example.org"] and case["stage"] == "rcpt"
    whole = api.web.get(f"/api/v1/explain/{case['case']}")
    assert whole == api.explain(case["case"])


def test_rules_and_checks_count(setup, api):
    before = time.time() - 2
    refused_message(setup, api)
    rules = {r["name"]: r for r in api.web.get("/api/v1/rules")["rules"]}
    assert list(rules) == ["watched", "fast", "unwanted"]
    assert (rules["unwanted"]["hits"], rules["unwanted"]["shadow_hits"]) == (1, 0) and before < rules["unwanted"]["last_hit"] < time.time() + 1
    assert (rules["watched"]["hits"], rules["watched"]["shadow_hits"], rules["watched"]["shadow"]) == (0, 1, True)
    assert rules["fast"]["last_hit"] is None and rules["fast"]["file"] == str(api.conf) and "too fast" in rules["fast"]["text"]
    status = api.web.get("/api/v1/status")
    assert status["verdicts"]["reject"] == 1 and status["store"]["working"] and status["p50_ms"] > 0


def test_limits_and_greylist(setup):
    s = setup.sluice(f"http unix:{setup.folder}/http\n" + 'state { lmdb state }\ngreylist { delay 1m }\nat rcpt {\n'
                     'rule fast limit 600/1m by client.ip, mail.from tempfail "too fast"\nrule g greylist when score >= 0 }\n')
    m = setup.milter(s)
    m.greet()
    m.mail("<a|b@example.net>")
    assert m.rcpt("<bad@example.org>").kind in (REPLY, CONTINUE)
    m.quit()
    web = Web(setup.folder / "http")
    waiting = web.get("/api/v1/greylist")["entries"]
    assert len(waiting) == 1 and len(waiting[0]["key"]) == 3 and "may pass in" in waiting[0]["state"]
    assert "a%7cb@example.net" in waiting[0]["key"][1].lower()
    assert web.get("/api/v1/limits")["more"] is False


# ---- what is changed, and tried ----

def post(s, path, body=b"", scope="operate", **headers):
    return s.web.ask(f"/api/v1/{path}", method="POST", body=body if isinstance(body, bytes) else json.dumps(body).encode(), token=s.tokens.get(scope), **headers)


STORE = """state { lmdb state }
greylist { delay 1m }
bayes words { min_learned 1 }
at rcpt {
 rule fast limit 2/1h by client.ip tempfail "too fast"
 rule grey greylist when rcpt.address == "grey@example.org"
}
at message { rule likely score 1 when words.probability >= 0.5 }
"""


def test_limits_and_greylist_are_released(setup, api):
    api.write(f"http 127.0.0.1:{api.web.where}\napi {{ tokens \"{api.tokens_file}\" }}\n" + STORE)
    assert api.ctl("reload").returncode == 0

    def send(rcpt="<u@example.org>"):
        m = setup.milter(api)
        m.greet()
        answer = m.message(recipients=(rcpt,))
        m.quit()
        return answer
    assert send().kind == send().kind == CONTINUE and "too fast" in send().text
    (entry,) = api.web.get("/api/v1/limits")["entries"]
    assert post(api, "limits/reset", {"rule": entry["rule"], "values": entry["values"]}).json == {"result": "done"}
    assert send().kind == CONTINUE
    assert "greylisted" in send("<grey@example.org>").text
    key = api.web.get("/api/v1/greylist")["entries"][0]["key"]
    bad = post(api, "greylist/pass", {"key": ["mail.example.net", *key[1:]]})
    assert bad.status == 422 and "is no client: write its address" in bad.json["error"], bad.body
    assert post(api, "greylist/pass", {"key": ["192.0.2.1", *key[1:]]}).status == 200
    assert send("<grey@example.org>").kind == CONTINUE
    assert post(api, "greylist/forget", {"key": key}).status == 200
    assert post(api, "greylist/forget", {"key": key}).status == 404
    assert post(api, "limits/reset", {"rule": "fast", "values": ["192.0.2.99"]}).status == 404
    audit = [line for line in api.log().splitlines() if "audit: " in line]
    assert len(audit) == 6 and 'token=the-operate scope=operate asked="limits reset fast|192.0.2.1" status=0' in audit[0] and "status=66" in audit[5]


@pytest.mark.parametrize("path, body", [
    ("limits/reset", b""), ("limits/reset", b"[]"), ("limits/reset", b'{"rule": "fast"}'), ("limits/reset", b'{"rule": "fast", "values": []}'),
    ("limits/reset", b'{"values": ["x"]}x'), ("limits/reset", b'{"rule": "a|b", "values": ["x"]}'), ("limits/reset", b'{"rule": "fast", "values": ["x\\n"]}'),
    ("limits/reset", b'{"rule": "fast", "values": [1]}'), ("limits/reset", b'{"rule": "fast", "values": ["a b"]}'), ("greylist/pass", b'{"key": ["a"]}'),
    ("greylist/forget", b'{"key": []}'), ("greylist/forget", b'{"key": ["a", "b"]}'), ("greylist/forget", b'{"key": ["\\u0000"]}'), ("greylist/forget", b"[" * 3000),
])
def test_bad_bodies(api, path, body):
    answer = post(api, path, body)
    assert answer.status == 400 and answer.json["remedy"], answer.body


def test_scopes(api):
    for path, least in [("limits/reset", 1), ("greylist/pass", 1), ("greylist/forget", 1), ("learn?as=spam", 1), ("check", 1), ("reload", 2)]:
        for i, scope in enumerate(["read", "operate", "admin"]):
            answer = post(api, path, b"{}", scope)
            assert (answer.status == 403) == (i < least), (path, scope, answer.status, answer.body)
        basic = base64.b64encode(f"x:{api.tokens['admin']}".encode()).decode()
        answer = Web(api.web.where).ask(f"/api/v1/{path}", method="POST", body=b"{}", Authorization=f"Basic {basic}")
        assert answer.status == 401, "what browsers send by themselves changes nothing"
        assert api.web.ask(f"/api/v1/{path}").status == 405


def test_a_large_body_is_for_those_who_may(api):
    for token, status in [(None, 401), (api.tokens["read"], 403)]:
        with api.web.connect() as sock:
            head = f"Authorization: Bearer {token}\r\n" if token else ""
            sock.sendall(f"POST /api/v1/learn?as=spam HTTP/1.1\r\n{head}Content-Length: 1000000\r\n\r\n".encode())
            assert Web.read(sock).status == status, "before the body has come"
    assert post(api, "limits/reset", b"x" * 20000).status == 413


def test_learning(setup, api):
    api.write(f"http 127.0.0.1:{api.web.where}\napi {{ tokens \"{api.tokens_file}\" }}\n" + STORE)
    assert api.ctl("reload").returncode == 0
    mail = b"From: a@example.net\nSubject: cheap pills\n\nbuy many cheap pills now\n"
    assert post(api, "learn?as=spam", mail).json == {"result": "learned"}
    assert post(api, "learn?as=spam", mail).json == {"result": "known"}
    assert post(api, "learn?as=ham&classifier=words", mail).json == {"result": "moved"}
    assert post(api, "learn?as=forget", mail).json == {"result": "forgotten"}
    assert post(api, "learn?as=spam&classifier=other", mail).status == 422
    assert post(api, "learn?as=nonsense", mail).status == 400 and post(api, "learn?as=spam", b"").status == 422
    assert post(api, "learn?as=spam", bytes(range(256)) * 4000).status in (200, 422)
    assert 'asked="learn spam -" status=0' in api.log() and "cheap" not in api.log()


def test_reload(api):
    before = api.status()["generation"]
    assert post(api, "reload", scope="admin").json == {"result": "done"}
    assert int(api.status()["generation"]) == int(before) + 1
    with open(api.conf, "a", encoding="ascii") as f:
        f.write("nonsense\n")
    answer = post(api, "reload", scope="admin")
    assert answer.status == 422 and "nonsense" in answer.json["error"]
    assert post(api, "reload?guard=x", scope="admin").status == 400
    assert 'token=the-admin scope=admin asked="reload" status=0' in api.log() and 'asked="reload" status=78' in api.log()


def test_a_message_is_tried(setup, api):
    query = "check?client=192.0.2.1&helo=mail.example.net&from=a@example.net"
    mail = b"From: a@example.net\r\nSubject: x\r\n\r\nhello\r\n"
    case = post(api, query + "&rcpt=bad@example.org", mail).json
    assert case["verdict"]["action"] == "reject" and case["verdict"]["rule"] == "unwanted" and case["facts"]["mail.domain"] == "example.net"
    case = post(api, query + "&rcpt=bad@example.org&rcpt=good@example.org", mail).json
    assert case["verdict"]["action"] == "accept" and case["facts"]["from.address"] == "a@example.net" and len(case["recipients"]) == 2
    assert api.web.get("/api/v1/history")["cases"] == [] and api.web.get("/api/v1/status")["verdicts"]["reject"] == 0
    assert api.web.get("/api/v1/limits")["entries"] == []
    spec = openapi()
    check_schema(spec, spec["paths"]["/api/v1/check"]["post"]["responses"]["200"]["content"]["application/json"]["schema"], case, "check")
    for bad in ["check", query, query.replace("192.0.2.1", "x") + "&rcpt=a@b", "check?client=192.0.2.1&rcpt=a@b", query + "&rcpt=a@b" * 21]:
        assert post(api, bad, mail).status == 400, bad


def test_a_trial_that_waits_holds_up_nobody(setup):
    d = setup.dns({("slow.example", "TXT"): ["v=spf1 -all"]})
    d.hold("slow.example")
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\nstage_deadline 5s\ndns {{\n forward {d.forward}\n timeout 20s\n}}\n"
                     'at mail { rule r reject "no" when spf.result == fail }\n', start=False)
    s.tokens_file = s.folder / "tokens"
    s.conf.write_text(s.conf.read_text() + f'api {{ tokens "{s.tokens_file}" }}\n')
    s.tokens = {"operate": add_token(s, "o", "operate")}
    s.start()
    s.web = Web(port, s.tokens["operate"])
    socks = [s.web.connect() for _ in range(2)]
    for sock in socks:
        sock.sendall(f"POST /api/v1/check?client=192.0.2.1&helo=mail.example.net&from=a@slow.example&rcpt=a@b HTTP/1.1\r\nAuthorization: Bearer {s.web.token}\r\n"
                     "Content-Length: 1\r\n\r\n\n".encode())
    time.sleep(0.5)
    began = time.monotonic()
    assert s.web.ask("/metrics").status == 200 and time.monotonic() - began < 2
    assert post(s, "check?client=192.0.2.1&helo=x&rcpt=a@b", b"x").status == 503, "two may run at a time"
    socks[1].close()
    d.release()
    assert Web.read(socks[0]).json["verdict"]["action"] == "reject"
    socks[0].close()
    net.wait_for(lambda: post(s, "check?client=192.0.2.1&helo=x&rcpt=a@b", b"x").status == 200, "the other to end")


def test_health_and_lists(setup, api):
    items = api.folder / "items"
    items.write_text("example.com\nexample.net\n")
    text = api.conf.read_text() + f'list some domain file "{items}"\n'
    api.conf.write_text(text)
    assert api.ctl("reload").returncode == 0
    (row,) = [r for r in api.web.get("/api/v1/lists")["lists"] if r["name"] == "some"]
    assert row["entries"] == 2 and row["type"] == "domain" and row["stale"] is None
    assert api.web.get("/api/v1/health")["store"]["working"] is True


# ---- who may ----

@pytest.mark.parametrize("path", [f"/api/v1/{name}" for name in READERS] + ["/api/v1/explain/x"])
def test_no_token_and_a_wrong_one(api, path):
    for answer in (Web(api.web.where).ask(path), api.web.ask(path, token="0" * 64), api.web.ask(path, token="x")):
        assert answer.status == 401 and set(answer.json) == {"error", "remedy"} and answer.headers["www-authenticate"].startswith("Bearer")
    assert api.web.ask(path, token=api.tokens["read"][:-1]).status == 401
    assert "requests were not let in" in api.log() and "0" * 64 not in api.log()


def test_metrics_need_no_token(api):
    assert Web(api.web.where).ask("/metrics").text.startswith("# HELP")


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Bearer", "Bearer ", "Digest x", "bearer\tx", "Bearer " + "a" * 300, "Basic " + base64.b64encode(b"x").decode()])
def test_credentials_that_are_none(api, header):
    assert Web(api.web.where).ask("/api/v1/status", Authorization=header).status == 401


def test_basic_is_good_for_looking(api):
    basic = base64.b64encode(f"anybody:{api.tokens['read']}".encode()).decode()
    assert Web(api.web.where).ask("/api/v1/status", Authorization=f"Basic {basic}").status == 200


def test_a_token_lives_from_add_to_remove(api):
    assert stat.S_IMODE(api.tokens_file.stat().st_mode) == 0o600
    assert all(token not in api.tokens_file.read_text() for token in api.tokens.values())
    listed = ctl("token", "list", "-c", api.conf).stdout
    assert [line.split() for line in listed.splitlines()] == [["the-read", "read"], ["the-operate", "operate"], ["the-admin", "admin"]]
    again = ctl("token", "add", "-c", api.conf, "the-read", "admin")
    assert again.returncode == 64 and "there is a token the-read" in again.stderr
    assert ctl("token", "remove", "-c", api.conf, "the-read").returncode == 0
    assert api.web.ask("/api/v1/status").status == 401
    assert api.web.ask("/api/v1/status", token=api.tokens["admin"]).status == 200
    assert ctl("token", "remove", "-c", api.conf, "the-read").returncode == 66


@pytest.mark.parametrize("words", [["add", "a b", "read"], ["add", "", "read"], ["add", "x", "root"], ["add", "x"], ["list", "x"], ["nonsense"], []])
def test_bad_words_for_token(api, words):
    assert ctl("token", "-c", api.conf, *words).returncode == 64


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o666])
def test_a_file_that_others_reach_lets_nobody_in(api, mode):
    api.tokens_file.chmod(mode)
    assert api.web.ask("/api/v1/status").status == 503
    assert "is not used: it must be a file of root or of the daemon's user" in api.log()


def test_a_broken_file_lets_nobody_in(api):
    with open(api.tokens_file, "a", encoding="ascii") as f:
        f.write("nonsense\n")
    assert api.web.ask("/api/v1/status").status == 503 and "line 4 is no 'NAME read|operate|admin HASH'" in api.log()
    assert ctl("token", "list", "-c", api.conf).returncode == 65


def test_an_address_without_tokens_gives_metrics_alone(setup):
    port = net.free_port()
    setup.sluice(f"http 127.0.0.1:{port}\n")
    web = Web(port)
    assert web.ask("/metrics").status == 200
    for name in READERS:
        answer = web.ask(f"/api/v1/{name}")
        assert answer.status == 403 and "sluicectl token add" in answer.json["remedy"]


def test_a_socket_without_tokens_can_be_read_by_its_owner(setup):
    s = setup.sluice(f"http unix:{setup.folder}/http\n")
    path = setup.folder / "http"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Web(path).get("/api/v1/status")["version"]
    s.stop()
    assert not path.exists()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    s.start()
    assert Web(path).get("/api/v1/status")["version"]


# ---- bad input ----

@pytest.mark.parametrize("octets, status", [
    (b"GET / HTTP/2.0\r\n\r\n", 505), (b"GET / HTTP/1.1\n\n", 400), (b"GET  / HTTP/1.1\r\n\r\n", 400), (b"\r\n\r\n", 400), (b"GET /\r\n\r\n", 400),
    (b"DELETE /api/v1/status HTTP/1.1\r\n\r\n", 405), (b"OPTIONS * HTTP/1.1\r\n\r\n", 405), (b"TRACE / HTTP/1.1\r\n\r\n", 405),
    (b"G\x00T / HTTP/1.1\r\n\r\n", 400), (b"GET /\x00 HTTP/1.1\r\n\r\n", 400), (b"GET /%00 HTTP/1.1\r\n\r\n", 400), (b"GET /%zz HTTP/1.1\r\n\r\n", 400),
    (b"GET /%0d%0aX:y HTTP/1.1\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\nX y: z\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400),
    (b"GET /a HTTP/1.1\r\nX: a\rY: b\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\nX : a\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\n: a\r\n\r\n", 400),
    (b"GET /../metrics HTTP/1.1\r\n\r\n", 400), (b"GET /%2e%2e/metrics HTTP/1.1\r\n\r\n", 400), (b"GET //metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /./metrics HTTP/1.1\r\n\r\n", 400), (b"GET /..\\metrics HTTP/1.1\r\n\r\n", 400), (b"GET http://x/metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics# HTTP/1.1\r\n\r\n", 400), (b"GET /%ff HTTP/1.1\r\n\r\n", 400), (b"GET /" + b"a" * 600 + b" HTTP/1.1\r\n\r\n", 414),
    (b"GET /?" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n", 414), (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400), (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    (b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501), (b"GET /metrics HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 501),
    (b"POST /metrics HTTP/1.1\r\n\r\n", 411), (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
    (b"GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413), (b"GET /metricsx HTTP/1.1\r\n\r\n", 404), (b"GET /metrics/ HTTP/1.1\r\n\r\n", 404),
    (b"GET /api/v1/ HTTP/1.1\r\n\r\n", 404), (b"GET /api/v1/explain/ HTTP/1.1\r\n\r\n", 404), (b"GET /api/v1/explain/a/b HTTP/1.1\r\n\r\n", 404),
    (b"GET /metrics?x=1 HTTP/1.1\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400), (b"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
], ids=lambda value: repr(value)[2:40] if isinstance(value, bytes) else str(value))
def test_bad_requests(api, octets, status):
    answer = api.web.raw(octets)
    assert answer.status == status and (b'"remedy"' in answer.body or answer.body)
    assert Web(api.web.where).ask("/metrics").status == 200


@pytest.mark.parametrize("query", ["?x=1", "?limit=0", "?limit=1001", "?limit=x", "?since=yesterday", "?verdict=nice", "?limit=1&limit=2", "?limit", "?address=%ff", "?a=%0a"])
def test_bad_queries(api, query):
    answer = api.web.ask("/api/v1/history" + query)
    assert answer.status == 400 and answer.json["remedy"]


def test_answers_are_safe_in_a_browser(api):
    for answer in (api.web.ask("/api/v1/status"), Web(api.web.where).ask("/"), Web(api.web.where).ask("/metrics"), api.web.raw(b"nonsense\r\n\r\n")):
        h = answer.headers
        assert h["x-content-type-options"] == "nosniff" and h["cache-control"] == "no-store" and h["x-frame-options"] == "DENY"
        assert "default-src 'none'" in h["content-security-policy"] and "unsafe" not in h["content-security-policy"]
        assert not any(name.startswith("access-control") or name in ("set-cookie", "server") for name in h)


def test_head_has_no_body(api):
    answer = api.web.ask("/api/v1/status", method="HEAD")
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["content-length"]) > 100


def test_a_body_of_a_gigabyte_is_refused_at_once(api):
    with api.web.connect() as sock:
        sock.sendall(b"POST /api/v1/status HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n")
        sent = 0
        began = time.monotonic()
        try:
            while sent < 1 << 30 and time.monotonic() - began < 10:
                sent += sock.send(b"x" * 65536)
        except OSError:
            pass
        assert time.monotonic() - began < 10
    with api.web.connect() as sock:
        sock.sendall(f"POST /api/v1/learn?as=spam HTTP/1.1\r\nAuthorization: Bearer {api.tokens['operate']}\r\nContent-Length: 1073741824\r\n\r\nxx".encode())
        assert api.web.read(sock).status == 413


def test_a_request_that_comes_slowly_is_given_up(api):
    with api.web.connect() as sock:
        began = time.monotonic()
        for octet in b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 1000:
            try:
                sock.sendall(bytes([octet]))
                sock.settimeout(0.1)
                if sock.recv(1) == b"":
                    break
            except TimeoutError:
                pass
            except OSError:
                break
        assert 8 < time.monotonic() - began < 20


def test_ten_thousand_connections_cost_nobody_anything(setup, api):
    """Those that say nothing go when others come; mail and those who ask are served all the while."""
    m = setup.milter(api)
    m.greet()
    idle = []
    for _ in range(10000):
        sock = socket.socket()
        sock.settimeout(5)
        sock.connect(("127.0.0.1", api.web.where))
        idle.append(sock)
        if len(idle) > 500:  # the rest of ours go, too: our own descriptors are not endless
            idle.pop(0).close()
    descriptors = len(os.listdir(f"/proc/{api.process.pid}/fd"))
    assert descriptors < 64 + 60, descriptors
    assert m.message().kind == CONTINUE
    assert api.web.ask("/api/v1/status").status == 200
    for sock in idle:
        sock.close()


def test_too_many_requests_are_told_so(api):
    answers = [Web(api.web.where).ask("/metrics") for _ in range(600)]
    late = [a for a in answers if a.status == 429]
    if not late:
        pytest.skip("this machine is too slow to ask so often")
    assert late[0].headers["retry-after"] == "1"
    time.sleep(1)
    assert api.web.ask("/api/v1/status").status == 200


def test_a_page_that_takes_long_holds_up_no_mail(setup, api):
    """The store stands still for the one who asks for the greylist, and mail that does not need it goes on."""
    m = setup.milter(api)
    m.greet()
    for _ in range(20):
        assert m.message().kind == CONTINUE
    socks = []
    for _ in range(20):
        sock = api.web.connect()
        sock.sendall(f"GET /api/v1/history?limit=1000 HTTP/1.1\r\nAuthorization: Bearer {api.tokens['read']}\r\n\r\n".encode())
        socks.append(sock)
    began = time.monotonic()
    assert m.message().kind == CONTINUE
    assert time.monotonic() - began < 2
    for sock in socks:
        assert json.loads(Web.read(sock).body)["cases"]
        sock.close()


@pytest.mark.parametrize("where", ["nonsense", "127.0.0.1:99999", ":80", "unix:relative", "unix:/" + "x" * 200])
def test_bad_places(setup, where):
    s = setup.sluice(f'http "{where}"\n', start=False)
    for options in ([], ["-t"]):
        done = sluice.subprocess.run([str(SLUICED), "-c", str(s.conf), *options], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == 78 and f"'{where}' is no place to listen: write 127.0.0.1:9580" in done.stderr


def test_a_name_that_is_not_there(setup):
    """Which another machine may know: the configuration is good, and cannot be served here."""
    s = setup.sluice("http no-such-host.invalid:9580\n", start=False)
    for options, status in (["-t"], 0), ([], 69):
        done = sluice.subprocess.run([str(SLUICED), "-c", str(s.conf), *options], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
        assert done.returncode == status and ("there is no such address" in done.stderr) == (status != 0), done.stderr


def test_what_is_no_socket_is_left_alone(setup):
    path = setup.folder / "precious"
    path.write_text("x")
    s = setup.sluice(f"http unix:{path}\n", start=False)
    done = sluice.subprocess.run([str(SLUICED), "-c", str(s.conf)], capture_output=True, text=True, timeout=net.PATIENCE_S, check=False)
    assert done.returncode == 69 and path.read_text() == "x" and f"http: {path} exists and is no socket" in done.stderr
