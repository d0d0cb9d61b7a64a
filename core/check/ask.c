/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts, and the calls of the plugin, each noted before it is made. */
#include "check/inside.h"
#include "dist/calls.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool check_failed(const trial *t)
{
  return t->board->row.verdict == ELBO_CHECK_FAIL;
}

static void say(trial *t, elbo_check_verdict verdict, const char *format, va_list args)
{
  if (check_failed(t)) return;
  t->board->row.verdict = verdict;
  vsnprintf(t->board->row.detail, sizeof t->board->row.detail, format, args);
}

bool check_that(trial *t, bool holds, const char *format, ...)
{
  va_list args;
  if (holds) return true;
  va_start(args, format);
  say(t, ELBO_CHECK_FAIL, format, args);
  va_end(args);
  return false;
}

void check_says(trial *t, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  say(t, ELBO_CHECK_PASS, format, args);
  va_end(args);
}

void check_absent(trial *t, const char *why)
{
  if (check_failed(t)) return;
  t->board->row.verdict = ELBO_CHECK_NOT_APPLICABLE;
  snprintf(t->board->row.detail, sizeof t->board->row.detail, "%s", why);
}

void note(trial *t, const char *operation, const double *x, const double *w)
{
  board *b = t->board;
  b->operation = operation;
  b->family = t->u.family;
  b->nulls = "";
  b->n_x = x ? (t->u.E < CHECK_NOTED ? t->u.E : CHECK_NOTED) : 0;
  b->n_w = w ? (t->u.W < CHECK_NOTED ? t->u.W : CHECK_NOTED) : 0;
  if (x) memcpy(b->x, x, (size_t)b->n_x * sizeof *x);
  if (w) memcpy(b->w, w, (size_t)b->n_w * sizeof *w);
}

/* Of the call just noted. */
static void note_nulls(trial *t, const double *dx, const double *dw)
{
  t->board->nulls = dx && dw ? "" : dw ? "dx = NULL" : dx ? "dw = NULL" : "dx = NULL, dw = NULL";
}

double ask_log_prob(trial *t, const double *x, const double *w, double *dx, double *dw)
{
  note(t, "log_prob", x, w);
  note_nulls(t, dx, dw);
  return t->u.family->log_prob(&t->u.call, x, w, dx, dw);
}

double ask_cdf(trial *t, double x, const double *w, int upper, double *dw)
{
  note(t, "cdf", &x, w);
  note_nulls(t, &x, dw);
  return t->u.family->cdf(&t->u.call, x, w, upper, dw);
}

double ask_icdf(trial *t, double u, const double *w, double *dw)
{
  note(t, "icdf", &u, w);
  note_nulls(t, &u, dw);
  return t->u.family->icdf(&t->u.call, u, w, dw);
}

elbo_rc ask_moment(trial *t, int which, const double *w, double *out)
{
  note(t, "moment", NULL, w);
  return call_moment(&t->u, which, w, out);
}

const elbo_reparam *own_road(const trial *t)
{
  const elbo_family *f = t->u.family;
  const plugin *p =
      f->reparam ? registry_find(t->registry, ELBO_KIND_REPARAM, f->reparam, NULL) : NULL;
  const elbo_reparam *r = p ? p->info.table : NULL;
  return r && !r->missing(f) ? r : NULL;
}

elbo_rc ask_forward(trial *t, const elbo_reparam *r, elbo_noise *e, const double *w, double *x)
{
  note(t, "forward of the reparametrizer", NULL, w);
  return r->forward(t->u.family, &t->u.call, e, w, x);
}

elbo_rc ask_backward(trial *t, const elbo_reparam *r, const double *x, const double *w,
                     const double *dx, double *dw)
{
  note(t, "backward of the reparametrizer", x, w);
  return r->backward(t->u.family, &t->u.call, x, w, dx, dw);
}

elbo_rc ask_draw(trial *t, elbo_noise *e, const double *w, double *x)
{
  const elbo_family *f = t->u.family;
  const elbo_reparam *r = own_road(t);
  if (r) return ask_forward(t, r, e, w, x);
  if (f->draw) {
    note(t, "draw", NULL, w);
    return f->draw(&t->u.call, e, w, x);
  }
  if (!f->icdf || f->event_rank) return ELBO_UNSUPPORTED;
  x[0] = ask_icdf(t, t->u.call.host->uniform(e), w, NULL);
  return ELBO_OK;
}
