/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A family bound to its dimension K. */
#include "dist/family.h"

bool family_has_dim(const elbo_family *f)
{
  bool has = f->event_rank || f->seen == ELBO_SEEN_ONE_HOT || f->support.kind == ELBO_SUP_CLASS;
  for (uint32_t p = 0; p < f->n_params; p++) {
    uint32_t c = f->params[p].constraint;
    has |= f->params[p].flags & ELBO_PER_CORNER || c == ELBO_SIMPLEX || c == ELBO_CHOLESKY;
  }
  return has;
}

bool family_is_discrete(const elbo_family *f)
{
  return f->support.kind >= ELBO_SUP_BINARY;
}

static int64_t width_of(const elbo_param *p, int64_t K)
{
  if (p->constraint == ELBO_CHOLESKY) return K * (K + 1) / 2;
  return p->constraint == ELBO_SIMPLEX || p->flags & ELBO_PER_CORNER ? K : 1;
}

static elbo_status check_dim(const elbo_family *f, int K, error *e)
{
  int least = f->support.kind == ELBO_SUP_SIMPLEX ? 2 : 1;
  if (!family_has_dim(f) && K != 1)
    return fail(e, ELBO_E_USAGE, "%s has no dimension of its own, got dim %d; leave `dim` out",
                f->name, K);
  if (K < least)
    return fail(e, ELBO_E_USAGE, "%s: dim must be at least %d, got %d", f->name, least, K);
  return ELBO_DONE;
}

static elbo_status lay_out(family_use *u, error *e)
{
  const elbo_family *f = u->family;
  int64_t W = 0;
  if (f->n_params > FAMILY_MAX_PARAMS)
    return fail(e, ELBO_E_USAGE, "%s has %u parameters, at most %d are supported", f->name,
                f->n_params, FAMILY_MAX_PARAMS);
  for (uint32_t p = 0; p < f->n_params && W <= FAMILY_MAX_NUMBERS; p++) {
    int64_t width = width_of(&f->params[p], u->K);
    u->offset[p] = (int)W;
    W += width;
    u->width[p] = W <= FAMILY_MAX_NUMBERS ? (int)width : 0;
  }
  if (W > FAMILY_MAX_NUMBERS || u->E > FAMILY_MAX_NUMBERS)
    return fail(e, ELBO_E_USAGE,
                "%s: dim %d is too large: an event may have at most %d numbers and %d working "
                "parameters; choose a smaller dim",
                f->name, u->K, FAMILY_MAX_NUMBERS, FAMILY_MAX_NUMBERS);
  u->W = (int)W;
  return ELBO_DONE;
}

elbo_status family_bind(const registry *r, const char *name, int K, family_use *out, error *e)
{
  const plugin *found = registry_find(r, ELBO_KIND_FAMILY, name, e);
  if (!found) return ELBO_E_USAGE;
  const elbo_family *f = found->info.table;
  if (check_dim(f, K, e)) return ELBO_E_USAGE;
  *out = (family_use){ .family = f,
                       .plugin = found,
                       .K = K,
                       .E = f->event_rank ? K : 1,
                       .guards = registry_guards(r),
                       .level = registry_level(r) };
  if (lay_out(out, e)) return ELBO_E_USAGE;
  out->call = (elbo_call){ sizeof(elbo_call), registry_host(r), K,
                           (const elbo_family *const *)found->uses };
  for (int level = out->level; level >= 0 && !out->log_prob_f32; level--)
    out->log_prob_f32 = f->log_prob_f32[level];
  return ELBO_DONE;
}
