#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Decoders of every family that an exported model knows the mean of, over every activation: what the
# C gives is what the program gives, to 1e-6.
. "$(dirname "$0")/helper"
cat >agree.py <<'END'
import ast, ctypes, math, re, struct, subprocess, sys, zipfile
program = sys.argv[1]

def npy(data):
    n = struct.unpack('<H', data[8:10])[0]
    shape = ast.literal_eval(data[10:10 + n].decode())['shape']
    values = struct.unpack('<%df' % ((len(data) - 10 - n) // 4), data[10 + n:])
    wide = len(values) // shape[0]
    return [values[i * wide:(i + 1) * wide] for i in range(shape[0])]

def wave(i, j): return math.sin(1.7 * i + j) * math.cos(0.3 * i * (j + 1))
def simplex(i):
    w = [math.exp(wave(i, j)) for j in range(3)]
    return [v / sum(w) for v in w]
DATA = {
    'real': lambda i: [3 + wave(i, j) for j in range(3)],
    'positive': lambda i: [math.exp(wave(i, j)) for j in range(3)],
    'unit': lambda i: [0.5 + 0.45 * wave(i, j) for j in range(3)],
    'binary': lambda i: [float(wave(i, j) > 0) for j in range(3)],
    'count': lambda i: [round(2 + 2 * wave(i, j)) for j in range(3)],
    'simplex': simplex,
}
FAMILIES = [  # family, keys beside it, its data
    ('bernoulli', '', 'binary'), ('beta', '', 'unit'), ('binomial', ', count: 4', 'count'),
    ('categorical', ', dim: 5', 'count'), ('chi_squared', '', 'positive'),
    ('continuous_bernoulli', '', 'unit'), ('dirichlet', ', dim: 3', 'simplex'),
    ('erlang', ', shape: 2', 'positive'), ('exponential', '', 'positive'), ('gamma', '', 'positive'),
    ('geometric', '', 'count'), ('gumbel', '', 'real'), ('half_normal', '', 'positive'),
    ('laplace', '', 'real'), ('log_normal', '', 'positive'), ('logistic', '', 'real'),
    ('multivariate_normal', ', dim: 3', 'real'), ('negative_binomial', '', 'count'),
    ('normal', '', 'real'), ('poisson', '', 'count'), ('rayleigh', '', 'positive'),
    ('triangular', ', low: -50, width: 100', 'real'), ('uniform', ', low: -50, width: 100', 'real'), ('weibull', '', 'positive'),
]
ACTIVATIONS = ['softplus', 'gelu', 'elu', 'tanh', 'relu', 'sigmoid', 'identity']

def call(*words): subprocess.run([program, *words], stdout=subprocess.DEVNULL, check=True, timeout=60)

class Exported:
    """The model compiled strictly; its functions by name, over lists."""
    def __init__(self, folder, name):
        library = f'./{folder}/{name}.so'
        subprocess.run(['cc', '-std=c11', '-O2', '-Wall', '-Wextra', '-pedantic', '-Werror', '-shared', '-fPIC',
                        f'-I{folder}', '-o', library, f'{folder}/{name}.c', f'{folder}/{name}_weights.c', '-lm'], check=True)
        self.header, self.c, self.name = open(f'{folder}/{name}.h').read(), ctypes.CDLL(library), name
    def outs(self, function):
        return re.findall(r'float \*(\w+?)(?:_out)?[,)]', re.search(rf'void {self.name}_{function}\((.*\))', self.header)[1].replace('const float *', ''))
    def __call__(self, function, *given, room=64):
        outs = [(ctypes.c_float * room)() for _ in self.outs(function)]
        getattr(self.c, f'{self.name}_{function}')(*[(ctypes.c_float * len(v))(*v) for v in given], *outs)
        return outs

def try_one(family, keys, kind, activation):
    with open(family + '.csv', 'w') as f:
        for i in range(30): print(*['%.6f' % v for v in DATA[kind](i)], sep=',', file=f)
    with open(family + '.yaml', 'w') as f:
        print(f"""name: {family}
data: {{x: {{train: {family}.csv}}}}
model:
  p:
    z: {{family: normal, size: 2}}
    x: {{family: {family}, given: z, net: {{hidden: [5, 4], activation: {activation}}}{keys}}}
  q: {{z: {{family: normal, given: x, net: {{hidden: [6], activation: {activation}}}}}}}
train: {{epochs: 3, batch_size: 10}}""", file=f)
    run = 'run_' + family
    call('train', family + '.yaml', '-q', '-o', run)
    call('encode', run, '-n', '9', '-o', family + '.npz')
    call('reconstruct', run, '-n', '9', '-o', family + '.npy')
    call('export', run, '--c', family)
    z = zipfile.ZipFile(family + '.npz')
    codes = {n[:-4]: npy(z.read(n)) for n in z.namelist()}
    pairs, c, worst = npy(open(family + '.npy', 'rb').read()), Exported(family, family), 0
    takes = re.findall(r'const float \*(\w+)', re.search(rf'void {family}_mean_x\((.*)\)', c.header)[1])
    for i in range(9):
        x, want = pairs[2 * i], pairs[2 * i + 1]
        loc, log_scale = c('q_z', x)
        params = dict(zip(c.outs('p_x'), c('p_x', codes['z.sample'][i])))
        mean, = c('mean_x', *[params[t] for t in takes])
        for got, to in [(loc, codes['z.loc'][i]), (log_scale, codes['z.log_scale'][i]), (mean, want)]:
            worst = max([worst] + [abs(g - w) / max(1, abs(w)) for g, w in zip(got, to)])
    return worst

bad = 0
for k, (family, keys, kind) in enumerate(FAMILIES):
    activation = ACTIVATIONS[k % len(ACTIVATIONS)]
    try: worst = try_one(family, keys, kind, activation)
    except Exception as e: worst = repr(e)
    good = isinstance(worst, float) and worst <= 1e-6
    bad += not good
    print('ok  ' if good else 'FAIL', f'export: {family} over {activation}: {worst}')
sys.exit(bad > 0)
END
python3 agree.py "$ELBO" || failed=1
cat >tail.yaml <<'END'
name: tail
data: {x: {train: normal.csv}}
model:
  p: {z: {family: normal, size: 2}, x: {family: student_t, given: z, net: {hidden: [4]}}}
  q: {z: {family: normal, given: x, net: {hidden: [4]}}}
train: {epochs: 1, batch_size: 10}
END
run train tail.yaml -q -o tail_run
run export tail_run --c tail
verdict 'export: a mean without a formula is said in the header' \
  grep -q 'There is no tail_mean_x: .*student_t' tail/tail.h
verdict 'export: and has no function' [ "$(grep -c 'tail_mean_x(' tail/tail.c)" = 0 ]
finish
