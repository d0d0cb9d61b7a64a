#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An exported model, compiled strictly as C and as C++, gives what the program gives.
. "$(dirname "$0")/helper"
python3 -c "
import math
for i in range(40): print('%.5f,%.5f,%.5f' % (3 + math.sin(i), 10 * math.cos(3 * i), math.sin(2 * i) * math.cos(i)))" >x.csv
cat >shapes.yaml <<'END'
name: some-shapes
data: {x: {train: x.csv, prepare: {scale: 2, clip: [-4, 4], standardize: true}}}
model:
  p:
    z: {family: von_mises, size: 2}
    c: {family: categorical, size: 2, dim: 3}
    x: {family: normal, given: [z, c], net: {hidden: [5, 4], activation: gelu}, scale: {share: event}}
  q:
    z: {family: von_mises, given: x, net: {hidden: [6], activation: elu}}
    c: {family: categorical, given: [z, x], net: {hidden: []}}
estimator: {name: score}
train: {epochs: 2, batch_size: 10}
END
run train shapes.yaml -q -o run
verdict 'trained' [ "$status" = 0 ]
run encode run -n 9 -o codes.npz
run reconstruct run -n 9 -o pairs.npy
run export run --c model --npz weights.npz --json
verdict 'export: JSON' python3 -c "import json; assert json.load(open('out'))['paths'] == ['model', 'weights.npz']"
verdict 'export: files' [ -s model/some_shapes.h -a -s model/some_shapes.c -a -s model/some_shapes_weights.c ]
run export run --c model -q
verdict 'export: again into its own folder' [ "$status" = 0 ]
# another name that is the same one in C
cp -r run other && sed -i 's/^name: .*/name: "some_shapes"/' other/experiment.yaml
before=$(cksum <model/some_shapes.h)
run export other --c model
verdict 'export: the files of another run are left alone' [ "$status" = 7 -a "$before" = "$(cksum <model/some_shapes.h)" ]
verdict 'export: and what to do is said' grep -q 'model/some_shapes.h: .*choose another folder or name' err
run export other --c model2 -q
verdict 'export: another folder takes it' [ "$status" = 0 ]
run export other --c model --name second -q
verdict 'export: and so does another name' [ "$status" = 0 -a -s model/second_weights.c ]
rm -f model/second*
refused 'export: a name that C has not' 2 'letters, digits and _' export run --c model --name a-b
refused 'export: a name, and nothing to be called so' 2 '--c DIR' export run --npz w.npz --name b
cat >main.c <<'END'
#include "some_shapes.h"
#include <stdio.h>
/* Raw x, z and c on each line of input; prepared x and every parameter on each line of output. */
static void show(const float *x, int n)
{
  for (int i = 0; i < n; i++) printf("%.9g ", (double)x[i]);
}
int main(void)
{
  float raw[3], z[2], c[2], x[3], loc[2], log_concentration[2], logits[6], mean[3], log_scale[3];
  while (scanf("%f%f%f%f%f%f%f", raw, raw + 1, raw + 2, z, z + 1, c, c + 1) == 7) {
    some_shapes_prepare_x(raw, x);
    some_shapes_q_z(x, loc, log_concentration);
    some_shapes_q_c(z, x, logits);
    some_shapes_p_x(z, c, mean, log_scale);
    show(x, 3), show(loc, 2), show(log_concentration, 2), show(logits, 6), show(mean, 3);
    puts("");
  }
  return 0;
}
END
cat >agree.py <<'END'
import ast, struct, subprocess, sys, zipfile
def npy(data):
    n = struct.unpack('<H', data[8:10])[0]
    shape = ast.literal_eval(data[10:10 + n].decode())['shape']
    values = struct.unpack('<%df' % ((len(data) - 10 - n) // 4), data[10 + n:])
    wide = len(values) // shape[0]
    return [values[i * wide:(i + 1) * wide] for i in range(shape[0])]
z = zipfile.ZipFile('codes.npz')
codes = {n[:-4]: npy(z.read(n)) for n in z.namelist()}
pairs = npy(open('pairs.npy', 'rb').read())
raw = [line.split(',') for line in open('x.csv')]
feed = ''.join(' '.join([*(v.strip() for v in raw[i]), *map(repr, codes['z.sample'][i]), *map(repr, codes['c.sample'][i])]) + '\n' for i in range(9))
out = subprocess.run([sys.argv[1]], input=feed, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
worst = 0
for i in range(9):
    got = list(map(float, out[i].split()))
    want = [*pairs[2 * i], *codes['z.loc'][i], *codes['z.log_concentration'][i], *codes['c.logits'][i], *pairs[2 * i + 1]]
    assert len(got) == len(want), (got, want)
    worst = max([worst] + [abs(g - w) / max(1, abs(w)) for g, w in zip(got, want)])
print('largest difference', worst)
sys.exit(worst > 1e-6)
END
strict='-O2 -Wall -Wextra -pedantic -Werror -Imodel'
# shellcheck disable=SC2086 # flags are words
cc -std=c11 $strict -o as_c main.c model/*.c -lm 2>&1
verdict 'export: strict C11' [ -x as_c ]
verdict 'export: agrees with the program to 1e-6' python3 agree.py ./as_c
sed 's/0\.5 \* x/0.5001 * x/' model/some_shapes.c >off.c
# shellcheck disable=SC2086
cc -std=c11 $strict -o off main.c off.c model/some_shapes_weights.c -lm
verdict 'export: a difference of 1e-4 in one function is seen' [ "$(python3 agree.py ./off >out; echo $?)" = 1 ]
# two models in one program
run export other --c two --name second -q
# shellcheck disable=SC2086
verdict 'export: two in one program' cc -std=c11 $strict -Itwo -include second.h -o both main.c model/*.c two/*.c -lm
if command -v c++ >/dev/null; then
  # shellcheck disable=SC2086
  c++ -x c++ $strict -o as_cpp main.c model/*.c -lm 2>&1
  verdict 'export: strict C++, the same numbers' python3 agree.py ./as_cpp
fi
cat >names.py <<'END'
import zipfile
z = zipfile.ZipFile('weights.npz')
assert z.testzip() is None
names = {n[:-4] for n in z.namelist()}
assert {'q.z.net.0.weight', 'q.c.head.logits.bias', 'p.x.head.loc.weight', 'prepare.x.mean', 'prepare.x.scale'} <= names, names
END
verdict 'export: weights by name' python3 names.py
refused 'export: nothing asked for' 2 '--c DIR' export run
refused 'export: an ending that is none of ours' 2 .npz export run --npz weights.npy
refused 'export: a folder that is a file' 7 x.csv export run --c x.csv
finish
