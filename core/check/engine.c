/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public face: the table of properties of a plugin's kind, one after the other. */
#include "check/child.h"
#include "base/options.h"
#include "infer/context.h"

#include <string.h>

static const struct {
  const char *kind;
  const property *properties;
} kinds[] = {
  { "family", family_properties },
  { "reparametrizer", reparam_properties },
  { "backend", backend_properties },
};

static const property *properties_of(const plugin *p)
{
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kinds[i].kind, p->info.kind)) return kinds[i].properties;
  return NULL;
}

static const plugin *plugin_of(const registry *r, const void *table)
{
  for (size_t i = 0; i < registry_count(r); i++)
    if (registry_at(r, i)->info.table == table) return registry_at(r, i);
  return NULL;
}

static void count(elbo_check_report *r, const elbo_check_row *row)
{
  r->row[r->n++] = *row;
  if (row->verdict == ELBO_CHECK_PASS) r->passed++;
  if (row->verdict == ELBO_CHECK_FAIL) r->failed++;
  if (row->verdict == ELBO_CHECK_NOT_APPLICABLE) r->not_applicable++;
}

static elbo_status run_all(trial *t, const property *p, const elbo_check_options *o,
                           elbo_check_report *report, error *e)
{
  for (; p->name && report->n < ELBO_CHECK_ROWS; p++) {
    if (o->only && strcmp(o->only, p->name) != 0) continue;
    elbo_check_row row;
    elbo_status status = child_try(t, p, o->in_process, &row, e);
    if (status) return status;
    count(report, &row);
    if (o->progress) o->progress(o->user, &row);
  }
  if (o->only && !report->n)
    return fail(e, ELBO_E_USAGE, "no property of a %s is called `%.100s`", report->kind, o->only);
  return report->failed ? fail(e, ELBO_E_CHECK, "%s: %d of %d properties failed", report->plugin,
                               report->failed, report->n)
                        : ELBO_DONE;
}

elbo_status elbo_plugin_check(elbo_context *ctx, const void *table,
                              const elbo_check_options *options, elbo_check_report *report)
{
  elbo_check_options o;
  error *e = context_enter(ctx);
  const plugin *p = plugin_of(ctx->registry, table);
  *report = (elbo_check_report){ .n = 0 };
  if (options_take(&o, sizeof o, options, "elbo_check_options", e)) return e->status;
  if (!p) return fail(e, ELBO_E_USAGE, "the table to check is that of no loaded plugin");
  report->plugin = p->info.name;
  report->kind = p->info.kind;
  trial t = { .registry = ctx->registry, .plugin = p, .thorough = o.thorough };
  if (!strcmp(p->info.kind, "family"))
    t.u.family = table; /* bound to a dimension when it is tried */
  return run_all(&t, properties_of(p), &o, report, e);
}
