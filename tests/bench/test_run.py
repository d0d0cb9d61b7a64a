#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does `run` measure and judge as it says: test_run.py ELBO. No figure is asked for, a suite has no quiet machine."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader('run', os.path.join(HERE, 'run'))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader('run', loader))
loader.exec_module(run)


def verdicts():
    """a target is met, aimed at or missed by the median, and never judged beside other work"""
    most, least = run.Row('r', 1, [1.0, 1.2, 9.0], 1.25, 1.10), run.Row('r', 1, [1.3, 1.4, 1.5], 1.35, least=True)
    assert most.verdict(True) == 'met, not the aim', most.verdict(True)
    assert run.Row('r', 1, [1.26], 1.25, 1.10).verdict(True) == 'missed'
    assert run.Row('r', 1, [1.09], 1.25, 1.10).verdict(True) == 'met, and the aim'
    assert least.verdict(True) == 'met' and run.Row('r', 1, [1.3], 1.35, least=True).verdict(True) == 'missed'
    assert most.verdict(False) == 'not judged'
    assert most.measured() == '1.20 (1.00 - 9.00)' and most.target() == '<= 1.25, then 1.1', most.measured()


def others_are_seen():
    """work that is not the measurement's own is noticed"""
    spin = subprocess.Popen(['sh', '-c', 'while :; do :; done'])
    try:
        machine = run.Machine()
        for _ in range(20):
            time.sleep(0.1)
            if machine.others() > run.BUSY:
                return
        raise AssertionError('a process that spins was counted as %.2f of a core' % machine.others())
    finally:
        spin.kill()
        spin.wait()


def ratios():
    """a ratio is taken within its round; the peer's is turned over"""
    times = {('M', 1): {'ours': [{'ms_median': 2.0}, {'ms_median': 4.0}], 'floor': [1.0, 4.0], 'manual': [3.0, 6.0]}}
    rows = {row.name: row.values for row in run.step_rows(times)}
    assert rows['step M / floor with Adam'] == [2.0, 1.0], rows
    assert rows["PyTorch's manual / step M"] == [1.5, 1.5], rows


def pages():
    """the tables go between a page's two marks, and nowhere else; a page without them is refused"""
    with tempfile.TemporaryDirectory() as folder:
        page = os.path.join(folder, 'page.md')
        with open(page, 'w') as f:
            f.write('a\n<!-- measured -->\nold\n<!-- end -->\nb\n')
        run.write_into(page, 'new \\1')
        run.write_into(page, 'newer \\1')
        with open(page) as f:
            assert f.read() == 'a\n<!-- measured -->\nnewer \\1\n<!-- end -->\nb\n'
        with open(page, 'w') as f:
            f.write('no marks')
        try:
            run.write_into(page, 'new')
        except SystemExit:
            return
        raise AssertionError('written into a page without marks')


def without_peers():
    """where the peers are not there it says so and measures the rest; stray variables are removed"""
    with tempfile.TemporaryDirectory() as nothing:
        done = subprocess.run([os.path.join(HERE, 'run'), '--elbo', sys.argv[1], '--peers', nothing, '--only', 'small', '--rounds',
                               '1', '--json'], capture_output=True, text=True, env={**os.environ, 'OPENBLAS_L2_SIZE': '1'})
    assert done.returncode == 0, done.stderr
    assert 'left out: the floor' in done.stderr and 'left out: the peer' in done.stderr, done.stderr
    assert 'removed from the environment: OPENBLAS_L2_SIZE' in done.stderr, done.stderr
    found = json.loads(done.stdout)
    row, = found['rows']
    assert row['name'].startswith('a step of a small model') and row['values'][0] > 0, row
    assert found['judged'] == (found['cores_used_by_others'] <= run.BUSY), found
    assert (row['verdict'] == 'not judged') == (not found['judged']), found


def streamed():
    """the same step twice in a round, of the same file: with a fifth of its rows in memory, and with all"""
    with tempfile.TemporaryDirectory() as folder:
        bench = run.Bench(run.options(['--peers', folder, '--elbo', sys.argv[1], '--steps', '45']), folder)
        steps = []
        step = bench.step
        bench.step = lambda *a, **k: steps.append((a, step(*a, **k))) or steps[-1][1]
        ratio = bench.stream_ratio(1)
        (away, first), (near, second) = steps
        assert os.path.getsize(bench.images()) == 16 + 784 * run.STREAMED
        assert '{buffer: %d}' % (run.STREAMED // 5) in away[1][0] and 'stream: false' in near[1][0], steps
        assert ratio == first['ms_mean'] / second['ms_mean'] > 0, (ratio, steps)
        assert first['peak_rss_bytes'] + 784 * run.STREAMED // 2 < second['peak_rss_bytes'], 'all rows were in memory'


def evaluation():
    """start and encoder are left out of an evaluation's time, and its products are those of the samples"""
    with tempfile.TemporaryDirectory() as folder:
        run.EVALUATED, run.SAMPLES = 30, 400
        bench = run.Bench(run.options(['--peers', folder, '--elbo', sys.argv[1], '--steps', '5']), folder)
        assert bench.products_seconds(1) > 0 and bench.evaluation(1)[0] > 0
        bench.evaluate_seconds = lambda threads, samples: {1: 0.5, 400: 2.5}[samples]
        bench.products_seconds = lambda threads: 1.6
        assert bench.evaluation(2) == (6.0, 1.25), bench.evaluation(2)
        rows = {row.name: row.values for row in run.evaluation_rows(2, [(6.0, 1.25), (7.0, 1.5)])}
        assert rows['evaluation, 5000 samples / its bare products'] == [1.25, 1.5], rows
        assert abs(rows['evaluation, 5000 samples, GFLOP/s of products'][0] - 6e3 * 2 * 206800e-9) < 1e-9, rows


def queries():
    """golden rows are asked without their answers, but for families with a row of `method_any`; an answer too few is an error"""
    with tempfile.TemporaryDirectory() as folder:
        row = '{"id":1,"family":"normal","params":{"loc":0,"scale":1},"op":"%s"%s,"expect":{"value":0},"tol":{"value":1}}\n'
        with open(os.path.join(folder, 'closed.jsonl'), 'w') as f:
            f.write(row % ('mean', '') + row % ('log_prob', ',"x":"a"'))
        with open(os.path.join(folder, 'open.jsonl'), 'w') as f:
            f.write(row % ('entropy', ',"method_any":true'))
        command = [os.path.join(HERE, 'run'), '--peers', folder, '--goldens', folder, '--only', 'queries', '--rounds', '1', '--json']
        done = subprocess.run([*command, '--elbo', sys.argv[1]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found, = json.loads(done.stdout)['rows']
        assert 'dist batch' in found['name'] and found['values'][0] > 0 and found['limit'] == 100 and found['least'], found
        bench = run.Bench(run.options(['--peers', folder, '--goldens', folder]), folder)
        assert [json.loads(line)['op'] for line in bench.questions()] == ['mean', 'log_prob'], bench.questions()
        assert not any('expect' in line or 'tol' in line for line in bench.questions()), bench.questions()
        bench.o.elbo = 'true'
        try:
            bench.thousand_queries_a_second(['{}'])
        except RuntimeError as e:
            assert 'answered 0 of' in str(e), e
            return
        raise AssertionError('a program without answers was timed')


failed = 0
tests = [verdicts, others_are_seen, ratios, pages, without_peers, streamed, evaluation, queries]
for test in tests:
    try:
        test()
    except AssertionError as e:
        failed += 1
        print('failed: %s: %s' % (test.__doc__, e))
print('%d passed, %d failed' % (len(tests) - failed, failed))
sys.exit(failed > 0)
