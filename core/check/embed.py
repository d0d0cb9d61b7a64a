#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as strings of a C source, under their names without folder and ending: embed.py OUT FILE..."""
import os
import sys


def quoted(line):
    return '"' + line.replace('\\', '\\\\').replace('"', '\\"') + '\\n"'


with open(sys.argv[1], 'w', encoding='utf-8') as out:
    out.write('/* SPDX-License-Identifier: MIT-0 */\n#include "check/template.h"\n\nconst check_template check_templates[] = {\n')
    for path in sys.argv[2:]:
        with open(path, encoding='utf-8') as f:
            lines = f.read().splitlines()
        out.write('  { "%s",\n' % os.path.splitext(os.path.basename(path))[0])
        out.write(''.join('    %s\n' % quoted(line) for line in lines))
        out.write('  },\n')
    out.write('  { NULL, NULL },\n};\n')
