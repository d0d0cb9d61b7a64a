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

/* A number, or numbers: "0.5", "inf", "1,2,3" or as JSON "[[1,0],[2,3]]". */
static void put_numbers(line *l, const char *words)
{
  char *end;
  double v = strtod(words, &end);
  if (*words == '[')
    fputs(words, l->out);
  else if (*words && !*end && isfinite(v))
    fprintf(l->out, "%.17g", v);
  else if (strchr(words, ','))
    fprintf(l->out, "[%s]", words);
  else
    fprintf(l->out, "\"%s\"", words);
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
  return fail(l->c, 2, "dist: %.*s", message ? (int)strlen(message) - 14 : 0,
              message ? message + 11 : "");
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

static int all(cli *c, elbo_dist *dist)
{
  int op = 1, status = 0;
  while (op < c->n_arguments && strchr(c->arguments[op], '=')) op++;
  if (op == c->n_arguments)
    return fail(c, 2,
                "dist: no question is asked; behind the parameters stands one of log_prob, "
                "cdf, sf, icdf, pathwise, entropy, mean, variance, mode, kl, sample, info");
  for (int i = 0; i < c->n_arguments; i++)
    if (!is_plain(c->arguments[i]))
      return fail(c, 2, "dist: %s is neither a name nor a number", quote(c->arguments[i]).text);
  if (op + 1 == c->n_arguments || !strcmp(c->arguments[op], "kl")) return one(c, dist, NULL);
  for (int i = op + 1; i < c->n_arguments && !status; i++) status = one(c, dist, c->arguments[i]);
  return status;
}

int cmd_dist(cli *c)
{
  elbo_dist *dist = NULL;
  int status = open_context(c);
  if (status) return status;
  elbo_status made = elbo_dist_new(c->ctx, &dist);
  status = made ? library_failed(c, made) : all(c, dist);
  elbo_dist_free(dist);
  return status;
}
