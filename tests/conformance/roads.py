#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradient roads: what `elbo dist batch`, op info, lists for each family is what the design's table promises (families.md, column
"gradient"), and what else follows from the hooks. roads.py ELBO. The last line is "N passed, M failed"."""
import json
import subprocess
import sys

LS, ICDF, COMP, IMPL, RELAX = 'location_scale', 'inverse_cdf', 'composition', 'implicit', 'relaxation'
PROMISED = {
    'normal': {LS, ICDF}, 'laplace': {LS, ICDF}, 'gumbel': {LS, ICDF}, 'gamma': {IMPL}, 'bernoulli': set(),
    'continuous_bernoulli': {ICDF}, 'exponential': {ICDF, LS}, 'cauchy': {ICDF, LS}, 'logistic': {ICDF, LS}, 'rayleigh': {ICDF},
    'pareto': {ICDF}, 'weibull': {ICDF}, 'reciprocal': {ICDF}, 'gompertz': {ICDF}, 'erlang': {COMP, IMPL, ICDF},
    'student_t': {LS, COMP, IMPL}, 'uniform': {LS, ICDF}, 'triangular': {LS, ICDF}, 'log_normal': {COMP, ICDF},
    'beta': {COMP, IMPL}, 'chi_squared': {COMP, IMPL}, 'f': {COMP, IMPL}, 'dirichlet': {COMP, IMPL}, 'multivariate_normal': {LS},
    'multivariate_student_t': {LS, COMP}, 'half_normal': {ICDF, COMP}, 'half_cauchy': {ICDF, COMP}, 'inverse_gamma': {COMP, IMPL},
    'logit_normal': {COMP}, 'kumaraswamy': {ICDF}, 'truncated_normal': {ICDF}, 'von_mises': {IMPL}, 'relaxed_bernoulli': {RELAX},
    'relaxed_categorical': {RELAX}, 'categorical': set(), 'binomial': set(), 'poisson': set(), 'geometric': set(),
    'negative_binomial': set(), 'discretized_logistic': set(),
}
# `draw` and `pull` serve two roads, and a cdf with its inverse is one more.
BESIDES = {
    'gamma': {COMP, ICDF}, 'student_t': {ICDF}, 'log_normal': {IMPL}, 'beta': {ICDF}, 'chi_squared': {ICDF}, 'f': {ICDF},
    'multivariate_normal': {COMP, IMPL}, 'multivariate_student_t': {IMPL}, 'half_normal': {IMPL}, 'half_cauchy': {IMPL},
    'inverse_gamma': {ICDF}, 'logit_normal': {IMPL, ICDF}, 'von_mises': {COMP, ICDF}, 'relaxed_bernoulli': {COMP, IMPL, ICDF},
    'relaxed_categorical': {COMP, IMPL},
}


def listed(elbo):
    asked = ''.join(json.dumps({'family': f, 'op': 'info'}) + '\n' for f in PROMISED)
    answers = subprocess.run([elbo, 'dist', 'batch'], input=asked, capture_output=True, text=True, timeout=60).stdout.splitlines()
    return {f: json.loads(a).get('info', {}) for f, a in zip(PROMISED, answers)}


def families(elbo):
    answer = subprocess.run([elbo, 'plugin', 'list', '--json'], capture_output=True, text=True, timeout=60).stdout
    return {p['name'] for p in json.loads(answer)['plugins'] if p['kind'] == 'family'}


passed = failed = 0
for name, info in listed(sys.argv[1]).items():
    want, got = PROMISED[name] | BESIDES.get(name, set()), set(info.get('roads', ['no answer']))
    good = got == want and (info.get('road') in PROMISED[name] if PROMISED[name] else info.get('road') is None)
    if not good:
        print('%s: lists %s, its own %s; expected %s' % (name, sorted(got), info.get('road'), sorted(want)))
    passed, failed = passed + good, failed + (not good)
for name in families(sys.argv[1]) ^ set(PROMISED):
    print('%s is in one of the table and the program only' % name)
    failed += 1
print('%d passed, %d failed' % (passed, failed))
sys.exit(failed > 0)
