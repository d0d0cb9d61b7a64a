/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The training of all runs: four charts against epochs, steps or seconds. */
#include "report/inside.h"

#include <stdio.h>
#include <string.h>

enum { COLOURS = 10 };

static const struct {
  const char *word, *head, *label;
  curve_axis axis;
} along[] = { { "epoch", "epochs", "epoch", CURVE_EPOCH },
              { "step", "steps", "step", CURVE_STEP },
              { "seconds", "seconds", "seconds", CURVE_SECONDS } };
enum { AXES = sizeof along / sizeof *along };
static const char *const heads[] = { "Objective", "ELBO", "Reconstruction, E[log p(x|z)]",
                                     "KL of q from p" };
/* Solid first: what counts is held out. */
static const struct {
  curve_split split;
  const char *word;
} order[] = { { CURVE_TEST, "test" },
              { CURVE_TRAIN, "training" },
              { CURVE_VALIDATE, "validation" } };

typedef struct {
  svg_curve *list; /* rows of the legend; n 0: not there */
  size_t n;
} rows;

/* Of several runs a colour is a run and dashes are a split; of one, a colour is a split. */
static size_t row_of(const elbo_report *r, size_t split, size_t run)
{
  size_t stride = r->n == 1 ? 1 : (r->n + COLOURS - 1) / COLOURS * COLOURS;
  return split * stride + run;
}

static const char *label_of(elbo_report *r, size_t run, const char *word, error *e)
{
  const report_run *of = &r->runs[run];
  const char *remark = of->figures.improper ? " (not a density)" : "";
  if (r->n == 1) return arena_format(of->arena, e, "%s%s", word, remark);
  return arena_format(of->arena, e, "%s, %s%s", of->directory, word, remark);
}

static elbo_status name_rows(elbo_report *r, rows *all, error *e)
{
  all->n = row_of(r, 2, r->n - 1) + 1;
  all->list = mem_new(all->n, sizeof *all->list, "the curves", e);
  for (size_t i = 0; i < all->n && all->list; i++) all->list[i].label = "";
  for (size_t k = 0; k < 3 && all->list; k++)
    for (size_t i = 0; i < r->n && !e->status; i++)
      all->list[row_of(r, k, i)].label = label_of(r, i, order[k].word, e);
  return e->status;
}

static void set_rows(const elbo_report *r, rows *all, curve_kind kind, curve_axis axis)
{
  for (size_t k = 0; k < 3; k++)
    for (size_t i = 0; i < r->n; i++) {
      const curves *c = r->runs[i].curves;
      const curve *from = c ? &c->of[order[k].split][kind] : NULL;
      svg_curve *to = &all->list[row_of(r, k, i)];
      bool twice = kind == CURVE_OBJECTIVE && order[k].split != CURVE_TRAIN; /* it is their ELBO */
      *to = (svg_curve){ .label = to->label };
      if (from && !twice) to->x = from->x[axis], to->y = from->y, to->n = from->n;
    }
}

static void add_chart(text *t, const rows *all, curve_kind kind, size_t axis, error *e)
{
  char name[160];
  snprintf(name, sizeof name, "%s against %s", heads[kind], along[axis].head);
  text_format(t, "<div class=\"along by-%s\">", along[axis].word);
  svg_curves_part(t, name, along[axis].head, "nats per row", all->list, all->n, e);
  text_format(t, "<p class=\"read\" aria-live=\"polite\" data-axis=\"%s\"></p></div>\n",
              along[axis].label);
}

static void add_charts(elbo_report *r, rows *all, error *e)
{
  text *t = &r->page;
  text_add(t, "<fieldset class=\"axes\"><legend>Against</legend>\n");
  for (size_t a = 0; a < AXES; a++)
    text_format(t,
                "<input type=\"radio\" name=\"along\" class=\"by-%s\" id=\"by-%s\"%s><label "
                "for=\"by-%s\">%s</label>\n",
                along[a].word, along[a].word, a ? "" : " checked", along[a].word, along[a].head);
  set_rows(r, all, CURVE_ELBO, CURVE_EPOCH);
  page_legend(t, all->list, all->n);
  text_add(t, "<div class=\"plots\">\n");
  static const curve_kind shown[] = { CURVE_ELBO, CURVE_OBJECTIVE, CURVE_RECONSTRUCTION, CURVE_KL };
  for (size_t k = 0; k < CURVE_KINDS && !e->status; k++) {
    page_figure(t);
    page_element(t, "h3", heads[shown[k]]);
    for (size_t a = 0; a < AXES && !e->status; a++) {
      set_rows(r, all, shown[k], along[a].axis);
      add_chart(t, all, shown[k], a, e);
    }
    text_add(t, "</figure>\n");
  }
  text_add(t, "</div></fieldset>\n");
}

/* What a reader must know of the lines themselves. */
static void add_remarks(elbo_report *r)
{
  text *t = &r->page;
  for (size_t i = 0; i < r->n; i++) {
    const report_run *of = &r->runs[i];
    const char *words = !of->curves            ? "has no metrics.jsonl, so it has no curves."
                        : of->curves->strange  ? "has lines in metrics.jsonl that can't be "
                                                 "read; they are left out."
                        : of->figures.improper ? "has a likelihood that is not a density."
                        : of->curves->weighted ? "was trained with a weighted KL: where the "
                                                 "weight is not 1, its objective is not the "
                                                 "ELBO."
                                               : NULL;
    if (!words) continue;
    text_add(t, "<p class=\"note\">");
    svg_escape(t, of->directory);
    text_format(t, " %s</p>\n", words);
  }
}

elbo_status report_curves(elbo_report *r, error *e)
{
  rows all = { 0 };
  bool any = false;
  for (size_t i = 0; i < r->n; i++) any |= r->runs[i].curves != NULL;
  page_section(&r->page, 2, "training", 0, "Training");
  add_remarks(r);
  if (any && !name_rows(r, &all, e)) {
    text_format(&r->page,
                "<p class=\"note\">Means since the line before, as training wrote them. "
                "Of long runs the first, lowest, highest and last of up to %d bundles of "
                "neighbours are drawn.</p>\n",
                CURVE_BUNDLES);
    add_charts(r, &all, e);
  }
  mem_free(all.list);
  return e->status;
}
