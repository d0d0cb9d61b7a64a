/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading: files as streams of bytes, and small ones whole. */
#include "base/file.h"
#include "base/calls.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct file {
  int fd;
  int64_t size;
  elbo_status status;
  char *path;
};

static elbo_status check_regular(const char *path, const struct stat *s, elbo_status status,
                                 error *e)
{
  if (S_ISREG(s->st_mode)) return ELBO_DONE;
  return fail(e, status, "%s: is %s, expected a file; name a regular file", path,
              kind_of_file(s->st_mode));
}

/* Looks before it opens, as opening alone can block (a FIFO) or act (a device); and once more at
 * what it got. */
static elbo_status open_regular(file *f, error *e)
{
  struct stat s;
  if (call_stat(f->path, &s) < 0) return call_failed(e, f->status, f->path, "opened");
  if (check_regular(f->path, &s, f->status, e)) return f->status;
  f->fd = call_open(f->path, O_RDONLY | O_NONBLOCK, 0);
  if (f->fd < 0 || call_stat_open(f->fd, &s) < 0)
    return call_failed(e, f->status, f->path, "opened");
  f->size = s.st_size;
  return check_regular(f->path, &s, f->status, e);
}

file *file_open(const char *path, elbo_status status, error *e)
{
  file *f = mem_new(1, sizeof *f, "a file", e);
  if (!f) return NULL;
  f->fd = -1;
  f->status = status;
  f->path = mem_copy_string(path, e);
  if (f->path && !open_regular(f, e)) return f;
  file_close(f);
  return NULL;
}

int64_t file_size(const file *f)
{
  return f->size;
}

const char *file_path(const file *f)
{
  return f->path;
}

elbo_status file_status(const file *f)
{
  return f->status;
}

int64_t file_read(file *f, void *at, size_t n, error *e)
{
  int64_t got = call_read(f->fd, at, n);
  if (got < 0) call_failed(e, f->status, f->path, "read");
  return got;
}

int64_t file_read_at(const file *f, int64_t offset, void *at, size_t n, error *e)
{
  int64_t got = call_read_at(f->fd, at, n, offset);
  if (got < 0) call_failed(e, f->status, f->path, "read");
  return got;
}

elbo_status file_seek(file *f, int64_t offset, error *e)
{
  if (call_seek(f->fd, offset, SEEK_SET) == offset) return ELBO_DONE;
  return call_failed(e, f->status, f->path, "read");
}

void file_close(file *f)
{
  if (!f) return;
  if (f->fd >= 0) close(f->fd); /* nothing was written: nothing can be lost here */
  mem_free(f->path);
  mem_free(f);
}

static elbo_status too_large(const file *f, size_t limit, error *e)
{
  return fail(e, f->status,
              "%s: is larger than the %zu bytes that are read at most; name a smaller file",
              f->path, limit);
}

/* The size at opening is a first guess only: the file may grow or shrink meanwhile, and those of
 * /proc say 0. */
static elbo_status read_rest(file *f, size_t limit, char **at, size_t *n, error *e)
{
  if ((uint64_t)f->size > limit) return too_large(f, limit, e);
  size_t room = 0, need = (size_t)f->size + 2;
  for (;;) {
    if (mem_grow(at, &room, need, 1, f->path, e)) return ELBO_E_MEMORY;
    int64_t got = file_read(f, *at + *n, room - 1 - *n, e);
    if (got < 0) return f->status;
    *n += (size_t)got;
    if (*n > limit) return too_large(f, limit, e);
    if (*n < room - 1) break;
    need = room + 1;
  }
  (*at)[*n] = '\0';
  return ELBO_DONE;
}

elbo_status file_read_all(const char *path, size_t limit, elbo_status status, char **at, size_t *n,
                          error *e)
{
  *at = NULL;
  *n = 0;
  error here = { 0 };
  file *f = file_open(path, status, &here);
  if (f)
    status = read_rest(f, limit, at, n, &here);
  else
    status = here.status;
  file_close(f);
  if (!status) return ELBO_DONE;
  mem_free(*at);
  *at = NULL;
  *n = 0;
  return fail(e, here.status, "%s", here.text);
}
