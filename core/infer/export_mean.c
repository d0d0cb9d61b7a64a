/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "infer/export_mean.h"

#include <ctype.h>
#include <string.h>

static bool in_word(char c)
{
  return isalnum((unsigned char)c) || c == '_';
}

static bool mentions(const char *body, const char *word)
{
  size_t n = strlen(word);
  for (const char *at = body; (at = strstr(at, word)); at += n)
    if ((at == body || !in_word(at[-1])) && !in_word(at[n])) return true;
  return false;
}

static bool is_vector(const family_use *u)
{
  if (u->family->event_rank) return true;
  for (uint32_t p = 0; p < u->family->n_params; p++)
    if (u->width[p] > 1) return true;
  return false;
}

/* The parameters that the mean needs, each with `before` and `after` around its name. */
static void add_taken(const family_use *u, const char *before, const char *after, bool stride,
                      text *to)
{
  const elbo_family *f = u->family;
  const char *comma = "";
  char word[128];
  for (uint32_t p = 0; p < f->n_params; p++) {
    param_working_name(&f->params[p], word, sizeof word);
    if (!mentions(f->mean_in_c, word)) continue;
    text_format(to, "%s%s%s%s", comma, before, word, after);
    if (stride) text_format(to, "%d", u->width[p]);
    comma = ", ";
  }
}

void mean_add_signature(const family_use *u, const char *function, text *to)
{
  text_format(to, "void %s(", function);
  add_taken(u, "const float *", "", false, to);
  text_add(to, ", float *mean_out)");
}

void mean_add_helper(const family_use *u, text *to)
{
  bool vector = is_vector(u);
  text_format(to, "static %s mean_%s(%s", vector ? "void" : "double", u->family->name,
              vector ? "int K, " : "");
  add_taken(u, vector ? "const float *" : "double ", "", false, to);
  text_format(to, "%s)\n{\n  ", vector ? ", float *mean" : "");
  for (const char *c = u->family->mean_in_c; *c; c++)
    text_add(to, *c == '\n' ? "\n  " : (char[]){ *c, '\0' });
  text_add(to, "\n}\n");
}

void mean_add_loop(const family_use *u, size_t d, text *to)
{
  bool vector = is_vector(u);
  text_format(to, "  size_t i;\n  for (i = 0; i < %zu; i++) ", d);
  text_format(to, vector ? "mean_%s(%d, " : "mean_out[i] = (float)mean_%s(", u->family->name, u->K);
  add_taken(u, "", vector ? " + i * " : "[i]", vector, to);
  if (vector) text_format(to, ", mean_out + i * %d", u->E);
  text_add(to, ");\n");
}
