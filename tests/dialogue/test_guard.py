# SPDX-License-Identifier: BSD-2-Clause
"""A reload that is watched, and taken back when the new configuration is as nobody meant it."""
from support import net
from support.milter import CONTINUE

FINE = 'at mail { rule bad reject "550 5.7.1 no" when mail.from == bad@example.net }\n'
WRONG = 'at mail { rule bad reject "550 5.7.1 no" when mail.from != bad@example.net }\n'


def send(setup, s, count=25, sender="<a@example.net>"):
    m = setup.milter(s)
    m.greet()
    return [m.message(sender).code for _ in range(count)]


def reload(s, config, *options):
    s.write(config)
    return s.ctl("reload", *options)


def test_what_refuses_too_much_is_taken_back(setup):
    s = setup.sluice(FINE)
    send(setup, s)
    assert reload(s, WRONG, "--guard", "1m").returncode == 0
    assert s.status()["guard"] == "watching"
    assert 550 in send(setup, s, 30)
    net.wait_for(lambda: s.status()["guard"] == "rolled-back", "the old configuration to hold again")
    assert "the configuration from before the reload holds again: " in s.log() and "cases were refused, which is 100%" in s.log()
    assert set(send(setup, s)) == {0} and send(setup, s, 1, "<bad@example.net>") == [550]
    assert s.conf.read_text().endswith(WRONG)  # the file is the site's


def test_what_is_as_before_is_kept(setup):
    s = setup.sluice(FINE)
    send(setup, s)
    assert reload(s, FINE + "at message { rule new score 1 }\n", "--guard", "1s").returncode == 0
    net.wait_for(lambda: s.status()["guard"] == "kept", "the time to be over")
    assert "the configuration has held its guard, and stays" in s.log() and s.status()["rules"] == "2"


def test_another_reload_ends_the_guard(setup):
    s = setup.sluice(FINE)
    send(setup, s)
    assert reload(s, FINE, "--guard", "1m").returncode == 0
    assert reload(s, WRONG).returncode == 0
    assert s.status()["guard"] == "none"
    assert set(send(setup, s, 30)) == {550}


def test_a_bad_one_leaves_the_guard_alone(setup):
    s = setup.sluice(FINE)
    send(setup, s)
    assert reload(s, WRONG, "--guard", "1m").returncode == 0
    assert reload(s, "nonsense\n", "--guard", "1m").returncode == 78
    assert s.status()["guard"] == "watching"


def test_there_must_be_something_to_compare_with(setup):
    s = setup.sluice(FINE)
    send(setup, s, 3)
    done = reload(s, WRONG, "--guard", "1m")
    assert done.returncode == 78 and "fewer than 20 cases since the start" in done.stderr
    m = setup.milter(s)
    m.greet()
    assert m.message().kind == CONTINUE


def test_times_that_are_none(setup):
    s = setup.sluice(FINE)
    for time in ("2", "0s", "2h", "-1m", "soon"):
        done = s.ctl("reload", "--guard", time)
        assert done.returncode == 64 and f"'{time}' is no time to watch: write one from 1s to 1h" in done.stderr


def test_cases_that_can_go_nowhere_leave_nothing_to_watch(setup):
    s = setup.sluice(FINE)
    send(setup, s)
    assert reload(s, FINE + "cases { to /nonexistent/folder/cases }\n", "--guard", "1m").returncode == 78
    assert s.status()["guard"] == "none"
