#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""pairs.py ELBO: every family as posterior under every family as prior, and every family as decoder of every kind of data, trained for
50 steps. What has to come of it is told by the families' own facts (`plugin list`, `dist batch`): their supports, what moves them, the
roads on which they are drawn. Whatever trains has to stay finite, and to rise where the divergence of q from p is finite.

The tables: ok; S refused, the support of q is not within that of p; D refused, one is discrete and the other has a density; B refused,
the bounds of p depend on its parameters, and q's are not within them for certain; E refused, events of another size; K refused, q has
a dimension of at least 2, which p does not tell; X refused, the data are not in the support; I stopped (6), as the divergence is
infinite; L refused (3), as the data lie between the levels of the decoder; FAIL."""
import concurrent.futures, json, math, os, random, subprocess, sys, tempfile

elbo = os.path.realpath(sys.argv[1])
only = sys.argv[2:]  # names of families, to look at a few of them
STEPS, ROWS, BATCH, DIM, AT_ONCE = 50, 500, 50, 3, 2


class Family:
    """What a family says of itself."""

    def __init__(self, name, info):
        self.name, self.info = name, info
        self.discrete, self.support = info['discrete'], info['support']
        self.vector = info['vector']
        self.classes = 'dim' in self.support
        self.has_dim = self.vector or self.classes
        self.moves = any(p['moves_support'] for p in info['parameters'])
        self.between = 'low' in self.support  # an interval that parameters tell
        self.bounded = self.support.startswith('x in {0, 1, 2') and any(p['constraint'] == 'integer' for p in info['parameters'])

    # The set whose closure it is: families.md compares closures.
    def low_high(self):
        if 'pi' in self.support:
            return -math.pi, math.pi
        if self.support.endswith('1') and 'sum' not in self.support:
            return 0, 1
        return (0 if self.support.startswith('0') else -math.inf), math.inf

    def within(self, p):
        """'' where q's values always have a density under p; else the letter of the refusal. p's parameters are the standard ones, those
        of q are learned if they may be."""
        if self.discrete != p.discrete:
            return 'D'
        told = not self.vector and not self.moves and 'levels' not in self.support
        if told and 'levels' not in p.support and not p.vector and p.ends[0] <= self.ends[0] and self.ends[1] <= p.ends[1]:
            return ''
        if p.moves or p.between or p.bounded:
            return 'B'
        if self.name == p.name:
            return ''
        if self.discrete:
            return '' if p.support in self.discrete_within() else 'S'
        if ('sum' in self.support) != ('sum' in p.support):
            return 'S'
        (a, b), (c, d) = self.low_high(), p.low_high()
        return '' if c <= a and b <= d else 'S'

    def discrete_within(self):
        binary, classes, counts = 'x in {0, 1}', 'x in {0, .., dim - 1}', 'x in {0, 1, 2, ..}'
        grid = 'x in {0, 1/(levels - 1), .., 1}'
        return {binary: (binary, classes, counts, grid), classes: (classes, counts), counts: (counts,), grid: (grid,)}[self.support]


def ask(queries):
    lines = '\n'.join(json.dumps(q) for q in queries)
    done = subprocess.run([elbo, 'dist', 'batch'], input=lines, capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def families():
    listed = json.loads(subprocess.run([elbo, 'plugin', 'list', '--json'], capture_output=True, text=True, check=True).stdout)
    names = sorted(p['name'] for p in listed['plugins'] if p['kind'] == 'family')
    answers = ask([{'family': n, 'params': {}, 'op': 'info'} for n in names])
    return [Family(n, a['info']) for n, a in zip(names, answers)]


# ---- divergences, at the parameters where training starts
def standard(f, dim=DIM):
    params = {}
    for p in f.info['parameters']:
        if p['name'] == 'scale_tril':
            params['scale_tril'] = [[float(i == j) for j in range(dim)] for i in range(dim)]
        elif p['constraint'] == 'simplex':
            params['logits'] = [0.0] * dim
        elif p['constraint'] == 'positive':
            params[p['forms'][0]] = [math.log(p['standard'])] * dim if p['vector'] else math.log(p['standard'])
        elif p['name'] == 'logits':
            params['probs'] = p['standard']
        else:
            params[p['name']] = [p['standard']] * dim if p['vector'] else p['standard']
    return params


def ends_of(all_families):
    """Ends of the supports of numbers, at the standard parameters."""
    simple = [f for f in all_families if not f.has_dim]
    answers = ask([{'family': f.name, 'params': standard(f), 'op': 'icdf', 'u': u} for f in simple for u in (0, 1)])
    for i, f in enumerate(simple):
        f.ends = tuple(float(answers[2 * i + u]['value']) for u in (0, 1))
    for f in all_families:
        if f.has_dim:
            f.ends = (0, DIM - 1) if f.classes else f.low_high()


def divergences(pairs):
    """At the standard parameters: a number, inf, or None where it is not known."""
    queries = []
    for q, p in pairs:
        dim = DIM if p.has_dim and q.vector == p.vector else 1
        queries.append({'family': q.name, 'params': standard(q, dim), 'op': 'kl', 'method_any': True,
                        'other': {'family': p.name, 'params': standard(p, dim)}})
    value = [a.get('value') for a in ask(queries)]
    return {k: None if v is None else float(v) for k, v in zip(pairs, value)}


# ---- one training
TEMPLATE = '''seed: 1
data: {x: {%s}}
model:
  p:
    z: {family: %s, size: %d%s}
    x: {family: %s, given: z, net: {hidden: [8]}%s}
  q:
    z: {family: %s, given: x, net: {hidden: [8]}}
estimator: {name: auto, samples: 2}
optimizer: {name: adam, learning_rate: 0.01}
train: {epochs: %d, batch_size: %d, log_every: 1}
'''


def train(data, p, decoder, q, decoder_params=''):
    text = TEMPLATE % (data, p.name, 2, ', dim: %d' % DIM if p.has_dim else '', decoder, decoder_params, q.name, STEPS * BATCH // ROWS, BATCH)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        with open(folder + '/a.yaml', 'w') as f:
            f.write(text)
        done = subprocess.run([elbo, 'train', 'a.yaml', '-o', 'run', '-q', '--threads', '1'], cwd=folder, capture_output=True, text=True,
                              timeout=60)
        objective = {}
        if done.returncode == 0:
            for line in open(folder + '/run/metrics.jsonl'):
                m = json.loads(line)
                if m.get('split') != 'test':
                    objective.setdefault(m['step'], m['objective'])
    return done.returncode, done.stderr.strip(), [objective[k] for k in sorted(objective)]


# What the message of a refusal has to say, and the status it comes with.
REFUSALS = {'S': (2, 'not all of it'), 'D': (2, 'discrete'), 'B': (2, 'bounds depend on'), 'E': (2, 'gives events of'),
            'L': (3, 'levels of'), 'K': (2, 'dim must be at least 2'), 'X': (3, 'do not lie in the support')}


def judge(expected, divergence, result):
    status, message, objective = result
    if expected:
        code, words = REFUSALS[expected]
        good = status == code and words in message
        return expected if good else 'FAIL', 'expected a refusal, %s (%s); status %d %s' % (expected, words, status, message)
    if status == 6 and divergence == math.inf:
        return 'I', ''
    if status:
        return 'FAIL', 'status %d: %s' % (status, message)
    if len(objective) != STEPS or not all(isinstance(o, (int, float)) and math.isfinite(o) for o in objective):
        return 'FAIL', 'not %d finite steps: %s' % (STEPS, objective)
    first, last = sum(objective[:10]) / 10, sum(objective[-10:]) / 10
    if divergence is not None and math.isfinite(divergence) and not last > first:
        return 'FAIL', 'the objective fell from %.6g to %.6g' % (first, last)
    return 'ok', ''


def show(title, rows, columns, cell):
    width = max(len(r) for r in rows)
    print('\n%s\ncolumns: %s' % (title, ', '.join('%d %s' % (i + 1, c) for i, c in enumerate(columns))))
    print(' ' * width + ''.join('%5d' % (i + 1) for i in range(len(columns))))
    for r in rows:
        print(r.ljust(width) + ''.join('%5s' % cell[r, c] for c in columns))


def run_all(jobs):
    """jobs: {(row, column): (expected, divergence, arguments of train)}; gives the cells and the reasons of what failed."""
    cells, why = {}, []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = pool.map(lambda j: train(*j[2]), jobs.values())
        for (key, (expected, divergence, _)), result in zip(jobs.items(), results):
            cells[key], reason = judge(expected, divergence, result)
            if cells[key] == 'FAIL':
                why.append('FAIL %s, %s: %s' % (*key, reason))
    return cells, why


# ---- posteriors and priors
def pair_expectation(q, p):
    """p and q may cut the numbers of a latent into other events, except a simplex, whose point is one."""
    if q.classes and not p.has_dim:
        return 'K'
    simplex = 'sum' in q.support or 'sum' in p.support
    return 'E' if simplex and q.vector != p.vector else q.within(p)


def pairs(all_families):
    expected = {(q, p): pair_expectation(q, p) for q in all_families for p in all_families}
    divergence = divergences([k for k, e in expected.items() if not e])
    data = 'builtin: linear_gaussian, rows: %d, test_rows: 50' % ROWS
    jobs = {(q.name, p.name): (e, divergence.get((q, p)), (data, p, 'normal', q)) for (q, p), e in expected.items()}
    cells, why = run_all(jobs)
    names = [f.name for f in all_families]
    show('q (rows) against p (columns), decoder normal', names, names, cells)
    for title, wanted in ('infinite', lambda d: d == math.inf), ('not known', lambda d: d is None):
        some = ['%s || %s' % (q.name, p.name) for (q, p), d in divergence.items() if wanted(d)]
        print('divergence %s, so the objective need not rise: %s' % (title, ', '.join(some) or 'none'))
    return why


# ---- decoders: kinds of data, and what of them decides
def simplex_row(r):
    row = [r.gammavariate(2, 1) for _ in range(DIM)]
    return [x / sum(row) for x in row]


def numbers(draw):
    return lambda r: [draw(r) for _ in range(DIM)]


KINDS = {
    'reals': numbers(lambda r: r.gauss(0.5, 1)),
    'angles': numbers(lambda r: (r.vonmisesvariate(0, 2) + math.pi) % (2 * math.pi) - math.pi),
    'within 1 of 0': numbers(lambda r: r.uniform(-0.95, 0.95)),
    'positive': numbers(lambda r: r.gammavariate(3, 1)),
    'from 1 to e': numbers(lambda r: r.uniform(1.05, 2.65)),
    'unit': numbers(lambda r: r.betavariate(2, 2)),
    'simplex': simplex_row,
    'grid': numbers(lambda r: r.randrange(256) / 255),
    'counts': numbers(lambda r: int(r.gammavariate(2, 2))),
    'indices': numbers(lambda r: r.randrange(DIM)),
    'binary': numbers(lambda r: int(r.random() < 0.3)),
}


def fixed(f):
    """Parameters that move the support, given their standard values: no net can know where the data end."""
    return ''.join(', %s: %.17g' % (p['name'], p['standard']) for p in f.info['parameters'] if p['moves_support'])


def misfit(f, rows):
    """'' where the rows lie in f's support, at the standard values of what moves it; else the letter of what has to come of it."""
    flat = [x for row in rows for x in row]
    if 'sum' in f.support:
        return '' if all(abs(sum(row) - 1) < 1e-5 and min(row) > 0 for row in rows) else 'X'
    low, high = (0, math.inf) if f.classes else f.ends  # as many classes as the largest index needs
    words = f.support.replace('low', '%g' % low).replace('high', '%g' % high)
    open_low, open_high = '%g < x' % low in words, 'x < %g' % high in words
    if not all((x > low if open_low else x >= low) and (x < high if open_high else x <= high) for x in flat):
        return 'X'
    if 'levels' in f.support:
        steps = next(p['standard'] for p in f.info['parameters'] if p['name'] == 'levels') - 1
        return '' if all(abs(x * steps - round(x * steps)) <= 1e-3 for x in flat) else 'L'
    return 'X' if f.discrete and any(x != int(x) for x in flat) else ''


def decoders(all_families):
    normal = next(f for f in all_families if f.name == 'normal')
    jobs = {}
    for kind, row in KINDS.items():
        r = random.Random(1)
        rows = [row(r) for _ in range(ROWS)]
        path = '%s/%s.csv' % (scratch, kind.replace(' ', '-'))
        with open(path, 'w') as f:
            f.writelines(','.join('%.9g' % x for x in line) + '\n' for line in rows)
        for f in all_families:
            jobs[kind, f.name] = (misfit(f, rows), 0, ('train: ' + path, normal, f.name, normal, fixed(f)))
    cells, why = run_all(jobs)
    show('kind of data (rows) against decoder (columns), latent normal', list(KINDS), [f.name for f in all_families], cells)
    missing = [f.name for f in all_families if not any(cells[k, f.name] == 'ok' for k in KINDS)]
    return why + ['FAIL no data for the decoders ' + ', '.join(missing)] * bool(missing)


def main():
    everything = [f for f in families() if not only or f.name in only + ['normal']]
    ends_of(everything)
    why = pairs(everything) + decoders(everything)
    print('\n' + '\n'.join(why or ['ok   %d families' % len(everything)]))
    return 1 if why else 0


with tempfile.TemporaryDirectory() as scratch:
    status = main()
sys.exit(status)
