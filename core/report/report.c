/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page from its parts, and the public calls. */
#include "base/file.h"
#include "base/options.h"
#include "report/inside.h"

#include <string.h>

enum { MOST_RUNS = 64, STANDARD_ROWS = 2000 };

/* ---- the page */
static void add_contents(elbo_report *r)
{
  text *t = &r->page;
  text_add(t, "<nav aria-label=\"Contents\"><ul>\n");
  if (r->n > 1) text_add(t, "<li><a href=\"#side-by-side\">Side by side</a></li>\n");
  text_add(t, "<li><a href=\"#training\">Training</a></li>\n");
  for (size_t i = 0; i < r->n; i++) {
    text_format(t, "<li><a href=\"#run-%zu\">", i + 1);
    svg_escape(t, r->n > 1 ? r->runs[i].directory : "Model and figures");
    text_add(t, "</a></li>\n");
  }
  text_add(t, "</ul></nav>\n");
}

static void add_head(elbo_report *r)
{
  text title = { 0 };
  if (r->n > 1)
    text_format(&title, "%zu runs side by side", r->n);
  else
    text_add(&title, r->runs[0].name);
  page_head(&r->page, title.s ? title.s : "");
  page_element(&r->page, "h1", title.s ? title.s : "");
  r->page.failed |= title.failed;
  text_free(&title);
  text_add(&r->page, "<p class=\"lead\">");
  for (size_t i = 0; i < r->n && r->n == 1; i++) svg_escape(&r->page, r->runs[i].directory);
  text_format(&r->page, "%selbo %s; %s.</p>\n", r->n == 1 ? " \xC2\xB7 " : "", elbo_version(),
              "all numbers in nats per row, unless something else is said");
  add_contents(r);
}

static void add_run(elbo_report *r, size_t i)
{
  report_run *run = &r->runs[i];
  page_section(&r->page, 2, "run", i + 1, r->n > 1 ? run->directory : "Model and figures");
  if (run->body.s) text_add_n(&r->page, run->body.s, run->body.n);
  r->page.failed |= run->body.failed;
}

static elbo_status compose(elbo_report *r, error *e)
{
  add_head(r);
  if (r->n > 1) report_side_by_side(r);
  if (e->status || report_curves(r, e)) return e->status;
  for (size_t i = 0; i < r->n; i++) add_run(r, i);
  page_end(&r->page);
  if (r->page.failed) return fail(e, ELBO_E_MEMORY, "no memory for the page; free some memory");
  return report_write_json(r, e);
}

/* ---- making one */
static elbo_status read_options(elbo_report *r, const elbo_report_options *given, error *e)
{
  if (options_take(&r->o, sizeof r->o, given, "elbo_report_options", e)) return e->status;
  if (!r->o.rows) r->o.rows = STANDARD_ROWS;
  if (r->n == 0 || r->n > MOST_RUNS)
    return fail(e, ELBO_E_USAGE, "a report on %zu runs; expected 1 to %d", r->n, MOST_RUNS);
  return ELBO_DONE;
}

/* A file that can't be written is told before hours of work: begun first, it is left alone until
 * the page is whole. */
static elbo_status make(elbo_report *r, error *e)
{
  whole_file *w = NULL;
  for (size_t i = 0; i < r->n; i++) {
    const char *run = r->runs[i].directory;
    if (dir_exists(run)) continue;
    if (report_gather(r, i, e)) return e->status; /* says what is wrong */
    return fail(e, ELBO_E_FILES, "%s: could not be looked at, and now it can; try again", run);
  }
  if (r->o.output && !(w = whole_begin(r->o.output, e))) return e->status;
  for (size_t i = 0; i < r->n && !report_stopped(r, e); i++)
    if (report_gather(r, i, e)) break;
  if (!e->status) compose(r, e);
  if (w && !e->status) whole_write(w, r->page.s, r->page.n, e);
  if (w && !e->status)
    whole_commit(w, e);
  else
    whole_abandon(w);
  return e->status;
}

elbo_status elbo_report_make(elbo_context *ctx, const char *const *runs, size_t n,
                             const elbo_report_options *options, elbo_report **out)
{
  error *e = context_enter(ctx);
  *out = NULL;
  elbo_report *r = mem_new(1, sizeof *r, "a report", e);
  if (!r) return e->status;
  r->ctx = ctx, r->n = n;
  if (!read_options(r, options, e)) r->runs = mem_new(n, sizeof *r->runs, "a report", e);
  for (size_t i = 0; i < n && r->runs; i++) r->runs[i].directory = runs[i];
  if (e->status || make(r, e))
    elbo_report_free(r);
  else
    *out = r;
  return e->status;
}

const char *elbo_report_json(const elbo_report *r)
{
  return r->json.s;
}

const char *elbo_report_html(const elbo_report *r)
{
  return r->page.s;
}

void elbo_report_free(elbo_report *r)
{
  if (!r) return;
  for (size_t i = 0; i < r->n && r->runs; i++) {
    arena_free(r->runs[i].arena);
    mem_free(r->runs[i].curves);
    text_free(&r->runs[i].body);
  }
  mem_free(r->runs);
  text_free(&r->page);
  text_free(&r->json);
  mem_free(r);
}
