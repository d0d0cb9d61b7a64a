#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden tables of the families that the program has loaded, through compare.py.

    loaded.py PROGRAM TABLE

Rows about a family that is not loaded are left out, and counted. Twice: as the rows stand (where a
row allows any method, `unsupported` is an answer), and strictly, every query with "method_any".
"""
import json
import os
import subprocess
import sys
import tempfile

ASKING = '''#!/bin/sh
sed 's/^{/{"method_any":true,/' | "$PROGRAM" "$@"
'''


def families(program):
    out = subprocess.run([program, 'plugin', 'list', '--json'], stdout=subprocess.PIPE, check=True).stdout
    return {p['name'] for p in json.loads(out)['plugins'] if p['kind'] == 'family'}


def main():
    program, table = os.path.abspath(sys.argv[1]), sys.argv[2]
    here = os.path.dirname(os.path.abspath(__file__))
    there = families(program)
    with open(table, encoding='utf-8') as f:
        rows = [(line, json.loads(line)) for line in f if line.strip()]
    kept = [line for line, r in rows if r['family'] in there and r.get('other', r)['family'] in there]
    print('%d rows, %d left out: a family is not loaded' % (len(rows), len(rows) - len(kept)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        part = os.path.join(folder, os.path.basename(table))
        asking = os.path.join(folder, 'elbo')
        with open(part, 'w', encoding='utf-8') as f:
            f.writelines(kept)
        with open(asking, 'w') as f:
            f.write(ASKING)
        os.chmod(asking, 0o755)
        compare = [sys.executable, os.path.join(here, 'compare.py'), part, '--elbo']
        failed = subprocess.call(compare + [program])
        failed += subprocess.call(compare + [asking, '--strict'], env=dict(os.environ, PROGRAM=program))
    return 1 if failed or not kept else 0


if __name__ == '__main__':
    sys.exit(main())
