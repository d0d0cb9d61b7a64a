/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/calls.h"
#include "base/file.h"
#include "base/format.h"
#include "base/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static _Atomic uint64_t made;
static torture faults;

uint64_t file_count(void)
{
  return atomic_load_explicit(&made, memory_order_relaxed);
}

void file_fail_at(uint64_t n, bool for_ever)
{
  torture_set(&faults, n, for_ever);
}

static bool broken(void)
{
  atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
  if (!torture_hit(&faults)) return false;
  errno = EIO;
  return true;
}

/* One call, begun again when a signal came between. */
#define AGAIN(result, call)                                                                        \
  do {                                                                                             \
    (result) = broken() ? -1 : (call);                                                             \
  } while ((result) < 0 && errno == EINTR)

/* What a descriptor above 2 replaces: a file on 0, 1 or 2 would get what is printed. */
static int move_up(int fd)
{
  int moved;
  AGAIN(moved, fcntl(fd, F_DUPFD_CLOEXEC, 3));
  int reason = errno;
  close(fd);
  errno = reason;
  return moved;
}

int call_open(const char *path, int flags, mode_t mode)
{
  int fd;
  AGAIN(fd, open(path, flags | O_CLOEXEC | O_NOCTTY, mode));
  return fd >= 0 && fd <= 2 ? move_up(fd) : fd;
}

int64_t call_read(int fd, void *at, size_t n)
{
  size_t done = 0;
  while (done < n) {
    ssize_t got;
    AGAIN(got, read(fd, (char *)at + done, n - done));
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (int64_t)done;
}

int64_t call_read_at(int fd, void *at, size_t n, int64_t offset)
{
  size_t done = 0;
  while (done < n) {
    ssize_t got;
    AGAIN(got, pread(fd, (char *)at + done, n - done, offset + (int64_t)done));
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (int64_t)done;
}

int call_write(int fd, const void *at, size_t n)
{
  for (size_t done = 0; done < n;) {
    ssize_t put;
    AGAIN(put, write(fd, (const char *)at + done, n - done));
    if (put == 0) errno = ENOSPC;
    if (put <= 0) return -1;
    done += (size_t)put;
  }
  return 0;
}

int call_sync(int fd)
{
  int r;
  AGAIN(r, fsync(fd));
  return r < 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : r;
}

int call_close(int fd)
{
  bool fault = broken();
  /* After EINTR the descriptor is gone on Linux; closing it again could hit another's. */
  int r = close(fd) < 0 && errno != EINTR ? -1 : 0;
  if (!fault) return r;
  errno = EIO;
  return -1;
}

int call_cut(int fd, int64_t size)
{
  int r;
  AGAIN(r, ftruncate(fd, size));
  return r;
}

int64_t call_seek(int fd, int64_t offset, int whence)
{
  return broken() ? -1 : lseek(fd, offset, whence);
}

int call_stat_open(int fd, struct stat *s)
{
  return broken() ? -1 : fstat(fd, s);
}

int call_stat(const char *path, struct stat *s)
{
  return broken() ? -1 : stat(path, s);
}

int call_stat_link(const char *path, struct stat *s)
{
  return broken() ? -1 : lstat(path, s);
}

static int call_set_mode(int fd, mode_t mode)
{
  int r;
  AGAIN(r, fchmod(fd, mode));
  return r;
}

int call_access(const char *path, int mode)
{
  return broken() ? -1 : faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

int call_rename(const char *from, const char *to)
{
  return broken() ? -1 : rename(from, to);
}

int call_remove(const char *path)
{
  return broken() ? -1 : unlink(path);
}

int call_mkdir(const char *path, mode_t mode)
{
  return broken() ? -1 : mkdir(path, mode);
}

int call_set_mode_of(const char *path, mode_t mode)
{
  return broken() ? -1 : chmod(path, mode);
}

int call_lock(int fd)
{
  int r;
  AGAIN(r, flock(fd, LOCK_EX | LOCK_NB));
  return r;
}

int call_open_to_owner(int fd)
{
  struct stat s;
  if (call_stat_open(fd, &s) < 0) return -1;
  mode_t mode = s.st_mode & 0777;
  return (mode & 0600) == 0600 ? 0 : call_set_mode(fd, mode | 0600);
}

int call_sync_folder(const char *folder)
{
  int fd = call_open(folder, O_RDONLY | O_DIRECTORY, 0);
  /* A folder may be writable but not readable: then there is no way to sync it, and nothing is
   * wrong. */
  if (fd < 0) return errno == EACCES ? 0 : -1;
  int r = call_sync(fd), reason = errno;
  close(fd);
  errno = reason;
  return r;
}

const char *kind_of_file(mode_t mode)
{
  static const struct {
    mode_t kind;
    const char *name;
  } rows[] = {
    { S_IFREG, "a file" },    { S_IFDIR, "a folder" }, { S_IFLNK, "a symbolic link" },
    { S_IFIFO, "a FIFO" },    { S_IFCHR, "a device" }, { S_IFBLK, "a device" },
    { S_IFSOCK, "a socket" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if ((mode & S_IFMT) == rows[i].kind) return rows[i].name;
  return "no file";
}

static const struct {
  int reason;
  const char *advice;
} advice_rows[] = {
  { ENOENT, "check the spelling and that its folder exists" },
  { EEXIST, "something of that name is there already: choose another name" },
  { ENOTDIR, "a part of the path is a file where a folder is needed: check the path" },
  { EACCES, "check the permissions of the file and its folders" },
  { EPERM, "check the permissions and attributes of the file and its folders" },
  { EROFS, "choose a folder that can be written" },
  { ENOSPC, "free some space, or choose another folder" },
  { EDQUOT, "free some space, or choose another folder" },
  { EFBIG, "raise the file-size limit (ulimit -f)" },
  { EMFILE, "raise the limit of open files (ulimit -n)" },
  { ENFILE, "close some programs: the system's table of open files is full" },
  { ENAMETOOLONG, "choose a shorter name" },
  { ELOOP, "name the file itself, not a link" },
  { EISDIR, "name a file, not a folder" },
  { EIO, "check the disk" },
  { ENOMEM, "free some memory" },
};

elbo_status call_failed(error *e, elbo_status status, const char *path, const char *doing)
{
  int reason = errno;
  const char *advice = "check the file and the disk";
  for (size_t i = 0; i < sizeof advice_rows / sizeof *advice_rows; i++)
    if (advice_rows[i].reason == reason) advice = advice_rows[i].advice;
  if (reason == ENOMEM) status = ELBO_E_MEMORY;
  char words[128];
  format_errno(reason, words, sizeof words);
  return fail(e, status, "%s: can't be %s: %s; %s", path, doing, words, advice);
}
