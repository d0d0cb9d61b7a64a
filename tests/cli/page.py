# SPDX-License-Identifier: GPL-3.0-or-later
"""page.py FILE [ID...]: is a report well-formed, whole, readable without eyes, and does it ask nobody for anything? The ids must
be there. Says what is wrong, and ends with status 1 then."""
import html.parser
import re
import sys

VOID = {'meta', 'img', 'input', 'br', 'link', 'hr'}
HEAD = {'title', 'style', 'script'}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.labels, self.inputs = [], [], [], [], set(), set()
        self.scripts, self.images, self.level = [], 0, 0

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if len(a) != len(attrs):
            self.wrong.append('%s has an attribute twice' % tag)
        if any(name.startswith('on') for name in a):
            self.wrong.append('%s has a handler: %s' % (tag, a))
        if 'id' in a:
            self.ids.append(a['id'])
        check = getattr(self, 'check_' + tag, None)
        if check:
            check(a)
        if re.fullmatch('h[1-4]', tag):
            if int(tag[1]) > self.level + 1:
                self.wrong.append('%s follows a heading of level %d' % (tag, self.level))
            self.level = int(tag[1])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if 'svg' not in self.open:
            self.wrong.append('<%s/> outside svg' % tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append('</%s> closes something else, at %s' % (tag, self.getpos()))

    def handle_data(self, data):
        if self.open and self.open[-1] == 'script':
            self.scripts.append(data)

    def check_html(self, a):
        if a.get('lang') != 'en':
            self.wrong.append('html has no lang')

    def check_img(self, a):
        self.images += 1
        if not a.get('alt') or not a.get('src', '').startswith('data:image/png;base64,iVBORw0KGgo'):
            self.wrong.append('img: alt %r, src %.40r' % (a.get('alt'), a.get('src')))

    def check_th(self, a):
        if a.get('scope') not in ('row', 'col'):
            self.wrong.append('th without scope')

    def check_svg(self, a):
        if a.get('aria-hidden') != 'true' and not (a.get('role') == 'img' and a.get('aria-label')):
            self.wrong.append('svg without words: %s' % a)

    def check_a(self, a):
        self.links.append(a.get('href', ''))

    def check_label(self, a):
        self.labels.add(a.get('for'))

    def check_input(self, a):
        self.inputs.add(a.get('id'))


text = open(sys.argv[1], encoding='utf-8').read()
p = Page()
p.feed(text)
p.close()
wrong = p.wrong
if p.open:
    wrong.append('not closed: %s' % p.open)
if len(p.ids) != len(set(p.ids)):
    wrong.append('an id stands twice')
wrong += ['no id %s' % i for i in sys.argv[2:] if i not in p.ids]
wrong += ['a link to nowhere: %s' % h for h in p.links if not h.startswith('#') or h[1:] not in p.ids]
if p.inputs - p.labels:
    wrong.append('an input without a label')
if len(p.scripts) != 1:
    wrong.append('%d scripts, expected one' % len(p.scripts))
wrong += ['refers to elsewhere: %s' % m for m in re.findall(r'.{20}(?:https?:|url\(|@import|//[a-z]).{20}', re.sub('base64,[^"]*', '', text))]
for line in wrong:
    print(line, file=sys.stderr)
sys.exit(bool(wrong))
