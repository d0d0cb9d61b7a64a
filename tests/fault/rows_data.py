# SPDX-License-Identifier: GPL-3.0-or-later
"""Data files: IDX, gzip, npy, CSV, and the values in them."""
import gzip, struct, zlib
from harness import Row
from rows_experiment import TINY

FIXED = 'builtin: digits, rows: 200, test_rows: 60'


def info(surface, name, content, says, status=3):
    says = ('elbo: d: ', *([says] if isinstance(says, str) else says)) if status else ()
    return Row(surface, name, ['data', 'info', 'd'], status, says, {'d': content})


def idx(dims, body=b'', kind=8, count=None):
    return bytes([0, 0, kind, len(dims) if count is None else count]) + b''.join(struct.pack('>I', d) for d in dims) + body


PLAIN = idx((5, 2, 2), bytes(20))
PACKED = gzip.compress(idx((50, 28, 28), bytes(i * 7 % 256 for i in range(39200))), mtime=0)


def packed(name, content, says):
    return info('IDX, gzip', name, content, says)


def bomb():
    """A gigabyte of zeros behind a header that promises five rows."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 22)
    return z.compress(idx((5, 2, 2))) + b''.join(z.compress(piece) for _ in range(256)) + z.flush()


def small_promise(path):
    """40 KB that unpack to 40 MB, as floats 160, a byte short of what the header promises. Written in pieces: the memory that the
    kernel counts for a program begins with that of the process which started it."""
    with gzip.open(path, 'wb') as f:
        f.write(idx((40_000_000,), kind=9))
        for _ in range(39):
            f.write(bytes(1_000_000))
        f.write(bytes(999_999))


def late_fault(path):
    """34 million digits, as floats twice the file, and then a row that is too short."""
    with open(path, 'wb') as f:
        f.write(b'1.5,1,1,1\n')
        for _ in range(85):
            f.write(b'1,1,1,1\n' * 100_000)
        f.write(b'1,1\n')


def npy(header, body=b'', version=1, length=None):
    h = header.encode() if isinstance(header, str) else header
    size = struct.pack('<H' if version == 1 else '<I', len(h) if length is None else length)
    return b'\x93NUMPY' + bytes([version, 0]) + size + h + body


def shape(of, body=b'', descr='<f4', order='False'):
    return npy("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n" % (descr, order, of), body)


def array(name, content, says, status=3):
    return info('npy, CSV', name, content, says, status)


def table(name, content, says, status=3):
    return info('npy, CSV', 'CSV: ' + name, content, says, status)


def experiment(surface, name, files, keys, says, status=3, family='normal', beside='', then=None):
    """A model of the data in `files`, prepared as `keys` say."""
    content = TINY.replace(FIXED + ', prepare: {scale: 255, binarize: dynamic}', keys)
    content = content.replace('bernoulli', family).replace('model:', beside + 'model:').replace('batch_size: 50', 'batch_size: 2')
    return Row(surface, name, ['check', 'e.yaml'], status, says, {**files, 'e.yaml': content}, then=then)


def plan_warns(setting, folder, outcome):
    return '' if 'warning: 1 of 2 columns of x are constant' in outcome.out else 'no warning in the plan'


IDX_ROWS = [
    packed('empty', b'', ('d', '0 byte')),
    *[packed(f'{n} bytes', PLAIN[:n], 'd') for n in (1, 2, 3, 4, 7, 15)],
    packed('wrong magic', b'\1\2\3\4' + PLAIN[4:], ('01 02 03 04', 'IDX')),
    packed('unknown type', idx((5,), bytes(5), 7), '07'),
    packed('0 dimensions', idx((), b'', 8), '0 dimensions'),
    packed('255 dimensions', idx((1,) * 8, b'', 8, 255), '255 dimensions'),
    packed('count 2^32-1', idx((0xffffffff, 28, 28), bytes(99)), ('3367254359280', '99')),
    packed('product wraps 2^64', idx((0x80000000, 0x80000000, 4), bytes(99)), 'd'),
    packed('product wraps to the size', idx((0x80000000, 0x80000000, 8), b''), 'd'),
    packed('no rows', idx((0, 28, 28)), '0'),
    packed('rows of nothing', idx((5, 0, 28)), '0'),
    packed('a byte short', PLAIN[:-1], ('20', '19')),
    packed('a byte long', PLAIN + b'\0', ('20', 'd')),
    packed('.gz cut short', PACKED[:len(PACKED) // 2], ('cut short', 'byte')),
    packed('.gz without its trailer', PACKED[:-8], 'cut short'),
    packed('.gz with half its trailer', PACKED[:-3], 'cut short'),
    packed('.gz of 2 bytes', PACKED[:2], 'cut short'),
    packed('.gz bad CRC', PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:], ('damaged', 'byte')),
    packed('.gz bad length', PACKED[:-1] + b'\x55', ('damaged', 'byte')),
    packed('.gz damaged inside', PACKED[:200] + b'\xff\xff\xff\xff' + PACKED[204:], 'damaged'),
    packed('.gz trailing bytes', PACKED + b'rubbish', 'behind its end'),
    packed('.gz bad method', PACKED[:2] + b'\7' + PACKED[3:], 'damaged'),
    packed('.gz bomb', bomb(), ('20', 'd')),
    packed('.gz of numbers that grow fourfold, a byte short', small_promise, ('40000000', '39999999')),
    packed('.gz of a .gz', gzip.compress(PACKED), 'not a data file'),
    info('IDX, gzip', 'two members are one file', gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:]), (), 0),
    experiment('IDX, gzip', 'x with 6 rows, y with 5', {'a': idx((6, 2), bytes(range(12))), 'b': idx((5, 2), bytes(range(10)))},
               'train: a', ('6', '5'), beside='  y: {train: b}\n'),
    experiment('IDX, gzip', 'train 3 x 2, test 2 x 2', {'a': idx((6, 3, 2), bytes(36)), 'b': idx((6, 2, 2), bytes(24))},
               'train: a, test: b', ('6', '4')),
    experiment('IDX, gzip', 'labels as images', {'a': idx((6,), bytes(range(6)))}, 'train: a', 'bernoulli', family='bernoulli'),
]
F6 = struct.pack('<6f', 0, 1, 2, 3, 4, 5)
NPY_ROWS = [
    array('npy: cut in the magic', b'\x93NUM', 'd'),
    array('npy: cut in the header', shape('(2, 3)', F6)[:40], 'header'),
    array('npy: version 9', b'\x93NUMPY\x09\0' + bytes(99), 'version 9'),
    array('npy: header longer than the file', npy('{}', b'', 1, 60000), 'header'),
    array('npy: header of 4 GB', npy('{}', b'', 2, 0xfffffff0), 'header'),
    array('npy: no dict', npy('[1, 2]\n', F6), ('header', 'dict')),
    array('npy: code', npy("__import__('os').system('touch owned')\n", F6), 'header'),
    array('npy: code in the shape', shape('(exit(),)', F6), 'shape'),
    array('npy: objects', shape('(2,)', F6, '|O'), 'pickle refused'),
    array('npy: structured', npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", F6), 'structured'),
    array('npy: complex', shape('(2,)', F6, '<c8'), 'number type'),
    array('npy: strings', shape('(2,)', F6, '<U3'), 'number type'),
    array('npy: key twice', npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,3)}", F6), 'twice'),
    array('npy: key missing', npy("{'descr': '<f4', 'shape': (2,3)}", F6), 'missing'),
    array('npy: negative shape', shape('(-2, 3)', F6), 'negative'),
    array('npy: huge shape', shape('(4611686018427387904, 4)', F6), 'd'),
    array('npy: 2^64', shape('(18446744073709551616, 1)', F6), '2^64'),
    array('npy: shape 0', shape('(0, 3)'), '0'),
    array('npy: no dimensions', shape('()', F6[:4]), 'd'),
    array('npy: 5 dimensions', shape('(1, 1, 1, 1, 1)', F6[:4]), 'dimensions'),
    array('npy: short', shape('(2, 3)', F6[:-1]), ('24', '23')),
    array('npy: long', shape('(2, 3)', F6 + b'\0'), ('24', 'd')),
    array('npy: big-endian is read', shape('(2, 3)', struct.pack('>6f', 0, 1, 2, 3, 4, 5), '>f4'), (), 0),
    array('npy: Fortran order', shape('(2, 3)', F6, '<f4', 'True'), 'Fortran'),
    array('npy: NaN', shape('(2, 3)', F6[:16] + struct.pack('<2f', float('nan'), 1)), ('row 1', 'column 1', '1 of 6')),
    array('npy: infinity', shape('(2, 3)', F6[:20] + struct.pack('<f', float('inf'))), ('row 1', 'column 2')),
    array('npy: float64 beyond float32', shape('(1, 2)', struct.pack('<2d', 1, 1e300), '<f8'), 'row 0'),
    table('empty', '', 'empty'),
    table('only blank lines', '\n\n\n', 'no number'),
    table('only names', 'a,b\n', 'names'),
    table('ragged, short', '1,2\n3\n', ('row 2', '1 columns', '2')),
    table('ragged, long', '1,2\n3,4,5\n', ('row 2', '3 columns', '2')),
    table('open quote', '1,2\n"3,4\n5,6\n', ('row 2', 'column 1')),
    table('empty field', '1,2\n3,\n', ('row 2', 'column 2')),
    table('nan', '1,2\n3,nan\n', ('row 2', 'column 2')),
    table('inf', '1,2\n-inf,4\n', ('row 2', 'column 1')),
    table('1e999', '1,2\n3,1e999\n', ('row 2', 'column 2')),
    table('a word', '1,2\n3,four\n', ('row 2', 'column 2', 'four')),
    table('hexadecimal', '1,2\n3,0x10\n', ('row 2', 'column 2', '0x10')),
    table('decimal comma', '1;2\n3,5;4\n', ('row 2', 'column 1')),
    table('a field of 10 MB', '1,2\n3,' + '4' * 10_000_000 + '\n', ('row 2', 'column 2', '1024')),
    table('a row of 10^6 fields', '1,' * 1_000_000 + '1\n2\n', ('row 2', '1000001')),
    table('a fault behind 34 million numbers', late_fault, ('row 8500002', '2 columns', '4')),
    table('NUL', b'1,2\n3,\0\n', 'd'),
    table('names, CRLF, BOM', '\ufeffa,b\r\n1,2\r\n', (), 0),
]
PEOPLE = 'name,age,shoe size\nAda,36,38\n"Zuse, K",85,43\nNoether,53,37\nKlein,75,42\n'


def columns(name, keys, says, status=2, content=PEOPLE, beside=''):
    return experiment('columns', name, {'t.csv': content}, 'train: t.csv' + keys, says, status, beside=beside)


COLUMN_ROWS = [
    columns('two by name, the others hold text', ', columns: [shoe size, age]', (), 0),
    columns('one by number', ', columns: 2', (), 0),
    columns('a word for each class', ', columns: [age]', (), 0, beside='  labels: {column: name}\n'),
    columns('misspelt', ', columns: [aeg]', ('e.yaml:4:3', 't.csv', '"aeg"', 'did you mean "age"', 'name, age, shoe size'), 3),
    columns('twice by name', ', columns: [age, age]', ('e.yaml:4:36', '"age" is picked twice', 'remove one')),
    columns('twice, by name and number', ', columns: [age, 2]', ('column 2 is picked twice', 'remove one'), 3),
    columns('twice in the file', ', columns: [age]', ('columns 1 and 2', 'line 1', 'by its number'), 3, 'age,age\n1,2\n'),
    columns('beyond the last', ', columns: [4]', ('column 4', 'there are 3', 'from 1 to 3'), 3),
    columns('number 0', ', columns: [0]', ('e.yaml:4:', 'at least 1', '"0"')),
    columns('none', ', columns: []', ('e.yaml:4:', 'empty list')),
    columns('a mapping', ', columns: [{age: 1}]', ('e.yaml:4:', 'must be a word', 'a mapping')),
    columns('by name where there are no names', ', columns: [age]', ('"age"', '1, 2', 'by number'), 3, '1,2\n3,4\n'),
    columns('a column of text', ', columns: [age, name]', ('row 1, column 1 (line 2)', 'named "name"', '"Ada" is not a number', '`columns'), 3),
    columns('no column is picked', '', ('row 1, column 1 (line 2)', '"Ada" is not a number', '`columns'), 3),
    columns('a row that is too short', ', columns: [age]', ('row 2 (line 3)', '1 columns', 'expected 2'), 3, 'age,b\n1,2\n3\n'),
    columns('of npy', ', columns: [1]', ('t.csv', 'text alone'), 3, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,3)}", F6)),
    experiment('columns', 'of a builtin', {}, 'builtin: pinwheel, columns: [1]', ('e.yaml:4:', 'a builtin has none'), 2),
    columns('labels in no file', ', columns: [age]', ('e.yaml:5:', 'labels need', 'add one'), 2, beside='  labels: {test: t.csv}\n'),
    columns('labels in two columns', ', columns: [age]', ('in one column',), 2, beside='  labels: {column: [age, name]}\n'),
    experiment('columns', 'labels beside a builtin', {}, 'builtin: pinwheel', ('picks from csv', 'name the file'), 2,
               beside='  labels: {column: 1}\n'),
]
GREY = idx((4, 2), bytes([0, 128, 255, 3, 7, 9, 0, 255]))
VALUE_ROWS = [
    experiment('values', 'constant columns: a warning', {'a': idx((4, 2), bytes([1, 0, 1, 1, 1, 2, 1, 3]))}, 'train: a', (), 0,
               then=plan_warns),
    experiment('values', '0..255 where 0 and 1 are meant', {'a': GREY}, 'train: a', ('bernoulli', '255', 'scale'), family='bernoulli'),
    experiment('values', '0..255 where 0..1 is meant', {'a': GREY}, 'train: a', ('255', 'scale'), family='continuous_bernoulli'),
    experiment('values', '0..255 are no probabilities', {'a': GREY}, 'train: a, prepare: {binarize: dynamic}', ('255', 'scale'),
               family='bernoulli'),
    experiment('values', 'scale: 0', {'a': GREY}, 'train: a, prepare: {scale: 0}', ('e.yaml', 'scale'), 2),
    experiment('values', 'test data outside the support', {'a': idx((4, 1), b'\1\2\3\4'), 'b': idx((4, 1), b'\1\0\3\4')},
               'train: a, test: b', ('gamma', '0'), family='gamma'),
]
ROWS = IDX_ROWS + NPY_ROWS + COLUMN_ROWS + VALUE_ROWS
