/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words of a verdict: names for numbers, places, and what a wrong number looks like. */
#include "check/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

number_text number_name(const trial *t, int k)
{
  number_text text;
  char name[64];
  const elbo_family *f = t->u.family;
  int p = param_index(t, k);
  param_working_name(&f->params[p], name, sizeof name);
  if (t->u.width[p] == 1)
    snprintf(text.text, sizeof text.text, "%s", name);
  else
    snprintf(text.text, sizeof text.text, "%s[%d]", name, k - t->u.offset[p]);
  return text;
}

number_text value_name(const trial *t, int k)
{
  number_text text;
  snprintf(text.text, sizeof text.text, t->u.E > 1 ? "value[%d]" : "value", k);
  return text;
}

static size_t list_numbers(char *to, size_t room, int n, const double *x)
{
  size_t at = 0;
  for (int i = 0; i < n && i < CHECK_NOTED && at < room; i++)
    at += (size_t)snprintf(to + at, room - at, "%s%.9g", i ? ", " : "", x[i]);
  if (at < room) at += (size_t)snprintf(to + at, room - at, ")");
  return at < room ? at : room - 1;
}

static size_t list_names(char *to, size_t room, const elbo_family *f)
{
  size_t at = 0;
  char name[64];
  for (uint32_t p = 0; p < f->n_params && at < room; p++)
    at += (size_t)snprintf(to + at, room - at, "%s%s", p ? ", " : "",
                           param_working_name(&f->params[p], name, sizeof name));
  return at < room ? at : room - 1;
}

place_text place_of(const trial *t, const double *x, const double *w)
{
  place_text p = { "" };
  size_t at = 0, room = sizeof p.text;
  if (x) {
    at += (size_t)snprintf(p.text, room, "value = (");
    at += list_numbers(p.text + at, room - at, t->u.E, x);
  }
  if (!w || !t->u.family) return p;
  at += (size_t)snprintf(p.text + at, room - at, "%sworking parameters (", x ? ", " : "");
  if (at < room) at += list_names(p.text + at, room - at, t->u.family);
  if (at < room) at += (size_t)snprintf(p.text + at, room - at, ") = (");
  if (at < room) list_numbers(p.text + at, room - at, t->u.W, w);
  return p;
}

static bool near(double found, double want)
{
  return fabs(found - want) <= 1e-6 * fabs(want);
}

const char *slip_of(const trial *t, int k, const double *w, double found, double want)
{
  double off = fabs(found - want);
  bool positive = k >= 0 && t->u.family->params[param_index(t, k)].constraint == ELBO_POSITIVE;
  if (isnan(found)) return "";
  if (near(found, -want) && fabs(want) > 1e-6) return ": its sign is turned";
  if (positive && fabs(w[k]) > 0.01 && near(found * exp(w[k]), want))
    return ": it is the derivative by the parameter; by its log it is that times the parameter";
  if (positive && fabs(w[k]) > 0.01 && near(found * exp(-w[k]), want))
    return ": it is the parameter times too much; the working form is its log";
  if (near(found - want, 1) || near(want - found, 1))
    return ": off by 1, as where the normaliser's part is forgotten";
  if (off <= 1e-4 * fmax(fabs(want), 0.1))
    return ": digits are lost, as where large numbers cancel";
  return "";
}

const char *underflow_of(double y)
{
  return fabs(y) < 1e-100 ? ": squares and powers of so small a value are 0 in doubles; compute by "
                            "its log, and let value_form be ELBO_X_LOG where the support allows it"
                          : "";
}
