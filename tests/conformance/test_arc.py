# SPDX-License-Identifier: BSD-2-Clause
"""The test suite of ARC (ValiMail's arc_test_suite) through `sluicectl check`, one test each."""
import datetime
import json

import pytest
from support import sluice, suites

VALIDATION = suites.FOLDER / 'arc/arc-draft-validation-tests.yml'
SIGNING = suites.FOLDER / 'arc/arc-draft-sign-tests.yml'
CONF = 'authserv_id lists.example.org\nstage_deadline 1s\n'
# The suite expects nothing of these, as what the last sealer says is that the chain had failed before: fail is right.
FAILED_BEFORE = {'cv_fail_i1_as_cv_fail', 'cv_fail_i2_as2_fail', 'cv_fail_i2_as1_fail'}


def cases(standard, key, only=False):
    """Tests that have this key: of all files, or of the standard one."""
    rows = [pytest.param(s, name, id=f'{"" if file == standard.name else file + ":"}{s["description"]}/{name}')
            for file, s in suites.scenarios('arc', key) for name in s['tests'] if not only or file == standard.name]
    return suites.or_skipped(rows, standard)


def zone(records):
    """A zone file of a scenario; its records may be folded as YAML has them."""
    return ''.join(f'{name} TXT {"".join(text.split(chr(10)))}\n' for name, text in records.items())


def check(tmp_path, scenario, message, conf=CONF, client='192.0.2.1', now='2017-01-05T00:00:00Z'):
    files = {'zone': zone(scenario['txt-records']), 'sluice.conf': sluice.plugin_lines() + conf, 'message': message}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run = sluice.ctl('check', '-c', tmp_path / 'sluice.conf', '--zone', tmp_path / 'zone', '--json', '--client', client, '--now', now,
                     '--helo', 'mx.example.net', '--from', 'jqd@d1.example', '--rcpt', 'arc@dmarc.org', tmp_path / 'message')
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize('scenario, name', cases(VALIDATION, 'cv'))
def test_validation(tmp_path, scenario, name):
    test = scenario['tests'][name]
    want = 'fail' if name in FAILED_BEFORE else test['cv'].lower()
    facts = check(tmp_path, scenario, test['message'])['facts']
    assert (facts['arc.cv'], test['description']) == (want, test['description']), facts.get('arc.reason')


@pytest.mark.skipif(not VALIDATION.exists(), reason=f'{VALIDATION} is not here')
def test_the_suite_is_whole():
    rows = cases(VALIDATION, 'cv', only=True)
    assert len(rows) == 171
    assert {case.values[1] for case in rows if not case.values[0]['tests'][case.values[1]]['cv']} == FAILED_BEFORE


# ---- signing ----

def relaxed(value):
    return ' '.join(value.split())


def tags(value):
    """The tags of a field; blanks say nothing in what the suite compares."""
    return {name: ''.join(text.split()) for name, text in (tag.strip().split('=', 1) for tag in value.split(';') if tag.strip())}


@pytest.mark.parametrize('scenario, name', cases(SIGNING, 'AS'))
def test_signing(tmp_path, scenario, name):
    """The results are those that the message brings along from a host of our own, as the suite has it."""
    test = scenario['tests'][name]
    key = tmp_path / scenario['domain'] / (scenario['sel'] + '.pem')
    key.parent.mkdir()
    key.write_text(scenario['privatekey'])
    key.chmod(0o600)
    headers = ''.join(f' header {header}\n' for header in test['sig-headers'].split(':'))
    conf = (f'authserv_id {test["srv-id"]}\nstage_deadline 1s\nlist trusted network [192.0.2.1]\n'
            f'seal {{\n key {key}\n{headers}}}\nat message {{\n rule seal seal\n}}\n')
    now = datetime.datetime.utcfromtimestamp(test['t']).strftime('%Y-%m-%dT%H:%M:%SZ')
    case = check(tmp_path, scenario, test['message'], conf, now=now)
    inserted = {field['name']: field['value'] for field in case.get('inserted', [])}
    if not test['AS']:
        assert case['facts']['seal.result'] == 'not-needed' and not inserted
        return
    assert [field['name'] for field in case['inserted']] == ['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results']
    assert relaxed(inserted['ARC-Authentication-Results']) == relaxed(test['AAR'])
    assert tags(inserted['ARC-Message-Signature']) == tags(test['AMS'])
    assert tags(inserted['ARC-Seal']) == tags(test['AS'])


@pytest.mark.skipif(not SIGNING.exists(), reason=f'{SIGNING} is not here')
def test_the_signing_suite_is_whole():
    assert len(cases(SIGNING, 'AS', only=True)) == 17
