# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiment files, and the data that they name."""
import os
from harness import Row

TINY = """name: tiny
seed: 1
data:
  x: {builtin: digits, rows: 200, test_rows: 60, prepare: {scale: 255, binarize: dynamic}}
model:
  p:
    z: {family: normal, size: 3}
    x: {family: bernoulli, given: z, net: {hidden: [8], activation: tanh}}
  q:
    z: {family: normal, given: x, net: {hidden: [8], activation: tanh}}
estimator: {name: sgvb_b, samples: 1}
optimizer: {name: adam, learning_rate: 0.001}
train: {epochs: 2, batch_size: 50}
"""


def edit(old, new):
    assert old in TINY, old
    return TINY.replace(old, new, 1)


def check(name, content, says, status=2, **more):
    return Row('experiment file', name, ['check', 'e.yaml'], status, says, {'e.yaml': content}, **more)


def path_row(name, make, says, **more):
    files = {'e.yaml': make} if make else {}
    return Row('experiment file', name, ['check', 'e.yaml'], 2, says, files, **more)


def number(key, old, value, says=None, name=None):
    content = edit(old, f'{key}: {value}')
    return check(name or f'{key}: {value}', content, says or ('e.yaml:', key))


def data(name, make, says):
    content = edit('builtin: digits, rows: 200, test_rows: 60', 'train: d')
    files = {'e.yaml': content, **({'d': make} if make else {})}
    return Row('experiment file', 'data path: ' + name, ['check', 'e.yaml'], 3, says, files)


def long_line(path):
    with open(path, 'wb') as f:
        f.write(b'name: ')
        for _ in range(100):
            f.write(b'a' * (1 << 20))


RATE, EPOCHS, BATCH, SIZE = 'learning_rate: 0.001', 'epochs: 2', 'batch_size: 50', 'size: 3'
Q = 'z: {family: normal, given: x, net: {hidden: [8], activation: tanh}}'
P_Z, P_X = 'z: {family: normal, size: 3}', 'x: {family: bernoulli, given: z'

ROWS = [
    path_row('missing', None, ('e.yaml', 'opened')),
    path_row('a folder', os.mkdir, ('e.yaml', 'folder')),
    path_row('a FIFO', os.mkfifo, ('e.yaml', 'FIFO')),
    path_row('a device', lambda p: os.symlink('/dev/zero', p), ('e.yaml', 'device')),
    path_row('unreadable', lambda p: (open(p, 'w').close(), os.chmod(p, 0)), ('e.yaml', 'ermission'),
             user=True),
    check('empty', '', ('e.yaml', 'empty')),
    check('only a comment', '# nothing\n', 'e.yaml'),
    check('a number', '7\n', 'e.yaml:1'),
    check('a list', '- 1\n', 'e.yaml:1'),
    check('no model', 'name: x\n', ('e.yaml', 'model')),
    check('unknown key, the nearest named', edit('optimizer:', 'optimiser:'),
          ('e.yaml:12:1', 'optimiser', 'optimizer')),
    check('duplicate key', TINY + 'seed: 2\n', ('e.yaml:14:1', 'seed', 'line 2')),
    check('NUL', edit('tiny', 'ti\0ny'), ('e.yaml:1', 'NUL')),
    check('bad UTF-8', TINY.encode().replace(b'tiny', b'ti\xff\xfeny'), ('e.yaml:1', 'UTF-8')),
    check('UTF-16', TINY.encode('utf-16'), ('e.yaml:1', 'UTF-8')),
    check('overlong UTF-8', TINY.encode().replace(b'tiny', b'ti\xc0\xafny'), ('e.yaml:1', 'UTF-8')),
    check('BOM and CRLF are accepted', '\ufeff' + TINY.replace('\n', '\r\n'), (), 0),
    check('JSON is accepted', '{"name": "j", "data": {"x": {"builtin": "linear_gaussian", "rows": 100}}, '
          '"model": {"p": {"z": {"family": "normal", "size": 1}, "x": {"family": "normal", "given": "z", '
          '"net": {"hidden": []}}}, "q": {"z": {"family": "normal", "given": "x", "net": {"hidden": []}}}}}', (), 0),
    Row('experiment file', 'a line of 100 MB', ['check', 'e.yaml'], 2, ('e.yaml', '4194304'),
        {'e.yaml': long_line}),
    check('100000 levels deep, small stack', '[' * 100000, ('e.yaml:1', 'deep'), before='ulimit -s 256'),
    check('100000 mappings deep', 'a: {' + 'a: {' * 100000, ('e.yaml:1', 'deep')),
    check('alias bomb', 'a: &a [x]\nb: *a\n', ('e.yaml:1:4', 'anchor')),
    check('a tag', edit('seed: 1', 'seed: !!python/object:os.system 1'), ('e.yaml:2', 'tag')),
    check('a tab for indentation', edit('  x: {b', '\tx: {b'), ('e.yaml:4', 'tab')),
    check('quote not closed', edit('tiny', '"tiny'), 'e.yaml'),
    check('two documents', TINY + '---\n' + TINY, ('e.yaml:14', 'second document')),
    check('comma-decimal locale', TINY, (), 0, env={'LC_ALL': 'de_DE.UTF-8'}),
    *[number('learning_rate', RATE, v) for v in
      ('1e999', 'nan', '.nan', 'inf', '0x10', '"1,5"', '0', '-1', '1e-999', '1_000', '[1]', '', 'yes', '1e', '1..2')],
    *[number('epochs', EPOCHS, v) for v in ('0', '-1', '1.5', '18446744073709551616', '9223372036854775807', '1e3x')],
    *[number('batch_size', BATCH, v) for v in ('0', '-5', '4294967296', '2.5')],
    number('batch_size', BATCH, 201, ('e.yaml:13', '201', '200'), 'batch_size above the rows'),
    *[number('size', SIZE, v, ('e.yaml:7', 'size')) for v in
      ('0', '-1', '2147483648', '4611686018427387904', '18446744073709551616', '3.5')],
    *[number('seed', 'seed: 1', v) for v in ('-1', '18446744073709551616', 'x')],
    check('hidden: [0]', edit('hidden: [8]', 'hidden: [0]'), 'hidden'),
    check('hidden: 2^31', edit('hidden: [8]', 'hidden: [2147483648]'), 'hidden'),
    check('hidden of 10^4 layers', edit('hidden: [8]', 'hidden: [%s]' % ', '.join('8' * 10000)), 'hidden'),
    check('unknown activation', edit('activation: tanh', 'activation: tan'), ('tan', 'tanh')),
    Row('experiment file', 'weights beyond any memory', ['train', 'e.yaml', '-o', 'run', '-q'], 8, 'memory',
        {'e.yaml': edit('hidden: [8]', 'hidden: [1000000, 1000000]')}),
    Row('experiment file', 'samples beyond any memory', ['train', 'e.yaml', '-o', 'run', '-q'], 8, 'memory',
        {'e.yaml': edit('samples: 1', 'samples: 100000').replace('size: 3', 'size: 100000')}),
    check('samples: 10^9', edit('samples: 1', 'samples: 1000000000'), ('e.yaml:11', 'samples')),
    check('10^9 built-in rows', edit('rows: 200,', 'rows: 1000000000,'), ('e.yaml:4', 'bytes'), 8),
    check('cycle in p', edit(P_Z, 'z: {family: normal, size: 3, given: x, net: {hidden: [2]}}'),
          ('e.yaml', 'cycle', 'z', 'x')),
    check('cycle in q', edit(Q, 'z: {family: normal, given: z, net: {hidden: [2]}}'), ('e.yaml:10', 'z -> z')),
    check('missing parent', edit('given: z', 'given: y'), ('e.yaml:8', '"y"')),
    check('latent without q', edit(Q, ''), ('e.yaml', 'z')),
    check('variable of q not in p', edit(Q, Q + '\n    y: {family: normal, given: x, net: {hidden: [2]}}'),
          ('e.yaml:11', 'y')),
    check('a parameter outside its constraint', edit(P_Z, 'z: {family: normal, size: 3, scale: -1}'),
          ('e.yaml:7', 'scale', '-1')),
    check('a parameter that is not there', edit(P_Z, 'z: {family: normal, size: 3, sclae: 1}'),
          ('e.yaml:7', 'sclae', 'scale')),
    check('a parameter in two forms', edit(P_Z, 'z: {family: normal, size: 3, scale: 1, log_var: 0}'),
          ('e.yaml:7', 'scale', 'log_var')),
    check('a parameter of the wrong type', edit(P_Z, 'z: {family: normal, size: 3, scale: many}'),
          ('e.yaml:7', 'scale', 'many')),
    check('unknown family', edit('bernoulli', 'bernouli'), ('e.yaml:8', 'bernouli', 'bernoulli', 'searched')),
    check('unknown optimizer', edit('name: adam', 'name: adan'), ('e.yaml:12', 'adan', 'adam')),
    check('unknown estimator', edit('sgvb_b', 'sgbv_b'), ('e.yaml:11', 'sgbv_b', 'sgvb_b')),
    check('bernoulli on grey data', edit(', binarize: dynamic', ''), ('bernoulli', 'binarize', 'continuous_bernoulli'), 3),
    check('bernoulli on 0 .. 255', edit('{scale: 255, binarize: dynamic}', '{}'), ('bernoulli', 'scale'), 3),
    check('gamma on zeros', edit('bernoulli', 'gamma').replace(', binarize: dynamic', ''), ('gamma', '0'), 3),
    check('a discrete q with a pathwise estimator',
          edit(P_Z, 'z: {family: bernoulli, size: 3}').replace(Q, Q.replace('normal', 'bernoulli')),
          ('e.yaml', 'bernoulli', 'z')),
    check('reserved words', edit(P_Z, 'z: {family: normal, size: 3, plate: 2}'), ('e.yaml:7', 'reserved')),
    Row('experiment file', 'three faults in one message', ['check', 'e.yaml'], 2, ('seed', 'epochs', 'adan'),
        {'e.yaml': TINY.replace('seed: 1', 'seed: x').replace(EPOCHS, 'epochs: 0').replace('adam', 'adan')}),
    data('missing', None, ('opened', '/d')),
    data('a folder', os.mkdir, ('folder', '/d')),
    data('a FIFO', os.mkfifo, ('FIFO', '/d')),
    data('a device', lambda p: os.symlink('/dev/zero', p), ('device', '/d')),
    data('a link to itself', lambda p: os.symlink('d', p), ('link', '/d')),
]
