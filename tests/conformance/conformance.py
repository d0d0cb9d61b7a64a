#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance engine against right and wrong plugins: conformance.py ELBO SOURCE_ROOT.

Each subject*.c is a right plugin, of which every property holds; compiled with -DWRONG=W_NAME it is wrong in what the property NAME looks
at, and that property must fail. Then the templates, which must hold as they are, also when they were built against ABI 1.0.
The last line is "N passed, M failed"."""
import json
import os
import re
import subprocess
import sys
import tempfile

ELBO, ROOT = (os.path.abspath(a) for a in sys.argv[1:3])
HERE = os.path.join(ROOT, 'tests', 'conformance')
FIRST = os.path.join(HERE, 'abi_1_0')
CC = os.environ.get('CC', 'cc').split()
# A wrong plugin whose property has another name: what the failure must say.
ODD = {'crash': ('gradient_parameters', r'log_prob: signal 11'), 'hang': ('null_outputs', r'log_prob: no end after \d+ s'),
       'null': ('null_outputs', r'log_prob: signal 11 .* with dx = NULL.* only where it is not NULL'),
       'three': ('total', r'the total is 1\.349'), 'many': ('total', r'in 6 dimensions the total is 1\.3'),
       'simplex': ('continuity', r'the sum of x does not stay 1'), 'input': ('guard_pages', r'it wrote x\[0\], which is an input'),
       'kept': ('guard_pages', r'it touched w of an earlier call'), 'beyond': ('guard_pages', r'it touched dw\[2\], and dw has 2 numbers'),
       'nan': ('total', r'log_prob is NaN at value'), 'sign': ('gradient_parameters', r'd log_prob / d log_scale: .*its sign is turned'),
       'factor': ('gradient_parameters', r'by its log it is that times the parameter'),
       'infinite': ('kl', r'KL\(subject \|\| normal\): found inf, quadrature gives'),
       'infinite_gradient': ('kl_gradient', r'KL\(subject \|\| normal\): no derivative could be compared'),
       'road': ('descriptor', r'implicid.*did you mean implicit\? expected one of .*location_scale')}
failed = passed = 0


def verdict(good, label, why=''):
    global failed, passed
    passed, failed = passed + good, failed + (not good)
    print('%s %s%s' % ('ok  ' if good else 'FAIL', label, '' if good else ': ' + why))


def build(source, out, *flags, include=os.path.join(ROOT, 'include')):
    subprocess.run(CC + ['-std=gnu11', '-O1', '-shared', '-fPIC', '-I' + include, *flags, '-o', out, source, '-lm'], check=True)


def check(plugin, *options):
    run = subprocess.run([ELBO, 'plugin', 'check', plugin, '--json', *options], capture_output=True, text=True, timeout=300)
    try:
        return run.returncode, json.loads(run.stdout)
    except ValueError:
        return run.returncode, {'checks': [], 'error': run.stderr}


def complaints(report):
    return '; '.join('%s: %s' % (c['name'], c['detail']) for c in report['checks'] if c['status'] == 'fail') or report.get('error', '')


def right(label, plugin):
    status, report = check(plugin)
    counts = [sum(c['status'] == s for c in report['checks']) for s in ('pass', 'fail', 'not-applicable')]
    told = [report.get(k) for k in ('passed', 'failed', 'not_applicable')]
    verdict(status == 0 and counts == told and told[1] == 0 and told[0] > 5, label + ' holds', complaints(report))
    return {c['name'] for c in report['checks'] if c['status'] == 'pass'}


def wrong(source, name, folder):
    plugin = os.path.join(folder, 'wrong.so')
    build(source, plugin, '-DWRONG=W_' + name)
    prop, says = ODD.get(name, (name, ''))
    status, report = check(plugin, '--only', prop)
    caught = [c for c in report['checks'] if c['name'] == prop and c['status'] == 'fail']
    verdict(status == 1 and bool(caught) and bool(re.search(says, caught[0]['detail'])),
            '%s: wrong %s is caught' % (os.path.basename(source), name), 'status %d, %s' % (status, report))


def subject(source, folder):
    plugin = os.path.join(folder, 'right.so')
    build(source, plugin)
    shown = right(os.path.basename(source), plugin)
    names = re.search(r'enum \{\s*W_NOTHING,(.*?)\}', open(source).read(), re.S).group(1)
    names = [n.strip()[2:] for n in names.split(',')]
    for name in names:
        wrong(source, name, folder)
    return shown, set(names)


def asked_of(header):
    """Each constant and each slot that a header has: expressions of C."""
    text = re.sub(r'^#.*\n', '', open(header).read(), flags=re.M)
    for body in re.findall(r'enum\s*\{(.*?)\}', text, re.S):
        yield from re.findall(r'ELBO_\w+\b(?<!_END)', body)
    structs = re.findall(r'typedef struct(?: \w+)? \{(.*?)\n\} (\w+);', text, re.S)
    structs += [(b, n) for n, b in re.findall(r'^struct (\w+) \{(.*?)\n\};', text, re.S | re.M)]
    for body, name in structs:
        for slots in body.split(';'):
            pointer = re.search(r'\(\*(\w+)', slots)
            for slot in [pointer[1]] if pointer else re.findall(r'(\w+)(?:\[\w+\])?(?=,|$)', slots.strip()):
                yield 'offsetof(%s, %s)' % (name, slot)


def answers(folder, include, asked):
    source, program = os.path.join(folder, 'asked.c'), os.path.join(folder, 'asked')
    with open(source, 'w') as f:
        f.write('#include <elbo/plugin.h>\n#include <stdio.h>\nint main(void)\n{\n')
        f.writelines('  printf("%s = %%zu\\n", (size_t)%s);\n' % (a, a) for a in asked)
        f.write('}\n')
    subprocess.run(CC + ['-I' + include, '-o', program, source], check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.split('\n')


def same_abi(folder):
    asked = list(asked_of(os.path.join(FIRST, 'elbo', 'plugin.h')))
    was, now = answers(folder, FIRST, asked), answers(folder, os.path.join(ROOT, 'include'), asked)
    moved = ['%s, was %s' % (b, a.split()[-1]) for a, b in zip(was, now) if a != b]
    verdict(len(asked) > 150 and not moved, 'constants and slots of ABI 1.0 are where they were', '; '.join(moved))


with tempfile.TemporaryDirectory() as folder:
    same_abi(folder)
    shown, tried = set(), set()
    for name in ('subject', 'subject_discrete', 'subject_vector', 'subject_product', 'carrier', 'subject_reparam', 'subject_backend'):
        s, t = subject(os.path.join(HERE, name + '.c'), folder)
        shown, tried = shown | s, tried | t
    untried = shown - tried - {'speed'}
    verdict(not untried, 'every property has a wrong plugin', ', '.join(sorted(untried)))
    for kind in ('family', 'reparam'):
        source = os.path.join(ROOT, 'plugins', 'template', kind + '.c')
        plugin = os.path.join(folder, kind + '.so')
        build(source, plugin, '-std=c11', '-O2', '-Wall', '-Wextra', '-pedantic-errors', '-Werror')
        right('template ' + kind, plugin)
        verdict(len(open(source).readlines()) <= 80, 'template %s has at most 80 lines' % kind)
        build(source, plugin, include=FIRST)
        right('template %s built against ABI 1.0' % kind, plugin)
    for kind in ('TWO_NORMALS', 'LOPSIDED', 'ARCSINE', 'HEAVY', 'EVEN'):
        plugin = os.path.join(folder, 'awkward.so')
        build(os.path.join(HERE, 'awkward.c'), plugin, '-DKIND=' + kind)
        right('awkward ' + kind, plugin)
    status, report = check(os.path.join(HERE, 'awkward.c'))
    verdict(status == 5 and 'no shared object' in report['error'] and 'cc -O2 -shared' in report['error'],
            'source in place of an object: how to compile it', 'status %d, %s' % (status, report))
    status, _ = check(os.path.join(folder, 'absent.so'))
    verdict(status == 5, 'a file that is not there: status 5', 'status %d' % status)
print('%d passed, %d failed' % (passed, failed))
sys.exit(failed > 0)
