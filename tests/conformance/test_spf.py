# SPDX-License-Identifier: BSD-2-Clause
"""The test suite of RFC 7208 through `sluicectl check`, one test each; through libspf2 as well, where that is a shared object."""
import json
import pathlib

import pytest
from support import sluice, suites

SUITE = suites.FOLDER / 'spf/rfc7208-tests.yml'
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


def cases(only=None):
    """Of all files of that form, or of one."""
    return [pytest.param(s, test, id=f'{"" if name == SUITE.name else name + ":"}{s["description"]}/{title}')
            for name, s in suites.scenarios('spf', 'result', 'host', 'helo', 'mailfrom') for title, test in s['tests'].items() if only in (None, name)]


def expected(test):
    return test['result'] if isinstance(test['result'], list) else [test['result']]


def evaluators():
    """Each with the plugin that has to stay away for it."""
    names = {path.stem for path in sluice.SHARED_PLUGINS}
    rows = [pytest.param('libspf2', id='own')]
    return rows + [pytest.param('spf', id='libspf2')] if {'sluice_spf', 'sluice_libspf2'} <= names else rows


def known_failures(without):
    """What libspf2 gets wrong: lines of SCENARIO/TEST. Of our own evaluator nothing."""
    if without != 'spf':
        return set()
    lines = (pathlib.Path(__file__).parent / 'spf-libspf2-failures').read_text().splitlines()
    return {line for line in lines if line and not line.startswith('#')}


@pytest.mark.parametrize('without', evaluators())
@pytest.mark.parametrize('scenario, test', suites.or_skipped(cases(), SUITE))
def test_rfc7208(tmp_path, scenario, test, without):
    zone_file, conf = tmp_path / 'zone', tmp_path / 'sluice.conf'
    zone_file.write_text(zone(scenario['zonedata']))
    conf.write_text(f'{sluice.plugin_lines([without, "opendkim"])}authserv_id mx.example.net\nstage_deadline 100ms\n'
                    'at rcpt {\n rule wanted score 1 when spf.result == fail\n}\n')
    run = sluice.ctl('check', '-c', conf, '--zone', zone_file, '--json', '--client', test['host'],
                     '--helo', test['helo'], '--from', test['mailfrom'], '--rcpt', 'postmaster@example.com')
    assert run.stdout, run.stderr
    facts = json.loads(run.stdout)['facts']
    explanation = test.get('explanation')
    right = facts['spf.result'] in expected(test)
    if explanation is not None and facts['spf.result'] == 'fail':
        right = right and facts.get('spf.explanation') == (None if explanation == 'DEFAULT' else explanation)
    name_of_test = f'{scenario["description"]}/{next(t for t, body in scenario["tests"].items() if body is test)}'
    assert right == (name_of_test not in known_failures(without)), facts


@pytest.mark.skipif(not SUITE.exists(), reason=f'{SUITE} is not here')
def test_the_suite_is_whole():
    assert len(cases(SUITE.name)) == 203
