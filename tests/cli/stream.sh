#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows that stay in their files: the same bits with any number of threads and resumed, the figures of
# memory, bounded memory, and what is said where rows can't stay.
. "$(dirname "$0")/helper"

# An IDX file of 28 x 28 images, sparse but for every 64th; npy files of two numbers a row, f4 and >f8.
cat >make.py <<'END'
import random, struct, sys
path, rows = sys.argv[1], int(sys.argv[2])
r = random.Random(rows)
with open(path, 'wb') as f:
    if path.endswith('.idx'):
        f.write(struct.pack('>BBBBIII', 0, 0, 8, 3, rows, 28, 28))
        f.truncate(16 + rows * 784)
        for i in range(0, rows, 64):
            f.seek(16 + i * 784)
            f.write(bytes(r.randrange(256) for _ in range(784)))
    else:
        descr = '>f8' if 'big' in path else '<f4'
        f.write(b'\x93NUMPY\1\0\x76\0' + ("{'descr': '%s', 'fortran_order': False, 'shape': (%d, 2), }" % (descr, rows)).ljust(117).encode() + b'\n')
        for _ in range(rows):
            f.write(struct.pack(descr[0] + ('2d' if 'f8' in descr else '2f'), r.gauss(3, 2), r.gauss(-1, 1)))
END
for f in 'x.idx 3000' 'test.idx 700' 'y.npy 3000' 'testy.npy 700' 'ybig.npy 3000'; do python3 make.py $f; done

cat >e.yaml <<'END'
data:
  x: {train: x.idx, test: test.idx, prepare: {scale: 255, binarize: dynamic}}
  y: {train: y.npy, test: testy.npy, prepare: {standardize: true}}
  validate: 0.1
  stream: {buffer: 500}
model:
  p:
    z: {family: normal, size: 2}
    x: {family: bernoulli, given: z, net: {hidden: [4]}}
    y: {family: normal, given: z, net: {hidden: [4]}}
  q:
    z: {family: normal, given: [x, y], net: {hidden: [4]}}
train: {epochs: 2, batch_size: 70, checkpoint_every: 17}
END

# ---- the same bits
for n in 1 2 3; do run train e.yaml -q --threads $n -o t$n; done
verdict 'threads: the same bits' same_tensors t1/checkpoint.safetensors t2/checkpoint.safetensors
verdict 'three threads: the same bits' same_tensors t1/checkpoint.safetensors t3/checkpoint.safetensors
run train e.yaml -q -o parts --epochs 1
run train e.yaml -q -o parts --epochs 2 --resume
verdict 'resumed: the same bits' same_tensors t1/checkpoint.safetensors parts/checkpoint.safetensors
run train e.yaml -q -o other --set data.y.train=ybig.npy
verdict 'big-endian doubles' [ "$status" = 0 ]

# ---- a buffer that holds every row is memory
run train e.yaml -q -o memory --set data.stream=false
run train e.yaml -q -o wide --set 'data.stream={buffer: 3000}'
verdict 'a buffer as large as the data: the bits of memory' same_tensors memory/checkpoint.safetensors wide/checkpoint.safetensors
if cmp -s t1/checkpoint.safetensors memory/checkpoint.safetensors; then fail 'the order is another one'; else ok 'the order is another one'; fi

# ---- what is made of a run reads files in order, so that its figures are those of memory
python3 - <<'END'
with open('mask.npy', 'wb') as f:
    f.write(b'\x93NUMPY\1\0\x76\0' + "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 784), }".ljust(117).encode() + b'\n')
    f.write(bytes(i % 2 for i in range(784)))
END
from_memory() {
  sed -i.kept 's/^  stream:.*/  stream: false/; /^    buffer:/d' t1/experiment.yaml
  run "$@"
  mv t1/experiment.yaml.kept t1/experiment.yaml
}
same_figures() {
  sub=$1
  shift
  run "$sub" t1 "$@" && mv out streamed
  [ "$sub" = evaluate ] || mv a.npy streamed
  from_memory "$sub" t1 "$@"
  [ "$sub" = evaluate ] || mv a.npy out
  verdict "$sub: as from memory" [ "$status" = 0 ]
  verdict "$sub: the same bytes" cmp streamed out
}
same_figures evaluate --samples 5 --json
same_figures reconstruct -n 600 -o a.npy
same_figures encode -o a.npy
same_figures impute --mask mask.npy -n 20 --iterations 3 -o a.npy

# ---- the plan, the list of keys, and what is refused
run check e.yaml
verdict 'the plan says that rows stay' grep -q 'rows stay in the file' out
verdict 'the plan says how many are held' grep -q '^stream: 500 rows in memory' out
verdict 'how long the pass took' grep -q 'looked through' err
run check e.yaml --set data.stream=auto
verdict 'auto: small files are read' sh -c '! grep -q "rows stay" out'
verdict 'the decision is written out' grep -q 'buffer: 500' t1/experiment.yaml
gzip -k x.idx
gzip -k y.npy
gzip -k testy.npy
refused 'gzipped files' 2 'uncompressed idx and npy' check e.yaml --set data.x.train=x.idx.gz --set data.y.train=y.npy.gz \
  --set data.x.test=x.idx.gz --set data.y.test=y.npy.gz
run check e.yaml --set data.y.train=y.npy.gz --set data.y.test=testy.npy.gz
verdict 'one of two gzipped: that one is read' sh -c 'test "$(grep -c "rows stay" out)" = 1'
refused 'a buffer below two batches' 2 'at least twice' check e.yaml --set 'data.stream={buffer: 90}'
refused 'another word' 2 'auto, true, false or a mapping' check e.yaml --set data.stream=yes
run data info x.idx --json
verdict 'data info' grep -q '"rows": *3000' out

run bench load e.yaml
verdict 'bench load: rows that stay are not said to be in memory' \
  sh -c 'grep -q "MB that stay in their file" out && ! grep -q "in memory" out'
run bench load e.yaml --set data.stream=false
verdict 'bench load: rows that are read' grep -q 'MB in memory' out

# ---- memory: 240 MB of rows through 8 MB
python3 make.py large.idx 300000
cat >peak.py <<'END'
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
print(status, peak)
sys.exit(status != 0 or peak > int(sys.argv[1]))
END
sed '/  y:/d; s/given: \[x, y\]/given: x/; /validate/d; s/x.idx/large.idx/; s/buffer: 500/buffer: 10000/; s/epochs: 2, batch_size: 70/epochs: 1, batch_size: 500/' e.yaml >large.yaml
bounded 'peak memory of 240 MB streamed' python3 peak.py 60 timeout 120 "$ELBO" train large.yaml -q -o large --threads 1
bounded 'peak memory of data info' python3 peak.py 30 timeout 60 "$ELBO" data info large.idx

# ---- the same guard for what is read: 60 000 gzipped images are 47 MB of bytes, never of floats
python3 make.py packed.idx 60000
gzip -1 packed.idx
sed 's/large.idx/packed.idx.gz/; /stream:/d' large.yaml >packed.yaml
bounded 'peak memory of 60 000 gzipped images' python3 peak.py 80 timeout 60 "$ELBO" check packed.yaml
finish
