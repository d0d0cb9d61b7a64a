#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""recompute.py RAW_NUMBERS: runs that program and makes every number of a comparison and of an evaluation again from the
gradients and log densities it prints, by the formulas of docs/estimators.md in their plainest form: two passes, exact
sums, explicit projections, tails by the incomplete beta function, Pareto's k as in Vehtari et al. 2024, appendix C."""
import json
import math
import re
import subprocess
import sys

FLOAT_EPSILON = 2.0 ** -23
failed = []
checked = 0


def same(what, found, want, tolerance=1e-9):
    global checked
    checked += 1
    if found is None or want is None:
        right = found is want or (want is None and math.isnan(found))
    else:
        right = abs(found - want) <= tolerance * abs(want) + 1e-15
    if not right:
        failed.append('%s: %r, expected %r' % (what, found, want))


def mean(x):
    return math.fsum(x) / len(x)


def variance(x):
    m = mean(x)
    return math.fsum((v - m) ** 2 for v in x) / (len(x) - 1)


# ---- Student's t: the tail is I(df / (df + t^2); df/2, 1/2), by Lentz's continued fraction (DLMF 8.17.22)
def incomplete_beta(x, a, b):
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)) / a
    f = c = 1.0
    d = 0.0
    for i in range(500):
        m = i // 2
        if i == 0:
            term = 1.0
        elif i % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + term * d)
        c = 1 + term / c
        f *= c * d
        if abs(1 - c * d) < 1e-16:
            break
    return front * (f - 1)


def tail(t, df):
    return incomplete_beta(df / (df + t * t), df / 2, 0.5)


# ---- a comparison
def leaf(name):
    """A network, a head, a free parameter."""
    if '.net.' in name:
        return name[:name.index('.net.') + 4]
    return re.sub(r'\.[a-z]+$', '', name) if '.head.' in name else name


def groups_of(tensors):
    """name -> places among the numbers"""
    out = {}
    for name, at, count in tensors:
        for group in (leaf(name), 'all', name[0]):
            out.setdefault(group, []).extend(range(at, at + count))
    return out


class Sample:
    """R gradients, looked at in one group of parameters."""

    def __init__(self, gradients, places, bucket):
        columns = [[g[i] for g in gradients] for i in places]
        self.n = n = len(gradients)
        self.mean = [mean(c) for c in columns]
        self.trace = math.fsum(variance(c) for c in columns) if n > 1 else None
        self.squared = math.fsum(m * m for m in self.mean) - (self.trace / n if n > 1 else 0)
        ratios = [abs(m) / math.sqrt(variance(c)) for m, c in zip(self.mean, columns) if n > 1 and variance(c) > 0]
        self.snr = mean(ratios) if ratios else None
        self.projected = []
        for j in range(64):  # row j of the Hadamard matrix at the number's bucket, with the number's own sign
            signs = [(-1) ** bin(j & bucket[i] & 63).count('1') * (-1 if bucket[i] & 64 else 1) for i in places]
            self.projected.append([math.fsum(s * g[i] for s, i in zip(signs, places)) for g in gradients])


def blocks(gradients, places, bucket):
    length = len(gradients) // 10
    return [Sample(gradients[i * length:(i + 1) * length], places, bucket) for i in range(10)]


def standard_error(values):
    return math.sqrt(variance(values) / len(values)) if None not in values else None


def group_tail(a, r, rounding):
    least = 1.0
    for x, y in zip(a.projected, r.projected):
        va = variance(x) / len(x) if len(x) > 1 else 0
        vr = variance(y) / len(y) if len(y) > 1 else 0
        below = (va * va / (len(x) - 1) if len(x) > 1 else 0) + (vr * vr / (len(y) - 1) if len(y) > 1 else 0)
        df = (va + vr) ** 2 / below if below > 0 else 1e9
        least = min(least, tail((mean(x) - mean(y)) / max(math.sqrt(va + vr), rounding), df))
    return min(1, 64 * least)


def verdicts(own, reference, groups):
    """Holm's procedure with error 1e-3; a group that holds a biased one is biased."""
    spread = max(own['all'].trace or 0, reference['all'].trace or 0)
    rounding = 16 * FLOAT_EPSILON * math.sqrt(max(0, reference['all'].squared) + spread)
    tails = sorted((group_tail(own[g], reference[g], rounding), g) for g in groups)
    rejected = set()
    for i, (p, g) in enumerate(tails):
        if p >= 1e-3 / (len(tails) - i):
            break
        rejected.add(g)
    out = {}
    for g in groups:
        chance = math.sqrt((own[g].trace or 0) / own[g].n + (reference[g].trace or 0) / reference[g].n)
        bias = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(own[g].mean, reference[g].mean)))
        weak = chance > rounding and 2.5 * chance > math.sqrt(max(0, reference[g].squared)) / 2
        biased = any(set(groups[r]) <= set(groups[g]) for r in rejected)
        out[g] = 'biased' if biased else 'cannot tell' if weak else 'unbiased', bias, chance
    return out


def check_comparison(raw):
    groups = groups_of(raw['tensors'])
    for name in ('score_loo', 'enumerate'):
        gradients, against = raw[name][:-1], raw['against ' + name][:-1]
        own = {g: Sample(gradients, groups[g], raw['bucket']) for g in groups}
        reference = {g: Sample(against, groups[g], raw['bucket']) for g in groups}
        said = verdicts(own, reference, groups)
        rows = {r['group']: r for r in raw['compared']['rows'] if r['estimator'] == name}
        if set(rows) != set(groups):
            failed.append('%s: groups %s, expected %s' % (name, sorted(rows), sorted(groups)))
        for g in groups:
            row, s, what = rows[g], own[g], '%s, %s: ' % (name, g)
            parts = blocks(gradients, groups[g], raw['bucket'])
            norm = math.sqrt(max(0, s.squared))
            same(what + 'mean_norm', row['mean_norm'], norm)
            same(what + 'variance', row['variance'], s.trace)
            same(what + 'snr', row['snr'], s.snr)
            same(what + 'bias', row['bias'], said[g][1])
            same(what + 'bias_chance', row['bias_chance'], said[g][2])
            same(what + 'work_variance', row['work_variance'], s.trace * row['ms_per_gradient'])
            same(what + 'variance_se', row['variance_se'], standard_error([p.trace for p in parts]))
            if norm > 0:
                same(what + 'mean_norm_se', row['mean_norm_se'], standard_error([p.squared for p in parts]) / (2 * norm))
            if s.snr is not None:
                same(what + 'snr_se', row['snr_se'], standard_error([p.snr for p in parts]))
            same(what + 'work_variance_se', row['work_variance_se'],
                 math.hypot(row['variance_se'] * row['ms_per_gradient'], row['variance'] * row['ms_se']))
            if row['verdict'] != said[g][0]:
                failed.append(what + 'verdict %s, expected %s' % (row['verdict'], said[g][0]))


# ---- an evaluation
def log_mean_exp(x):
    top = max(x)
    return top + math.log(math.fsum(math.exp(v - top) for v in x) / len(x))


def pareto_k(log_w):
    """Vehtari et al. 2024, eq. 9 and appendix C; Zhang and Stephens 2009."""
    K = len(log_w)
    M = math.ceil(min(0.2 * K, 3 * math.sqrt(K)))
    x = sorted(log_w)
    cutoff = math.exp(x[-M - 1] - x[-1])
    tail_of = [math.exp(v - x[-1]) - cutoff for v in x[-M:]]
    n, quarter = M, tail_of[int(M / 4 + 0.5) - 1]
    points = 30 + int(math.sqrt(n))
    b = [1 / tail_of[-1] + (1 - math.sqrt(points / (j - 0.5))) / (3 * quarter) for j in range(1, points + 1)]

    def shape(at):
        return mean([math.log1p(-at * v) for v in tail_of])

    profile = [n * (math.log(-at / shape(at)) - shape(at) - 1) for at in b]
    weights = [1 / math.fsum(math.exp(other - one) for other in profile) for one in profile]
    k = shape(math.fsum(w * at for w, at in zip(weights, b)))
    return (n * k + 10 * 0.5) / (n + 10)


def check_evaluation(raw):
    rows = []
    for r in raw['densities']:
        log_w = [a + b - c for a, b, c in zip(r['x'], r['p'], r['q'])]
        even = log_mean_exp(log_w)
        ess = math.exp(2 * even + math.log(len(log_w)) - log_mean_exp([2 * v for v in log_w]))
        x, kl = mean(r['x']), r['kl'][0]
        rows.append([x - kl, x, kl, even, ess, pareto_k(log_w)])
    for i, row in enumerate(rows):
        for k, name in enumerate(('elbo', 'reconstruction', 'kl', 'log_likelihood', 'ess', 'khat')):
            same('row %d, %s' % (i, name), raw['rows'][6 * i + k], row[k], 1e-6)  # they are floats
    column = list(zip(*rows))
    se = [math.sqrt(variance(c) / len(c)) for c in column]
    units = sum(variance([r['loc'][j] for r in raw['densities']]) > 0.01 for j in range(3))
    want = [mean(column[0]), se[0], mean(column[1]), mean(column[2]), mean(column[3]), se[3], mean(column[4]),
            mean(column[5]), mean([k > 0.7 for k in column[5]]), -mean(column[3]) / (784 * math.log(2)), units]
    names = ('elbo', 'elbo_se', 'reconstruction', 'kl', 'log_likelihood', 'log_likelihood_se', 'ess', 'khat', 'khat_heavy',
             'bits_per_dim', 'active_units')
    for name, found, expected in zip(names, raw['figures'], want):
        same(name, found, expected)


raw_numbers = json.loads(subprocess.run([sys.argv[1]], check=True, stdout=subprocess.PIPE).stdout)
check_comparison(raw_numbers)
check_evaluation(raw_numbers)
print('\n'.join(failed[:40] + ['%d numbers, %d differ' % (checked, len(failed))]))
sys.exit(bool(failed))
