#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Files as an experimenter brings them, through data info and check: read right, or refused with what
# to do about it.
. "$(dirname "$0")/helper"
cat >make.py <<'END'
import math, struct
N = 40
def text(name, head, row, end='\n'):
    with open(name, 'w', newline='') as f: f.write(end.join([head] * bool(head) + [row(i) for i in range(N)]) + end)
def npy(name, kind, shape, values, fortran=False):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (kind, fortran, shape)
    order, code = ('>' if kind[0] == '>' else '<'), {'f8': 'd', 'f4': 'f', 'u1': 'B', 'i8': 'q', 'i2': 'h'}[kind[1:]]
    with open(name, 'wb') as f:
        f.write(b'\x93NUMPY\1\0\x76\0' + head.ljust(117).encode() + b'\n' + struct.pack('%s%d%s' % (order, len(values), code), *values))
def x(i, j): return math.sin(1.3 * i + j) + j
text('named.csv', 'length,"width, in cm"', lambda i: '%.3f,%.3f' % (x(i, 0), x(i, 1)), '\r\n')
text('iris.csv', 'length,width,species', lambda i: '%.3f,%.3f,%s' % (x(i, 0), x(i, 1), ('setosa', 'virginica')[i % 2]))
text('missing.csv', 'length,width', lambda i: '%.3f,%s' % (x(i, 0), 'NA' if i == 7 else i))
text('empty.csv', 'length,width', lambda i: '%.3f,%s' % (x(i, 0), '' if i == 7 else i))
text('counts.csv', 'day,visits', lambda i: '%d,%d' % (i % 7, 3 * i))
text('european.csv', 'length;width', lambda i: ('%.3f;%.3f' % (x(i, 0), x(i, 1))).replace('.', ','))
text('coded.csv', 'id,length', lambda i: 'P%03d,%.3f' % (i, x(i, 0)))
npy('double.npy', '<f8', (N, 2), [x(i, j) for i in range(N) for j in range(2)])
npy('fortran.npy', '<f8', (N, 2), [x(i, j) for j in range(2) for i in range(N)], True)
npy('big.npy', '>f4', (N, 2), [x(i, j) for i in range(N) for j in range(2)])
npy('images.npy', '|u1', (N, 28, 28, 1), [(i + 3 * j) % 256 for i in range(N) for j in range(784)])
npy('longs.npy', '<i8', (N,), list(range(N)))
END
python3 make.py || fail 'the files are made'
experiment() { # FILE FAMILY [PREPARE]
  cat >e.yaml <<END
data: {x: {train: $1${3:+, prepare: $3}}}
model:
  p: {z: {family: normal, size: 1}, x: {family: $2, given: z, net: {hidden: [4]}}}
  q: {z: {family: normal, given: x, net: {hidden: [4]}}}
train: {batch_size: 10}
END
}
# taken FILE ROWS NUMBERS FAMILY [PREPARE]
taken() {
  run data info "$1" --json
  verdict "$1: rows and numbers" python3 -c "
import json
r = json.load(open('out'))
assert (r['rows'], r['numbers']) == ($2, $3), r"
  experiment "$1" "$4" "$5"
  run check e.yaml
  verdict "$1: check" [ "$status" = 0 ]
}
# not_taken FILE WORDS...: all of them in the one message of both commands
not_taken() {
  file=$1
  shift
  experiment "$file" normal
  for words in "$@"; do
    refused "$file: data info: $words" 3 "$words" data info "$file"
    refused "$file: check: $words" 3 "$words" check e.yaml
  done
}
taken named.csv 40 2 normal
taken counts.csv 40 2 poisson
taken double.npy 40 2 normal
taken big.npy 40 2 normal
taken images.npy 40 784 bernoulli '{scale: 255, binarize: dynamic}'
taken longs.npy 40 1 poisson
not_taken iris.csv 'row 1, column 3 (line 2), named "species": "setosa"' data.labels
not_taken coded.csv 'named "id": "P000"' 'pick the columns of numbers by `columns'
not_taken missing.csv 'row 8, column 2 (line 9): "NA" stands for a missing value'
not_taken empty.csv 'row 8, column 2 (line 9)' 'fill the value in'
not_taken european.csv '"0,000"' "'.' as decimal point"
not_taken fortran.npy 'Fortran order' ascontiguousarray
run data info iris.csv --columns width,1
verdict 'iris.csv: data info of picked columns' grep -qx 'numbers a row     2' out
refused 'iris.csv: data info of words' 3 'named "species"' data info iris.csv --columns length,species
refused 'iris.csv: data info says the option' 3 '--columns' data info iris.csv
refused 'iris.csv: data info of a near name' 3 'did you mean "length"' data info iris.csv --columns lenght
experiment named.csv normal
run train e.yaml -q -o run --epochs 1
refused '--data of the wrong width names its file' 3 './longs.npy: a row to test on has 1 number' \
  evaluate run --data x=./longs.npy
experiment ./missing.csv normal
refused 'a path without /./' 3 "$PWD/missing.csv: row 8" check e.yaml
finish
