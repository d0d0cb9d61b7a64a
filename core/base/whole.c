/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that land whole: written beside their target as .NAME.PID.tmp, then renamed over it. */
#include "base/calls.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct whole_file {
  int fd;    /* -1: closed */
  bool made; /* does the temporary stand */
  char *path, *folder, *temporary;
};

/* A link would be replaced and its target left as it was, a file that its owner has protected
 * overwritten: both are refused. */
static elbo_status check_target(const char *path, error *e)
{
  struct stat s;
  if (call_stat_link(path, &s) < 0)
    return errno == ENOENT ? ELBO_DONE : call_failed(e, ELBO_E_FILES, path, "written");
  if (!S_ISREG(s.st_mode))
    return fail(e, ELBO_E_FILES,
                "%s: is %s, a file is to be written there; move it away or choose another name",
                path, kind_of_file(s.st_mode));
  if (call_access(path, W_OK) < 0) return call_failed(e, ELBO_E_FILES, path, "written");
  return ELBO_DONE;
}

static char *name_temporary(const char *path, error *e)
{
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  if (!*name) {
    fail(e, ELBO_E_FILES, "%s: names no file; write a file name", *path ? path : "an empty path");
    return NULL;
  }
  size_t room = strlen(path) +
                sizeof ".."
                       ".tmp" +
                3 * sizeof(long);
  char *s = mem_new(room, 1, "a path", e);
  if (s) snprintf(s, room, "%.*s.%s.%ld.tmp", (int)(name - path), path, name, (long)getpid());
  return s;
}

/* One of this name can only be left over from a process that had our number and died. */
static elbo_status make_temporary(whole_file *w, error *e)
{
  int flags = O_WRONLY | O_CREAT | O_EXCL;
  w->fd = call_open(w->temporary, flags, 0666);
  if (w->fd < 0 && errno == EEXIST && call_remove(w->temporary) == 0)
    w->fd = call_open(w->temporary, flags, 0666);
  if (w->fd < 0) return call_failed(e, ELBO_E_FILES, w->path, "written");
  w->made = true;
  if (call_open_to_owner(w->fd) < 0) return call_failed(e, ELBO_E_FILES, w->path, "written");
  return ELBO_DONE;
}

whole_file *whole_begin(const char *path, error *e)
{
  whole_file *w = mem_new(1, sizeof *w, "a file", e);
  if (!w) return NULL;
  w->fd = -1;
  w->path = mem_copy_string(path, e);
  w->folder = w->path ? path_folder(path, e) : NULL;
  w->temporary = w->folder ? name_temporary(path, e) : NULL;
  if (w->temporary && !check_target(path, e) && !make_temporary(w, e)) return w;
  whole_abandon(w);
  return NULL;
}

elbo_status whole_write(whole_file *w, const void *at, size_t n, error *e)
{
  if (call_write(w->fd, at, n) == 0) return ELBO_DONE;
  return call_failed(e, ELBO_E_FILES, w->path, "written");
}

static int finish(whole_file *w)
{
  if (call_sync(w->fd) < 0) return -1;
  int fd = w->fd;
  w->fd = -1;
  if (call_close(fd) < 0) return -1;
  if (call_rename(w->temporary, w->path) < 0) return -1;
  w->made = false;
  return call_sync_folder(w->folder);
}

elbo_status whole_commit(whole_file *w, error *e)
{
  elbo_status status =
      finish(w) == 0 ? ELBO_DONE : call_failed(e, ELBO_E_FILES, w->path, "written");
  whole_abandon(w);
  return status;
}

void whole_abandon(whole_file *w)
{
  if (!w) return;
  int reason = errno;
  if (w->fd >= 0) close(w->fd);
  if (w->made)
    unlink(w->temporary); /* past the countdown of faults: what can still be cleaned is */
  mem_free(w->temporary);
  mem_free(w->folder);
  mem_free(w->path);
  mem_free(w);
  errno = reason;
}

elbo_status file_write_whole(const char *path, const void *at, size_t n, error *e)
{
  whole_file *w = whole_begin(path, e);
  if (!w) return e && e->status ? e->status : ELBO_E_FILES;
  elbo_status status = whole_write(w, at, n, e);
  if (!status) return whole_commit(w, e);
  whole_abandon(w);
  return status;
}
