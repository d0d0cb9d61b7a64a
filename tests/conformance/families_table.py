#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/families.md from what the program says: families_table.py ELBO SOURCE_ROOT writes it, with --check it only compares the names on
the committed page with the families that exist. The last line of a check is "N passed, M failed"."""
import copy
import json
import math
import os
import re
import subprocess
import sys

ELBO, ROOT = sys.argv[1], sys.argv[2]
PAGE = os.path.join(ROOT, 'docs', 'families.md')
GOLDEN = os.path.join(ROOT, 'tests', 'golden')
sys.path.insert(0, GOLDEN)
import compare  # noqa: E402

HEAD = '''# Families

Written by `tests/conformance/families_table.py`. Bits lost in double: log2 of the worst error over the golden rows with an exact answer, in
units of 2^-53 (|value| + the sum over the inputs of the change of the value by a small relative change of that input, divided by it);
a probability and a value in (0, 1) change relative to the nearer end, and 0 counts as 1. 0 bits: as good as the inputs allow.
Bits lost by the float kernel: log2(1 + units in the last place beyond what the condition allows), as `elbo plugin check` finds them.
ns: one element of log_prob with its gradients, in double and by the float kernel, on the machine that wrote this page.
'''
STEP = 2.0**-20
SMALLEST = 1e-300  # the tables ask for no relative precision below


def ask(*words):
    return json.loads(subprocess.run([ELBO, *words, '--json'], capture_output=True, text=True, timeout=300).stdout)


def leaves(tree, path=()):
    """(path, number) of all finite numbers in lists and objects"""
    if isinstance(tree, (dict, list)):
        for k, v in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(v, path + (k,))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool) and math.isfinite(tree):
        yield path, float(tree)


def moved(row, path, value, unit_support):
    near_end = 0 < value < 1 and ('probs' in path or 'u' in path or (path[0] == 'x' and unit_support))
    row = copy.deepcopy({k: v for k, v in row.items() if k not in compare.OUTSIDE})
    at = row
    for k in path[:-1]:
        at = at[k]
    at[path[-1]] = value + STEP * (min(value, 1 - value) if near_end else value or 1)
    return row


def part_of(row, path):
    return row['op'] if path[0] == 'value' or row['op'] == 'pathwise' else row['op'] + ' gradient'


def bits_lost(name, unit_support):
    """{operation: bits}; an input whose change is refused, or leads out of the support, does not count"""
    rows = [r for r in compare.load([os.path.join(GOLDEN, f + '.jsonl') for f in (name, 'found')], [name], None)
            if not r.get('method_any') and 'error' not in r['expect']]
    inputs = [leaves({k: r[k] for k in ('params', 'x', 'u', 'other') if k in r}) for r in rows]
    changes = [(i, moved(rows[i], p, v, unit_support)) for i, each in enumerate(inputs) for p, v in each]
    got, _, _ = compare.ask(ELBO, rows + [c for _, c in changes], 300)
    wants = [dict(leaves(r['expect'])) for r in rows]
    units = [{p: abs(v) or 1 for p, v in want.items()} for want in wants]
    answers = [dict(leaves(got[i])) for i in range(len(got))]
    for (i, _), after in zip(changes, answers[len(rows):]):
        for p in units[i]:
            if p in after and p in answers[i]:
                units[i][p] += abs(after[p] - answers[i][p]) / STEP
    lost = {}
    for r, want, unit, answer in zip(rows, wants, units, answers):
        for p in want:
            error = abs(answer.get(p, math.inf) - want[p]) / max(2.0**-53 * unit[p], SMALLEST)
            lost[part_of(r, p)] = max(lost.get(part_of(r, p), 0), math.log2(max(error, 1)))
    return lost


def kernel_bits(checks):
    found = {k: re.search(r'worst ([\d.]+) units', checks[k]) for k in ('kernel_value', 'kernel_gradient')}
    return ', '.join('%s %.1f' % (k[7:], math.log2(1 + float(m[1]))) for k, m in found.items() if m)


def section(name):
    plugin, info = ask('plugin', 'info', name), ask('dist', name, 'info')['info']
    checks = {c['name']: c['detail'] for only in ('speed', 'kernel_value', 'kernel_gradient')
              for c in ask('plugin', 'check', name, '--only', only)['checks']}
    forms = ['/'.join(p['forms']) for p in plugin['parameters']] + [str(s) for s in plugin['form_sets']]
    lost = bits_lost(name, info['support'].startswith('0 < x < 1'))
    rows = [('parameters', ', '.join(p['name'] for p in plugin['parameters'])), ('forms', '; '.join(forms)), ('support', plugin['support']),
            ('roads', ', '.join(info['roads'])), ('divergences', ', '.join(plugin['kls'])), ('kernels', ', '.join(plugin['kernels'])),
            ('bits lost in double', ', '.join('%s %.1f' % kv for kv in lost.items())), ('bits lost by the float kernel', kernel_bits(checks)),
            ('speed', checks['speed'].split(';')[0])]
    return '\n## %s\n\n%s\n' % (name, '\n'.join('- %s: %s' % (k, v or '-') for k, v in rows))


names = sorted(p['name'] for p in ask('plugin', 'list')['plugins'] if p['kind'] == 'family')
if '--check' in sys.argv:
    with open(PAGE, encoding='utf-8') as f:
        good = re.findall(r'^## (\w+)$', f.read(), re.M) == names
    print('%d passed, %d failed' % (good, not good))
    sys.exit(not good)
text = HEAD + ''.join(section(name) for name in names)
with open(PAGE, 'w', encoding='utf-8') as f:
    f.write(text)
