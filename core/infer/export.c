/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trained model for other programs: its tensors by name, or plain C. The C computes in double
 * from float weights: what it gives differs from the program's by the program's rounding. */
#include "base/file.h"
#include "graph/activation.h"
#include "infer/arrays.h"
#include "infer/export_inside.h"
#include "infer/export_mean.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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
void export_identifier(const char *from, char *to, size_t n)
{
  size_t i = 0;
  if (isdigit((unsigned char)*from)) to[i++] = '_';
  for (; *from && i + 1 < n; from++)
    to[i++] = isalnum((unsigned char)*from) && !(*from & 0x80) ? *from : '_';
  to[i] = '\0';
}

/* Appends numbers to the weights; where they begin. */
size_t export_put(exporter *x, const char *what, const float *at, size_t n)
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

size_t export_put_tensor(exporter *x, const char *stem, const char *part)
{
  char name[512];
  snprintf(name, sizeof name, "%s%s", stem, part);
  for (int i = 0; i < graph_tensor_count(x->g); i++) {
    const named_tensor *t = graph_tensor(x->g, i);
    if (!strcmp(t->name, name)) return export_put(x, name, x->r->params + t->at, t->count);
  }
  fail(x->e, ELBO_E_CHECKPOINT, "the model has no tensor %s", name);
  return 0;
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
  text_format(
      &x->header,
      "/* %s, a model trained by elbo %s: plain C11 or C++, needs libm. Functions keep no "
      "state.\n   Every buffer is the caller's; all numbers are floats. To compile: cc YOURS.c "
      "%s.c %s_weights.c -lm\n   All names begin with %s_; of two models in one program, "
      "export one with --name OTHER. */\n"
      "#ifndef ELBO_EXPORT_%s_H\n#define ELBO_EXPORT_%s_H\n\n#ifdef __cplusplus\n"
      "extern \"C\" {\n#endif\n",
      elbo_run_name(x->r), elbo_version(), x->name, x->name, x->name, x->name, x->name);
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

/* Two names that differ may be one in C, as a-b and a_b: the files of another model are left alone.
   Its name stands behind the comment's start. */
static elbo_status check_place(const exporter *x, const char *directory)
{
  char name[128], start[512], there[512] = "";
  bool is_there = false;
  snprintf(name, sizeof name, "%s.h", x->name);
  snprintf(start, sizeof start, "/* %s, a model trained by elbo ", elbo_run_name(x->r));
  char *path = path_join(directory, name, x->e);
  file *f = path && !file_look(path, &is_there, x->e) && is_there
                ? file_open(path, ELBO_E_FILES, x->e)
                : NULL;
  if (f && file_read(f, there, sizeof there - 1, x->e) >= 0 && strncmp(there, start, strlen(start)))
    fail(x->e, ELBO_E_FILES,
         "%s: is there already, and not of a run named %s; choose another folder or name, or "
         "remove it",
         path, elbo_run_name(x->r));
  if (f) file_close(f);
  mem_free(path);
  return x->e->status;
}

static void add_all(exporter *x)
{
  add_start(x);
  text_format(&x->weights, "#include \"%s.h\"\n\nconst float %s_weights[] = {\n", x->name, x->name);
  for (int i = 0; i < x->m->n; i++)
    if (x->m->variable[i].feed >= 0) export_prepare(x, &x->m->variable[i]);
  for (int i = 0; i < x->m->n_q; i++)
    export_conditional(x, &x->m->variable[x->m->q_order[i]], &x->m->variable[x->m->q_order[i]].q,
                       'q');
  for (int i = 0; i < x->m->n_p; i++)
    export_conditional(x, &x->m->variable[x->m->p_order[i]], &x->m->variable[x->m->p_order[i]].p,
                       'p');
  for (int i = 0; i < x->m->n; i++)
    if (x->m->variable[i].role == VARIABLE_OBSERVED) export_mean(x, &x->m->variable[i]);
  add_helpers(x);
  add_end(x);
}

static void take_name(exporter *x, const char *name)
{
  export_identifier(name ? name : elbo_run_name(x->r), x->name, sizeof x->name);
  if (name && (!*name || strcmp(x->name, name) != 0))
    fail(x->e, ELBO_E_USAGE,
         "name \"%.80s\": expected letters, digits and _, the first no digit, fewer than %zu: it "
         "begins the names of C functions",
         name, sizeof x->name);
}

elbo_status elbo_run_export_c(elbo_run *r, const char *directory, const char *name)
{
  error *e = context_enter(r->ctx);
  exporter x = { .r = r, .m = r->study->model, .e = e };
  model_graph mg = { 0 };
  take_name(&x, name);
  if (!e->status && !model_build(r->study->model,
                                 &(graph_options){ GRAPH_DECODE, 1, 1, .draw = false }, &mg, e)) {
    x.g = mg.g;
    add_all(&x);
  }
  if (!e->status && !check_place(&x, directory) && !dir_make(directory, e) &&
      !write_file(&x, directory, ".h", &x.header) && !write_file(&x, directory, ".c", &x.source))
    write_file(&x, directory, "_weights.c", &x.weights);
  text_free(&x.header);
  text_free(&x.source);
  text_free(&x.weights);
  model_graph_free(&mg);
  return e->status;
}
