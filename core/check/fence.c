/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guarded memory for the buffers of a trial. One whose call is over stays mapped and shut, so that
 * a pointer which the plugin kept leads nowhere. The board knows them all, so that the parent of a
 * process that died can say which was touched. */
#include "check/inside.h"

#include <stdio.h>
#include <sys/mman.h>

bool fence_new(trial *t, fence *f, const char *name, size_t count, size_t size, guard_kind kind)
{
  if (!check_that(t, guarded_new(&f->memory, count * size, kind), "no memory for a fence")) {
    guarded_free(&f->memory);
    return false;
  }
  f->at = f->memory.at;
  f->host = f->memory.host;
  f->noted = &t->board->buffer[t->board->buffers++ % CHECK_BUFFERS];
  guarded_free(&f->noted->memory);
  *f->noted = (noted_buffer){ name, f->memory, (ptrdiff_t)count, (ptrdiff_t)size,
                              kind.read_only ? BUFFER_INPUT : BUFFER_OUTPUT };
  return true;
}

void fence_shut(fence *f)
{
  mprotect(f->memory.map, f->memory.mapped, PROT_NONE);
  f->noted->state = BUFFER_GONE;
}

void fences_free(board *b)
{
  for (unsigned i = 0; i < b->buffers && i < CHECK_BUFFERS; i++) guarded_free(&b->buffer[i].memory);
}

bool fence_blame(const board *b, char *to, size_t room)
{
  for (unsigned i = 0; i < b->buffers && i < CHECK_BUFFERS; i++) {
    const noted_buffer *n = &b->buffer[i];
    if (b->fault - (uintptr_t)n->memory.map >= n->memory.mapped) continue;
    ptrdiff_t bytes = (char *)b->fault - (char *)n->memory.at,
              index = bytes < 0 ? -((-bytes + n->size - 1) / n->size) : bytes / n->size;
    if (n->state == BUFFER_GONE)
      snprintf(to, room, ": it touched %s of an earlier call; no pointer may be kept", n->name);
    else if (index >= 0 && index < n->count)
      snprintf(to, room, ": it wrote %s[%td], which is an input", n->name, index);
    else
      snprintf(to, room, ": it touched %s[%td], and %s has %td numbers", n->name, index, n->name,
               n->count);
    return true;
  }
  return false;
}
