#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""p and q that cut the same three numbers into other events, one step replayed against densities and gradients computed by hand here:
events.py ELBO. The last line is "N passed, M failed"."""
import math
import os
import subprocess
import sys
import tempfile

ELBO = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'golden'))
import compare_steps  # noqa: E402

Z = [[[0.3, -1.2, 0.8], [1.5, 0.2, -0.4]], [[-0.7, 0.9, 0.1], [0.05, -0.3, 2.0]]]  # draws: 2 of each of 2 rows
DATA = [0.5, -1.0]
SCALAR = ([0.2, -0.1, 0.4], [0.1, -0.3, 0.2])  # locations, logs of the scales
VECTOR = ([0.1, 0.3, -0.2], [[1.2, 0, 0], [0.5, 0.8, 0], [-0.3, 0.2, 1.1]])  # locations, the triangle
FLAT = [0, 0.5, 0, -0.3, 0.2, 0]  # of the triangle by rows, its diagonal in log
for at, k in ((0, 0), (2, 1), (5, 2)):
    FLAT[at] = math.log(VECTOR[1][k][k])


def scalars(z):
    """log density, and its derivatives by z, loc and log_scale"""
    r = [(x - m) / math.exp(s) for x, m, s in zip(z, *SCALAR)]
    f = sum(-x * x / 2 - s - math.log(2 * math.pi) / 2 for x, s in zip(r, SCALAR[1]))
    return f, [-x / math.exp(s) for x, s in zip(r, SCALAR[1])]


def vector(z):
    """log density, its derivative by z, and the standard variate"""
    loc, L = VECTOR
    e = [0.0] * 3
    for i in range(3):
        e[i] = (z[i] - loc[i] - sum(L[i][k] * e[k] for k in range(i))) / L[i][i]
    f = sum(-x * x / 2 - math.log(L[i][i]) - math.log(2 * math.pi) / 2 for i, x in enumerate(e))
    g = [0.0] * 3
    for i in (2, 1, 0):
        g[i] = (-e[i] - sum(L[k][i] * g[k] for k in range(i + 1, 3))) / L[i][i]
    return f, g, e


def log_x(x):
    return -x * x / 2 - math.log(2 * math.pi) / 2


def expected(vector_q):
    """rows, and the gradients by q's parameters: through z they are those of log p(z) alone, beside the entropy of log_scale"""
    rows, by_loc, by_scale = [], [0.0] * 3, [0.0] * (6 if vector_q else 3)
    for b, x in enumerate(DATA):
        total = 0
        for k in range(2):
            z = Z[k][b]
            p, q = (scalars(z), vector(z)) if vector_q else (vector(z), scalars(z))
            total += (log_x(x) + p[0] - q[0]) / 2
            for i in range(3):
                by_loc[i] += p[1][i] / 4
            if vector_q:
                at = 0
                for i in range(3):
                    for j in range(i + 1):
                        by_scale[at] += (p[1][i] * q[2][j] * (VECTOR[1][i][i] if i == j else 1) + (i == j)) / 4
                        at += 1
            else:
                for i in range(3):
                    by_scale[i] += (p[1][i] * (z[i] - SCALAR[0][i]) + 1) / 4
        rows.append(total)
    return rows, by_loc, by_scale


def case(folder, vector_q):
    forms = {False: 'family: normal, loc: %s, log_scale: %s' % SCALAR,
             True: 'family: multivariate_normal, loc: %s, scale_tril: %s' % (VECTOR[0], sum(VECTOR[1], []))}
    size = 'size: 3' if vector_q else 'size: 1, dim: 3'
    with open(os.path.join(folder, 'e.yaml'), 'w') as f:
        f.write('name: e\ndata: {x: {train: e.csv}}\nmodel:\n  p:\n    z: {%s, %s}\n    x: {family: normal, loc: 0, scale: 1}\n'
                '  q:\n    z: {family: %s, loc: learn, %s: learn}\nestimator: {name: sgvb_a, samples: 2}\n'
                'train: {epochs: 1, batch_size: 2}\n'
                % (forms[not vector_q], size, *(('multivariate_normal', 'scale_tril_unconstrained') if vector_q else ('normal', 'log_scale'))))
    with open(os.path.join(folder, 'e.csv'), 'w') as f:
        f.write(''.join('%r\n' % x for x in DATA))
    scale = 'scale_tril_unconstrained' if vector_q else 'log_scale'
    given = {'q.z.param.loc': ([1, 3], VECTOR[0]), 'q.z.param.' + scale: ([1, 6], FLAT)} if vector_q else \
            {'q.z.param.loc': ([3], SCALAR[0]), 'q.z.param.log_scale': ([3], SCALAR[1])}
    given['data.x'] = ([2, 1], DATA)
    given['draw.z'] = ([2, 2, 3], [x for k in Z for b in k for x in b])
    compare_steps.write(os.path.join(folder, 'in'), given)
    run = subprocess.run([ELBO, 'gradient', 'e.yaml', '--replay', 'in', '-o', 'out'], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        return [('status %d' % run.returncode, run.stderr)]
    got = compare_steps.read(os.path.join(folder, 'out'))
    rows, by_loc, by_scale = expected(vector_q)
    want = {'objective_rows': rows, 'grad.q.z.param.loc': by_loc, 'grad.q.z.param.' + scale: by_scale}
    return [(name, 'found %s, expected %s' % (got[name][1], v)) for name, v in want.items()
            if any(abs(a - b) > 2e-6 * (1 + abs(b)) for a, b in zip(got[name][1], v)) or len(got[name][1]) != len(v)]


failed = 0
for vector_q in (False, True):
    with tempfile.TemporaryDirectory() as folder:
        wrong = case(folder, vector_q)
    failed += bool(wrong)
    label = 'multivariate_normal under three normals' if vector_q else 'three normals under multivariate_normal'
    print('%s %s%s' % ('FAIL' if wrong else 'ok  ', label, ''.join('\n  %s: %s' % w for w in wrong)))
print('%d passed, %d failed' % (2 - failed, failed))
sys.exit(failed > 0)
