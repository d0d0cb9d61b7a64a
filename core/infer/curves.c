/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/curves.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/json.h"

#include <math.h>
#include <string.h>

typedef struct {
  double x[CURVE_AXES], y;
  size_t at; /* its number in the file, from 1 */
} point;

typedef struct {
  point first, low, high, last;
} bundle;

typedef struct {
  size_t n;      /* bundles begun */
  size_t each;   /* points a bundle takes */
  size_t inside; /* of the last one */
  bundle of[CURVE_BUNDLES];
} series;

/* Training lines come every `log_every` steps, and at each epoch's end one of its mean, at the step
 * of the other where both fall together. The means would be spikes among the others: they are drawn
 * where there is nothing else. */
enum { EPOCHS = CURVE_SPLITS, SERIES };

typedef struct {
  point at; /* y is not used */
  double y[CURVE_KINDS];
} record;

typedef struct {
  series of[SERIES][CURVE_KINDS];
  record
      held; /* the last training line of a whole epoch: of which kind it is, the next one tells */
  bool holds;
  curves *out;
} thinner;

static const char *const splits[] = { "train", "validate", "test" };
static const char *const kinds[] = { "objective", "elbo", "reconstruction", "kl" };
static const char *const axes[] = { "step", "epoch", "seconds" };

/* ---- thinning */
static void join(bundle *to, const bundle *next)
{
  if (next->low.y < to->low.y) to->low = next->low;
  if (next->high.y > to->high.y) to->high = next->high;
  to->last = next->last;
}

static void halve(series *s)
{
  for (size_t i = 0; i < CURVE_BUNDLES / 2; i++) {
    s->of[i] = s->of[2 * i];
    join(&s->of[i], &s->of[2 * i + 1]);
  }
  s->n = CURVE_BUNDLES / 2;
  s->each *= 2;
  s->inside = s->each;
}

static void take(series *s, const point *p)
{
  const bundle one = { *p, *p, *p, *p };
  if (!s->each) s->each = s->inside = 1;
  if (s->inside == s->each && s->n == CURVE_BUNDLES) halve(s);
  if (s->n == 0 || s->inside == s->each)
    s->of[s->n++] = one, s->inside = 1;
  else
    join(&s->of[s->n - 1], &one), s->inside++;
}

static void give(curve *to, const point *p)
{
  for (int a = 0; a < CURVE_AXES; a++) to->x[a][to->n] = p->x[a];
  to->y[to->n++] = p->y;
}

/* The four of a bundle in the order of the file, none twice. */
static void unpack(const bundle *b, curve *to)
{
  const point *all[] = { &b->first, &b->low, &b->high, &b->last };
  for (size_t last = 0;;) {
    const point *next = NULL;
    for (int i = 0; i < 4; i++)
      if (all[i]->at > last && (!next || all[i]->at < next->at)) next = all[i];
    if (!next) return;
    give(to, next);
    last = next->at;
  }
}

/* ---- lines */
static int split_of(const json_value *line)
{
  const json_value *v = json_get(line, "split");
  if (!v) return CURVE_TRAIN;
  for (int i = 0; i < CURVE_SPLITS && json_kind_of(v) == JSON_STRING; i++)
    if (!strcmp(json_text(v), splits[i])) return i;
  return -1;
}

static void put(thinner *t, int to, const record *r)
{
  point p = r->at;
  for (int k = 0; k < CURVE_KINDS; k++) {
    p.y = r->y[k];
    if (isfinite(p.y)) take(&t->of[to][k], &p);
  }
}

static void let_go(thinner *t, double step)
{
  if (t->holds) put(t, t->held.at.x[CURVE_STEP] == step ? CURVE_TRAIN : EPOCHS, &t->held);
  t->holds = false;
}

static void take_training(thinner *t, const record *r)
{
  double epoch = r->at.x[CURVE_EPOCH];
  let_go(t, r->at.x[CURVE_STEP]);
  if (epoch == floor(epoch))
    t->held = *r, t->holds = true;
  else
    put(t, CURVE_TRAIN, r);
}

static bool take_values(thinner *t, const json_value *v)
{
  int split = json_kind_of(v) == JSON_OBJECT ? split_of(v) : -1;
  if (split < 0) return false;
  record r = { .at = { .at = t->out->lines } };
  for (int a = 0; a < CURVE_AXES; a++) r.at.x[a] = json_number_of(json_get(v, axes[a]));
  for (int k = 0; k < CURVE_KINDS; k++) r.y[k] = json_number_of(json_get(v, kinds[k]));
  if (split == CURVE_TRAIN)
    take_training(t, &r);
  else
    put(t, split, &r);
  double weight = json_number_of(json_get(v, "kl_weight"));
  t->out->weighted |= !isnan(weight) && weight != 1;
  return true;
}

static bool take_line(void *user, const char *line, size_t n)
{
  thinner *t = user;
  char why[128];
  t->out->lines++;
  json_value *v = n < LINE_MOST ? json_read(line, n, why, sizeof why) : NULL;
  if (!v || !take_values(t, v)) t->out->strange++;
  json_free(v);
  return true;
}

elbo_status curves_read(const char *metrics, curves **out, error *e)
{
  *out = NULL;
  thinner *t = mem_new(1, sizeof *t, "the curves", e);
  curves *c = mem_new(1, sizeof *c, "the curves", e);
  file *f = t && c ? file_open(metrics, ELBO_E_FILES, e) : NULL;
  if (f) {
    t->out = c;
    file_lines(f, take_line, t, e);
    let_go(t, NAN);
    file_close(f);
  }
  for (int i = 0; i < CURVE_SPLITS && !e->status; i++)
    for (int k = 0; k < CURVE_KINDS; k++) {
      bool means = i == CURVE_TRAIN && !t->of[i][k].n;
      const series *from = &t->of[means ? EPOCHS : i][k];
      for (size_t b = 0; b < from->n; b++) unpack(&from->of[b], &c->of[i][k]);
    }
  if (e->status)
    mem_free(c);
  else
    *out = c;
  mem_free(t);
  return e->status;
}
