# SPDX-License-Identifier: GPL-3.0-or-later
"""browse.py CHROMIUM FILE...: each page in headless Chromium, 360 and 1280 pixels wide: nothing is wider than the window, the
console is silent, nothing was asked for elsewhere, and a pointer over a curve gives its values."""
import json
import os
import re
import subprocess
import sys

PROBE = """<script>
let refused = 0;
addEventListener('securitypolicyviolation', () => refused++);
addEventListener('load', () => {
  const svg = document.querySelector('.along.by-epoch svg[data-x]');
  const values = () => svg.parentNode.querySelector('.read').textContent;
  const box = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 30, clientY: box.top + 20}));
  const pointed = values();
  svg.dispatchEvent(new PointerEvent('pointerleave'));
  const left = values();
  svg.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}));
  const seen = name => [...document.querySelectorAll('.along.by-' + name)].every(e => e.offsetHeight > 0);
  document.getElementById('by-step').checked = true;
  const root = document.documentElement;
  parent.postMessage(JSON.stringify({wide: root.scrollWidth, window: innerWidth, pointed, left, key: values(),
    steps: seen('step') && !seen('epoch'), refused,
    images: [...document.images].every(i => i.complete && i.naturalWidth > 0),
    asked: performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('data:'))}), '*');
});
</script>
"""
chromium, pages = sys.argv[1], sys.argv[2:]
wrong = []
for page in pages:
    text = open(page, encoding='utf-8').read()
    open('probed.html', 'w', encoding='utf-8').write(text.replace('</main>', '</main>' + PROBE, 1))
    for width in (360, 1280):
        with open('frame.html', 'w') as f:
            f.write('<body><script>onmessage = e => { const p = document.createElement("pre"); p.textContent = "FOUND" + e.data + '
                    '"END"; document.body.append(p); }</script><iframe width=%d height=900 style="border:0" src=probed.html></iframe>' % width)
        run = subprocess.run(
            [chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
             '--user-data-dir=' + os.path.abspath('profile'), '--enable-logging=stderr', '--disable-background-networking',
             '--window-size=1400,1000', '--virtual-time-budget=10000', '--dump-dom', 'file://' + os.path.abspath('frame.html')],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace', timeout=120)
        found = re.search('<pre>FOUND(.*?)END</pre>', run.stdout, re.S)
        if not found:
            sys.exit('%s: no answer from the page: %s' % (page, run.stderr[-2000:]))
        said = json.loads(re.sub('&lt;', '<', re.sub('&gt;', '>', re.sub('&amp;', '&', found[1]))))
        console = re.findall(r'CONSOLE.*', run.stderr)
        expected = [
            ('no wider than the window', said['wide'] <= said['window'] == width), ('a silent console', not console),
            ('nothing asked for', not said['asked'] and not said['refused']), ('all images', said['images']),
            ('values under the pointer', re.search(r'^epoch \S+: .*\d', said['pointed'])), ('gone with it', said['left'] == ''),
            ('values by keys', re.search(r'^epoch \S+: .*\d', said['key'])), ('charts against steps', said['steps']),
        ]
        wrong += ['%s at %d: expected %s: %s %s' % (page, width, what, said, console) for what, so in expected if not so]
for line in wrong:
    print(line, file=sys.stderr)
sys.exit(bool(wrong))
