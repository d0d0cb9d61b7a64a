#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The page on runs: whole, well-formed, self-contained, with the numbers of evaluate, whatever the names are.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/helper"

run train tiny.yaml -q -o one --set train.log_every=1
run train plane.yaml -q -o plane
bad='<script>alert(1)</script>&"x'"'"
run train tiny.yaml -q -o "$bad" --set "name='<img src=x onerror=alert(2)>'" --set seed=2 --set model.q.z.family=laplace
run train tiny.yaml -q -o grey --set 'data.x.prepare={scale: 255}' --set model.p.x.improper=allow --epochs 1
run compare tiny.yaml --from one -o one --repeats 20 --estimators sgvb_a,sgvb_b,disarm
verdict 'trained' [ -s one/compare.json -a -s plane/summary.json -a -s "$bad/summary.json" -a -s grey/summary.json ]

run report one --samples 30
verdict 'report: status 0, prints the path' [ "$status" = 0 -a "$(cat out)" = one/report.html -a ! -s err ]
verdict 'report: whole and well-formed, every section' python3 "$here/page.py" one/report.html training run-1 plan-1 figures-1 \
  audit-1 units-1 samples-1 reconstructions-1 manifold-1 view-1 estimators-1 again-1 by-epoch by-step by-seconds
cp one/report.html first.html
echo old >one/report.html
run report one --samples 30 -q --threads 1
verdict 'report --quiet: silent' [ "$status" = 0 -a ! -s out -a ! -s err ]
verdict 'report: what is there is replaced; the same bytes with any number of threads' cmp one/report.html first.html

# The numbers are those of evaluate: of two programs over one library, one could round or mix them up.
cat >same.py <<'ENDPY'
import json
report, evaluated = json.load(open('report.json')), json.load(open('evaluated.json'))
first = report['runs'][0]
wrong = [key for key in evaluated if first[key] != evaluated[key]]
page = open('three.html').read()
shown = '\u2212%.2f <span class="se">\u00b1 %.2f</span>' % (-evaluated['elbo']['mean'], evaluated['elbo']['se'])
assert not wrong, wrong
assert page.count(shown) == 2, (shown, page.count(shown))  # in its own table and side by side
differ = {d['key']: d['values'] for d in report['differences']}
assert differ['seed'] == ['1', '2', '1'] and differ['model.q.z.family'] == ['normal', 'laplace', 'normal'], differ
assert differ['train.log_every'] == ['1', None, None] and 'train.batch_size' not in differ, differ
assert all('<th scope="row">%s</th>' % key in page for key in differ)
assert '<script>alert' not in page and '<img src=x' not in page and page.count('&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;x') > 3
ENDPY
run report one "$bad" grey --samples 30 -o three.html --json
cp out report.json
"$ELBO" evaluate one --samples 30 --json >evaluated.json
verdict 'report: three runs, hostile names: well-formed' python3 "$here/page.py" three.html side-by-side differences run-3 view-3
verdict 'report: the numbers of evaluate, what differs, names as text' python3 same.py
verdict 'report: not a density, at every number' python3 - <<'ENDPY'
import re
page = open('three.html').read()
grey = page[page.index('id="run-3"'):]
figures = re.search(r'id="figures-3".*?</table>', grey, re.S)[0]
cells = re.findall(r'<td class="n">(.*?)</td>', figures)
assert len(cells) > 5 and all('not a density' in c for c in cells if any(d.isdigit() for d in c)), cells
units = re.findall(r'<td class="n">(.*?)</td>', re.search(r'id="units-3".*?</table>', grey, re.S)[0])
assert units and all('not a density' in c for c in units), units
assert 'not a density' in grey[grey.index('id="audit-3"'):grey.index('id="samples-3"')]
one = page[page.index('id="run-1"'):page.index('id="run-2"')]
assert 'not a density' not in one
row = re.search(r'<tr><th scope="row"><a href="#run-3">.*?</tr>', page, re.S)[0]
assert row.count('not a density') >= 7, row
assert 'grey, test (not a density)' in page and 'The likelihoods differ' in page
ENDPY
run report plane -o plane.html
verdict 'report: data that are no images: columns, points' python3 "$here/page.py" plane.html samples-1 view-1 figures-1
verdict 'report: columns of data and draws' grep -q 'column 0 and column 1, of data and of draws' plane.html
python3 -c "
import math
print('kind,<b>&length,width')
for i in range(60): print('oak,%.3f,%.3f' % (math.sin(i), math.cos(3 * i)))" >tree.csv
sed "s/{builtin[^}]*}/{train: tree.csv, columns: [width, '<b>\&length']}/" plane.yaml >tree.yaml
run train tree.yaml -q -o tree
run report tree -o tree.html --samples 0
verdict 'report: columns by name' python3 "$here/page.py" tree.html samples-1
verdict 'report: their names as text' [ "$(grep -c '<b>' tree.html)$(grep -c 'width and &lt;b&gt;&amp;length, of data' tree.html)" = 01 ]

# Files beside the run that anyone may have written; a run that has not ended.
cp -r one odd
printf '{"rows":[1,{"group":"all","estimator":"<b>","variance":"x"},{"group":7}],"curves":[{"label":3},{"label":"<i>","seconds":[1,2],"elbo":[1,null]}]}' >odd/compare.json
printf '{"versions":"{\\"elbo\\":\\"<u>\\"}"}' >odd/summary.json
printf 'no JSON\n{"epoch":1}\n' >>odd/metrics.jsonl
run report odd -o odd.html --samples 0
verdict 'report: strange files are shown as far as they go' python3 "$here/page.py" odd.html estimators-1
verdict 'report: their words as text' [ "$(grep -c '<b>\|<i>\|<u>' odd.html)" = 0 ]
verdict 'report: lines that can not be read are told' grep -q 'lines in metrics.jsonl' odd.html
printf '{' >odd/compare.json
rm odd/summary.json odd/metrics.jsonl
run report odd -o odd.html --samples 0
verdict 'report: without metrics and summary' python3 "$here/page.py" odd.html estimators-1 again-1
verdict 'report: says what is missing' grep -q 'has no metrics.jsonl' odd.html
verdict 'report: no samples, no log p(x)' [ "$(grep -c 'log p(x) <span' odd.html)" = 0 ]

refused 'report: no such run' 2 'nowhere: no such directory' report one nowhere -o no.html --samples 0
refused 'report: no run' 2 'RUN...' report
refused 'report: a folder that is not there' 7 none/ report one -o none/r.html
verdict 'report: nothing is left of one that failed' [ ! -e no.html -a ! -e none ]
cat >interrupt.py <<'ENDPY'
import os, signal, subprocess, sys, time
before = open('one/report.html').read()
p = subprocess.Popen([sys.argv[1], 'report', 'one', '--samples', '1000000'], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
time.sleep(1)
p.send_signal(signal.SIGINT)
out, err = p.communicate(timeout=50)
assert p.returncode == 130 and out == '' and 'nothing was written' in err, (p.returncode, out, err)
assert open('one/report.html').read() == before
assert not [n for n in os.listdir('one') if 'report' in n and n != 'report.html'], os.listdir('one')
ENDPY
verdict 'report: an interrupt leaves the page that was there, and no half one' python3 interrupt.py "$ELBO"

# A long history neither fills the memory nor the page.
cat >long.py <<'ENDPY'
import os, resource, subprocess, sys
def peak(lines):
    with open('long/metrics.jsonl', 'w') as f:
        for i in range(lines):
            f.write('{"step":%d,"epoch":%.4f,"objective":%d,"elbo":%d,"reconstruction":-1,"kl":2,"seconds":%d}\n' % (i, i / 9973, -i % 97, -i % 89, i))
    pid = os.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], 'report', 'long', '--samples', '0', '-q', '-o', 'long.html', '--threads', '1'])
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    return used.ru_maxrss, os.path.getsize('long.html')
short, long = peak(10), peak(100000)
assert long[0] < short[0] + 8192, (short, long)  # the file has 10 MB
assert long[1] < short[1] + 600000, (short, long)
ENDPY
cp -r one long
bounded 'report: 100000 lines of metrics in bounded memory' python3 long.py "$ELBO"

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || :)
if [ -n "$chromium" ]; then
  verdict 'report: in a browser, on a phone and a desk' python3 "$here/browse.py" "$chromium" one/report.html three.html plane.html
else
  echo 'skip report: no Chromium here, so not looked at in a browser'
fi
finish
