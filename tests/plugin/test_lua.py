# SPDX-License-Identifier: BSD-2-Clause
"""Checks in Lua: what they find acts in a dialogue; what goes wrong in them is said with its place, costs no mail, and ends in time."""
import concurrent.futures
import re
import time

import pytest
from support import milter, net, sluice

IMPOSTOR = sluice.TOP / "plugins/lua/impostor.lua"
SCRIPT = """return {{
  stage = "{stage}",
  facts = {{ {{ "yes", "bool", "a fact" }}, {{ "text", "text", "another" }}, {{ "kind", {{ "one", "two" }}, "a third" }},
            {{ "number", "number", "a fourth" }}, {{ "weight", "decimal", "a fifth" }}, {{ "items", "list", "a sixth" }}, {{ "at", "ip", "a seventh" }} }},
  {more}
  run = function(tx)
    {run}
  end,
}}
"""
RULE = 'at rcpt { rule r reject "550 5.7.1 {s.text}" when s.yes  rule broken tempfail "451 4.7.1 {s.why}" when s.outcome == temperror }\n'
pytestmark = pytest.mark.skipif(not list(sluice.BUILD.glob("plugins/libplugin_lua.a")), reason="built without Lua")


def script(folder, run, stage="mail", more="", name="s.lua"):
    path = folder / name
    path.write_text(SCRIPT.format(stage=stage, run=run, more=more))
    return path


def block(path, limits="", name="s"):
    return f'lua {name} {{ script "{path}" {limits} }}\n'


def asked(setup, run, limits="", zone="", rule=RULE, before="", stage="mail", more=""):
    """A daemon with the script, and a client of it that has said MAIL."""
    s = setup.sluice(f"authserv_id mx.example.org\nstage_deadline 10s\n{before}{block(script(setup.folder, run, stage, more), limits)}{rule}", zone)
    m = setup.milter(s)
    m.greet()
    assert m.mail("<a@example.net>").kind == milter.CONTINUE
    return s, m


def said(answer):
    return answer.text.split(" (ref=")[0]


def test_facts_of_all_types(setup):
    rule = ('at rcpt { rule r reject "550 5.7.1 {s.yes} {s.text} {s.kind} {s.number} {s.weight} {s.items} {s.at}" '
            'when s.yes and s.kind == two and s.number > 41 and s.weight < 1.3 and s.items contains b and s.at == 192.0.2.1 }\n')
    _, m = asked(setup, 'return { yes = true, text = "hello", kind = "two", number = 42, weight = 1.25, items = { "a", "b" }, at = tx.client }', rule=rule)
    assert said(m.rcpt()) == "550 5.7.1 yes hello two 42 1.25 a, b 192.0.2.1"


def test_it_sees_the_transaction(setup):
    _, m = asked(setup, 'return { yes = true, text = table.concat({ tx.client, tx.helo, tx.from.text, tx.from.localpart, tx.from.domain, tx.rcpt.text, tx.our_name, '
                 'tostring(tx.authenticated), tostring(tx.from.null), math.type(tx.now) }, " ") }', stage="rcpt")
    assert said(m.rcpt()) == "550 5.7.1 192.0.2.1 mail.example.net a@example.net a example.net u@example.org mx.example.org false false integer"


def test_it_asks_and_waits_for_the_answers(setup):
    run = """sluice.ahead("b.example", "MX")
    local a, mx, none, gone = sluice.dns("a.example", "A"), sluice.dns("b.example", "MX"), sluice.dns("a.example", "TXT"), sluice.dns("c.example", "A")
    return { yes = true, text = a[1] .. " " .. mx[1] .. " " .. mx.preferences[1] .. " " .. none.status .. " " .. gone.status }"""
    _, m = asked(setup, run, zone="a.example A 192.0.2.7\nb.example MX 10 mx.b.example\nc.example CNAME d.c.example\n")
    assert said(m.rcpt()) == "550 5.7.1 192.0.2.7 mx.b.example 10 nodata nxdomain"


def test_answers_that_do_not_come_are_timeouts(setup):
    s = setup.sluice("stage_deadline 200ms\n" + block(script(setup.folder, 'return { yes = sluice.dns("a.example", "A").status == "timeout", text = "late" }')) + RULE,
                     "a.example A TIMEOUT\n")
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert said(m.rcpt()) == "550 5.7.1 late"


def test_it_counts_in_the_store(setup, state):
    run = """local now, before = sluice.count("k", 600)
    local ok = sluice.put("v" .. now, "value " .. now, 60)
    local allowed = sluice.rate("r", 2, 600)
    return { yes = true, text = now .. " " .. before .. " " .. tostring(ok) .. " " .. sluice.get("v" .. now) .. " " .. tostring(sluice.get("none")) .. " " .. tostring(allowed) }"""
    s, m = asked(setup, run, before=f"state {{ {state} }}\n")
    assert said(m.rcpt()) == "550 5.7.1 1 0 true value 1 nil true"
    for count, allowed in ((2, "true"), (3, "false")):
        m = setup.milter(s)
        m.greet()
        m.mail()
        assert said(m.rcpt()) == f"550 5.7.1 {count} 0 true value {count} nil {allowed}"


def test_it_reads_facts_and_lists(setup):
    before = "list good domain [.example.net example.net]\nlist nets network [192.0.2.0/24]\nlist people address [a@example.net]\n"
    run = """return { yes = true, text = sluice.fact("helo.form") .. " " .. tostring(sluice.fact("no.such")) .. " " .. tostring(sluice.in_list("good", "x.example.net")) ..
        tostring(sluice.in_list("good", "example.com")) .. tostring(sluice.in_list("nets", tx.client)) .. tostring(sluice.in_list("people", tx.from.text)) }"""
    _, m = asked(setup, run, before=before, more='reads = { "helo.form" },')
    assert said(m.rcpt()) == "550 5.7.1 fqdn nil truefalsetruetrue"


@pytest.mark.parametrize("wanted, seen", [(5, "5 hello 13"), (100000, "13 hello 13")])
def test_a_script_sees_the_body(setup, wanted, seen):
    _, m = asked(setup, "return { yes = true, text = #tx.body .. ' ' .. tx.body:sub(1, 5) .. ' ' .. tx.body_size }", stage="message", more=f"body = {wanted},",
                 rule=RULE.replace("at rcpt", "at message"))
    m.rcpt()
    assert said(m.content(body=b"hello world\r\n")) == "550 5.7.1 " + seen


@pytest.mark.parametrize("sender, shows", [
    ('"boss@example.org" <x@example.com>', "550 5.7.1 impostor boss@example.org"), ("Boss <boss@example.org>", None), ('"a@example.com" <b@example.com>', None),
    ("boss@example.org", None), ("=?utf-8?q?x?= boss@example.org\r\n <x@example.com>", "550 5.7.1 impostor boss@example.org")])
def test_the_example_looks_at_headers(setup, sender, shows):
    s = setup.sluice("list local-domains domain [example.org]\n" + block(IMPOSTOR, name="impostor") +
                     'at message { rule i reject "550 5.7.1 impostor {impostor.shows}" when impostor.is_ours }\n')
    m = setup.milter(s)
    m.greet()
    assert said(m.message(headers=(("From", sender), ("Subject", "x")))) == (shows or "")


LOOPS = {
    "a loop": "while true do end",
    "a loop that catches": "while true do pcall(function() while true do end end) end",
    "a loop in __close": "local x <close> = setmetatable({}, { __close = function() while true do end end }) error('x')",
    "a loop in tostring": "error(setmetatable({}, { __tostring = function() while true do end end }))",
    "a pattern": "local s = string.rep('a', 30000) return { yes = s:find(string.rep('a-', 12) .. 'b') ~= nil }",
    "a pattern of gsub": "local s = string.rep('a', 30000) return { text = s:gsub(string.rep('.-', 8) .. 'b', '') }",
    "comparing": "local a = string.rep('a', 200000) local b = a .. 'b' local c = a .. 'c' while true do local x = b < c end",
    "joining": "local a = string.rep('a', 200000) while true do local x = a .. 'b' end",
}
MEMORY = {
    "rep": "string.rep('x', 4000000000)",
    "rep without end": "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1000) .. i end",
    "a table": "local t = {} while true do t[#t + 1] = {} end",
    "doubling": "local s = 'x' while true do s = s .. s end",
    "caught": "local s = 'x' while true do pcall(function() while true do s = s .. s end end) end",
    "recursion": "local function f() return 1 + f() end f()",
    "recursion in C": "local function f(s) return s:gsub('.', f) end f('x')",
}


@pytest.mark.parametrize("what", LOOPS)
def test_it_ends_in_time(setup, what):
    began = time.monotonic()
    s, m = asked(setup, LOOPS[what], "time 100ms" if what in ("comparing", "joining") else "time 10s")
    answer = said(m.rcpt())
    assert answer.startswith("451 4.7.1 ") and re.search("limit|pattern takes too long|no text|s.lua:7: x", answer), answer
    assert time.monotonic() - began < 30
    assert said(m.rcpt("<v@example.org>")) == answer  # the connection goes on
    assert len(re.findall(r"lua s\b", s.log())) >= 1


@pytest.mark.parametrize("what", MEMORY)
def test_it_does_not_eat_memory(setup, what):
    s, m = asked(setup, MEMORY[what], "instructions 3000000 time 10s")
    pid = s.process.pid
    answer = said(m.rcpt())
    assert answer.startswith("451 4.7.1 ") and re.search("not enough memory|stack overflow|limit", answer), answer
    peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])
    assert peak < 400_000 or "Sanitizer" in open(f"/proc/{pid}/maps").read() or peak < 4_000_000  # kB; sanitizers have shadows


@pytest.mark.parametrize("run, why", [
    ("io.open('/etc/passwd')", "global 'io'"), ("os.exit(1)", "global 'os'"), ("debug.sethook()", "global 'debug'"), ("load('return 1')()", "global 'load'"),
    ("xpcall(type, type)", "global 'xpcall'"), ("require('x')", "global 'require'"), ("dofile('/etc/passwd')", "global 'dofile'"), ("string.dump(print)", "field 'dump'"),
    ("collectgarbage('stop')", "global 'collectgarbage'"), ("coroutine.wrap(print)", "global 'coroutine'"), ("getmetatable('').__index = nil", "index a boolean"),
    ("setmetatable({}, { __gc = type })", "no finalizers"), ("table.insert(setmetatable({}, { __len = function() return 1e15 end }), 1, 2)", "with a metatable"),
    ("('x'):rep(1e18, '')", "not enough memory"), ("return { text = 5 }", "of type text"), ("return { kind = 'three' }", "never 'three'"), ("return { number = 1.5 }", "whole number"),
    ("return { nothing = 1 }", "not in 'facts'"), ("return 7", "not a table of facts"), ("return {}, 'maybe'", "invalid option 'maybe'"), ("error('my own')", "s.lua:7: my own"),
    ("error({})", "no text"), ("local x = nil; x.y = 1", "s.lua:7:"), ("sluice.dns('a.example', 'XYZ')", "A, AAAA, CNAME"), ("sluice.dns(nil, 'A')", "string expected"),
    ("('x'):gsub('.', function() sluice.dns('q.example', 'A') end)", "within a callback"), ("sluice.count(('k'):rep(500), 60)", "key is too long"),
    ("return { at = 'nowhere' }", "no address"), ("return { items = { 1 } }", "of type list")])
def test_what_goes_wrong_is_a_temperror_with_its_reason_told_once(setup, run, why):
    s, m = asked(setup, run, zone="q.example A TIMEOUT\n")
    answer = said(m.rcpt())
    assert answer.startswith("451 4.7.1") and why in answer, answer
    m.abort()
    for _ in range(2):
        m.mail()
        m.rcpt()
        m.abort()
    told = [line for line in s.log().splitlines() if "lua s" in line and " case=" not in line]
    assert len(told) == 1 and why in told[0], s.log()


def test_it_is_well_again_when_it_was_loaded_anew(setup):
    s, m = asked(setup, "error('ill')")
    assert "ill" in m.rcpt().text and "lua s" in s.ctl("status").stdout
    script(setup.folder, "return { yes = true, text = 'well' }")
    assert s.reload().returncode == 0
    m = setup.milter(s)
    m.greet()
    m.mail()
    assert said(m.rcpt()) == "550 5.7.1 well"
    net.wait_for(lambda: "the script runs" in s.log() or "lua s" in s.log().split("ill")[-1], "the news")


@pytest.mark.parametrize("text, why", [
    ("return {", r"s\.lua:1: .*expected"), ("x = = 1", r"s\.lua:1: "), ("\x1bLua", "binary chunk"), ("return 5", "returns no table"), ("return {}", "no 'stage'"),
    ("while true do end", "limit 'instructions'"), ("return { stage = 'early' }", "no stage 'early'"), ("return { stage = 'mail', run = 5 }", "no function 'run'"),
    ("return { stage = 'mail', run = print }", "no function 'run'"), ("return { stage = 'mail', run = type }", "no 'facts'"),
    ("return { stage = 'mail', run = type, facts = {} }", "1 to 64 facts"), ("return { stage = 'mail', run = type, facts = { 5 } }", "fact 1 is not"),
    ("return { stage = 'mail', run = type, facts = { { 'a', 'int', 'x' } } }", "no type"), ("return { stage = 'mail', run = type, facts = { { 'a', 'bool' } } }", "no help"),
    ("return { stage = 'mail', run = type, facts = { { 'a', {}, 'x' } } }", "1 to 64 words"), ("return { stage = 'mail', run = type, facts = { { 'error', 'bool', 'x' } } }", "not why, error"),
    ("return { stage = 'mail', run = type, facts = { { 'a', 'bool', 'x' }, { 'a', 'bool', 'x' } } }", "exists already"),
    ("return { stage = 'mail', runs = 1 }", "a key 'runs'"), ("return { stage = 'mail', run = type, headers = true }", "only at stage message"),
    ("return { stage = 'mail', run = type, body = 5 }", "a body only at stage message"), ("return { stage = 'message', run = type, body = 'all' }", "how many octets"),
    ("return { stage = 'message', run = type, body = 1e12 }", "how many octets"), ("return { stage = 'message', run = type, body = -1 }", "how many octets"),
    ("return { stage = 'mail', run = type, reads = { 1 }, facts = { { 'a', 'bool', 'x' } } }", "names of facts"),
    ("sluice.dns('a', 'A')", "no transaction yet"), ("error('loud')", r"s\.lua:1: loud"), ("string.rep('x', 1e10)", "not enough memory")])
def test_a_bad_script_is_refused_with_its_place_and_the_old_policy_kept(setup, text, why):
    s, m = asked(setup, "return { yes = true, text = 'old' }")
    (setup.folder / "s.lua").write_text(text)
    done = s.reload()
    assert done.returncode != 0
    assert re.search(r"sluice\.conf:\d+:\d+: lua s: ", done.stderr) and "s.lua" in done.stderr and re.search(why, done.stderr), done.stderr
    assert said(m.rcpt()) == "550 5.7.1 old"


@pytest.mark.parametrize("config, why", [
    ("lua s { }", "names no script"), ("lua S { script x.lua }", "word of small letters"), ("lua s { script none.lua }", "none.lua: cannot be read"),
    ("lua spf { script s.lua }", "exists already|is there already"), ("lua s { script s.lua memory 1 }", "from 64K"),
    ("lua s { script s.lua }\nat mail { rule a reject \"550 5.7.1 x\" when s.yess }", "did you mean 's.yes'"),
    ("lua s { script s.lua }\nat connect { rule a reject \"550 5.7.1 x\" when s.yes }", "mail"),
    ("at mail { rule a reject \"550 5.7.1 x\" when s.yes }\nlua s { script s.lua }", "s.yes")])
def test_the_configuration_is_checked_as_ever(tmp_path, config, why):
    script(tmp_path, "return {}")
    conf = tmp_path / "sluice.conf"
    conf.write_text(sluice.plugin_lines() + config + "\n")
    done = sluice.ctl("config", "check", "-c", conf)
    assert done.returncode != 0 and re.search(why, done.stderr) and re.search(r"sluice\.conf:\d+:\d+", done.stderr), done.stderr


def test_transactions_share_nothing(setup):
    """Globals, locals of the file, tables of the libraries: each run finds them as they were, at whatever time, on whatever thread."""
    path = setup.folder / "s.lua"
    path.write_text('local count = 0\n' + SCRIPT.format(stage="rcpt", more="", run="""
    count = count + 1; total = (total or 0) + 1; string.mine = (string.mine or 0) + 1; math.mine = (math.mine or 0) + 1
    local a = sluice.dns(tx.rcpt.localpart .. ".example", "TXT")
    return { yes = true, text = count .. total .. string.mine .. math.mine .. tx.rcpt.localpart .. a[1] }"""))
    s = setup.sluice("stage_deadline 10s\n" + block(path) + RULE, "".join(f"u{i}.example TXT t{i}\n" for i in range(200)))

    def client(k):
        answers = []
        with milter.Milter(s.listen) as m:
            m.greet()
            m.mail()
            for i in range(k, 200, 8):
                answers.append((i, said(m.rcpt(f"<u{i}@example.org>"))))
        return answers

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answers in pool.map(client, range(8)):
            for i, answer in answers:
                assert answer == f"550 5.7.1 1111u{i}t{i}"


def test_reload_and_a_connection_that_goes_away_while_it_waits(setup):
    s, m = asked(setup, 'return { yes = sluice.dns("slow.example", "A").status == "ok" }', zone="slow.example A TIMEOUT\n")
    m.send(b"R", milter.z("<u@example.org>"))
    assert s.reload().returncode == 0
    m.sock.close()
    for _ in range(20):
        other = setup.milter(s)
        other.greet()
        other.mail()
        other.sock.close()
    assert s.status()
