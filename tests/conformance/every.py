#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin that is installed keeps what plugin.h promises: every.py ELBO. The last line is "N passed, M failed", a plugin counting as
one."""
import json
import subprocess
import sys

ELBO = sys.argv[1]
found = json.loads(subprocess.run([ELBO, 'plugin', 'list', '--json'], capture_output=True, text=True, check=True).stdout)
passed = failed = 0
for plugin in found['plugins']:
    run = subprocess.run([ELBO, 'plugin', 'check', plugin['name'], '--quiet'], capture_output=True, text=True, timeout=300)
    good = run.returncode == 0
    passed, failed = passed + good, failed + (not good)
    print('%s %s' % ('ok  ' if good else 'FAIL', plugin['name'] if good else run.stdout + run.stderr))
print('%d passed, %d failed' % (passed, failed))
sys.exit(failed > 0)
