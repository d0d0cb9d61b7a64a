/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logs of whole lines: what a torn write or a killed process left behind the last newline is cut
 * away. */
#include "base/calls.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct line_log {
  int fd;
  int64_t size;
  char *path;
};

enum { PIECE = 4096 };

/* Bytes of [0, size) up to and with the last newline; -1 on error. Looks backwards, piece by
 * piece. */
static int64_t end_of_lines(int fd, int64_t size)
{
  char piece[PIECE];
  while (size > 0) {
    int64_t from = size > PIECE ? size - PIECE : 0;
    if (call_seek(fd, from, SEEK_SET) < 0) return -1;
    int64_t got = call_read(fd, piece, (size_t)(size - from));
    if (got < 0) return -1;
    const char *newline = memrchr(piece, '\n', (size_t)got);
    if (newline) return from + (newline - piece) + 1;
    size = from;
  }
  return 0;
}

static elbo_status cut_to(line_log *l, int64_t keep, error *e)
{
  struct stat s;
  if (call_stat_open(l->fd, &s) < 0) return call_failed(e, ELBO_E_FILES, l->path, "opened");
  if (!S_ISREG(s.st_mode))
    return fail(e, ELBO_E_FILES,
                "%s: is %s, a file is to be written there; move it away or choose another name",
                l->path, kind_of_file(s.st_mode));
  l->size = end_of_lines(l->fd, keep >= 0 && keep < s.st_size ? keep : s.st_size);
  if (l->size < 0) return call_failed(e, ELBO_E_FILES, l->path, "read");
  if (l->size < s.st_size && call_cut(l->fd, l->size) < 0)
    return call_failed(e, ELBO_E_FILES, l->path, "cut to its first lines");
  return ELBO_DONE;
}

static elbo_status open_log(line_log *l, int64_t keep, error *e)
{
  l->fd = call_open(l->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (l->fd < 0) return call_failed(e, ELBO_E_FILES, l->path, "opened for writing");
  elbo_status status = cut_to(l, keep, e);
  if (!status && !l->size && call_open_to_owner(l->fd) < 0)
    status = call_failed(e, ELBO_E_FILES, l->path, "opened for writing");
  return status;
}

line_log *line_log_open(const char *path, int64_t keep, error *e)
{
  line_log *l = mem_new(1, sizeof *l, "a log", e);
  if (!l) return NULL;
  l->fd = -1;
  l->path = mem_copy_string(path, e);
  if (l->path && !open_log(l, keep, e)) return l;
  if (l->fd >= 0) close(l->fd);
  mem_free(l->path);
  mem_free(l);
  return NULL;
}

elbo_status line_log_write(line_log *l, const char *s, size_t n, error *e)
{
  if (call_write(l->fd, s, n) == 0) {
    l->size += (int64_t)n;
    return ELBO_DONE;
  }
  elbo_status status = call_failed(e, ELBO_E_FILES, l->path, "written");
  /* Half a line may stand there. Should cutting fail too, the next opening cuts. */
  (void)!ftruncate(l->fd, l->size);
  return status;
}

elbo_status line_log_close(line_log *l, error *e)
{
  if (!l) return ELBO_DONE;
  elbo_status status = ELBO_DONE;
  if (call_sync(l->fd) < 0) status = call_failed(e, ELBO_E_FILES, l->path, "written");
  if (call_close(l->fd) < 0 && !status) status = call_failed(e, ELBO_E_FILES, l->path, "written");
  mem_free(l->path);
  mem_free(l);
  return status;
}
