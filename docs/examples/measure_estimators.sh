#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Measures the tables and pictures of docs/estimators.md anew; from the root of the tree. REPEATS: gradients each.
set -e
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
some=sgvb_a,sgvb_b,stl,score,score_loo,iwae,iwae_stl,dreg,vimco
compare="build/elbo compare docs/examples/compare_mnist.yaml --estimators $some --repeats ${REPEATS:-60}"
$compare -o "$made/start" -q
build/elbo train docs/examples/mnist.yaml --epochs 1 -o "$made/run" -q
$compare --from "$made/run" -o "$made/trained" -q
for when in start trained; do cp "$made/$when/compare.svg" "docs/pictures/compare-mnist-$when.svg"; done
python3 - "$made" <<'END'
import json, re, sys
def line(row):
    number = lambda key, digits: format(row[key], f'.{digits}g') if row[key] is not None else '-'
    return (f"| `{row['estimator']}` | {row['objective']} | {number('mean_norm', 4)} | "
            f"{number('variance', 4)} +- {number('variance_se', 2)} | {number('snr', 3)} | "
            f"{number('bias', 3)} ({number('bias_chance', 3)}) | {row['verdict']} | "
            f"{number('ms_per_gradient', 3)} +- {number('ms_se', 1)} | {number('work_variance', 3)} |\n")
page = open('docs/estimators.md').read()
for when in 'start', 'trained':
    rows = json.load(open(f'{sys.argv[1]}/{when}/compare.json'))['rows']
    lines = ''.join(line(row) for row in rows if row['group'] == 'all' and not row['reason'])
    pattern = rf'(<!-- table {when} -->\n(?:\|.*\n){{2}})(?:\|.*\n)*(<!-- end -->)'
    page, found = re.subn(pattern, lambda m: m[1] + lines + m[2], page)
    assert found == 1, when
open('docs/estimators.md', 'w').write(page)
END
