# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: every damage is told, with the tensor where there is one."""
import functools, json, os, shutil, struct, zlib
from harness import Row
from rows_experiment import TINY

FILE = 'run/checkpoint.safetensors'


def take_run(setting, folder):
    shutil.copytree(setting.run, os.path.join(folder, 'run'))


def read(path):
    with open(path, 'rb') as f:
        raw = f.read()
    n = int.from_bytes(raw[:8], 'little')
    return json.loads(raw[8:8 + n]), bytearray(raw[8 + n:])


def pair_sum(meta):
    """The header's checksum: of all pairs but the checksums, whatever their order."""
    return sum(zlib.crc32(f'{k}={v}'.encode()) for k, v in meta.items() if 'crc32' not in k) & 0xffffffff


def write(path, header, data):
    meta = header.get('__metadata__')
    if isinstance(meta, dict):
        meta['elbo.crc32'] = '%08x' % zlib.crc32(data)
        meta['elbo.meta_crc32'] = '%08x' % pair_sum(meta)
    text = json.dumps(header).encode()
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)


def spoil(change, setting, folder):
    """change: of (raw bytes) -> raw bytes, or of (header, data) in place; the checksum is made anew."""
    take_run(setting, folder)
    path = os.path.join(folder, FILE)
    if change.__code__.co_varnames[0] == 'raw':
        with open(path, 'rb') as f:
            raw = f.read()
        with open(path, 'wb') as f:
            f.write(change(raw))
    else:
        header, data = read(path)
        write(path, header, change(header, data) or data)


def damaged(name, change, says, command=('evaluate', 'run', '--samples', '1'), status=4, **more):
    return Row('checkpoint', name, list(command), status, ('checkpoint.safetensors', *([says] if isinstance(says, str) else says)),
               prepare=functools.partial(spoil, change), **more)


def resumed(name, change, says, **more):
    row = damaged(name, change, says, ('train', 'tiny.yaml', '-o', 'run', '--resume', '-q', '--epochs', '4'), **more)
    row.files['tiny.yaml'] = TINY
    return row


def on_path(name, make, says, status=4, command=('evaluate', 'run', '--samples', '1'), **more):
    def prepare(setting, folder):
        take_run(setting, folder)
        make(os.path.join(folder, FILE))
    return Row('checkpoint', name, list(command), status, says, {'tiny.yaml': TINY}, prepare=prepare, **more)


W, B = 'p.x.net.0.weight', 'p.x.net.0.bias'


def offsets(name, first, last):
    def change(header, data):
        at = header[name]['data_offsets']
        at[0] += first
        at[1] += last
    return change


def edit(name, **entries):
    return lambda header, data: header[name].update(entries)


def header(text):
    return lambda raw: struct.pack('<Q', len(text)) + text


def drop(name):
    """A tensor goes, and its data; those behind it move up."""
    def change(header, data):
        first, last = header.pop(name)['data_offsets']
        for key, entry in header.items():
            if key != '__metadata__' and entry['data_offsets'][0] >= last:
                entry['data_offsets'] = [at - (last - first) for at in entry['data_offsets']]
        return data[:first] + data[last:]
    return change


def add(header, data):
    header['p.x.net.9.weight'] = {'dtype': 'F32', 'shape': [2], 'data_offsets': [len(data), len(data) + 8]}
    return data + bytes(8)


def put(value):
    def change(header, data):
        at = header[W]['data_offsets'][0]
        data[at + 20:at + 24] = struct.pack('<f', value)
    return change


def meta(key, value):
    def change(header, data):
        header['__metadata__'][key] = value
    return change


def lose(key):
    return lambda header, data: header['__metadata__'].pop(key) and None


def state(**entries):
    def change(header, data):
        old = json.loads(header['__metadata__']['elbo.state'])
        header['__metadata__']['elbo.state'] = json.dumps({**old, **entries})
    return change


def flip(byte, bit):
    return lambda raw: raw[:byte] + bytes([raw[byte] ^ (1 << bit)]) + raw[byte + 1:]


def replace(old, new):
    return lambda raw: raw.replace(old, new, 1)


ROWS = [
    *[damaged(f'{n} bytes', lambda raw, n=n: raw[:n], 'bytes') for n in (0, 1, 7, 8)],
    damaged('cut in the header', lambda raw: raw[:1000], 'header'),
    damaged('cut in the data', lambda raw: raw[:-1], 'tensor'),
    damaged('trailing bytes', lambda raw: raw + b'\0', '1 bytes of data behind'),
    damaged('header length 0', lambda raw: bytes(8) + raw[8:], 'header of 0 bytes'),
    damaged('header length beyond the file', lambda raw: struct.pack('<Q', len(raw)) + raw[8:], 'header'),
    damaged('header length 2^64-1', lambda raw: b'\xff' * 8 + raw[8:], '18446744073709551615'),
    damaged('header length 2^63', lambda raw: struct.pack('<Q', 1 << 63) + raw[8:], '9223372036854775808'),
    damaged('header no JSON', header(b'x' * 64), 'JSON'),
    damaged('header a list', header(b'[1, 2]'), 'object'),
    damaged('header with bad UTF-8', header(b'{"\xff": 1}'), 'JSON'),
    damaged('depth bomb', header(b'[' * 1000000), 'levels'),
    damaged('depth bomb, small stack', header(b'{"a":' * 500000), 'levels', before='ulimit -s 256'),
    damaged('100000 keys', header(b'{' + b','.join(b'"%d":1' % i for i in range(100000)) + b'}'), 'values'),
    damaged('a number of a million digits', header(b'{"a":' + b'1' * 1000000 + b'}'), 'JSON'),
    damaged('duplicate keys', replace(b'{"__metadata__"', b'{"q":1,"q":2,"__metadata__"'), 'header'),
    damaged('no tensors', header(b'{}'), 'missing'),
    damaged('entry no object', lambda h, d: h.update({W: 3}), W),
    damaged('entry without offsets', lambda h, d: h[W].pop('data_offsets') and None, W),
    damaged('entry with another key', edit(W, more=1), (W, 'more')),
    damaged('offsets overlap', offsets(B, -96, -96), B),
    damaged('offsets leave a hole', offsets(W, 4, 4), W),
    damaged('offsets run backwards', edit(W, data_offsets=[96, 0]), (W, 'backwards')),
    damaged('offsets past the end', edit(W, data_offsets=[0, 1 << 40]), W),
    damaged('offsets of 2^63', edit(W, data_offsets=[0, 1 << 63]), 'JSON'),
    damaged('negative offsets', edit(W, data_offsets=[-96, 0]), W),
    damaged('offsets no integers', edit(W, data_offsets=[0.0, 96.0]), W),
    damaged('shape product wraps', edit(W, shape=[1 << 62, 4, 6]), W),
    damaged('shape product wraps to 24', edit(W, shape=[(1 << 61) + 3, 8]), W),
    damaged('negative shape', edit(W, shape=[-8, -3]), W),
    damaged('100 dimensions', edit(W, shape=[1] * 100), W),
    damaged('shape too small', edit(W, shape=[8, 2]), (W, '64', '96')),
    damaged('transposed', edit(W, shape=[3, 8]), (W, 'transposed')),
    damaged('other dtype', edit(W, dtype='I32'), (W, 'I32')),
    damaged('dtype of another size', edit(W, dtype='F64'), W),
    damaged('dtype of half floats', edit(W, dtype='BF16'), (W, 'BF16')),
    damaged('dtype U32 of the same size', edit(W, dtype='U32'), (W, 'U32')),
    damaged('tensor missing', drop(B), (B, 'missing')),
    damaged('tensor extra', add, 'p.x.net.9.weight'),
    damaged('NaN in a weight', put(float('nan')), (W, 'nan at [1, 2]')),
    damaged('infinity in a weight', put(float('inf')), W),
    damaged('one bit of the data flipped', lambda raw: flip(len(raw) - 5000, 3)(raw), 'checksum'),
    damaged('first bit of the data flipped', lambda raw: flip(8 + int.from_bytes(raw[:8], 'little'), 0)(raw), 'checksum'),
    damaged('a checksum flipped', lambda raw: flip(raw.index(b'"elbo.crc32":"') + 15, 0)(raw), 'checksum'),
    damaged('a key of the metadata flipped', lambda raw: flip(raw.index(b'elbo.crc32'), 1)(raw), 'checksum'),
    damaged('the name of the checksum of the metadata flipped', lambda raw: flip(raw.index(b'elbo.meta_crc32') + 2, 1)(raw), 'checksum'),
    damaged('the format flipped', replace(b'"elbo.format":"1"', b'"elbo.format":"0"'), 'checksum'),
    resumed('newer format', meta('elbo.format', '99'), ('format 99', 'newer')),
    resumed('no format', lose('elbo.format'), 'format'),
    resumed('format no number', meta('elbo.format', 'one'), 'format one'),
    resumed('metadata no text', meta('elbo.format', 1), 'elbo.format'),
    resumed('state missing', lose('elbo.state'), 'elbo.state'),
    resumed('state no JSON', meta('elbo.state', '{'), 'elbo.state'),
    resumed('state: negative step', state(step=-1), 'step'),
    resumed('state: step of 10^18', state(step=10 ** 18), 'step'),
    resumed('state: step as text', state(step='4'), 'step'),
    resumed('state: epoch that is not the step\'s', state(epoch=1), 'epoch'),
    resumed('state: best_epoch no number', state(best_epoch=None), 'best_epoch'),
    resumed('state: more steps than epochs have', state(step=4000, epoch=1000), '4000'),
    resumed('optimizer state missing', drop('optimizer.v.' + B), 'optimizer.v.' + B),
    resumed('other experiment', meta('elbo.experiment', '0' * 16), 'another experiment'),
    Row('checkpoint', 'other experiment by --set', ['train', 'tiny.yaml', '-o', 'run', '--resume', '-q', '--set', 'seed=2'], 4,
        ('another experiment', 'seed was 1 and is 2'), {'tiny.yaml': TINY}, prepare=take_run),
    Row('checkpoint', 'other model', ['train', 'tiny.yaml', '-o', 'run', '--resume', '-q', '--set', 'model.p.z.size=4'], 4,
        ('another experiment', 'model.p.z.size was 3 and is 4', '--init-from'), {'tiny.yaml': TINY}, prepare=take_run),
    Row('checkpoint', 'a key more', ['train', 'tiny.yaml', '-o', 'run', '--resume', '-q', '--set', 'optimizer.clip=1'], 4,
        ('another experiment', 'optimizer.clip was not set and is 1'), {'tiny.yaml': TINY}, prepare=take_run),
    Row('checkpoint', 'init-from of other weights', ['train', 'tiny.yaml', '-o', 'new', '--init-from', 'run', '-q', '--set', 'model.p.z.size=4'], 4,
        'p.x.net.0.weight', {'tiny.yaml': TINY}, prepare=take_run),
    Row('checkpoint', 'init-from of nothing', ['train', 'tiny.yaml', '-o', 'new', '--init-from', 'old', '-q'], 4,
        'old/checkpoint', {'tiny.yaml': TINY}),
    on_path('missing', os.unlink, 'checkpoint.safetensors'),
    on_path('a folder', lambda p: (os.unlink(p), os.mkdir(p)), 'folder'),
    on_path('a FIFO', lambda p: (os.unlink(p), os.mkfifo(p)), 'FIFO'),
    on_path('a dangling link', lambda p: (os.unlink(p), os.symlink('nothing', p)), 'opened'),
    on_path('a link, to be written over', lambda p: (os.rename(p, p + '2'), os.symlink(os.path.basename(p) + '2', p)), ('link', 'checkpoint'), 7,
            ('train', 'tiny.yaml', '-o', 'run', '--resume', '-q', '--epochs', '3')),
    Row('checkpoint', 'a run without its experiment', ['evaluate', 'run', '--samples', '1'], 2, ('run: this is no run', 'no experiment.yaml', 'elbo train'),
        prepare=lambda s, f: (take_run(s, f), os.unlink(f + '/run/experiment.yaml'))),
    Row('checkpoint', 'a run that is not there', ['evaluate', 'run'], 2, ('run: no such directory', 'elbo train'), {}),
    Row('checkpoint', 'a run that is a file', ['evaluate', 'run'], 2, 'run', {'run': 'x'}),
    Row('checkpoint', 'replay of rubbish', ['gradient', 'tiny.yaml', '--replay', 'r', '-o', 'o'], 4, 'r', {'tiny.yaml': TINY, 'r': b'rubbish!' * 9}),
    Row('checkpoint', 'replay of a checkpoint', ['gradient', 'tiny.yaml', '--replay', 'run/checkpoint.safetensors', '-o', 'o'], 4, 'data.x',
        {'tiny.yaml': TINY}, prepare=take_run),
]
