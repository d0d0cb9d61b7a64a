#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ten colours of curves and classes, on white and on the dark page: each has the contrast of 3 : 1 that WCAG 2.1
(criterion 1.4.11) asks of graphics, and any two differ for normal and for colour-blind eyes (Machado, Oliveira and
Fernandes 2009, severity 1; distance in CIELAB). colours.py SOURCE_ROOT"""
import itertools, math, os, re, sys

EYES = {
    'normal': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    'protanopia': [[.152286, 1.052583, -.204868], [.114503, .786281, .099216], [-.003882, -.048116, 1.051998]],
    'deuteranopia': [[.367322, .860646, -.227968], [.280085, .672501, .047413], [-.011820, .042940, .968881]],
    'tritanopia': [[1.255528, -.076749, -.178779], [-.078411, .930809, .147602], [.004733, .691367, .303900]],
}
LEAST_CONTRAST, LEAST_DISTANCE = 3, 15


def linear(colour):
    values = [int(colour[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    return [v / 12.92 if v <= .04045 else ((v + .055) / 1.055) ** 2.4 for v in values]


def contrast(a, b):
    light = sorted(sum(w * v for w, v in zip((.2126, .7152, .0722), linear(c))) + .05 for c in (a, b))
    return light[1] / light[0]


def lab(colour, eye):
    seen = [min(max(sum(m * v for m, v in zip(row, linear(colour))), 0), 1) for row in EYES[eye]]
    to_xyz = ((.4124, .3576, .1805, .9505), (.2126, .7152, .0722, 1), (.0193, .1192, .9505, 1.089))
    x, y, z = (sum(m * v for m, v in zip(row, seen)) / row[3] for row in to_xyz)
    x, y, z = (t ** (1 / 3) if t > .008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def wrong(page, colours):
    for c in colours:
        if contrast(c, page) < LEAST_CONTRAST:
            yield '#%s on #%s: contrast %.2f' % (c, page, contrast(c, page))
    for eye in EYES:
        for a, b in itertools.combinations(colours, 2):
            distance = math.dist(lab(a, eye), lab(b, eye))
            if distance < LEAST_DISTANCE:
                yield '#%s beside #%s, %s: %.0f' % (a, b, eye, distance)


def main():
    with open(os.path.join(sys.argv[1], 'core/io/svg_frame.c')) as f:
        style = re.sub(r'"\s*"', '', f.read())
    pages = re.findall(r'\.page\{fill:#([0-9a-f]{6})\}', style)
    colours = re.findall(r'\.c\d\{stroke:#([0-9a-f]{6})\}', style)
    found = [] if (len(pages), len(colours)) == (2, 20) else ['%d pages, %d colours' % (len(pages), len(colours))]
    for i, page in enumerate(pages):
        found += wrong(page, colours[10 * i:10 * i + 10])
    print('\n'.join('FAIL ' + line for line in found) or '20 colours hold')
    return bool(found)


sys.exit(main())
