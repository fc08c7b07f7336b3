# SPDX-License-Identifier: BSD-2-Clause
"""The test suite of RFC 7208 through `sluicectl check`, one test each.

The suite is not part of the tree: it is looked for in $SLUICE_CONFORMANCE, or in ../shared/conformance beside it.
The programs are those of $SLUICE_BUILD, or of build/.
"""
import ipaddress
import json
import os
import pathlib
import subprocess

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('SLUICE_BUILD', TOP / 'build'))
SUITE = pathlib.Path(os.environ.get('SLUICE_CONFORMANCE', TOP.parent / 'shared' / 'conformance')) / 'spf/rfc7208-tests.yml'
CONFIGURATION = TOP / 'tests/conformance/spf.conf'
TYPES = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME']


def escaped(text, keep):
    """Octets as a zone file has them. The suite writes octets as the characters of the same number."""
    return ''.join(chr(c) if chr(c) in keep else '\\%03d' % c for c in text.encode('latin-1'))


def name(text):
    return escaped(text, keep=[chr(c) for c in range(0x21, 0x7f) if chr(c) != '\\']) or '.'


def value(kind, data):
    if data == 'TIMEOUT':
        return data
    if kind == 'TXT':
        text = escaped(data if isinstance(data, str) else ''.join(data), keep=[chr(c) for c in range(0x20, 0x7f) if chr(c) != '\\'])
        return '\\032' + text[1:] if text.startswith(' ') else text
    if kind == 'MX':
        return f'{data[0]} {name(data[1])}'
    if kind in ('PTR', 'CNAME'):
        return name(data)
    return data


def zone(data):
    """A zone file of a scenario. An SPF record stands for a TXT record where there is none of those."""
    lines = []
    for owner, entries in data.items():
        by_type = {}
        silent = 'TIMEOUT' in entries
        for entry in entries:
            if entry == 'TIMEOUT':
                continue
            for kind, content in entry.items():
                by_type.setdefault(kind, []).append(content)
        if 'TXT' not in by_type and 'SPF' in by_type:
            by_type['TXT'] = by_type['SPF']
        for kind in TYPES:
            contents = [c for c in by_type.get(kind, []) if c != 'NONE']
            if silent and not contents:
                contents = ['TIMEOUT']
            lines += [f'{name(owner)} {kind} {value(kind, c)}' for c in contents]
    return ''.join(line + '\n' for line in lines)


def scenarios():
    if not SUITE.exists():
        return []
    return [s for s in yaml.safe_load_all(SUITE.read_text()) if s]


def cases():
    return [pytest.param(s, test, id=f'{s["description"]}/{title}') for s in scenarios() for title, test in s['tests'].items()]


def expected(test):
    return test['result'] if isinstance(test['result'], list) else [test['result']]


@pytest.fixture(scope='session')
def sluicectl():
    program = BUILD / 'sluicectl'
    if not program.exists():
        pytest.skip(f'{program} is not built')
    return program


@pytest.mark.skipif(not SUITE.exists(), reason=f'{SUITE} is not here')
@pytest.mark.parametrize('scenario, test', cases() or [pytest.param(None, None, id='suite')])
def test_rfc7208(sluicectl, tmp_path, scenario, test):
    file = tmp_path / 'zone'
    file.write_text(zone(scenario['zonedata']))
    sender = test['mailfrom']
    run = subprocess.run(
        [sluicectl, 'check', '-c', CONFIGURATION, '--zone', file, '--all', '--json', '--client', test['host'],
         '--helo', test['helo'], '--from', sender, '--rcpt', 'postmaster@example.com'],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, run.stderr
    facts = json.loads(run.stdout)['facts']
    assert facts['spf.result'] in expected(test)
    explanation = test.get('explanation')
    if explanation is not None and facts['spf.result'] == 'fail':
        assert facts.get('spf.explanation') == (None if explanation == 'DEFAULT' else explanation)


def test_the_suite_is_whole():
    if not SUITE.exists():
        pytest.skip(f'{SUITE} is not here')
    assert sum(len(s['tests']) for s in scenarios()) == 203


def test_addresses_of_the_suite_are_addresses():
    for scenario in scenarios():
        for test in scenario['tests'].values():
            ipaddress.ip_address(test['host'])
