# SPDX-License-Identifier: BSD-2-Clause
"""The pages, in a real browser: what they show, that nothing in mail becomes part of them, and that everybody can use them."""
import html
import json
import re
import socket
import time

import pytest
from support import browser, net
from support.milter import CONTINUE
from support.signing import Keys
from support.sluice import ctl
from support.web import Web

PAGES = ["/", "/history", "/held", "/rules", "/checks", "/state", "/accounts", "/lists", "/keys", "/dmarc"]
CONFIG = """authserv_id mx.example.org
history 3000
state { lmdb state }
list partners domain [partner.example .friends.example]
list customers-with-a-long-name address [someone@example.com]
greylist { delay 5m }
dnsbl bl.example.net { weight 8 }
dnsbl dead.example.net { weight 8 }
pattern bait "(?i)(alert|script|onerror|javascript|win|free)" in subject, header X-Odd
at connect { shadow rule idea score 1 when client.port != 1 }
at rcpt {
 rule fast limit 600/1m by client.ip, mail.from tempfail "too fast, {client.ip}"
 rule sent limit 100/1h of recipients by auth.user
 rule unwanted reject "550 5.7.1 {mail.from} is not wanted by {rcpt.address}" when rcpt.address == "bad@example.org"
 rule listed reject "554 5.7.1 {client.ip} is listed" when dnsbl.weight >= 8
 rule helo score 2 when helo.form == malformed
 rule grey greylist when score >= 4
}
at message {
 rule baited score 1.5 when pattern.bait
 rule dmarc-fail tag header X-DMARC "fails" when dmarc.result == fail and from.domain != "a.invalid"
 rule spammy hold "looks odd: {mail.from}" when pattern.bait and score >= 2.5
 rule watched-spf shadow_reject
}
""".replace(" rule watched-spf shadow_reject\n", "")
ZONE = """_.1.0.0.127.bl.example.net A 192.0.2.255
_.2.0.0.127.dead.example.net A 192.0.2.255
_.1.2.0.192.bl.example.net A 192.0.2.255
_.1.2.0.192.dead.example.net A 192.0.2.255
2.0.0.127.bl.example.net A 127.0.0.2
1.0.0.127.dead.example.net A 127.0.0.2
bank.example TXT v=spf1 -all
_dmarc.bank.example TXT "v=DMARC1; p=reject"
shop.example TXT v=spf1 +all
_dmarc.shop.example TXT "v=DMARC1; p=none"
"""

# Each is tried as Subject, as a local part, as HELO, and as a field's value. If one of them runs, it says so in the title or leaves an element.
PAYLOADS = [
    "<script>document.title='owned'</script>", "<img src=x onerror=document.title='owned'>", "<svg onload=document.title='owned'>", "\"><script>document.title='owned'</script>",
    "'><img src=x onerror=document.title='owned'>", "</td></tr></table><h1 id=owned>x</h1>", "</title><script>document.title='owned'</script>", "</script><script>document.title='owned'</script>",
    "<iframe src=javascript:document.title='owned'>", "<a href=javascript:document.title='owned'>x</a>", "javascript:document.title='owned'", "<body onload=document.title='owned'>",
    "<details open ontoggle=document.title='owned'>", "<input autofocus onfocus=document.title='owned'>", "<style>*{display:none}</style>", "<link rel=stylesheet href=//x.invalid/x>",
    "<meta http-equiv=refresh content=0;url=//x.invalid>", "<base href=//x.invalid>", "<form action=//x.invalid><button>x", "<!--", "<![CDATA[", "&lt;script&gt;document.title='owned'&lt;/script&gt;",
    "&#60;script&#62;document.title='owned'&#60;/script&#62;", "%3Cscript%3Edocument.title='owned'%3C/script%3E", "{{constructor.constructor('document.title=1')()}}", "${document.title='owned'}",
    "<%= 7*7 %>", "\u202egnp.exe", "\u2066\u202eabc\u2069", "\u200b\u200b\ufeffzero", "<\u0000script>document.title='owned'</script>", "<script\n>document.title='owned'</script\n>",
    "<math><mi//xlink:href=\"data:x,<script>document.title='owned'</script>\">", "\" onmouseover=\"document.title='owned'", "x" * 900, "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\U000e0041\U000e0042tags", "<x id=owned>", "<object data=//x.invalid>", "<video><source onerror=document.title='owned'>",
]


def wire(text):
    return text.replace("\u0000", "").replace("\n", " ")


def send(setup, s, subject="hello", sender="<someone@example.net>", rcpts=("<u@example.org>",), helo="mail.example.net", author="a@example.net", more=(), user=None):
    m = setup.milter(s, macros={"M": {"auth_authen": user, "auth_type": "PLAIN"}} if user else {})
    m.connect()
    if m.helo(helo).kind == CONTINUE and m.mail(sender).kind == CONTINUE:
        taken = [m.rcpt(rcpt).kind == CONTINUE for rcpt in rcpts]
        if any(taken):
            m.content([("From", author), ("Subject", subject), ("Message-Id", "<1@example.net>"), *more])
    m.quit()


def fill(setup, s):
    for i in range(12):
        send(setup, s, subject=f"letter {i}", author="news@shop.example", sender="<news@shop.example>")
    for i in range(4):
        send(setup, s, author="security@bank.example", sender=f"<bounce{i}@shop.example>", subject="You win, free")
    for i in range(5):
        send(setup, s, rcpts=("<bad@example.org>",), sender=f"<user{i}@spam.example>")
    send(setup, s, rcpts=[f"<person.{i}@example.org>" for i in range(9)])
    send(setup, s, helo="[", sender="<>")
    for i in range(3):
        send(setup, s, sender="<anna@example.org>", user="anna@example.org", rcpts=[f"<friend.{i}.{k}@example.net>" for k in range(i + 2)])
    for i in range(2):
        send(setup, s, sender="<ben@example.org>", user="ben", rcpts=("<bad@example.org>",))
    send(setup, s, sender="<ben@example.org>", user='<script>document.title="owned"</script>')


def told(s, line):
    """A request of the control socket, which sluicectl hold watch makes."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(s.control))
        sock.sendall(line.encode() + b"\n")
        answer = b""
        while more := sock.recv(65536):
            answer += more
    assert answer.startswith(b"0\n"), answer


def hold(s):
    """What sluicectl hold watch tells of a queue."""
    told(s, "held begin")
    for i, payload in enumerate(PAYLOADS):
        text = wire(payload)
        told(s, "held add " + json.dumps({"id": f"4bXk2M{i:08}", "arrived": 1790000000 + i, "size": 2000, "sender": text, "recipients": [text + "@example.org"] * (i % 5 + 1),
                                          "recipient_count": i % 7 + 1, "rule": "spammy", "reason": "looks odd: " + text}))
    told(s, "held end")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A daemon with mail of all kinds, the payloads among it."""
    from conftest import Setup
    setup = Setup(tmp_path_factory.mktemp("site"))
    port = net.free_port()
    try:
        keys = Keys(setup.folder / "keys")
        for selector in ("good", "gone"):
            keys.make("example.org", selector, "ed25519")
        zone = ZONE + f"good._domainkey.example.org TXT \"{keys.records['good._domainkey.example.org']}\"\n_.gone._domainkey.example.org A 192.0.2.255\n"
        s = setup.sluice(f"http 127.0.0.1:{port}\nsign {{ keys {keys.folder} }}\n" + CONFIG, zone, start=False)
        s.conf.write_text(s.conf.read_text() + f'api {{ tokens "{s.folder}/tokens" }}\n')
        done = ctl("token", "add", "-c", s.conf, "reader", "read")
        assert done.returncode == 0, done.stderr
        s.start()
        s.token = done.stdout.strip()
        s.web = Web(port, s.token)
        s.url = f"http://reader:{s.token}@127.0.0.1:{port}"
        for payload in PAYLOADS:
            text = wire(payload)
            send(setup, s, subject=text, sender=f'<"{text}"@example.net>', helo=text.replace(" ", "/"), author=f'"{text}" <a@b.example>', more=[("X-Odd", text)],
                 rcpts=(f'<"{text}"@example.org>',))
        fill(setup, s)
        hold(s)
        time.sleep(11)  # a step of the charts
        yield s
    finally:
        setup.end()


@pytest.fixture
def open_browser():
    drivers = []

    def start(**kwargs):
        drivers.append(browser.start(**kwargs))
        return drivers[-1]
    yield start
    for driver in drivers:
        driver.quit()


def complaints(driver):
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def all_cases(site):
    return [c["case"] for c in site.web.get("/api/v1/history?limit=1000")["cases"]]


# ---- without a browser ----

def test_pages_are_well_formed_and_load_nothing_from_elsewhere(site):
    for path in PAGES + [f"/case/{ident}" for ident in all_cases(site)[:60]]:
        answer = site.web.ask(path)
        assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8", path
        tags = set(re.findall(r"<([a-z][a-z0-9]*)", answer.text))
        assert tags <= set("html head meta title link script body a header p span nav ul li main h1 h2 section dl div dt dd figure figcaption b svg line path table caption thead tr "
                           "th tbody td time bdi br code pre form label input select option button".split()), tags
        assert not re.search(r"<[^>]*\s(on\w+|style)=", answer.text) and answer.text.count("<script") == 1
        assert set(re.findall(r'(?:src|action)="([^"]*)"', answer.text)) <= {"/page.js", "/history"}
        assert all(link.startswith("/") and not link.startswith("//") or link in ("#main",) for link in re.findall(r'href="([^"]*)"', answer.text))


def test_what_cannot_be_shown_says_so(site):
    for path, status in [("/case/nonsense", 404), ("/nonsense", 404), ("/history?verdict=nice", 400), ("/history?x=1", 400)]:
        answer = site.web.ask(path)
        assert answer.status == status and "<main" in answer.text and 'class="error"' in answer.text, path


def test_a_browser_is_asked_for_a_token(site):
    answer = Web(site.web.where).ask("/")
    assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Basic ")


def test_filters_are_links_and_a_form(site):
    page = site.web.ask("/history?domain=shop.example&verdict=accept").text
    assert page.count('<tr><th scope="row">') >= 12 and 'value="shop.example"' in page and '<option value="accept" selected>' in page
    assert "bad@example.org" not in page and html.escape("<script>") not in page
    assert 'class="hold' in site.web.ask("/rules").text and "bank.example" in site.web.ask("/dmarc").text


def rows(page):
    """The cells of each row of the tables, as text."""
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page)]


def test_accounts_and_what_was_counted_of_them(site):
    page = rows(site.web.ask("/accounts").text)
    assert page[1][:7] == ["ben", "2", "2", "0", "0", "2", "1"] and ["anna@example.org", "3", "9", "0", "0", "0", "1"] in [row[:7] for row in page]
    assert site.web.get("/api/v1/accounts")["accounts"][0]["last_client"] == "192.0.2.1"
    assert sorted(row[1] for row in page if row[0] == "sent") == ['<script>document.title="owned"</script>', "anna@example.org"]
    found = rows(site.web.ask("/history?user=ANNA%40example.org").text)[1:]
    assert len(found) == 3 and all("anna@example.org" in row[2] for row in found)


def test_keys_and_what_the_dns_has_of_them(site):
    net.wait_for(lambda: len(site.web.get("/api/v1/keys")["keys"]) == 2, "the look at the keys")
    page = rows(site.web.ask("/keys").text)[1:]
    assert sorted((row[0], row[1]) for row in page) == [
        ("gone._domainkey.example.org", "missing: publish the record"), ("good._domainkey.example.org", "good")]


# ---- nothing in mail becomes part of a page ----

def test_no_payload_runs(site, open_browser):
    driver = open_browser()
    assert len(PAYLOADS) >= 30
    for path in ["/", "/history", "/held", "/state", "/accounts", "/dmarc"] + [f"/case/{ident}" for ident in all_cases(site)]:
        driver.get(site.url + path)
        assert driver.title.endswith(" - Sluice"), (path, driver.title)
        found = driver.execute_script("return [document.querySelectorAll('#owned, main script, main img, main iframe, main style, main object, main video, main base, main input:not([name]):not(#release-token)').length,"
                                      "document.querySelectorAll('body > *').length, getComputedStyle(document.querySelector('main')).display]")
        assert found == [0, 3, "block"], (path, found)
        assert not complaints(driver), path
    browser.shot(driver, "case-payload")


def test_payloads_are_shown_as_they_came(site, open_browser):
    driver = open_browser()
    driver.get(site.url + "/history")
    text = driver.execute_script("return document.querySelector('main').textContent")
    for payload in ["<img src=x onerror=document.title='owned'>", "</td></tr></table><h1 id=owned>x</h1>", "&lt;script&gt;", "[U+202E]gnp.exe", "[U+200B]"]:
        assert payload in text, payload


# ---- for everybody ----

@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [browser.PHONE, browser.DESK], ids=["phone", "desk"])
def test_fits_and_can_be_read(site, open_browser, dark, size):
    driver = open_browser(dark=dark, size=size)
    pages = [(path.strip("/") or "overview", path) for path in PAGES] + [("case", f"/case/{all_cases(site)[4]}"), ("error", "/case/nonsense")]
    for name, path in pages:
        driver.get(site.url + path)
        wide = driver.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], (path, wide)
        ratios = driver.execute_script(CONTRAST)
        assert not ratios, (path, ratios)
        browser.shot(driver, f"{name}-{'phone' if size == browser.PHONE else 'desk'}-{'dark' if dark else 'light'}")
    ground = driver.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == dark, ground


CONTRAST = r"""
const lum = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
	return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c) && c !== "transparent") return c; } return "rgb(255, 255, 255)"; };
const bad = new Set();
for (const e of document.querySelectorAll("body *")) {
	if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest("svg, script"))
		continue;
	const a = lum(getComputedStyle(e).color), b = lum(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	if (ratio < 4.5)
		bad.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
}
return [...bad];
"""


def test_everything_is_reached_by_keys(site, open_browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    driver = open_browser()
    driver.get(site.url + "/history")
    wanted = driver.execute_script("return document.querySelectorAll('a[href], button, input, select').length")
    reached, where = 0, []
    for _ in range(wanted + 1):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        outline = driver.execute_script("const e = document.activeElement; if (e === document.body) return null; const s = getComputedStyle(e);"
                                        "return [e.tagName, s.outlineStyle, parseFloat(s.outlineWidth)]")
        if not outline:
            break
        assert outline[1] != "none" and outline[2] >= 2, outline
        reached += 1
        where.append(outline[0])
    assert reached == wanted and {"A", "INPUT", "SELECT", "BUTTON"} <= set(where)
    driver.get(site.url + "/")
    driver.switch_to.active_element.send_keys(Keys.TAB)
    skip = driver.switch_to.active_element
    assert skip.text == "Skip to the content" and skip.is_displayed()
    skip.send_keys(Keys.ENTER)
    assert driver.execute_script("return document.activeElement.id") == "main"
    driver.get(site.url + "/history")
    field = driver.find_element(By.ID, "f-domain")
    field.send_keys("spam.example", Keys.ENTER)
    net.wait_for(lambda: "domain=spam.example" in driver.current_url, "the filter")
    assert len(driver.find_elements(By.CSS_SELECTOR, "tbody tr")) == 5


def test_a_screen_reader_finds_its_way(site, open_browser):
    driver = open_browser()
    for path in PAGES + [f"/case/{all_cases(site)[0]}"]:
        driver.get(site.url + path)
        tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n.get("ignored")]
        names = {role for role, _ in roles}
        assert {"banner", "navigation", "main", "heading"} <= names, path
        for role, name in roles:
            assert name or role not in ("link", "button", "textbox", "combobox", "image", "navigation"), (path, role)
        assert driver.execute_script("return document.documentElement.lang") == "en"
        assert driver.execute_script("return document.querySelectorAll('h1').length") == 1
        assert driver.execute_script("return [...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent && t.querySelector('th[scope]'))"), path


def test_it_reads_without_a_script(site, open_browser):
    from selenium.webdriver.common.by import By
    driver = open_browser(script=False)
    driver.get(site.url + "/")
    assert len(driver.find_elements(By.CSS_SELECTOR, "tbody tr")) >= 15 and len(driver.find_elements(By.CSS_SELECTOR, "svg path")) == 6
    assert not driver.find_elements(By.CSS_SELECTOR, ".actions button")
    driver.find_element(By.LINK_TEXT, "Rules").click()
    assert driver.find_element(By.TAG_NAME, "h1").text == "Rules"


def test_the_script_brings_what_is_new(site, open_browser):
    from selenium.webdriver.common.by import By
    from conftest import Setup
    driver = open_browser()
    driver.get(site.url + "/")
    setup = Setup(site.folder / "more")
    try:
        send(setup, site, sender="<fresh@new.example>")
    finally:
        setup.end()
    net.wait_for(lambda: "fresh@new.example" in driver.find_element(By.TAG_NAME, "main").text, "the new transaction", 20)
    button = driver.find_element(By.CSS_SELECTOR, ".actions button")
    assert button.text == "Pause"
    button.click()
    assert button.text == "Go on" and button.get_attribute("aria-pressed") == "true"
    assert not complaints(driver)


def test_a_limit_is_released_from_the_page(setup, open_browser):
    from selenium.webdriver.common.by import By
    port = net.free_port()
    s = setup.sluice(f"http 127.0.0.1:{port}\nstate {{ lmdb state }}\n" 'at rcpt { rule fast limit 2/1h by client.ip tempfail "too fast" }\n', start=False)
    s.conf.write_text(s.conf.read_text() + f'api {{ tokens "{s.folder}/tokens" }}\n')
    reader, operator = (ctl("token", "add", "-c", s.conf, scope, scope).stdout.strip() for scope in ("read", "operate"))
    s.start()
    for _ in range(2):
        send(setup, s)
    driver = open_browser(size=browser.PHONE)
    driver.get(f"http://x:{reader}@127.0.0.1:{port}/state")

    def press():
        driver.find_element(By.CSS_SELECTOR, "td .actions button").click()

    def status():
        return driver.find_element(By.CSS_SELECTOR, "[role=status]").text

    def give(token):
        driver.find_element(By.ID, "release-token").send_keys(token)
        driver.find_element(By.CSS_SELECTOR, "#release button").click()
    browser.shot(driver, "state-release")
    wide = driver.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], wide
    press()
    assert "Type a token" in status() and driver.switch_to.active_element.get_attribute("id") == "release-token"
    give(reader)
    press()
    net.wait_for(lambda: "may not do that" in status(), "the refusal")
    give(operator)
    press()
    net.wait_for(lambda: status() == "Done.", "the release")
    assert "audit: token=operate" in s.log() and not driver.get_cookies()
    driver.refresh()
    assert "Nothing is counted." in driver.find_element(By.TAG_NAME, "main").text
