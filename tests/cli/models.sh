#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a trained model is used for: encode, impute, sample given inputs, traverse; as npy, npz, pictures.
. "$(dirname "$0")/helper"

# shape FILE[:NAME]: the shape of an npy file or of a member of an npz, whose checksum must hold
cat >shape.py <<'END'
import ast, struct, sys, zipfile
path, _, name = sys.argv[1].partition(':')
if name:
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        data = z.read(name + '.npy')
else:
    data = open(path, 'rb').read()
n = struct.unpack('<H', data[8:10])[0]
head = ast.literal_eval(data[10:10 + n].decode())
count = 1
for d in head['shape']: count *= d
assert len(data) == 10 + n + 4 * count and head['descr'] == '<f4', head
print('x'.join(map(str, head['shape'])))
END
shape() { [ "$(python3 shape.py "$1")" = "$2" ]; }
# mask FILE SHAPE EXPRESSION of i: float32
mask() {
  python3 - "$@" <<'END'
import struct, sys
path, shape, rule = sys.argv[1:]
dims = tuple(map(int, shape.split('x')))
count = 1
for d in dims: count *= d
head = ("{'descr': '<f4', 'fortran_order': False, 'shape': %r, }" % (dims,)).ljust(117) + '\n'
values = [float(eval(rule)) for i in range(count)]
open(path, 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<%df' % count, *values))
END
}
holds() { python3 -c "import json; r = json.load(open('out')); assert $1, r"; }

run train tiny.yaml -q
run train plane.yaml -q -o plane

run encode runs/tiny
verdict 'encode: prints the path' [ "$status" = 0 -a "$(cat out)" = runs/tiny/encoded.npz ]
for row in z.loc:60x3 z.log_scale:60x3 z.scale:60x3 z.sample:60x3 labels:60; do
  verdict "encode: ${row%:*}" shape "runs/tiny/encoded.npz:${row%:*}" "${row#*:}"
done
run encode runs/tiny -n 7 -o e.npy -o e.svg -o e.npz --json
verdict 'encode: several files, JSON' holds \
  'r["paths"] == ["e.npy", "e.svg", "e.npz"] and r["rows"] == 7 and {"name": "z.loc", "shape": [7, 3]} in r["arrays"]'
verdict 'encode: npy' shape e.npy 7x3
verdict 'encode: a picture of points' grep -q '<circle\|<path' e.svg
verdict 'encode: JSON' is_json out
run encode runs/tiny -q -o again.npz -n 7
verdict 'encode: same seed, same bytes; quiet' [ ! -s out -a -z "$(cmp e.npz again.npz 2>&1)" ]
refused 'encode: an ending that is none of ours' 2 '.npz (parameters' encode runs/tiny -o e.jpg

mask left.npy 28x28 'i % 28 < 14'
run impute runs/tiny --mask left.npy -n 5 --iterations 6 -o i.png -o i.npy -o i.npz -o i.svg --json
verdict 'impute: JSON' holds \
  'r["rows"] == 5 and r["missing"] == 5 * 392 and len(r["error"]) == 7 and r["error_imputed"] < r["error"][0]'
verdict 'impute: npy' shape i.npy 5x28x28
for name in truth mask imputed chain; do verdict "impute: $name" shape "i.npz:$name" 5x784; done
verdict 'impute: error' shape i.npz:error 7
verdict 'impute: pictures' [ -s i.png -a -s i.svg ]
run impute runs/tiny --mask left.npy -n 5
verdict 'impute: text' [ "$status" = 0 -a "$(grep -c 'imputed' out)" = 2 ]
mask rows.npy 60x784 'i % 3 == 0'
run impute runs/tiny --mask rows.npy --iterations 2 -q
verdict 'impute: a mask for each row' [ "$status" = 0 -a ! -s out ]
refused 'impute: no mask' 2 --mask impute runs/tiny
mask wrong.npy 28x27 1
refused 'impute: a mask of another shape' 3 '28 x 27' impute runs/tiny --mask wrong.npy
mask few.npy 4x784 1
refused 'impute: too few rows' 3 '4 rows for 60' impute runs/tiny --mask few.npy
mask half.npy 784 'i / 784'
refused 'impute: neither 0 nor 1' 3 'index 1' impute runs/tiny --mask half.npy
refused 'impute: no such mask' 3 nothing.npy impute runs/tiny --mask nothing.npy

for command in sample reconstruct traverse; do
  run $command runs/tiny -o $command.npy
  verdict "$command: npy" [ "$status" = 0 -a -s $command.npy ]
done
verdict 'sample: npy of images' shape sample.npy 100x28x28
refused 'sample: no inputs to give' 2 'it has none' sample runs/tiny --given y=left.npy
printf '1,0.5\n2,0.1\n3,0.7\n4,0.2\n' >xy.csv
cut -d, -f1 xy.csv >y.csv
cat >conditional.yaml <<'END'
name: conditional
data: {x: {train: xy.csv}, y: {train: y.csv}}
model:
  p:
    z: {family: normal, size: 1}
    x: {family: normal, given: [z, y], net: {hidden: [4]}}
  q:
    z: {family: normal, given: [x, y], net: {hidden: [4]}}
train: {epochs: 1, batch_size: 2}
END
run train conditional.yaml -q
run sample runs/conditional --given y=y.csv -n 6 -o c.npy
verdict 'sample --given' [ "$status" = 0 -a "$(python3 shape.py c.npy)" = 6x2 ]
refused 'sample --given what is drawn' 2 'has a density' sample runs/conditional --given x=xy.csv
refused 'sample --given rows of another width' 3 '2 numbers' sample runs/conditional --given y=xy.csv

cat >layers.yaml <<'END'
name: layers
data: {x: {builtin: linear_gaussian, rows: 100, test_rows: 20}}
model:
  p:
    z2: {family: normal, size: 2}
    z1: {family: normal, size: 4, given: z2, net: {hidden: []}}
    x: {family: normal, given: z1, net: {hidden: []}, scale: 1}
  q:
    z1: {family: normal, given: x, net: {hidden: []}}
    z2: {family: normal, given: z1, net: {hidden: []}}
train: {epochs: 1, batch_size: 50}
END
run train layers.yaml -q
run traverse runs/layers --side 4 -o top.npy
verdict 'traverse: the top latent' [ "$status" = 0 -a "$(python3 shape.py top.npy)" = 16x5 ]
run traverse runs/layers --side 4 --latent z2 -o named.npy
verdict 'traverse --latent: the same by name' cmp -s top.npy named.npy
run traverse runs/layers --side 4 --latent z1 --latents 1,3 -o below.npy
verdict 'traverse --latent: another' [ "$status" = 0 -a "$(cmp -s top.npy below.npy; echo $?)" = 1 ]
refused 'traverse --latent: unknown' 2 '"z2"' traverse runs/layers --latent z3
refused 'traverse --latents beyond it' 2 '0 to 1' traverse runs/layers --latent z2 --latents 0,2

# One event of three numbers: KL is of the event, active are numbers.
run train tiny.yaml -q -o vector --epochs 1 --set 'model.p.z={family: multivariate_normal, size: 1, dim: 3}' --set model.q.z.family=multivariate_normal
run evaluate vector --samples 0
verdict 'evaluate: active units are counted among the numbers' grep -q '^active units *[0-3] of 3$' out
verdict 'evaluate: a KL for each event' grep -q '^KL per latent *[0-9.]*$' out
# ---- a signal: encode leaves nothing
cat >wide.yaml <<'END'
name: wide
data: {x: {builtin: pinwheel, rows: 50, test_rows: 10}}
model:
  p: {z: {family: normal, size: 2}, x: {family: normal, given: z, net: {hidden: [9]}}}
  q: {z: {family: normal, given: x, net: {hidden: [400, 400]}}}
train: {epochs: 1, batch_size: 50}
END
run train wide.yaml -q -o wide
python3 - <<'END'
with open('many.npy', 'wb') as f:
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 2), }"
    f.write(b'\x93NUMPY\1\0\x76\0' + head.ljust(117).encode() + b'\n' + bytes(8000000))
END
for row in INT:130 TERM:143; do
  status=0
  timeout --preserve-status -s "${row%:*}" 1 \
    "$ELBO" encode wide --data x=many.npy -o never.npz --threads 1 >out 2>err || status=$?
  verdict "encode: stopped by SIG${row%:*}" [ "$status" = "${row#*:}" ]
  verdict 'encode: leaves nothing' [ ! -s out -a -z "$(find . -name '*never*')" ]
done

finish
