/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * digits.c - handwritten-like digits. A digit is a few strokes, splines through points of a unit
 * square (y down), seen through a smooth random warp, slanted, sized and shifted, and inked by
 * distance to the pen's path. Only + - * / and sqrt, each rounded as IEEE 754 says, so that the
 * pictures are the same everywhere. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif
#include "data/made.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { MAX_POINTS = 16, MAX_STROKES = 4, STEPS = 7, MAX_PATH = MAX_STROKES * MAX_POINTS * STEPS };

/* A spline's points in hundredths; a first point that is also the last closes it smoothly.
   Corners are where strokes meet. */
typedef struct {
  int n;
  int8_t at[MAX_POINTS][2];
} stroke;
typedef struct {
  uint8_t digit;
  int n;
  stroke strokes[MAX_STROKES];
} glyph;

/* Ways to write each digit, in order of the digit. */
/* clang-format off */
static const glyph glyphs[] = {
    {0, 1, {{9, {{50, 2}, {25, 14}, {14, 45}, {22, 80}, {48, 98}, {75, 84}, {86, 50}, {76, 16},
     {50, 2}}}}},
    {0, 1, {{11, {{62, 8}, {44, 3}, {24, 18}, {15, 50}, {24, 84}, {48, 98}, {74, 84}, {86, 50},
     {78, 18}, {56, 3}, {40, 10}}}}},
    {0, 1, {{9, {{55, 2}, {32, 20}, {24, 52}, {30, 84}, {48, 98}, {66, 82}, {74, 50}, {70, 18},
     {55, 2}}}}},
    {1, 1, {{3, {{52, 0}, {50, 50}, {48, 100}}}}},
    {1, 2, {{3, {{30, 24}, {44, 13}, {54, 0}}}, {3, {{54, 0}, {51, 50}, {50, 100}}}}},
    {1, 3, {{3, {{32, 22}, {45, 13}, {53, 0}}}, {3, {{53, 0}, {52, 50}, {52, 99}}}, {3, {{28, 99},
     {52, 99}, {76, 98}}}}},
    {2, 2, {{8, {{18, 24}, {30, 6}, {54, 2}, {74, 16}, {72, 40}, {54, 64}, {34, 82}, {14, 97}}},
     {3, {{14, 97}, {48, 95}, {86, 96}}}}},
    {2, 1, {{14, {{16, 22}, {32, 5}, {56, 3}, {74, 18}, {70, 42}, {52, 66}, {30, 88}, {17, 94},
     {13, 85}, {24, 79}, {40, 86}, {58, 95}, {74, 95}, {88, 84}}}}},
    {2, 2, {{7, {{22, 18}, {40, 3}, {64, 6}, {76, 26}, {62, 54}, {40, 78}, {18, 96}}}, {4,
     {{18, 96}, {40, 92}, {62, 96}, {86, 94}}}}},
    {3, 2, {{7, {{18, 14}, {38, 2}, {64, 5}, {74, 22}, {64, 38}, {50, 45}, {38, 47}}}, {8,
     {{38, 47}, {62, 48}, {78, 60}, {80, 78}, {64, 94}, {44, 99}, {24, 94}, {14, 84}}}}},
    {3, 2, {{6, {{20, 10}, {44, 2}, {68, 10}, {70, 28}, {56, 41}, {46, 45}}}, {7, {{46, 45},
     {68, 54}, {78, 72}, {66, 92}, {44, 98}, {24, 94}, {16, 88}}}}},
    {3, 3, {{3, {{18, 5}, {46, 4}, {76, 4}}}, {3, {{76, 4}, {60, 22}, {44, 40}}}, {7, {{44, 40},
     {66, 44}, {80, 62}, {74, 84}, {54, 98}, {30, 96}, {16, 86}}}}},
    {4, 3, {{4, {{28, 4}, {24, 24}, {20, 42}, {18, 56}}}, {4, {{18, 56}, {40, 55}, {62, 52},
     {84, 50}}}, {4, {{70, 4}, {66, 36}, {63, 68}, {62, 100}}}}},
    {4, 3, {{3, {{60, 0}, {36, 32}, {10, 64}}}, {3, {{10, 64}, {46, 64}, {90, 62}}}, {3, {{60, 0},
     {61, 50}, {60, 100}}}}},
    {4, 2, {{7, {{26, 6}, {22, 28}, {22, 46}, {36, 54}, {54, 48}, {66, 32}, {74, 8}}}, {3,
     {{74, 8}, {68, 52}, {62, 100}}}}},
    {5, 3, {{3, {{80, 3}, {54, 3}, {30, 5}}}, {3, {{30, 5}, {27, 24}, {24, 44}}}, {9, {{24, 44},
     {42, 38}, {62, 42}, {76, 56}, {77, 76}, {64, 92}, {44, 99}, {26, 95}, {14, 86}}}}},
    {5, 2, {{5, {{78, 4}, {56, 4}, {38, 8}, {32, 22}, {28, 40}}}, {8, {{28, 40}, {50, 42},
     {68, 54}, {74, 72}, {62, 90}, {42, 98}, {24, 96}, {12, 90}}}}},
    {6, 1, {{11, {{64, 2}, {44, 18}, {28, 44}, {22, 70}, {32, 92}, {54, 98}, {72, 86}, {74, 68},
     {60, 56}, {40, 60}, {27, 74}}}}},
    {6, 1, {{13, {{74, 8}, {54, 4}, {36, 20}, {25, 46}, {23, 72}, {34, 93}, {54, 98}, {74, 88},
     {78, 70}, {68, 56}, {48, 54}, {32, 62}, {25, 76}}}}},
    {6, 1, {{10, {{46, 0}, {34, 26}, {26, 54}, {28, 82}, {46, 98}, {66, 90}, {68, 72}, {54, 64},
     {38, 70}, {29, 82}}}}},
    {7, 2, {{4, {{14, 8}, {36, 5}, {60, 6}, {84, 4}}}, {4, {{84, 4}, {68, 34}, {54, 66},
     {46, 100}}}}},
    {7, 3, {{4, {{16, 8}, {38, 6}, {60, 7}, {82, 4}}}, {4, {{82, 4}, {66, 34}, {52, 66},
     {44, 100}}}, {3, {{36, 54}, {56, 50}, {78, 48}}}}},
    {7, 3, {{3, {{17, 22}, {17, 14}, {20, 6}}}, {3, {{20, 6}, {52, 8}, {84, 5}}}, {4, {{84, 5},
     {72, 38}, {58, 70}, {50, 100}}}}},
    {8, 1, {{14, {{52, 48}, {34, 36}, {28, 20}, {38, 5}, {56, 2}, {70, 14}, {68, 30}, {48, 48},
     {30, 62}, {24, 82}, {44, 98}, {68, 90}, {72, 68}, {52, 48}}}}},
    {8, 1, {{15, {{70, 12}, {54, 2}, {36, 6}, {29, 22}, {40, 38}, {60, 52}, {74, 70}, {70, 90},
     {50, 98}, {31, 91}, {27, 74}, {42, 55}, {60, 40}, {72, 24}, {70, 12}}}}},
    {8, 2, {{9, {{50, 2}, {34, 8}, {29, 24}, {36, 40}, {50, 46}, {64, 40}, {71, 24}, {66, 8},
     {50, 2}}}, {9, {{50, 46}, {32, 54}, {24, 72}, {32, 92}, {50, 98}, {68, 92}, {76, 72},
     {68, 54}, {50, 46}}}}},
    {9, 2, {{9, {{72, 22}, {62, 6}, {44, 3}, {28, 16}, {26, 36}, {40, 48}, {58, 44}, {70, 30},
     {74, 12}}}, {3, {{74, 12}, {70, 56}, {64, 100}}}}},
    {9, 1, {{13, {{72, 18}, {56, 3}, {36, 8}, {25, 26}, {32, 44}, {50, 48}, {66, 36}, {73, 16},
     {75, 30}, {72, 58}, {62, 84}, {44, 98}, {26, 92}}}}},
    {9, 1, {{11, {{66, 14}, {48, 3}, {32, 16}, {28, 36}, {42, 46}, {58, 36}, {67, 12}, {66, 34},
     {60, 60}, {52, 82}, {46, 100}}}}},
};
/* clang-format on */
enum { GLYPHS = sizeof glyphs / sizeof *glyphs };

/* ---- chance */

typedef struct {
  philox_key key;
  uint32_t split, row, block, used;
  uint32_t word[4];
} chance;

static uint32_t next_word(chance *c)
{
  if (c->used == 4) {
    philox_block(c->key, 0, c->block++, c->row, c->split, c->word);
    c->used = 0;
  }
  return c->word[c->used++];
}

static uint32_t next_below(chance *c, uint32_t n)
{
  return (uint32_t)((uint64_t)next_word(c) * n >> 32);
}

static float next_between(chance *c, float low, float high)
{
  return low + (high - low) * ((float)(next_word(c) >> 8) * 0x1p-24f);
}

/* Nearly normal, within 3.5 deviations: the sum of a word's four bytes, centred and scaled to
   deviation 1. */
static float next_normal(chance *c)
{
  uint32_t w = next_word(c);
  int sum = (int)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24)) - 510;
  return (float)sum / 147.8f;
}

/* ---- the pen's path */

typedef struct {
  float x, y, width; /* width: half of the line, relative */
} spot;

typedef struct {
  spot at[MAX_PATH];
  bool lifted[MAX_PATH]; /* no line from the spot before */
  int n;
} path;

/* The spline of Catmull and Rom (1974) between b and c. */
static float spline(float a, float b, float c, float d, float t)
{
  float linear = c - a, square = 2 * a - 5 * b + 4 * c - d, cube = 3 * (b - c) + d - a;
  return b + 0.5f * t * (linear + t * (square + t * cube));
}

static void trace_stroke(const stroke *s, path *p)
{
  bool closed = memcmp(s->at[0], s->at[s->n - 1], 2) == 0;
  for (int i = 0; i + 1 < s->n; i++) {
    int before = i > 0 ? i - 1 : closed ? s->n - 2 : 0;
    int behind = i + 2 < s->n ? i + 2 : closed ? 1 : s->n - 1;
    const int8_t *a = s->at[before], *b = s->at[i], *c = s->at[i + 1], *d = s->at[behind];
    for (int k = i > 0; k <= STEPS; k++) {
      float t = (float)k / STEPS;
      p->lifted[p->n] = i == 0 && k == 0;
      p->at[p->n++] = (spot){ 0.01f * spline(a[0], b[0], c[0], d[0], t),
                              0.01f * spline(a[1], b[1], c[1], d[1], t), 1 };
    }
  }
}

/* ---- the hand: a smooth random field over the unit square (uniform cubic B-splines on a coarse
   grid) moves points and presses the pen */

enum { GRID = 5 };
typedef struct {
  float node[GRID][GRID][3];
} hand;

static void hand_make(hand *h, chance *c, float wobble, float pressure)
{
  for (int i = 0; i < GRID; i++)
    for (int j = 0; j < GRID; j++) {
      h->node[i][j][0] = wobble * next_normal(c);
      h->node[i][j][1] = wobble * next_normal(c);
      h->node[i][j][2] = pressure * next_normal(c);
    }
}

/* Cell and weights of a coordinate; what the warp pushed outside stays on the border cells. */
static int cell(float x, float weight[4])
{
  float at = x * (GRID - 3);
  int i = at < 0 ? 0 : at >= GRID - 3 ? GRID - 4 : (int)at;
  float t = at - (float)i, u = 1 - t;
  weight[0] = u * u * u / 6;
  weight[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
  weight[2] = (3 * u * u * u - 6 * u * u + 4) / 6;
  weight[3] = t * t * t / 6;
  return i;
}

static spot hand_move(const hand *h, spot s)
{
  float wx[4], wy[4], d[3] = { 0 };
  int j = cell(s.x, wx), i = cell(s.y, wy);
  for (int a = 0; a < 4; a++)
    for (int b = 0; b < 4; b++)
      for (int k = 0; k < 3; k++) d[k] += wy[a] * wx[b] * h->node[i + a][j + b][k];
  return (spot){ s.x + d[0], s.y + d[1], s.width + d[2] };
}

/* ---- the paper */

/* Fits the path into a box of `size` pixels about a centre near the middle, as MNIST's digits
   are. */
static void place(path *p, chance *c, float size)
{
  float low_x = p->at[0].x, high_x = low_x, low_y = p->at[0].y, high_y = low_y;
  for (int i = 1; i < p->n; i++) {
    low_x = p->at[i].x < low_x ? p->at[i].x : low_x;
    high_x = p->at[i].x > high_x ? p->at[i].x : high_x;
    low_y = p->at[i].y < low_y ? p->at[i].y : low_y;
    high_y = p->at[i].y > high_y ? p->at[i].y : high_y;
  }
  float width = high_x - low_x, height = high_y - low_y,
        scale = size / (width > height ? width : height);
  float middle_x = DIGIT_SIDE / 2 + next_between(c, -1.5f, 1.5f),
        middle_y = DIGIT_SIDE / 2 + next_between(c, -1.2f, 1.2f);
  for (int i = 0; i < p->n; i++) {
    p->at[i].x = middle_x + scale * (p->at[i].x - 0.5f * (low_x + high_x));
    p->at[i].y = middle_y + scale * (p->at[i].y - 0.5f * (low_y + high_y));
  }
}

static int pixel_within(float x)
{
  return x < 0 ? 0 : x > DIGIT_SIDE - 1 ? DIGIT_SIDE - 1 : (int)x;
}

/* Inks one straight piece of line: full within half its width, fading over `soft` pixels. */
static void ink(spot a, spot b, float half, float soft, float grey[DIGIT_PIXELS])
{
  float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  half *= 0.5f * (a.width + b.width);
  float reach = half + 0.5f * soft;
  int left = pixel_within((a.x < b.x ? a.x : b.x) - reach),
      right = pixel_within((a.x > b.x ? a.x : b.x) + reach);
  int top = pixel_within((a.y < b.y ? a.y : b.y) - reach),
      bottom = pixel_within((a.y > b.y ? a.y : b.y) + reach);
  for (int i = top; i <= bottom; i++)
    for (int j = left; j <= right; j++) {
      float x = (float)j + 0.5f - a.x, y = (float)i + 0.5f - a.y;
      float t = length > 0 ? (x * dx + y * dy) / length : 0;
      t = t < 0 ? 0 : t > 1 ? 1 : t;
      x -= t * dx;
      y -= t * dy;
      float v = (reach - sqrtf(x * x + y * y)) / soft, *at = &grey[i * DIGIT_SIDE + j];
      *at = v > *at ? v : *at;
    }
}

static const glyph *choose_glyph(chance *c)
{
  uint32_t digit = next_below(c, 10);
  int first = 0, n = 0;
  while (glyphs[first].digit != digit) first++;
  while (first + n < GLYPHS && glyphs[first + n].digit == digit) n++;
  return &glyphs[first + (int)next_below(c, (uint32_t)n)];
}

uint8_t digit_draw(philox_key key, uint32_t split, uint32_t row, uint8_t pixels[DIGIT_PIXELS])
{
  chance c = { .key = key, .split = split, .row = row, .used = 4 };
  const glyph *g = choose_glyph(&c);
  path p = { .n = 0 };
  hand h;
  float grey[DIGIT_PIXELS] = { 0 };
  for (int i = 0; i < g->n; i++) trace_stroke(&g->strokes[i], &p);
  hand_make(&h, &c, 0.14f, 0.25f);
  float slant = 0.12f + 0.2f * next_normal(&c), tilt = 0.07f * next_normal(&c),
        breadth = next_between(&c, 0.62f, 1.02f);
  for (int i = 0; i < p.n; i++) {
    spot s = hand_move(&h, p.at[i]);
    float x = breadth * (s.x - 0.5f), y = s.y - 0.5f;
    s.width = s.width < 0.6f ? 0.6f : s.width;
    p.at[i] = (spot){ x - slant * y, y + tilt * x, s.width };
  }
  place(&p, &c, next_between(&c, 16.5f, 20));
  float half = next_between(&c, 0.65f, 1.65f), soft = next_between(&c, 1, 1.6f);
  for (int i = 1; i < p.n; i++)
    if (!p.lifted[i]) ink(p.at[i - 1], p.at[i], half, soft, grey);
  for (int i = 0; i < DIGIT_PIXELS; i++)
    pixels[i] = (uint8_t)(grey[i] >= 1 ? 255 : grey[i] * 255 + 0.5f);
  return g->digit;
}
