/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "base/mem.h"

#include <string.h>

typedef struct {
  line_fn *take;
  void *user;
  char *room;
  size_t have;
  bool inside; /* of a line that was too long: its rest is passed over */
} reader;

/* The whole lines in the room; what is left of it moves to the front. false: no more are wanted. */
static bool take_lines(reader *r)
{
  size_t from = 0;
  for (char *end; (end = memchr(r->room + from, '\n', r->have - from));) {
    size_t n = (size_t)(end - r->room) - from;
    if (!r->inside && !r->take(r->user, r->room + from, n)) return false;
    r->inside = false;
    from += n + 1;
  }
  memmove(r->room, r->room + from, r->have -= from);
  if (r->have < LINE_MOST) return true;
  bool more = r->inside || r->take(r->user, r->room, LINE_MOST);
  r->inside = true;
  r->have = 0;
  return more;
}

elbo_status file_lines(file *f, line_fn *take, void *user, error *e)
{
  reader r = { .take = take, .user = user, .room = mem_new(LINE_MOST, 1, "a line", e) };
  bool more = r.room != NULL;
  for (int64_t n; more && (n = file_read(f, r.room + r.have, LINE_MOST - r.have, e)) > 0;) {
    r.have += (size_t)n;
    more = take_lines(&r);
  }
  mem_free(r.room);
  return e->status;
}
