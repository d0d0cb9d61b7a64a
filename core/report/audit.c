/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the numbers are numbers of, in sentences: is the likelihood a proper density, of which data,
 * and what does the bound bound. */
#include "report/inside.h"

#include <string.h>

static void sentence(text *t, const char *words)
{
  text_format(t, " %s", words);
}

/* The family's name comes from a plugin. */
static void add_kind(text *t, const variable *v)
{
  const prepare *how = &v->data->prepare;
  const family_use *u = &v->p.use;
  page_element(t, "strong", v->name);
  text_add(t, " under ");
  svg_escape(t, u->family->name);
  text_add(t, ": ");
  if (run_improper(v))
    sentence(t, "<strong class=\"bad\">not a density</strong>. The values are not 0 and 1 alone, "
                "and over such values this family does not integrate to 1 (`improper: allow` let "
                "it through). No number here is a log-likelihood, nor a bound on one, and none may "
                "be compared with a model of another likelihood.");
  else if (family_is_discrete(u->family))
    sentence(t, "a probability mass function, so its logarithm is at most 0.");
  else
    sentence(t, "a proper density. Its logarithm may have either sign, and shifts with the unit of "
                "the data: compare it only with models of the same prepared data.");
  if (how->binarize == BINARIZE_DYNAMIC)
    sentence(t, "The data are binarized anew at each visit: the likelihood is that of random "
                "binary data, not of the grey levels; evaluation draws them once.");
  if (how->binarize == BINARIZE_STATIC)
    sentence(t, "The data are binarized once: the likelihood is that of these binary data, not of "
                "the grey levels.");
  if (how->binarize == BINARIZE_THRESHOLD)
    sentence(t, "The data are binarized at 0.5: the likelihood is that of the binary data, not of "
                "the grey levels.");
}

static void add_volume(text *t, const variable *v)
{
  const prepare *how = &v->data->prepare;
  if (run_improper(v)) return;
  if (how->dequantize)
    sentence(t, "The data are dequantized by U(0,1) before scaling, so that the expected log "
                "density bounds the log probability of the discrete data from below (Theis, van "
                "den Oord and Bethge 2016, section 3.1).");
  else if (!family_is_discrete(v->p.use.family) && v->facts.integers && how->scale != 0)
    sentence(t, "The data are discrete levels without dequantization: a density can grow beyond "
                "bounds on them, and there are no bits per dimension.");
  if (how->standardize)
    sentence(t, "The density is that of the data standardized by the training rows.");
  if (how->clip) sentence(t, "The data were clipped, so what lay outside is not modelled.");
}

static void add_bound(gather *g)
{
  text *t = g->t;
  const model *m = g->run->study->model;
  const char *of = g->of->figures.improper ? "the logarithm of something that is not a density"
                                           : "log p(x) of the data as prepared";
  text_format(t,
              "<p>The ELBO is a lower bound on %s, tight where q(z|x) is the posterior; the "
              "importance-sampled value is one too, in expectation, and rises to it with K "
              "(Burda, Grosse and Salakhutdinov 2016).</p>\n",
              of);
  if (m->objective != &bound_elbo)
    text_add(t, "<p>Training climbed another objective than the ELBO, as the plan says; the table "
                "has the ELBO all the same.</p>\n");
  const train_spec *s = &m->x->train;
  if (s->kl_from != 1 || s->kl_to != 1)
    text_add(t, "<p>The KL was weighted in training: while its weight was not 1, the objective was "
                "not the ELBO. The figures here have weight 1.</p>\n");
  if (m->has_prior)
    text_add(t, "<p>The weights have a prior (a MAP estimate): the objective holds it, the figures "
                "here do not.</p>\n");
  if (m->x->train.keep_best)
    text_add(t, "<p>The parameters are those of the best validation ELBO, not the last.</p>\n");
  if (strcmp(g->of->figures.split, "test"))
    text_add(t, "<p class=\"warn\">There are no test rows: these are figures of the rows that it "
                "was trained on.</p>\n");
}

void report_audit(gather *g)
{
  const model *m = g->run->study->model;
  page_section(g->t, 3, "audit", g->report->done + 1, "What the numbers mean");
  for (int i = 0; i < m->n; i++) {
    if (m->variable[i].role != VARIABLE_OBSERVED) continue;
    text_add(g->t, "<p>");
    add_kind(g->t, &m->variable[i]);
    add_volume(g->t, &m->variable[i]);
    text_add(g->t, "</p>\n");
  }
  add_bound(g);
}
