/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "data/read.h"
#include <string.h>

static int64_t raw_read(source *s, void *to, size_t n, error *e)
{
  return s->z ? gunzip_read(s->z, to, n, e) : file_read(s->f, to, n, e);
}

elbo_status source_fill(source *s, size_t want, error *e)
{
  if (s->n - s->at >= want || s->end) return ELBO_DONE;
  memmove(s->buffer, s->buffer + s->at, s->n - s->at);
  s->n -= s->at;
  s->at = 0;
  while (s->n < want && !s->end) {
    int64_t got = raw_read(s, s->buffer + s->n, SOURCE_BUFFER - s->n, e);
    if (got < 0) return e->status;
    s->n += (size_t)got;
    s->end = got == 0;
  }
  return ELBO_DONE;
}

void source_skip(source *s, size_t n)
{
  s->at += n;
  s->offset += n;
}

elbo_status source_read(source *s, void *to, size_t n, size_t *got, error *e)
{
  size_t have = s->n - s->at < n ? s->n - s->at : n;
  memcpy(to, s->buffer + s->at, have);
  source_skip(s, have);
  while (have < n && !s->end) {
    int64_t more = raw_read(s, (char *)to + have, n - have, e);
    if (more < 0) return e->status;
    s->end = more == 0;
    s->offset += (uint64_t)more;
    have += (size_t)more;
  }
  *got = have;
  return ELBO_DONE;
}

elbo_status source_go_back(source *s, uint64_t to, error *e)
{
  bool packed = s->z != NULL;
  gunzip_close(s->z);
  s->z = NULL;
  if (file_seek(s->f, 0, e) != ELBO_DONE || (packed && !(s->z = gunzip_open(s->f, e))))
    return e->status;
  s->offset = s->at = s->n = 0;
  s->end = false;
  while (s->offset < to) {
    uint64_t left = to - s->offset;
    if (source_fill(s, 1, e) != ELBO_DONE) return e->status;
    if (s->n == s->at) return fail(e, ELBO_E_DATA, "the file shrank while it was read");
    source_skip(s, left < s->n - s->at ? left : s->n - s->at);
  }
  return ELBO_DONE;
}

const char *source_unit(const source *s)
{
  return s->z ? "unpacked byte" : "byte";
}

source *source_open(const char *path, error *e)
{
  source *s = mem_new(1, sizeof *s, "a file's buffer", e);
  if (!s) return NULL;
  s->f = file_open(path, ELBO_E_DATA, e);
  if (!s->f || source_fill(s, 2, e) != ELBO_DONE) goto fail;
  if (s->n >= 2 && s->buffer[0] == 0x1f && s->buffer[1] == 0x8b) {
    if (file_seek(s->f, 0, e) != ELBO_DONE || !(s->z = gunzip_open(s->f, e))) goto fail;
    s->n = 0;
    s->end = false;
  }
  return s;
fail:
  source_close(s);
  return NULL;
}

void source_close(source *s)
{
  if (!s) return;
  if (s->z) gunzip_close(s->z);
  if (s->f) file_close(s->f);
  mem_free(s);
}
