# SPDX-License-Identifier: BSD-2-Clause
"""The tests of the public suffix list through `sluicectl check`: the Organizational Domain of `dmarc { discovery psl }`.

They are looked for where those of RFC 7208 are, and are skipped without them. What the list says changes with the years, its tests do not.
"""
import json
import os
import pathlib

import pytest
from support import sluice

SUITE = pathlib.Path(os.environ.get('SLUICE_CONFORMANCE', sluice.TOP.parent / 'shared/conformance')) / 'psl/tests.txt'


def rows():
    if not SUITE.exists():
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=f'no {SUITE}: set SLUICE_CONFORMANCE'))]
    lines = [line.split() for line in SUITE.read_text().splitlines() if line.strip() and not line.startswith('//')]
    return [pytest.param(*line, id=line[0]) for line in lines if line[0] != 'null']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('psl')
    (folder / 'sluice.conf').write_text(sluice.plugin_lines() + 'authserv_id mx.example.org\ndmarc { discovery psl }\n')
    (folder / 'zone').write_text('')
    return folder


@pytest.mark.parametrize('domain, expected', rows())
def test_organizational_domain(folder, domain, expected):
    done = sluice.ctl('check', '-c', folder / 'sluice.conf', '--zone', folder / 'zone', '--json', '--client=192.0.2.1', '--helo=x.example',
                      '--from=a@x.example', '--rcpt=u@example.org', '-', stdin=f'From: a@{domain}\r\n\r\nbody\r\n'.encode())
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)['facts']
    if domain.startswith('.'):
        assert facts['dmarc.result'] == 'permerror'
        return
    # a public suffix itself has none above it
    wanted = (domain.lower() if expected == 'null' else expected).encode('idna').decode()
    assert facts['dmarc.org_domain'] == wanted


@pytest.mark.skipif(not SUITE.exists(), reason=f'{SUITE} is not here')
def test_the_suite_is_whole():
    assert len(rows()) == 77
