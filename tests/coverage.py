#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines and branches that ran, by room of core, and of what reads what strangers wrote: coverage.py BUILD [--lines WORD]

BUILD was made with -Db_coverage=true and its tests were run. --lines prints, for the files with WORD in their path, each branch that
was never taken. A branch that only a failed allocation takes counts like any other."""
import argparse, collections, glob, gzip, json, os, subprocess, tempfile

UNTRUSTED = {  # name in the table: files
    'parsers': ('core/data/csv.c', 'core/data/csv_columns.c', 'core/data/csv_field.c', 'core/data/csv_number.c', 'core/data/element.c',
                'core/data/idx.c', 'core/data/npy.c', 'core/data/read.c', 'core/data/source.c', 'core/base/lines.c',
                'core/base/zip.c', 'core/base/text.c', 'core/io/json.c', 'core/config/yaml.c', 'core/config/reader.c', 'core/config/open.c',
                'core/config/values.c', 'core/dist/query_scan.c'),
    'checkpoint': ('core/io/tensors.c', 'core/io/tensors_floats.c', 'core/io/tensors_write.c', 'core/infer/checkpoint.c'),
    'loader': ('core/plugin/elf.c', 'core/plugin/image.c', 'core/plugin/probe.c', 'core/plugin/registry.c', 'core/plugin/search.c',
               'core/plugin/validate.c'),
}


def read(build):
    """path -> {line: times}, and path -> {(line, branch): times}; a file may be compiled for several programs."""
    lines, branches = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
    files = [os.path.abspath(f) for f in glob.glob(build + '/core/**/*.gcda', recursive=True)]
    with tempfile.TemporaryDirectory() as folder:
        for i in range(0, len(files), 40):
            subprocess.run(['gcov', '--json-format', '--branch-probabilities', *files[i:i + 40]], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in glob.glob(folder + '/*.gz'):
            with gzip.open(name) as f:
                add(json.load(f), build, lines, branches)
    return lines, branches


def add(found, build, lines, branches):
    root = os.path.dirname(os.path.abspath(build))
    for one in found['files']:
        path = os.path.relpath(os.path.normpath(os.path.join(found['current_working_directory'], one['file'])), root)
        for line in one['lines']:
            n = line['line_number']
            lines[path][n] += line['count']
            for i, b in enumerate(line['branches']):
                branches[path][n, i] += b['count']


def share(counters):
    ran, all_of_them = sum(c > 0 for x in counters for c in x.values()), sum(len(x) for x in counters)
    return f'{100 * ran / all_of_them:6.1f} % of {all_of_them:5}' if all_of_them else '     -'


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('--lines')
    a = p.parse_args()
    lines, branches = read(a.build)
    rooms = {room: [f for f in sorted(lines) if f.startswith(f'core/{room}/') and f.endswith('.c')]
             for room in sorted({f.split('/')[1] for f in lines if f.startswith('core/')})}
    print(f'{"":24} {"lines":>16}     {"branches":>16}')
    for name, files in [*rooms.items(), *UNTRUSTED.items(), ('parsers, checkpoint, loader', sum(UNTRUSTED.values(), ()))]:
        print(f'{name:27} {share([lines[f] for f in files])}  {share([branches[f] for f in files])}')
        for f in files if name in UNTRUSTED else ():
            print(f'  {os.path.relpath(f, "core"):25} {share([lines[f]])}  {share([branches[f]])}')
    for f in sorted(branches) if a.lines else ():
        if a.lines in f:
            missed = collections.Counter(n for (n, _), count in branches[f].items() if not count)
            print(*(f'{f}:{n}: {k} never taken' for n, k in sorted(missed.items())), sep='\n')


if __name__ == '__main__':
    main()
