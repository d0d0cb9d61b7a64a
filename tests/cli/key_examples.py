#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of an experiment has an example, and `elbo check` takes each when it stands in a file.

key_examples.py PROGRAM PAGE.SH: the keys are those that the man page and docs/experiments.md are made of."""
import copy, json, os, subprocess, sys, tempfile

BASE = {
    'data': {'x': {'train': 'flowers.csv', 'columns': ['length', 'width']}},
    'model': {'p': {'z': {'family': 'normal', 'size': 2}, 'x': {'family': 'normal', 'given': 'z', 'net': {'hidden': [4]}}},
              'q': {'z': {'family': 'normal', 'given': 'x', 'net': {'hidden': [4]}}}},
    'train': {'batch_size': 5},
}
DISCRETE = {'model.p.z': {'family': 'bernoulli', 'size': 2}, 'model.q.z': {'family': 'bernoulli', 'given': 'x', 'net': {'hidden': [4]}}}
BUILTIN = {'data.x': {'builtin': 'pinwheel'}}
# What a key wants beside it, by the start of its path (the longest that fits).
NEEDS = {
    'data.root': {'data.x.train': 'flowers.csv'},
    'data.labels.test': {'data.labels.column': 'species', 'data.x.test': 'flowers-test.csv'},
    'data.labels.train': {'data.labels.column': 'species'},
    'data.stream.buffer': {'data.x': {'train': 'rows.npy'}},
    'data.x.builtin': {'data.x': {}},
    'data.x.rows': BUILTIN,
    'data.x.test_rows': BUILTIN,
    'data.x.prepare.binarize': {'data.x.prepare.scale': 255, 'model.p.x.family': 'bernoulli'},
    'model.p.z.dim': {'model.p.z': {'family': 'multivariate_normal', 'size': 1},
                      'model.q.z': {'family': 'multivariate_normal', 'given': 'x', 'net': {'hidden': [4]}}},
    'model.p.x.improper': {'model.p.x.family': 'bernoulli', 'data.x.prepare.scale': 255},
    'model.p.x.net.init.scale': {'model.p.x.net.init.name': 'normal'},
    'model.q.z.net.init.scale': {'model.q.z.net.init.name': 'normal'},
    'model.weight_prior.family': {'model.weight_prior': {}},
    'model.weight_prior.': {'model.weight_prior': {'family': 'normal'}},
    'estimator.temperature': {**DISCRETE, 'estimator.name': 'concrete'},
    'estimator.temperature.': {**DISCRETE, 'estimator': {'name': 'concrete', 'temperature': {'from': 1, 'to': 0.5, 'epochs': 2}}},
    'estimator.density': {**DISCRETE, 'estimator.name': 'concrete'},
    'estimator.scale': {**DISCRETE, 'estimator.name': 'rebar'},
    'estimator.noise': {'estimator': {'name': 'sgvb_a', 'samples': 2}},
    'train.keep': {'data.validate': 0.2},
    'train.patience': {'data.validate': 0.2},
    'train.kl_weight.': {'train.kl_weight': {'from': 0.5, 'to': 1, 'epochs': 2}},
}
# Of a variable both p and q have the key; those of the first kind are tried on the latent.
LATENT = ('size', 'dim')


def put(tree, path, value):
    *above, last = path.split('.')
    for word in above:
        if not isinstance(tree.get(word), dict):
            tree[word] = {}
        tree = tree[word]
    tree[last] = value


def needs(path):
    fits = [start for start in NEEDS if path == start or path.startswith(start) and start.endswith('.')]
    return NEEDS[max(fits, key=len)] if fits else {}


def place(path, example, help):
    """The path of the example in an experiment whose variables are x, of the data, and z."""
    variable = 'z' if '.q.' in path or path.split('.')[-1] in LATENT else 'x'
    words = path.replace('NAME', variable).split('.')
    words[-1] = example.split(':')[0]
    path = '.'.join(words)
    with_ = help.split('`')[1] if help.startswith('with `') else None
    beside = {'.'.join(words[:-1]) + '.name': with_} if with_ else {}
    return path, {**beside, **needs(path)}


def text_of(path, example, help):
    path, beside = place(path, example, help)
    tree = copy.deepcopy(BASE)
    for key, value in beside.items():
        put(tree, key, copy.deepcopy(value))
    put(tree, path, '@@')
    return json.dumps(tree).replace('"@@"', example.split(': ', 1)[1])


def main():
    program, page = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    folder, failed, tried = tempfile.mkdtemp(), 0, 0
    os.mkdir(folder + '/tables')
    for name in ('flowers.csv', 'flowers-test.csv', 'tables/flowers.csv'):
        with open(f'{folder}/{name}', 'w') as f:
            f.write('species,length,width\n' + ''.join(f'{"ab"[i % 2]},{i % 7},{i % 5}\n' for i in range(200)))
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (200, 2), }\n".encode()
    with open(folder + '/rows.npy', 'wb') as f:
        f.write(b'\x93NUMPY\1\0' + bytes([len(header), 0]) + header + bytes(range(200)) * 2)
    keys = subprocess.run(['sh', page, program, 'keys'], capture_output=True, text=True, check=True).stdout
    for line in keys.splitlines():
        path, form, help, example = line.split('\t')
        if not example:
            if form.startswith('mapping') or path in ('model.p', 'model.q'):
                continue
            failed += 1
            print(f'FAIL {path}: no example')
            continue
        tried += 1
        with open(folder + '/e.yaml', 'w') as f:
            f.write(text_of(path, example, help))
        done = subprocess.run([program, 'check', folder + '/e.yaml'], capture_output=True, text=True)
        if done.returncode:
            failed += 1
            print(f'FAIL {path}: {example}: {done.stderr.strip()}')
    subprocess.run(['rm', '-r', folder])
    print(f'{tried} examples, {failed} failed')
    return failed > 0 or tried < 80


sys.exit(main())
