/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/report: one page of HTML on one run or several. Runs are opened one after the other; of each
 * stay its figures, its thinned curves and the HTML of its section. Depends on all rooms but check
 * and cli.
 *
 * inside.h - what its files share. Names, words of families and the text of an experiment come from
 * files that anyone may have written: into a page they go by svg_escape alone. */
#ifndef ELBO_REPORT_INSIDE_H
#define ELBO_REPORT_INSIDE_H

#include "config/config.h"
#include "infer/curves.h"
#include "infer/run_inside.h"
#include "io/picture.h"

typedef struct {
  const char *directory; /* borrowed */
  arena *arena;          /* of all strings and arrays */
  const char *name;
  const char *versions; /* of the training, as JSON; NULL: the run has no summary */
  elbo_evaluation figures;
  const char *const *latents; /* [n_latents] names of events: z[3] */
  const bool *active;         /* [n_latents] */
  const experiment_value *values;
  size_t n_values;
  curves *curves; /* NULL: there are no metrics */
  text body;      /* its section, but for what concerns all runs */
} report_run;

struct elbo_report {
  elbo_context *ctx;
  elbo_report_options o;
  report_run *runs;
  size_t n, done;
  text page, json;
};

/* One run while it is open. */
typedef struct {
  elbo_report *report;
  report_run *of;
  elbo_run *run;
  text *t; /* of->body */
  error *e;
} gather;

/* ---- gather.c: everything about run number `i`, into report->runs[i] */
elbo_status report_gather(elbo_report *r, size_t i, error *e);
bool report_stopped(const elbo_report *r, error *e);
/* A picture that can't be had is a sentence: takes the error back, unless it is no answer of the
 * model's. */
elbo_status report_excuse(gather *g, const char *what);

/* ---- the parts of a run's section; each adds to g->t */
void report_audit(gather *g);   /* audit.c */
void report_figures(gather *g); /* figures.c */
void report_units(gather *g);
void report_samples(gather *g); /* pictures.c */
void report_reconstructions(gather *g);
void report_manifold(gather *g);
void report_view(gather *g);    /* latents.c */
void report_contest(gather *g); /* contest.c */
/* Names of all events of latents and which are active, into g->of; figures must be there. */
elbo_status report_name_latents(gather *g);
/* A number of a latent variable: its place in the model, the event and the number within it. */
typedef struct {
  int variable;
  size_t number; /* within the variable */
  char name[96];
} latent_number;
/* The two of the largest KL (the second of an event where there is one event); how many there are:
 * 0 to 2. */
int report_two_latents(const gather *g, latent_number two[2]);
/* All numbers of the events of the largest KL; how many there are, at most `most`. */
size_t report_largest_latents(const gather *g, latent_number *to, size_t most);

/* ---- the parts that concern all runs; into r->page */
void report_side_by_side(elbo_report *r); /* side_by_side.c */
elbo_status report_curves(elbo_report *r, error *e);
elbo_status report_write_json(elbo_report *r, error *e);
/* Keys whose values differ: calls `take` with them, a value of NULL where a run has no such key. */
typedef struct {
  void *to;
  void (*take)(void *to, const char *path, const char *const *values, size_t n);
} key_taker;
elbo_status report_differences(const elbo_report *r, const key_taker *taker, error *e);

/* ---- page.c: pieces of HTML */
void page_head(text *t, const char *title);
void page_end(text *t);
void page_section(text *t, int level, const char *id, size_t number, const char *heading);
/* A table that may be wider than a phone; its columns' heads follow as <th>. */
void page_table(text *t, const char *name);
void page_table_end(text *t);
void page_element(text *t, const char *tag, const char *words); /* <tag>words</tag> */
/* With so many decimals and a true minus; a dash where there is no number. */
void page_number(text *t, double v, int decimals);
void page_mean(text *t, double mean, double se, int decimals);
/* After a number of a model that is no density. */
void page_remark(text *t, bool improper);
void page_png(text *t, const png_images *p, const char *alt, const char *caption, error *e);
void page_figure(text *t);
void page_caption(text *t, const char *words);
/* Colour and dashes of row `row` of a plot, with its words. */
void page_legend(text *t, const svg_curve *curves, size_t n);
extern const char page_style[], page_script[];

#endif
