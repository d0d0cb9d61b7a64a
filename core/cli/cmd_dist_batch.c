/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard input as it comes. All whole lines are answered before more is waited for, and the
 * answers are then written out: a program at the other end may ask one thing at a time. */
typedef struct {
  cli *c;
  elbo_dist *dist;
  char *s;
  size_t n, room;
  int failed; /* has a line failed? */
} conversation;

static bool is_blank(const char *s, size_t n)
{
  size_t i = 0;
  while (i < n && strchr(" \t\r", s[i]) && s[i]) i++;
  return i == n;
}

static int answer(conversation *t, const char *line, size_t n)
{
  const char *text;
  if (is_blank(line, n)) return 0;
  elbo_status status = elbo_dist_query(t->dist, line, n, &text);
  if (status && status != ELBO_E_CHECK) return library_failed(t->c, status);
  if (status) t->failed = 1;
  fputs(text, stdout);
  putchar('\n');
  return 0;
}

/* The whole lines in the buffer, and at the end of the input what is left. */
static int answer_lines(conversation *t, bool all)
{
  size_t from = 0;
  int status = 0;
  for (char *end; !status && (end = memchr(t->s + from, '\n', t->n - from));) {
    status = answer(t, t->s + from, (size_t)(end - t->s) - from);
    from = (size_t)(end - t->s) + 1;
  }
  if (all && !status && from < t->n) {
    status = answer(t, t->s + from, t->n - from);
    from = t->n;
  }
  memmove(t->s, t->s + from, t->n - from);
  t->n -= from;
  return status;
}

static int grow(conversation *t)
{
  enum { FIRST = 1 << 16 };
  if (t->n < t->room) return 0;
  size_t room = t->room ? 2 * t->room : FIRST;
  char *s = realloc(t->s, room);
  if (!s) return fail(t->c, 8, "dist batch: no memory for a line of more than %zu bytes", t->n);
  t->s = s;
  t->room = room;
  return 0;
}

static int converse(conversation *t)
{
  for (int status = 0; !status;) {
    if ((status = grow(t))) return status;
    ssize_t got = read(STDIN_FILENO, t->s + t->n, t->room - t->n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(t->c, 7, "dist batch: standard input: %s", strerror(errno));
    size_t seen = t->n;
    t->n += (size_t)got;
    if (got && !memchr(t->s + seen, '\n', (size_t)got)) continue;
    status = answer_lines(t, got == 0);
    if (fflush(stdout) || status || got == 0) return status;
  }
  return 0;
}

static int cmd_dist_batch(cli *c)
{
  conversation t = { .c = c };
  int status = open_context(c);
  if (status) return status;
  elbo_status made = elbo_dist_new(c->ctx, &t.dist);
  status = made ? library_failed(c, made) : converse(&t);
  elbo_dist_free(t.dist);
  free(t.s);
  return status ? status : t.failed;
}

const command_row command_dist_batch = {
  .name = "dist batch",
  .arguments = "",
  .options = LOADS & ~OPTION(O_JSON),
  .summary = "answer questions about families, a JSON object a line",
  .help = "Reads a query a line from standard input and answers each on a line of\n"
          "standard output, in order. A query that can't be answered has the answer\n"
          "{\"id\":..,\"error\":{\"code\":..,\"message\":..}}; the status at the end is 1 if\n"
          "there was one. Infinities and NaN are the strings inf, -inf, nan.\n"
          "\n"
          "Example:\n"
          "  echo '{\"family\":\"gamma\",\"params\":{\"concentration\":0.5,\"rate\":2},\n"
          "  \"op\":\"log_prob\",\"x\":0.3}' | tr -d '\\n' | elbo dist batch\n",
  .run = cmd_dist_batch,
};
