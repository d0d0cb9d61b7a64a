#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what the pages tell a reader to run: docs.py SOURCE_ROOT BUILD_ROOT PAGE|FOLDER [CC_OPTION].

A page is played in a temporary copy of the tree's top level, whose build/ is BUILD_ROOT: blocks ```c and ```yaml whose first line
names a file in a comment are written to that file, blocks ```sh are run, in order, in one shell that stops at the first error. A
block behind a comment `<!-- slow: WHY -->` is not run. CC_OPTION is given to every `cc` of a page:
what links with a build with sanitizers needs them too. A block ```output behind one of sh is what that one prints: a line `...` stands for any lines, times and rates may
differ, and numbers with a fraction by a hundredth, since another CPU rounds elsewhere. The last line is "N passed, M failed", a block of sh counting as one."""
import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r'(?:<!-- slow: (?P<slow>[^>]*?) -->\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```', re.M | re.S)
NAMED = re.compile(r'(?:#|/\*) (?P<name>[\w.-]+\.(?:c|yaml))\b')


def steps_of(page, cc_option):
    """The shell script that plays a page, and the titles of its blocks."""
    script, titles, outputs = ['set -e'], [], {}
    if cc_option:
        script.append('cc() { command cc %s "$@"; }' % cc_option)
    for block in BLOCK.finditer(page):
        name = NAMED.match(block['text'])
        if block['slow']:
            print('slow %s: %s' % (block['text'].split('\n')[0], block['slow']))
        elif block['kind'] == 'sh':
            script += ['exec >.out%d 2>&1' % len(titles), block['text'], 'echo done %d >>.steps' % len(titles)]
            titles.append(block['text'].strip().split('\n')[0])
        elif block['kind'] == 'output':
            outputs[len(titles) - 1] = block['text']
        elif name:
            script.append("cat >%s <<'END_OF_BLOCK'\n%sEND_OF_BLOCK" % (name['name'], block['text']))
    return '\n'.join(script), titles, outputs


FRACTION = re.compile(r'-?\d+\.\d+')


def same_line(told, found):
    """but for times, rates, the columns' widths and what the last digits of numbers are"""
    def words(line):
        return re.sub(r' +', ' ', FRACTION.sub('#', re.sub(r'\d+ rows/s|\d+:\d\d\b', '@', line)))
    numbers = zip(FRACTION.findall(told), FRACTION.findall(found))
    return words(told) == words(found) and all(abs(float(a) - float(b)) <= 0.01 * (1 + abs(float(a))) for a, b in numbers)


def same_output(told, found):
    told, found = told.splitlines(), found.splitlines()
    at = 0
    for i, line in enumerate(told):
        if line == '...':
            continue
        skips = i > 0 and told[i - 1] == '...'
        while skips and at < len(found) and not same_line(line, found[at]):
            at += 1
        if at >= len(found) or not same_line(line, found[at]):
            return 'told:  %s\nfound: %s' % (line, found[at] if at < len(found) else 'the end')
        at += 1
    return '' if at == len(found) or told[-1:] == ['...'] else 'not told: %s' % found[at]


def play(source, build, path, cc_option):
    """(passed, failed) of one page."""
    with open(path, encoding='utf-8') as f:
        script, titles, outputs = steps_of(f.read(), cc_option)
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(source):
            if not re.match(r'\.git$|build|runs', name):
                os.symlink(os.path.join(source, name), os.path.join(folder, name))
        os.symlink(build, os.path.join(folder, 'build'))
        r = subprocess.run(['sh', '-c', script], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=240)
        steps = os.path.join(folder, '.steps')
        done = len(open(steps).readlines()) if os.path.exists(steps) else 0
        printed = [open(os.path.join(folder, '.out%d' % i), errors='replace').read() for i in range(min(done + 1, len(titles)))]
    failed = 0
    for i, title in enumerate(titles):
        differs = same_output(outputs[i], printed[i]) if i < done and i in outputs else ''
        failed += i >= done or differs != ''
        print('%s %s: %s' % ('FAIL' if i >= done or differs else 'ok  ', os.path.relpath(path, source), title))
        if differs:
            print(differs)
    if done < len(titles):
        print('status %d\n%s%s' % (r.returncode, r.stdout[-3000:], printed[done][-3000:]))
    return len(titles) - failed, failed


def main(source, build, what, cc_option=''):
    path = os.path.join(source, what)
    pages = [path]
    if os.path.isdir(path):
        pages = [os.path.join(f, name) for f, _, names in sorted(os.walk(path)) for name in sorted(names) if name.endswith('.md')]
    results = [play(source, build, page, cc_option) for page in pages]
    passed, failed = sum(p for p, _ in results), sum(f for _, f in results)
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0


sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), *sys.argv[3:]))
