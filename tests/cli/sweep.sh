#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A grid of experiments: refused before the first step, gone on with, stopped, failed in part; its table.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/helper"

run sweep tiny.yaml -o s --vary model.q.z.family=normal,zork,laplace --vary seed=1,2
verdict 'a refused cell: status 2, each reason once, nothing trained' [ "$status" = 2 -a "$(grep -c '^model.q.z.family=zork,seed=1 and 1 more: ' err)" = 1 -a ! -e s ]
run sweep tiny.yaml -o s --vary model.q.z.family=normal,laplace --vary seed=1,2 --dry-run
verdict '--dry-run: the grid, the last key fastest, nothing written' [ "$status" = 0 -a "$(cut -d' ' -f1 out | tr '\n' ' ')" = \
  'model.q.z.family=normal,seed=1 model.q.z.family=normal,seed=2 model.q.z.family=laplace,seed=1 model.q.z.family=laplace,seed=2 ' -a ! -e s ]

run sweep tiny.yaml -o s --vary model.q.z.family=normal,laplace --vary seed=1,2 --samples 20 --jobs 2
verdict 'a sweep: status 0, one line a cell, a table, a report' [ "$status" = 0 -a "$(grep -c '^\[' out)" = 4 -a -s s/report.html -a -s s/sweep.csv ]
run train tiny.yaml -q -o alone --set model.q.z.family=laplace --set seed=2 --set 'name="model.q.z.family=laplace,seed=2"'
verdict 'a cell is an ordinary run: the bits of train' same_tensors alone/checkpoint.safetensors s/model.q.z.family=laplace,seed=2/checkpoint.safetensors
run evaluate s/model.q.z.family=laplace,seed=2 --samples 20 --json
cat >check.py <<'ENDPY'
import csv, json
sweep, evaluated = json.load(open('s/sweep.json')), json.load(open('out'))
cells = {c['name']: c for c in sweep['cells']}
last = cells['model.q.z.family=laplace,seed=2']
assert last['elbo'] == evaluated['elbo']['mean'] and last['log_likelihood'] == evaluated['log_likelihood']['mean'], (last, evaluated)
for row in sweep['rows']:
    two = [c['elbo'] for c in sweep['cells'] if row['settings'][0] in c['settings']]
    assert len(two) == row['done'] == 2
    assert abs(row['elbo']['mean'] - sum(two) / 2) < 1e-9
    assert abs(row['elbo']['se'] - abs(two[0] - two[1]) / 2) < 1e-9  # sqrt(((d/2)^2 * 2 / 1) / 2), d the difference
means = [row['elbo']['mean'] for row in sweep['rows']]
assert means == sorted(means, reverse=True)
table = list(csv.DictReader(open('s/sweep.csv')))
assert [float(r['elbo']) for r in table] == means and table[0]['model.q.z.family'] in ('normal', 'laplace'), table
ENDPY
verdict 'figures are those of evaluate; means, standard errors, order' python3 check.py

run sweep tiny.yaml -o s --vary model.q.z.family=normal,laplace --vary seed=1,2,3 --samples 20
verdict 'a second call trains what is new alone' [ "$status" = 0 -a "$(grep -c '^\[' out)" = 2 -a "$(grep -c 'seed=3 ' out)" = 2 ]
run sweep tiny.yaml -o s --vary optimizer.learning_rate=0.01,1e30 --json
verdict 'a cell that fails: status 1, the other is done' [ "$status" = 1 ]
verdict 'its reason and status stand in the table' python3 -c "
import json
c = json.load(open('out'))['cells']
assert [x['state'] for x in c] == ['done', 'failed'] and c[1]['status'] == 6 and 'its value is inf' in c[1]['reason'], c"
run sweep tiny.yaml -o k --vary model.q.z.family=zork,normal --keep-going -q
verdict '--keep-going: the others are trained, status 1' [ "$status" = 1 -a "$(grep -c '^refused model.q.z.family=zork, status 2' out)" = 1 -a -d k/model.q.z.family=normal ]
run sweep tiny.yaml -o y --vary 'model.q.z.net={hidden: [3, 4]}, {hidden: []}' -n --json
verdict 'values with commas in brackets' python3 -c "
import json
c = json.load(open('out'))['cells']
assert [x['settings'] for x in c] == [['model.q.z.net={hidden: [3, 4]}'], ['model.q.z.net={hidden: []}']], c
assert c[0]['name'] != c[1]['name'] and not set(' {}[]:') & set(c[0]['name'])"

"$ELBO" sweep tiny.yaml -o stopped --vary seed=1,2,3 --jobs 2 --epochs 100000 >out 2>err &
pid=$!
i=0
while [ ! -s stopped/seed=2/checkpoint.safetensors ] && [ $i -lt 200 ]; do sleep 0.1; i=$((i + 1)); done
kill -INT $pid
wait $pid
status=$?
verdict 'an interrupt: 130, what was begun is saved' [ "$status" = 130 -a -s stopped/seed=1/checkpoint.safetensors -a ! -e stopped/seed=3 ]
run sweep tiny.yaml -o s --vary seed=1 --vary seed=2
verdict 'a key twice: status 2' [ "$status" = 2 -a "$(grep -c 'varied twice' err)" = 1 ]
run sweep tiny.yaml -o s --vary seed=1,1
verdict 'a value twice: status 2' [ "$status" = 2 -a "$(grep -c 'stands there twice' err)" = 1 ]
run sweep tiny.yaml -o s --vary seed=1,,2
verdict 'an empty value: status 2' [ "$status" = 2 -a "$(grep -c 'value 2 is empty' err)" = 1 ]
run sweep tiny.yaml -o s --vary seed
verdict 'no values: status 2' [ "$status" = 2 -a "$(grep -c 'expected KEY=V1,V2' err)" = 1 ]
run sweep none.yaml -o s --vary seed=1,2
verdict 'no experiment: one reason, no advice that leads nowhere' [ "$status" = 2 -a "$(grep -c none.yaml err)" = 1 -a "$(grep -c keep-going err)" = 0 ]
mkdir other && echo '{}' >other/sweep.json
run sweep tiny.yaml -o other --vary seed=1,2
verdict 'a sweep.json that is none: status 4' [ "$status" = 4 ]
finish
