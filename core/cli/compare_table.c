/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compare_table.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { COLUMNS = 100, NAME_WIDTH = 14 };

/* ---- numbers */
typedef struct number_column {
  const char *head;
  size_t at;
  int width, digits;
} number_column;
#define ROW(member) offsetof(elbo_compare_row, member)
static const number_column before_verdict[] = {
  { "|mean|", ROW(mean_norm), 7, 3 },    { "variance", ROW(variance), 8, 4 },
  { "+-", ROW(variance_se), 6, 2 },      { "snr", ROW(snr), 6, 2 },
  { "bias", ROW(bias), 7, 3 },           { "chance", ROW(bias_chance), 6, 2 },
}, after_verdict[] = {
  { "ms", ROW(ms_per_gradient), 7, 3 },  { "var x ms", ROW(work_variance), 8, 3 },
};
enum {
  BEFORE = sizeof before_verdict / sizeof *before_verdict,
  AFTER = sizeof after_verdict / sizeof *after_verdict
};

/* So many digits, whole numbers up to 99999, exponents without a plus and zeros: 1.84e7, 1.2e-5. */
static void print_number(double v, const number_column *c)
{
  char text[32];
  int n = snprintf(text, sizeof text, "%.*g", c->digits, v);
  if (fabs(v) < 99999.5 && fabs(v) >= 99.5 && strchr(text, 'e'))
    snprintf(text, sizeof text, "%.0f", v);
  else if (n > c->width)
    snprintf(text, sizeof text, "%.*e", c->digits - 1, v);
  char *e = isfinite(v) ? strchr(text, 'e') : NULL, *from = e ? e + 2 : NULL;
  while (e && *from == '0') from++;
  if (e) memmove(e + 1 + (e[1] == '-'), from, strlen(from) + 1);
  printf(" %*s", c->width, isnan(v) ? "-" : text);
}

static void print_numbers(const elbo_compare_row *r, const number_column *c, int n)
{
  for (int i = 0; i < n; i++) {
    double v;
    memcpy(&v, (const char *)r + c[i].at, sizeof v);
    print_number(v, &c[i]);
  }
}

static void print_heads(const number_column *c, int n)
{
  for (int i = 0; i < n; i++) printf(" %*s", c[i].width, c[i].head);
}

/* ---- rows */
/* "laplace by inverse_cdf"; where the experiment's noise is not iid, the noise that it got. A group
 * of parameters stands indented below its estimator. */
typedef struct row_name {
  char text[128];
} row_name;
static row_name name_of(const elbo_compare_row *r, bool noises)
{
  row_name n;
  if (strcmp(r->group, "all"))
    snprintf(n.text, sizeof n.text, "  %s", r->group);
  else
    snprintf(n.text, sizeof n.text, "%s%s%s%s%s", r->estimator, r->reparam[0] ? " by " : "",
             r->reparam, noises ? ", " : "", noises ? r->noise : "");
  return n;
}

static bool has_noises(const elbo_compare_result *result)
{
  for (size_t i = 0; i < result->n; i++)
    if (result->rows[i].noise[0] && strcmp(result->rows[i].noise, "iid")) return true;
  return false;
}

static bool shown(const cli *c, const elbo_compare_row *r)
{
  return !r->reason[0] && (c->o.verbose || !strcmp(r->group, "all"));
}

static int name_width(const cli *c, const elbo_compare_result *result, bool noises)
{
  int width = NAME_WIDTH;
  for (size_t i = 0; i < result->n; i++) {
    int n = (int)strlen(name_of(&result->rows[i], noises).text);
    if (shown(c, &result->rows[i]) && n > width) width = n;
  }
  return width;
}

static void print_row(const elbo_compare_row *r, bool noises, int width)
{
  printf("%-*s %4ld %-5s", width, name_of(r, noises).text, r->samples, r->objective);
  print_numbers(r, before_verdict, BEFORE);
  printf(" %-11s", r->verdict ? r->verdict : "-");
  print_numbers(r, after_verdict, AFTER);
  puts("");
}

/* ---- what does not apply */
static bool same_reason(const elbo_compare_row *a, const elbo_compare_row *b)
{
  return !strcmp(a->estimator, b->estimator) && !strcmp(a->reason, b->reason);
}

/* Broken at spaces, all lines but the first indented. */
static void print_wrapped(const char *text)
{
  for (int indent = 0; *text; indent = 2) {
    size_t room = (size_t)(COLUMNS - indent), n = strlen(text);
    if (n > room) {
      for (n = room; n > 0 && text[n] != ' ';) n--;
      if (!n) n = strcspn(text, " ");
    }
    printf("%*s%.*s\n", indent, "", (int)n, text);
    text += n + (text[n] == ' ');
  }
}

/* One line for all numbers of samples of one reason. */
static void print_reason(const elbo_compare_row *first, const elbo_compare_row *end)
{
  char line[sizeof first->reason + 256];
  size_t n = (size_t)snprintf(line, sizeof line, "%s (K ", first->estimator);
  long last = 0;
  for (const elbo_compare_row *r = first; r < end; r++)
    if (same_reason(first, r) && r->samples != last && n < 200)
      n += (size_t)snprintf(line + n, sizeof line - n, "%s%ld", last ? "," : "", r->samples),
          last = r->samples;
  snprintf(line + n, sizeof line - n, ") does not apply: %s", first->reason);
  print_wrapped(line);
}

static void print_reasons(const elbo_compare_result *result)
{
  const elbo_compare_row *row = result->rows;
  for (size_t i = 0; i < result->n; i++) {
    bool told = !row[i].reason[0];
    for (size_t k = 0; k < i && !told; k++) told = same_reason(&row[k], &row[i]);
    if (!told) print_reason(&row[i], row + result->n);
  }
}

void compare_table_print(const cli *c, const elbo_compare_result *result)
{
  bool noises = has_noises(result);
  int width = name_width(c, result, noises);
  printf("%s%-*s %4s %-5s", bold(c), width, "estimator", "K", "bound");
  print_heads(before_verdict, BEFORE);
  printf(" %-11s", "verdict");
  print_heads(after_verdict, AFTER);
  printf("%s\n", plain(c));
  for (size_t i = 0; i < result->n; i++) {
    const elbo_compare_row *r = &result->rows[i];
    if (!shown(c, r)) continue;
    print_row(r, noises, width);
    if (c->o.verbose && !strcmp(r->group, "all")) printf("  bias against %s\n", r->reference);
  }
  printf("%ld gradients each; snr of noise alone: %.2g\n", result->repeats, result->snr_noise);
  print_reasons(result);
}
