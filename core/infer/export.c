/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trained model for other programs: its tensors by name, or plain C. The C computes in double
 * from float weights: what it gives differs from the program's by the program's rounding. */
#include "base/file.h"
#include "graph/activation.h"
#include "infer/arrays.h"
#include "infer/export_mean.h"
#include "infer/run_inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct exporter {
  elbo_run *r;
  const model *m;
  const graph *g;
  error *e;
  char name[80];
  text header, source, weights;
  size_t count; /* numbers in weights */
} exporter;

/* ---- by name */
elbo_status elbo_run_weights(elbo_run *r, elbo_arrays *out)
{
  error *e = context_enter(r->ctx);
  model_graph mg;
  arrays_out a;
  *out = (elbo_arrays){ 0 };
  if (arrays_begin(&a, run_keep_anew(r, e), e)) return e->status;
  model_build(r->study->model, &(graph_options){ GRAPH_DECODE, 1, 1, .draw = false }, &mg, e);
  for (int i = 0; !e->status && i < graph_tensor_count(mg.g); i++) {
    const named_tensor *t = graph_tensor(mg.g, i);
    float *to = arrays_add(&a, arena_string(a.arena, t->name, e), t->rank, t->dims);
    if (to) memcpy(to, r->params + t->at, t->count * sizeof *to);
  }
  for (int i = 0; !e->status && i < r->study->n_data; i++) {
    const dataset *d = &r->study->data[SPLIT_TRAIN][i];
    const char *name = r->study->x->data[i].variable;
    if (!d->mean) continue;
    float *mean = arrays_add(&a, arena_format(a.arena, e, "prepare.%s.mean", name), 1, &d->x.D);
    float *scale = arrays_add(&a, arena_format(a.arena, e, "prepare.%s.scale", name), 1, &d->x.D);
    if (mean) memcpy(mean, d->mean, d->x.D * sizeof *mean);
    if (scale) memcpy(scale, d->scale, d->x.D * sizeof *scale);
  }
  model_graph_free(&mg);
  *out = (elbo_arrays){ a.list, a.n };
  return e->status;
}

/* ---- names and numbers of the C file */
static void identifier(const char *from, char *to, size_t n)
{
  size_t i = 0;
  if (isdigit((unsigned char)*from)) to[i++] = '_';
  for (; *from && i + 1 < n; from++)
    to[i++] = isalnum((unsigned char)*from) && !(*from & 0x80) ? *from : '_';
  to[i] = '\0';
}

/* Appends numbers to the weights; where they begin. */
static size_t put(exporter *x, const char *what, const float *at, size_t n)
{
  enum { PER_LINE = 8 };
  size_t first = x->count;
  text_format(&x->weights, "  /* %zu: %s [%zu] */", first, what, n);
  for (size_t i = 0; i < n; i++) {
    text_add(&x->weights, i % PER_LINE ? " " : "\n  ");
    size_t start = x->weights.n;
    text_number(&x->weights, (double)at[i], 9); /* nine digits give the float back */
    if (x->weights.failed) break;
    text_add(&x->weights, strpbrk(x->weights.s + start, ".e") ? "f," : ".0f,");
  }
  text_add(&x->weights, "\n");
  x->count += n;
  return first;
}

static size_t put_tensor(exporter *x, const char *stem, const char *part)
{
  char name[512];
  snprintf(name, sizeof name, "%s%s", stem, part);
  for (int i = 0; i < graph_tensor_count(x->g); i++) {
    const named_tensor *t = graph_tensor(x->g, i);
    if (!strcmp(t->name, name)) return put(x, name, x->r->params + t->at, t->count);
  }
  fail(x->e, ELBO_E_CHECKPOINT, "the model has no tensor %s", name);
  return 0;
}

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
  identifier(v->name, word, sizeof word);
  text_format(&x->header, "\n/* %c(%s | ..), %s, %zu event%s.", list, v->name, s->use.family->name,
              s->d, s->d == 1 ? "" : "s");
  text_format(signature, "void %s_%c_%s(", x->name, list, word);
  for (int i = 0; i < s->n_parents; i++) {
    const variable *parent = &x->m->variable[s->parent[i]];
    identifier(parent->name, word, sizeof word);
    text_format(signature, "const float *in_%s, ", word);
    text_format(&x->header, "\n   in_%s [%zu]: %s", word, parent->numbers,
                parent->role == VARIABLE_LATENT ? "plain values" : "prepared values");
  }
  for (uint32_t p = 0; p < s->use.family->n_params; p++) {
    const elbo_param *param = &s->use.family->params[p];
    identifier(s->param[p].working_name, word, sizeof word);
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
    identifier(v->name, word, sizeof word);
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
    size_t w = put_tensor(x, stem, ".weight"), b = put_tensor(x, stem, ".bias");
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
  identifier(plan->working_name, word, sizeof word);
  if (plan->kind == FROM_HEAD) {
    snprintf(stem, sizeof stem, "%s.head.%s", prefix, plan->working_name);
    size_t w = put_tensor(x, stem, ".weight"), b = put_tensor(x, stem, ".bias");
    size_t in = net->n_hidden ? net->hidden[net->n_hidden - 1] : s->in;
    text_format(&x->source, "  head(%zu, %zu, %zu, %zu, h%d, %zu, %s_out);\n", in, rows, w, b,
                net->n_hidden, all / rows, word);
    return;
  }
  snprintf(stem, sizeof stem, "%s.param.%s", prefix, plan->working_name);
  float *values = plan->kind == FROM_LEARN ? NULL : mem_new(all, sizeof *values, "constants", x->e);
  for (size_t i = 0; values && i < all; i++) values[i] = (float)plan->values[i];
  size_t at = plan->kind == FROM_LEARN ? put_tensor(x, stem, "")
              : values                 ? put(x, stem, values, all)
                                       : 0;
  mem_free(values);
  text_format(&x->source, "  for (i = 0; i < %zu; i++) %s_out[i] = %s_weights[%zu + i];\n", all,
              word, x->name, at);
}

static void add_conditional(exporter *x, const variable *v, const side *s, char list)
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
static void add_mean(exporter *x, const variable *v)
{
  const side *s = &v->p;
  text signature = { 0 };
  char word[128], function[256];
  identifier(v->name, word, sizeof word);
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
static void add_prepare(exporter *x, const variable *v)
{
  const dataset *d = &x->r->study->data[SPLIT_TRAIN][v->feed];
  const prepare *how = &d->prepare;
  text *t = &x->source;
  char word[128];
  identifier(v->name, word, sizeof word);
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
    size_t mean = put(x, "the mean of standardize", d->mean, v->numbers);
    size_t scale = put(x, "the scale of standardize", d->scale, v->numbers);
    text_format(t, "    v = (v - %s_weights[%zu + i]) / %s_weights[%zu + i];\n", x->name, mean,
                x->name, scale);
  }
  if (how->binarize == BINARIZE_THRESHOLD) text_add(t, "    v = v >= 0.5;\n");
  text_add(t, "    to[i] = (float)v;\n  }\n}\n");
}

/* ---- the files */
/* What the functions call; one is written where its name, or `also`, is called. */
static const struct {
  const char *name, *also, *text;
} helpers[] = {
  { "affine(", "head(",
    "/* y [out] = W x + b; W [out][in] and b stand at w and b of the weights. */\n"
    "static void affine(size_t in, size_t out, size_t w, size_t b, const double *x, double *y)\n"
    "{\n  size_t i, j;\n  for (i = 0; i < out; i++) {\n"
    "    const float *row = WEIGHTS + w + i * in;\n    double sum = WEIGHTS[b + i];\n"
    "    for (j = 0; j < in; j++) sum += row[j] * x[j];\n    y[i] = sum;\n  }\n}\n" },
  { "head(", NULL,
    "/* The same, `times` over. */\n"
    "static void head(size_t in, size_t out, size_t w, size_t b, const double *x, size_t times,\n"
    "                 float *y)\n{\n  size_t i, k;\n  for (i = 0; i < out; i++) {\n"
    "    double sum;\n    affine(in, 1, w + i * in, b + i, x, &sum);\n"
    "    for (k = 0; k < times; k++) y[k * out + i] = (float)sum;\n  }\n}\n" },
  { "see(", NULL,
    "/* What a network sees of a value: itself. */\n"
    "static void see(size_t n, const float *x, double *y)\n{\n  size_t i;\n"
    "  for (i = 0; i < n; i++) y[i] = x[i];\n}\n" },
  { "see_angle(", NULL,
    "/* What a network sees of an angle: the point of the circle. */\n"
    "static void see_angle(size_t n, const float *x, double *y)\n{\n  size_t i;\n"
    "  for (i = 0; i < n; i++) {\n    y[2 * i] = cos((double)x[i]);\n"
    "    y[2 * i + 1] = sin((double)x[i]);\n  }\n}\n" },
  { "see_class(", NULL,
    "/* What a network sees of a class: 1 in its place of K. */\n"
    "static void see_class(size_t n, int K, const float *x, double *y)\n{\n  size_t i;\n"
    "  int k;\n  for (i = 0; i < n; i++)\n    for (k = 0; k < K; k++) *y++ = x[i] == (float)k;\n"
    "}\n" },
};

/* The header's start. The source's is made when its functions are known: the helpers they call. */
static void add_start(exporter *x)
{
  text_format(&x->header,
              "/* %s, a model trained by elbo %s: plain C11 or C++, needs libm. Functions keep no "
              "state.\n   Every buffer is the caller's; all numbers are floats. */\n"
              "#ifndef ELBO_EXPORT_%s_H\n#define ELBO_EXPORT_%s_H\n\n#ifdef __cplusplus\n"
              "extern \"C\" {\n#endif\n",
              x->name, elbo_version(), x->name, x->name);
}

/* A family's mean once, however many variables it has. */
static void add_mean_helpers(const exporter *x, text *to)
{
  for (int i = 0; i < x->m->n; i++) {
    const variable *v = &x->m->variable[i];
    bool again = v->role != VARIABLE_OBSERVED || !v->p.use.family->mean_in_c;
    for (int j = 0; j < i && !again; j++)
      again = x->m->variable[j].role == VARIABLE_OBSERVED &&
              x->m->variable[j].p.use.family == v->p.use.family;
    if (!again) mean_add_helper(&v->p.use, to);
  }
}

static void add_helpers(exporter *x)
{
  text all = { 0 };
  const char *body = x->source.s ? x->source.s : "";
  text_format(&all, "#include \"%s.h\"\n\n#include <math.h>\n#include <stddef.h>\n\n", x->name);
  text_format(&all, "#define WEIGHTS %s_weights\n\n", x->name);
  for (int i = 0; i < n_activations; i++) {
    char call[64];
    snprintf(call, sizeof call, "act_%s(", activation_table[i].name);
    if (strstr(body, call))
      text_format(&all, "static double act_%s(double x)\n{\n  return %s;\n}\n",
                  activation_table[i].name, activation_table[i].in_c);
  }
  for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
    if (strstr(body, helpers[i].name) || (helpers[i].also && strstr(body, helpers[i].also)))
      text_add(&all, helpers[i].text);
  add_mean_helpers(x, &all);
  text_add(&all, body);
  all.failed |= x->source.failed;
  text_free(&x->source);
  x->source = all;
}

static void add_end(exporter *x)
{
  text_format(&x->header,
              "\n/* What the functions read. */\nextern const float %s_weights[%zu];\n\n"
              "#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
              x->name, x->count ? x->count : 1);
  text_add(&x->weights, x->count ? "};\n" : "  0.0f\n};\n");
}

static elbo_status write_file(exporter *x, const char *directory, const char *ending, const text *t)
{
  char name[128];
  snprintf(name, sizeof name, "%s%s", x->name, ending);
  char *path = path_join(directory, name, x->e);
  if (path && t->failed) fail(x->e, ELBO_E_MEMORY, "%s: no memory for its text", path);
  if (path && !x->e->status) file_write_whole(path, t->s, t->n, x->e);
  mem_free(path);
  return x->e->status;
}

static void add_all(exporter *x)
{
  add_start(x);
  text_format(&x->weights, "#include \"%s.h\"\n\nconst float %s_weights[] = {\n", x->name, x->name);
  for (int i = 0; i < x->m->n; i++)
    if (x->m->variable[i].feed >= 0) add_prepare(x, &x->m->variable[i]);
  for (int i = 0; i < x->m->n_q; i++)
    add_conditional(x, &x->m->variable[x->m->q_order[i]], &x->m->variable[x->m->q_order[i]].q, 'q');
  for (int i = 0; i < x->m->n_p; i++)
    add_conditional(x, &x->m->variable[x->m->p_order[i]], &x->m->variable[x->m->p_order[i]].p, 'p');
  for (int i = 0; i < x->m->n; i++)
    if (x->m->variable[i].role == VARIABLE_OBSERVED) add_mean(x, &x->m->variable[i]);
  add_helpers(x);
  add_end(x);
}

elbo_status elbo_run_export_c(elbo_run *r, const char *directory)
{
  error *e = context_enter(r->ctx);
  exporter x = { .r = r, .m = r->study->model, .e = e };
  model_graph mg;
  identifier(elbo_run_name(r), x.name, sizeof x.name);
  if (!model_build(r->study->model, &(graph_options){ GRAPH_DECODE, 1, 1, .draw = false }, &mg,
                   e)) {
    x.g = mg.g;
    add_all(&x);
  }
  if (!e->status && !dir_make(directory, e) && !write_file(&x, directory, ".h", &x.header) &&
      !write_file(&x, directory, ".c", &x.source))
    write_file(&x, directory, "_weights.c", &x.weights);
  text_free(&x.header);
  text_free(&x.source);
  text_free(&x.weights);
  model_graph_free(&mg);
  return e->status;
}
