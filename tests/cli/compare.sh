#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# elbo compare: what it prints and leaves, and what it refuses; elbo evaluate --rows-out.
. "$(dirname "$0")/helper"

run compare tiny.yaml --estimators sgvb_a,sgvb_b,stl,enumerate --repeats 40 --rows 10 -o made
verdict 'compare: status 0, nothing on standard error' [ "$status" = 0 -a ! -s err ]
verdict 'compare: a line for each' [ "$(grep -c '^sgvb_a\|^sgvb_b\|^stl' out)" = 3 ]
verdict 'compare: how many gradients, and the snr of noise' grep -q '^40 gradients each; snr of noise alone: 0.13' out
verdict 'compare: what does not apply stands there with its reason' grep -q '^enumerate.*does not apply: ' out
for file in compare.json compare.csv compare.svg; do verdict "compare: $file" [ -s "made/$file" ]; done
verdict 'compare: no picture of trainings without --train' [ ! -e made/compare_train.svg ]
run compare tiny.yaml --estimators sgvb_a,enumerate --samples 1,3 --repeats 20 --rows 10 --train 1 -o both --json
cat >keys.py <<'END'
import csv, json, sys
wanted = ('estimator objective samples group mean_norm variance variance_se snr bias bias_chance verdict '
          'ms_per_gradient ms_se work_variance work_variance_se noise reason').split()
printed, written = json.load(open('out')), json.load(open('both/compare.json'))
assert len(printed['rows']) == len(written['rows']) == len(list(csv.DictReader(open('both/compare.csv'))))
for rows in printed['rows'], written['rows']:
    for row in rows:
        assert all(key in row for key in wanted), row
        if row['estimator'] == 'enumerate':
            assert row['reason'] and row['variance'] is None and row['verdict'] is None, row
        else:
            assert row['reason'] is None and row['variance'] > 0 and row['objective'] == 'elbo', row
            assert row['verdict'] in ('unbiased', 'biased', 'cannot tell'), row
    assert {row['samples'] for row in rows if row['estimator'] == 'sgvb_a'} == {1, 3}
    assert {'all', 'p', 'q', 'q.z.net'} <= {row['group'] for row in rows}
assert [curve['label'] for curve in printed['curves']] == [curve['label'] for curve in written['curves']]
assert printed == written and printed['repeats'] == 20
assert all(curve['steps'] > 0 for curve in printed['curves'])
assert len(printed['curves']) == 2 and all(curve['elbo'] for curve in printed['curves'])
END
verdict 'compare --json: the keys, here and in compare.json' python3 keys.py
verdict 'compare --train: the picture' [ -s both/compare_train.svg ]
run compare tiny.yaml --estimators score_loo --samples 2 --repeats 20 --rows 10 --reparam location_scale,inverse_cdf
verdict 'compare --reparam: a road does not matter where there is none' [ "$(grep -c '^score_loo  *2 ' out)" = 1 ]
run compare tiny.yaml --estimators score_loo,sgvb_a --samples 2 --repeats 20 --rows 10 --reparam location_scale,inverse_cdf -v
verdict 'compare -v: the groups below their estimator' grep -q '^  q\.z\.net  *2 elbo' out
verdict 'compare -v: what a bias is against' grep -q '^  bias against ' out
verdict 'compare: the columns stand below each other' [ "$(grep -o '^.* elbo ' out | awk '{ print length }' | sort -u | wc -l)" = 1 ]
verdict 'compare -v: 120 columns are enough for a road and for groups' [ "$(awk '{ print length }' out | sort -n | tail -1)" -le 120 ]
run compare tiny.yaml --samples 1,3 --repeats 20 --rows 10
verdict 'compare: the table of all fits 100 columns' [ "$(awk '{ print length }' out | sort -n | tail -1)" = 100 ]
verdict 'compare: why one does not apply is said once, below the table' \
  [ "$(grep -c '^enumerate (K 1) does not apply: \|^concrete (K 1,3) does not apply: ' out)" = 2 ]
cat >table.py <<'END'
import re
lines = open('out').read().split('\n')
table = lines[:next(i for i, line in enumerate(lines) if 'gradients each' in line)]
ends = [m.end() for m in re.finditer(r'\bK|\|mean\||variance|\+-|snr|bias|chance|(?<!x )ms|var x ms', table[0])]
assert len(ends) == 9 and len(table) > 15 and len({len(line) for line in table}) == 1, table
for line in table[1:]:
    assert all(line[e - 1] != ' ' and line[e:e + 1] in ('', ' ') for e in ends), line
    assert not re.search(r'\de[+]|\de-?0', line), line
END
verdict 'compare: every number stands in its column' python3 table.py

run compare tiny.yaml --estimators score_loo,sgvb_a,iwae --samples 2 --repeats 20 --rows 10 \
  --set estimator.noise=antithetic --set estimator.samples=2 --json
verdict 'compare: who refuses the noise gets iid, and says so' python3 -c '
import json
rows = json.load(open("out"))["rows"]
got = {row["estimator"]: row["noise"] for row in rows}
assert got == {"score_loo": "iid", "sgvb_a": "antithetic", "iwae": "iid"}, got'
run compare tiny.yaml --estimators score_loo,vimco --samples 1,1 --repeats 20 --rows 10
verdict 'compare: one line for a reason' [ "$(grep -c '^score_loo.*does not apply' out)" = 1 ]
printf 'name: e\ndata: {x: {train: bits.csv}}\nmodel:\n  p:\n    z: {family: bernoulli, size: 2}\n    x: {family: bernoulli, given: z, net: {hidden: []}}\n  q:\n    z: {family: bernoulli, given: x, net: {hidden: []}}\nestimator: score\ntrain: {batch_size: 4}\n' >bits.yaml
printf '0,1\n1,1\n1,0\n0,1\n' >bits.csv
run compare bits.yaml --estimators enumerate,score --repeats 20 --rows 4 -o bits
verdict 'compare.svg: the exact sum has its row' grep -q 'enumerate, K 4: variance 0' bits/compare.svg

refused 'compare: an empty entry' 2 'entry 2 of "1,,4" is empty' compare tiny.yaml --samples 1,,4
refused 'compare: an empty entry at the end' 2 'entry 2 of "sgvb_a," is empty' compare tiny.yaml --estimators sgvb_a,
refused 'compare: unknown estimator' 2 'did you mean "sgvb_a"' compare tiny.yaml --estimators sgvba
refused 'compare: all known estimators' 2 '"foo"; known: sgvb_a, sgvb_b, stl,' compare tiny.yaml --estimators foo
refused 'compare: unknown road' 2 'did you mean `inverse_cdf`' compare tiny.yaml --reparam location_scale,inverse_cfd
refused 'compare: unknown road, with no estimator that takes one' 2 'no reparametrizer is called `bogus`' \
  compare tiny.yaml --reparam bogus --estimators score_loo
refused 'compare: too many rows' 2 'give `--rows`' compare tiny.yaml --rows 201
refused 'compare: no samples' 2 'whole numbers' compare tiny.yaml --samples 0
refused 'compare: no such run' 4 'nowhere' compare tiny.yaml --from nowhere

run train tiny.yaml -q
run evaluate runs/tiny --samples 40 --rows-out rows.npy --json
verdict 'evaluate: the keys' has_keys out ess khat khat_heavy
verdict 'evaluate --rows-out: a line for each row' python3 -c 'assert b"(60, 6)" in open("rows.npy", "rb").read(128)'
finish
