#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and faults: every row is tried, and a line tells what came of it.

run.py PROGRAM [--include FOLDER] [--sanitized] [--torture] [--say] [--only WORDS] [--mutants N]
ends with status 1 if a row failed. --say also prints the messages; --only takes the rows whose line
has the words; --sanitized leaves out limits of memory; --torture takes the long rows in full; --mutants N
tries N mutants of a plugin and nothing else."""
import argparse, concurrent.futures, os, shutil, sys, tempfile, time
sys.dont_write_bytecode = True
import harness, rows_checkpoint, rows_command, rows_crash, rows_data, rows_experiment, rows_machine, rows_outputs, rows_plugin, rows_sweep, rows_train

# Those with Rows come before rows_crash, which takes memory: until a child is the program its memory counts as ours.
TABLES = (rows_experiment, rows_command, rows_data, rows_checkpoint, rows_plugin, rows_outputs, rows_sweep, rows_train, rows_machine,
          rows_crash)


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument('program')
    p.add_argument('--include', default=os.path.join(os.path.dirname(__file__), '..', '..', 'include'))
    p.add_argument('--sanitized', action='store_true')
    p.add_argument('--torture', action='store_true')
    p.add_argument('--say', action='store_true')
    p.add_argument('--only', default='')
    p.add_argument('--mutants', type=int)
    return p.parse_args()


def make_setting(a, root):
    s = harness.Setting(os.path.abspath(a.program), os.path.abspath(a.include), a.sanitized, root)
    s.kills = 200 if a.torture else 10
    with open(os.path.join(root, 'tiny.yaml'), 'w') as f:
        f.write(rows_experiment.TINY)
    s.base = s.shell(root, ['check', 'tiny.yaml']).memory
    first = s.shell(root, ['train', 'tiny.yaml', '-o', 'run', '-q'])
    if first.status:
        sys.exit('a plain run fails: ' + first.err)
    s.run = os.path.join(root, 'run')
    return s


def try_row(setting, row):
    try:
        return row.check(setting)
    except Exception as why:  # a broken row is a failed row
        return [f'{type(why).__name__}: {why}'], ''


def main():
    a, start, failed = arguments(), time.monotonic(), 0
    rows = [r for t in TABLES for r in t.ROWS if a.only in f'{r.surface}: {r.name}']
    if a.mutants:
        a.say, rows = True, [rows_plugin.Swarm(f'four bytes changed, {a.mutants} mutants', rows_plugin.four_bytes(a.mutants))]
    root = tempfile.mkdtemp(prefix='elbo-faults-')
    try:
        setting = make_setting(a, root)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda r: try_row(setting, r), rows)
            for row, (wrong, said) in zip(rows, results):
                word = 'skip' if wrong is None else 'FAIL' if wrong else 'ok  '
                failed += word == 'FAIL'
                print(f'{word} {row.surface}: {row.name}', *[f': {said}'] * (word == 'skip'), flush=True)
                for line in wrong or ():
                    print('       ' + line)
                if said and (a.say or wrong):
                    print('       | ' + said.replace('\n', '\n       | '))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f'{len(rows)} rows, {failed} failed, {time.monotonic() - start:.0f} s')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
