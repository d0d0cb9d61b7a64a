#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/families.md from what the program says: families_table.py ELBO SOURCE_ROOT writes it, with --check it only compares the names on
the committed page with the families that exist. The last line of a check is "N passed, M failed"."""
import json
import os
import re
import subprocess
import sys

ELBO, ROOT = sys.argv[1], sys.argv[2]
PAGE = os.path.join(ROOT, 'docs', 'families.md')
sys.path.insert(0, os.path.join(ROOT, 'tests', 'golden'))
import compare  # noqa: E402

HEAD = '''# Families

Written by `tests/conformance/families_table.py`. Error: the worst deviation from the golden tables, in units of the tolerance of its row
(at most 1 passes). ns: one element of log_prob with its gradients, in double and by the float kernel, on the machine that wrote this page.
'''


def ask(*words):
    return json.loads(subprocess.run([ELBO, *words, '--json'], capture_output=True, text=True, timeout=300).stdout)


def error_of(name):
    rows = compare.load([os.path.join(ROOT, 'tests', 'golden', name + '.jsonl')], None, None)
    got, _, _ = compare.ask(ELBO, rows, 300)
    return max(compare.judge(r, got[i], True)[2] for i, r in enumerate(rows))


def section(name):
    info, check = ask('plugin', 'info', name), ask('plugin', 'check', name, '--only', 'speed')
    speed = next(c['detail'] for c in check['checks'] if c['name'] == 'speed').split(';')[0]
    forms = ['/'.join(p['forms']) for p in info['parameters']] + [str(s) for s in info['form_sets']]
    rows = [('parameters', ', '.join(p['name'] for p in info['parameters'])), ('forms', '; '.join(forms)), ('support', info['support']),
            ('roads', ', '.join(info['roads'])), ('divergences', ', '.join(info['kls'])), ('kernels', ', '.join(info['kernels'])),
            ('error', '%.2g' % error_of(name)), ('speed', speed)]
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
