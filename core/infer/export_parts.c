/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions of an exported model, each into header and source: preparation, conditionals,
 * means. */
#include "infer/export_inside.h"
#include "graph/activation.h"
#include "infer/export_mean.h"

#include <stdio.h>
#include <string.h>

/* ---- a conditional */
static const char *const plain_forms[] = {
  [ELBO_REAL] = "",
  [ELBO_POSITIVE] = "; exp of it is the plain form",
  [ELBO_UNIT] = "; 1 / (1 + exp(-.)) is the plain form",
  [ELBO_SIMPLEX] = "; softmax over the K of an event is the plain form",
  [ELBO_CHOLESKY] = "; lower triangle by rows, the diagonal in log",
  [ELBO_INTEGER] = "",
};

/* The function's head; in the header with a comment on every argument. */
static void add_head(exporter *x, const variable *v, const side *s, char list, text *signature)
{
  char word[128];
  export_identifier(v->name, word, sizeof word);
  text_format(&x->header, "\n/* %c(%s | ..), %s, %zu event%s.", list, v->name, s->use.family->name,
              s->d, s->d == 1 ? "" : "s");
  text_format(signature, "void %s_%c_%s(", x->name, list, word);
  for (int i = 0; i < s->n_parents; i++) {
    const variable *parent = &x->m->variable[s->parent[i]];
    export_identifier(parent->name, word, sizeof word);
    text_format(signature, "const float *in_%s, ", word);
    text_format(&x->header, "\n   in_%s [%zu]: %s", word, parent->numbers,
                parent->role == VARIABLE_LATENT ? "plain values" : "prepared values");
  }
  for (uint32_t p = 0; p < s->use.family->n_params; p++) {
    const elbo_param *param = &s->use.family->params[p];
    export_identifier(s->param[p].working_name, word, sizeof word);
    text_format(signature, "%sfloat *%s_out", p ? ", " : "", word);
    text_format(&x->header, "\n   %s_out [%zu]%s", word, s->d * (size_t)s->use.width[p],
                param->constraint <= ELBO_INTEGER ? plain_forms[param->constraint] : "");
  }
  text_add(signature, ")");
  text_format(&x->header, " */\n%s;\n", signature->s ? signature->s : "");
}

/* What the net sees of its parents, into h0. */
static void add_seen(exporter *x, const side *s)
{
  size_t at = 0;
  char word[128];
  text_format(&x->source, "  double h0[%zu];\n", s->in);
  for (int i = 0; i < s->n_parents; i++) {
    const variable *v = &x->m->variable[s->parent[i]];
    const elbo_family *f = v->p.use.family;
    uint32_t seen = f ? f->seen : (uint32_t)ELBO_SEEN_RAW;
    export_identifier(v->name, word, sizeof word);
    if (seen == ELBO_SEEN_ONE_HOT)
      text_format(&x->source, "  see_class(%zu, %d, in_%s, h0 + %zu);\n", v->numbers, v->K, word,
                  at);
    else
      text_format(&x->source, "  %s(%zu, in_%s, h0 + %zu);\n",
                  seen == ELBO_SEEN_CIRCLE ? "see_angle" : "see", v->numbers, word, at);
    at += v->seen;
  }
}

static void add_hidden(exporter *x, const side *s, const char *prefix)
{
  const net_spec *net = &s->spec->net;
  size_t in = s->in;
  for (int i = 0; i < net->n_hidden; i++) {
    char stem[512];
    snprintf(stem, sizeof stem, "%s.net.%d", prefix, i);
    size_t w = export_put_tensor(x, stem, ".weight"), b = export_put_tensor(x, stem, ".bias");
    text_format(&x->source, "  double h%d[%zu];\n", i + 1, net->hidden[i]);
    text_format(&x->source, "  affine(%zu, %zu, %zu, %zu, h%d, h%d);\n", in, net->hidden[i], w, b,
                i, i + 1);
    text_format(&x->source, "  for (i = 0; i < %zu; i++) h%d[i] = act_%s(h%d[i]);\n",
                net->hidden[i], i + 1, activation_table[net->activation].name, i + 1);
    in = net->hidden[i];
  }
}

static void add_param(exporter *x, const side *s, uint32_t p, const char *prefix)
{
  const param_plan *plan = &s->param[p];
  const net_spec *net = &s->spec->net;
  size_t width = (size_t)s->use.width[p], all = s->d * width, rows = plan->shared ? width : all;
  char word[128], stem[512];
  export_identifier(plan->working_name, word, sizeof word);
  if (plan->kind == FROM_HEAD) {
    snprintf(stem, sizeof stem, "%s.head.%s", prefix, plan->working_name);
    size_t w = export_put_tensor(x, stem, ".weight"), b = export_put_tensor(x, stem, ".bias");
    size_t in = net->n_hidden ? net->hidden[net->n_hidden - 1] : s->in;
    text_format(&x->source, "  head(%zu, %zu, %zu, %zu, h%d, %zu, %s_out);\n", in, rows, w, b,
                net->n_hidden, all / rows, word);
    return;
  }
  snprintf(stem, sizeof stem, "%s.param.%s", prefix, plan->working_name);
  float *values = plan->kind == FROM_LEARN ? NULL : mem_new(all, sizeof *values, "constants", x->e);
  for (size_t i = 0; values && i < all; i++) values[i] = (float)plan->values[i];
  size_t at = plan->kind == FROM_LEARN ? export_put_tensor(x, stem, "")
              : values                 ? export_put(x, stem, values, all)
                                       : 0;
  mem_free(values);
  text_format(&x->source, "  for (i = 0; i < %zu; i++) %s_out[i] = %s_weights[%zu + i];\n", all,
              word, x->name, at);
}

void export_conditional(exporter *x, const variable *v, const side *s, char list)
{
  text signature = { 0 };
  char prefix[256];
  snprintf(prefix, sizeof prefix, "%c.%s", list, v->name);
  add_head(x, v, s, list, &signature);
  text_format(&x->source, "\n%s\n{\n  size_t i;\n", signature.s ? signature.s : "");
  x->header.failed |= signature.failed;
  text_free(&signature);
  if (s->spec->net.present) {
    add_seen(x, s);
    add_hidden(x, s, prefix);
  }
  for (uint32_t p = 0; p < s->use.family->n_params; p++) add_param(x, s, p, prefix);
  text_add(&x->source, "  (void)i;\n}\n");
}

/* The mean of an observed variable from the parameters that its function gives. */
void export_mean(exporter *x, const variable *v)
{
  const side *s = &v->p;
  text signature = { 0 };
  char word[128], function[256];
  export_identifier(v->name, word, sizeof word);
  snprintf(function, sizeof function, "%s_mean_%s", x->name, word);
  if (!s->use.family->mean_in_c) {
    text_format(
        &x->header,
        "\n/* There is no %s: the mean of p(%s | ..) has no formula in C here, as its family "
        "%s\n   brings none. */\n",
        function, v->name, s->use.family->name);
    return;
  }
  mean_add_signature(&s->use, function, &signature);
  text_format(&x->header,
              "\n/* The mean of p(%s | ..), in prepared values [%zu], from what %s_p_%s gave. */\n"
              "%s;\n",
              v->name, v->numbers, x->name, word, signature.s ? signature.s : "");
  text_format(&x->source, "\n%s\n{\n", signature.s ? signature.s : "");
  mean_add_loop(&s->use, s->d, &x->source);
  text_add(&x->source, "}\n");
  x->header.failed |= signature.failed;
  text_free(&signature);
}

/* ---- preparation: what is random in it stands at its mean */
void export_prepare(exporter *x, const variable *v)
{
  const dataset *d = &x->r->study->data[SPLIT_TRAIN][v->feed];
  const prepare *how = &d->prepare;
  text *t = &x->source;
  char word[128];
  export_identifier(v->name, word, sizeof word);
  text_format(&x->header, "\n/* %s as it stands in the data file -> prepared, both [%zu].%s%s */\n",
              v->name, v->numbers,
              how->dequantize ? " dequantize adds U(0, 1) in training, anew for each row;\n   here "
                                "its mean, 1/2, so that the same value gives the same result."
                              : "",
              how->binarize == BINARIZE_STATIC || how->binarize == BINARIZE_DYNAMIC
                  ? " Binarization is not drawn: the result is the probability of a 1."
                  : "");
  text_format(&x->header, "void %s_prepare_%s(const float *from, float *to);\n", x->name, word);
  text_format(t, "\nvoid %s_prepare_%s(const float *from, float *to)\n{\n  size_t i;\n", x->name,
              word);
  text_format(t, "  for (i = 0; i < %zu; i++) {\n    double v = from[i];\n", v->numbers);
  if (how->dequantize) text_add(t, "    v += 0.5;\n");
  if (how->scale != 0) text_add(t, "    v /= "), text_number(t, how->scale, 17), text_add(t, ";\n");
  if (how->clip) {
    text_add(t, "    v = v < "), text_number(t, how->clip_low, 17), text_add(t, " ? ");
    text_number(t, how->clip_low, 17), text_add(t, " : v > "), text_number(t, how->clip_high, 17);
    text_add(t, " ? "), text_number(t, how->clip_high, 17), text_add(t, " : v;\n");
  }
  if (how->standardize && d->mean) {
    size_t mean = export_put(x, "the mean of standardize", d->mean, v->numbers);
    size_t scale = export_put(x, "the scale of standardize", d->scale, v->numbers);
    text_format(t, "    v = (v - %s_weights[%zu + i]) / %s_weights[%zu + i];\n", x->name, mean,
                x->name, scale);
  }
  if (how->binarize == BINARIZE_THRESHOLD) text_add(t, "    v = v >= 0.5;\n");
  text_add(t, "    to[i] = (float)v;\n  }\n}\n");
}
