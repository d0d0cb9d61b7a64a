#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin that is installed keeps what plugin.h promises, and that is found in 5 s of computing each: every.py ELBO [--sanitized].
The last line is "N passed, M failed", a plugin counting as one; sanitized, the time is not judged."""
import json
import resource
import subprocess
import sys

ELBO = sys.argv[1]
SECONDS = float('inf') if '--sanitized' in sys.argv else 5
found = json.loads(subprocess.run([ELBO, 'plugin', 'list', '--json'], capture_output=True, text=True, check=True).stdout)
passed = failed = 0


def used():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


for plugin in found['plugins']:
    before = used()
    run = subprocess.run([ELBO, 'plugin', 'check', plugin['name'], '--quiet'], capture_output=True, text=True, timeout=300)
    seconds = used() - before
    good = run.returncode == 0 and seconds <= SECONDS
    passed, failed = passed + good, failed + (not good)
    print('%s %s, %.1f s%s' % ('ok  ' if good else 'FAIL', plugin['name'], seconds, '' if good else '\n' + run.stdout + run.stderr))
print('%d passed, %d failed' % (passed, failed))
sys.exit(failed > 0)
