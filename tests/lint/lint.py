#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every file in the tree, whatever it does: lint.py SOURCE_ROOT.

A rule is a function of the tree that yields one line for each breach; the table at the end joins them. The last line is
"N passed, M failed", a rule counting as one."""
import os
import re
import sys

ROOT = os.path.abspath(sys.argv[1])
TOP = {'core', 'plugins', 'include', 'tests', 'docs', 'meson.build', 'meson_options.txt', 'README.md', 'LICENSE'}
MADE = re.compile(r'(build.*|runs|__pycache__)$')  # what .gitignore leaves out
MAX_LINES, MAX_TEST_LINES = 500, 900  # a test is mostly its table of cases
# A room may include from itself and from the rooms named here.
ROOMS = {
    'base': [],
    'num': ['base'],
    'io': ['base', 'num'],
    'data': ['base', 'num'],
    'graph': ['base', 'num'],
    'plugin': ['base', 'num'],
    'dist': ['base', 'num', 'io', 'graph', 'plugin'],
    'nn': ['base', 'num', 'io', 'graph', 'plugin', 'dist'],
    'infer': ['base', 'num', 'io', 'data', 'graph', 'plugin', 'dist', 'nn'],
    'config': ['base', 'num', 'io', 'data', 'graph', 'plugin', 'dist', 'nn', 'infer'],
    'report': ['base', 'num', 'io', 'data', 'graph', 'plugin', 'dist', 'nn', 'infer', 'config'],
    'sweep': ['base', 'num', 'io', 'data', 'graph', 'plugin', 'dist', 'nn', 'infer', 'config', 'report'],
    'check': ['base', 'num', 'io', 'data', 'graph', 'plugin', 'dist', 'nn', 'infer', 'config'],
    'cli': [],  # public headers only
}
LIBRARIES = {
    'GSL': r'gsl/', 'BLAS': r'(cblas|openblas|f77blas)', 'libyaml': r'yaml\.h', 'jansson': r'jansson', 'libpng': r'png\.h',
    'zlib': r'zlib\.h', 'Random123': r'Random123/',
}
# What a plugin is made of binds no author.
MIT = ['include/elbo/plugin.h', 'include/elbo/kernel.h', 'include/elbo/kernel_math.h', 'tests/conformance/abi_1_0/elbo/plugin.h']
# Other things of the same name: an initialiser of weights, a schedule of the learning rate, the f = log w of the estimators.
NOT_A_FAMILY = {('core/nn/init.c', 'normal'), ('core/infer/optimizer.c', 'exponential'), ('core/infer/build_terms.c', 'f')}

IN_A_CHILD = {'core/plugin/probe.c', 'core/check/child.c',  # they try plugins in a process of their own
              'core/sweep/child.c'}  # a cell of a sweep that crashes leaves the others alone


def walk():
    for folder, folders, files in os.walk(ROOT):
        inside = os.path.relpath(folder, ROOT)
        folders[:] = sorted(f for f in folders if not MADE.match(f) and (inside != '.' or f != '.git'))
        for name in sorted(files):
            yield os.path.normpath(os.path.join(inside, name))


FILES = list(walk())
TEXT = {}
for path in FILES:
    try:
        with open(os.path.join(ROOT, path), encoding='utf-8') as f:
            TEXT[path] = f.read()
    except (UnicodeDecodeError, FileNotFoundError):
        pass
C_FILES = [p for p in TEXT if p.endswith(('.c', '.h', '.c.in'))]
LIBRARY = [p for p in C_FILES if p.startswith(('core/', 'include/', 'plugins/'))]


def includes(path):
    """(line, <...> or "...") of every #include."""
    for number, line in enumerate(TEXT[path].split('\n'), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if found:
            yield number, found[1], found[2]


def strip_comments(text):
    """C without comments; string literals stay, and so do line numbers."""
    def keep(m):
        return m[0] if m[0][0] in '"\'' else re.sub(r'[^\n]', ' ', m[0])
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', keep, text, flags=re.S)


def third_party_in_one_file():
    """each third-party library is included by exactly one file"""
    for library, pattern in LIBRARIES.items():
        users = [p for p in LIBRARY if any(kind == '<' and re.match(pattern, name) for _, kind, name in includes(p))]
        if len(users) > 1 or (library != 'BLAS' and not users):
            yield '%s is included by %s; expected exactly one file' % (library, ', '.join(users) or 'none')


def program_sees_public_headers():
    """core/cli includes the public headers and its own only"""
    own = {os.path.basename(p) for p in C_FILES if p.startswith('core/cli/')}
    for path in C_FILES:
        for line, kind, name in includes(path) if path.startswith('core/cli/') else ():
            if kind == '"' and os.path.basename(name) not in own or kind == '"' and '/' in name and not name.startswith('cli/'):
                yield '%s:%d: includes "%s"' % (path, line, name)


def one_way():
    """dependencies between the rooms of core point one way"""
    for path in C_FILES:
        room = path.split('/')[1] if path.startswith('core/') else None
        for line, kind, name in includes(path) if room else ():
            other = name.split('/')[0] if kind == '"' and '/' in name else room
            if room not in ROOMS or (other != room and other not in ROOMS[room]):
                yield '%s:%d: %s may not include "%s"' % (path, line, room, name)


def no_family_by_name():
    """nothing in core knows a family by name"""
    folder = os.path.join(ROOT, 'plugins', 'families')
    names = {f[:-2] for f in os.listdir(folder) if f.endswith('.c')}
    for path in C_FILES:
        if not path.startswith(('core/', 'include/')):
            continue
        for number, line in enumerate(strip_comments(TEXT[path]).split('\n'), 1):
            said = re.sub(r'\.example = "[^"]*"', '', line)  # for people
            for literal in re.findall(r'"((?:\\.|[^"\\])*)"', said):
                if literal in names and (path, literal) not in NOT_A_FAMILY:
                    yield '%s:%d: "%s"' % (path, number, literal)


def short_files():
    """no file of code is longer than 500 lines, of tests than 900"""
    for path in TEXT:
        lines = TEXT[path].count('\n')
        most = MAX_TEST_LINES if path.startswith('tests/') else MAX_LINES
        if path.endswith(('.c', '.h', '.py', '.sh', '.build')) and not path.startswith('tests/golden/') and lines > most:
            yield '%s: %d lines, at most %d' % (path, lines, most)


def short_lines():
    """no line of C is longer than 100 columns"""
    for path in C_FILES:
        for number, line in enumerate(TEXT[path].split('\n'), 1):
            if len(line) > 100:
                yield '%s:%d: %d columns, at most 100' % (path, number, len(line))


def licences():
    """every file of code names its licence in its first lines, the right one"""
    for path in TEXT:
        head = '\n'.join(TEXT[path].split('\n')[:3])
        code = path.endswith(('.c', '.h', '.c.in', '.py')) and not path.startswith('tests/golden/')
        script = path.endswith('.sh') or TEXT[path].startswith('#!') and not path.startswith('tests/golden/')
        if not code and not script:
            continue
        permissive = path.startswith('plugins/template/') or path in MIT
        expected = 'SPDX-License-Identifier: ' + ('MIT-0' if permissive else 'GPL-3.0-or-later')
        if expected not in head:
            yield '%s: expected "%s" in the first three lines' % (path, expected)


def no_paths_of_one_machine():
    """no path of somebody's machine"""
    pattern = re.compile('/' + r'(work|home|root)/')
    for path in TEXT:
        for number, line in enumerate(TEXT[path].split('\n'), 1):
            if pattern.search(line) and path != 'LICENSE':
                yield '%s:%d: %s' % (path, number, line.strip()[:80])


def top_level():
    """the top level holds what the README says, and nothing else"""
    for name in sorted(os.listdir(ROOT)):
        if name not in TOP and not name.startswith('.') and not MADE.match(name):
            yield name


def no_symbols_of_the_process():
    """a library call never prints, exits, aborts, changes the process or uses what threads share"""
    pattern = re.compile(r'\b(printf|puts|putchar|perror|abort|exit|setlocale|setenv|putenv|signal|sigaction|srand|rand|strerror|strtok|localtime|gmtime|lgamma|basename)\s*\(')
    for path in LIBRARY:
        if not path.startswith('core/') or path.startswith('core/cli/') or path in IN_A_CHILD:
            continue
        for number, line in enumerate(strip_comments(TEXT[path]).split('\n'), 1):
            found = pattern.search(re.sub(r'"(?:\\.|[^"\\])*"', '""', line))
            if found:
                yield '%s:%d: %s' % (path, number, line.strip())


def one_source_of_an_estimator():
    """docs/estimators.md names for each estimator the source that its file does"""
    kind = re.compile(r'\.name = "(\w+)",.*?\.source = "([^"]*)"', re.S)
    told = dict(re.findall(r'^\| `(\w+)` \|.*\| ([^|]*) \|$', TEXT['docs/estimators.md'].split('\n\n## ')[0], re.M))
    found = dict(pair for path in TEXT if path.startswith('core/infer/estimators/') for pair in kind.findall(TEXT[path]))
    for name in sorted(found.keys() | told.keys()):
        if found.get(name) != told.get(name):
            yield '%s: its file says %s, the table %s' % (name, found.get(name), told.get(name))


RULES = [third_party_in_one_file, program_sees_public_headers, one_way, no_family_by_name, short_files, short_lines, licences,
         no_paths_of_one_machine, top_level, no_symbols_of_the_process,
         one_source_of_an_estimator]
failed = 0
for rule in RULES:
    breaches = list(rule())
    print('%s %s' % ('FAIL' if breaches else 'ok  ', rule.__doc__))
    for breach in breaches:
        print('     ' + breach)
    failed += bool(breaches)
print('%d passed, %d failed' % (len(RULES) - failed, failed))
sys.exit(failed > 0)
