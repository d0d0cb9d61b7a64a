/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The words of the command line as a query of `dist batch`. */
typedef struct {
  cli *c;
  FILE *out;
  char *text;
  size_t n;
} line;

/* ---- what may stand behind each op */
typedef struct {
  const char *name, *values; /* NULL: it takes none */
  const char *missing;       /* NULL: it can do without */
} op_words;
static const op_words op_table[] = {
  { "log_prob", "x", "the values that are asked about, as in log_prob 0.3 1" },
  { "cdf", "x", "the values that are asked about, as in cdf 0.3 1" },
  { "sf", "x", "the values that are asked about, as in sf 0.3 1" },
  { "pathwise", "x", "the values that are asked about, as in pathwise 0.3 1" },
  { "icdf", "u", "the probabilities that are asked about, as in icdf 0.5 0.9" },
  { "kl", NULL, "another family and its parameters, as in kl normal loc=0 scale=1" },
  { "sample", "n", NULL },
  { "entropy", NULL, NULL },
  { "mean", NULL, NULL },
  { "variance", NULL, NULL },
  { "mode", NULL, NULL },
  { "info", NULL, NULL },
};

/* NULL: none of them; the library has the words for that. */
static const op_words *op_of(const char *name)
{
  for (size_t i = 0; i < sizeof op_table / sizeof *op_table; i++)
    if (!strcmp(op_table[i].name, name)) return &op_table[i];
  return NULL;
}

/* ---- numbers: "0.5", "inf", "1,2,3" or as JSON "[[1,0],[2,3]]" */
static bool one_number(const char **words)
{
  char *end;
  if (!strchr("+-.0123456789inIN", **words) || !**words) return false;
  strtod(*words, &end);
  bool found = end != *words;
  *words = end;
  return found;
}

static bool number_list(const char **words, int depth)
{
  bool open = **words == '[';
  if (open && depth == 2) return false;
  *words += open;
  do {
    bool inner = open && depth < 2 && **words == '[';
    if (!(inner ? number_list(words, depth + 1) : one_number(words))) return false;
  } while (**words == ',' && (*words)++);
  if (!open) return true;
  if (**words != ']') return false;
  (*words)++;
  return true;
}

static bool are_numbers(const char *words)
{
  return number_list(&words, 0) && !*words;
}

/* As JSON has them: numbers that C reads need not be. */
static void put_numbers(line *l, const char *words)
{
  bool bare = *words != '[' && strchr(words, ',');
  if (bare) fputc('[', l->out);
  while (*words) {
    char *end;
    double v = strtod(words, &end);
    if (end == words)
      fputc(*words++, l->out);
    else if (words = end, isfinite(v))
      fprintf(l->out, "%.17g", v);
    else
      fprintf(l->out, "\"%s\"", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
  }
  if (bare) fputc(']', l->out);
}

/* "NAME=VALUE" words from argument i on; the first that is none of them. */
static int put_params(line *l, int i)
{
  char **words = (char **)l->c->arguments;
  fputs(",\"params\":{", l->out);
  for (bool first = true; words[i] && strchr(words[i], '='); i++, first = false) {
    size_t n = strcspn(words[i], "=");
    fprintf(l->out, "%s\"%.*s\":", first ? "" : ",", (int)n, words[i]);
    put_numbers(l, words[i] + n + 1);
  }
  fputc('}', l->out);
  return i;
}

static bool is_plain(const char *word)
{
  for (; *word; word++)
    if (*word == '"' || *word == '\\' || iscntrl((unsigned char)*word)) return false;
  return true;
}

/* The text of the member `key`, which is the last but those in `behind`. */
static bool show(const char *answer, const char *key, const char *const *behind)
{
  const char *at = strstr(answer, key);
  if (!at) return false;
  at += strlen(key);
  const char *end = answer + strlen(answer) - 1;
  for (; *behind; behind++) {
    const char *next = strstr(at, *behind);
    if (next && next < end) end = next;
  }
  printf("%.*s\n", (int)(end - at), at);
  return true;
}

static void show_plain(const char *answer)
{
  static const char *const keys[] = { "\"value\":", "\"grad\":", "\"x\":", "\"info\":" };
  static const char *const behind[] = { ",\"grad\":", ",\"method\":", NULL };
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
    if (show(answer, keys[k], behind)) return;
}

/* The text of a JSON string that begins at `at`, as it is read. */
static void unescape(const char *at, char *to, size_t room)
{
  size_t n = 0;
  for (; *at && *at != '"' && n + 1 < room; at++) {
    if (*at == '\\' && at[1]) at++;
    to[n++] = *at;
  }
  to[n] = '\0';
}

static int ask(line *l, elbo_dist *dist)
{
  const char *answer;
  fclose(l->out);
  elbo_status status = l->text ? elbo_dist_query(dist, l->text, l->n, &answer) : ELBO_E_MEMORY;
  free(l->text);
  if (status && status != ELBO_E_CHECK) return library_failed(l->c, status);
  if (l->c->o.json) {
    puts(answer);
    return status ? 1 : 0;
  }
  if (!status) return show_plain(answer), 0;
  const char *message = strstr(answer, "\"message\":\"");
  char words[1200];
  unescape(message ? message + 11 : "", words, sizeof words);
  return fail(l->c, 2, "dist: %s", words);
}

/* One query: `value` is its x or u, or NULL. */
static int one(cli *c, elbo_dist *dist, const char *value)
{
  line l = { .c = c };
  const char *const *words = c->arguments;
  if (!(l.out = open_memstream(&l.text, &l.n))) return fail(c, 8, "no memory");
  fprintf(l.out, "{\"family\":\"%s\"", words[0]);
  int op = put_params(&l, 1);
  const char *name = words[op];
  bool kl = !strcmp(name, "kl"), sample = !strcmp(name, "sample");
  fprintf(l.out, ",\"op\":\"%s\"", name);
  if (kl && words[op + 1]) {
    fprintf(l.out, ",\"other\":{\"family\":\"%s\"", words[op + 1]);
    put_params(&l, op + 2);
    fputc('}', l.out);
  } else if (value) {
    fprintf(l.out, ",\"%s\":", sample ? "n" : strcmp(name, "icdf") ? "x" : "u");
    put_numbers(&l, value);
  }
  if (sample) fprintf(l.out, ",\"seed\":%llu", (unsigned long long)c->o.seed);
  if (kl) fputs(",\"method_any\":true", l.out);
  fputc('}', l.out);
  return ask(&l, dist);
}

/* ---- the words before they are a query */
static const char numbers_are[] = "a number (0.5, 1e-3, inf), a list (1,2,3) or lists in brackets "
                                  "([[1,0],[2,3]])";

static int look_at_parameter(cli *c, const char *word)
{
  const char *value = strchr(word, '=') + 1;
  if (*word == '=') return fail(c, 2, "dist: %s has no name; a parameter is NAME=VALUE", word);
  if (!are_numbers(value))
    return fail(c, 2, "dist: %s: expected %s behind the =, found %s", word, numbers_are,
                *value ? quote(value).text : "nothing");
  return 0;
}

static int look_at_values(cli *c, int op)
{
  const char *const *words = c->arguments;
  const op_words *o = op_of(words[op]);
  if (!o) return 0;
  if (!words[op + 1] && o->missing)
    return fail(c, 2, "dist: %s: behind it stand %s", words[op], o->missing);
  for (int i = op + 1; words[i]; i++) {
    if (strchr(words[i], '='))
      return fail(c, 2, "dist: %s stands behind %s; parameters stand before the question", words[i],
                  words[op]);
    if (!o->values)
      return fail(c, 2, "dist: %s takes no value, found %s", words[op], quote(words[i]).text);
    if (!are_numbers(words[i]))
      return fail(c, 2, "dist: %s %s: expected %s", words[op], quote(words[i]).text, numbers_are);
  }
  return 0;
}

/* The family behind kl and its parameters. */
static int look_at_other(cli *c, int op)
{
  const char *const *words = c->arguments;
  int failed = 0;
  if (!words[op + 1]) return look_at_values(c, op);
  for (int i = op + 2; words[i] && !failed; i++)
    failed = strchr(words[i], '=') ? look_at_parameter(c, words[i])
                                   : fail(c, 2, "dist: kl: expected NAME=VALUE of %s, found %s",
                                          words[op + 1], quote(words[i]).text);
  return failed;
}

static int all(cli *c, elbo_dist *dist)
{
  int op = 1, status = 0;
  for (int i = 0; i < c->n_arguments; i++)
    if (!is_plain(c->arguments[i]))
      return fail(c, 2, "dist: %s is neither a name nor a number", quote(c->arguments[i]).text);
  for (; op < c->n_arguments && strchr(c->arguments[op], '='); op++)
    if ((status = look_at_parameter(c, c->arguments[op]))) return status;
  if (op == c->n_arguments)
    return fail(c, 2,
                "dist: no question is asked; behind the parameters stands one of log_prob, "
                "cdf, sf, icdf, pathwise, entropy, mean, variance, mode, kl, sample, info");
  bool kl = !strcmp(c->arguments[op], "kl");
  if ((status = kl ? look_at_other(c, op) : look_at_values(c, op))) return status;
  if (op + 1 == c->n_arguments || kl) return one(c, dist, NULL);
  for (int i = op + 1; i < c->n_arguments && !status; i++) status = one(c, dist, c->arguments[i]);
  return status;
}

static int cmd_dist(cli *c)
{
  elbo_dist *dist = NULL;
  int status = open_context(c);
  if (status) return status;
  elbo_status made = elbo_dist_new(c->ctx, &dist);
  status = made ? library_failed(c, made) : all(c, dist);
  elbo_dist_free(dist);
  return status;
}

const command_row command_dist = {
  .name = "dist",
  .arguments = "FAMILY [NAME=VALUE]... OP [VALUE]...",
  .least = 2,
  .most = 100000,
  .options = LOADS | OPTION(O_SEED_OF_DRAWS),
  .summary = "densities, tails, moments, divergences of a family",
  .help = "OP is log_prob, cdf, sf, pathwise (of each value x), icdf (of u), entropy,\n"
          "mean, variance, mode, kl (of another FAMILY [NAME=VALUE]...), sample (N\n"
          "draws) or info. Prints a line for each value. Lists are written 1,2,3. Put --\n"
          "before a value that begins with a minus sign.\n"
          "\n"
          "Example:\n"
          "  elbo dist gamma concentration=0.5 rate=2 log_prob 0.3 1 2\n"
          "  elbo dist normal loc=0 scale=1 kl laplace loc=0 scale=2\n"
          "  elbo dist normal loc=0 scale=1 cdf -- -3 -2 -1\n",
  .run = cmd_dist,
};
