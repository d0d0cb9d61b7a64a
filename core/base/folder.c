/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths, folders, and the lock of a folder. */
#include "base/calls.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool file_exists(const char *path)
{
  struct stat s;
  return call_stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

elbo_status file_look(const char *path, bool *there, error *e)
{
  struct stat s;
  int answer = call_stat(path, &s);
  *there = answer == 0 && !S_ISDIR(s.st_mode);
  if (answer == 0 || errno == ENOENT || errno == ENOTDIR) return ELBO_DONE;
  return call_failed(e, ELBO_E_FILES, path, "looked at");
}

bool dir_exists(const char *path)
{
  struct stat s;
  return call_stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

char *path_join(const char *dir, const char *name, error *e)
{
  if (name[0] == '/' || !*dir) return mem_copy_string(name, e);
  while (name[0] == '.' && name[1] == '/') name += 2;
  size_t n = strlen(dir), room = n + strlen(name) + 2;
  char *s = mem_new(room, 1, "a path", e);
  if (s) snprintf(s, room, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
  return s;
}

char *path_absolute(const char *path, error *e)
{
  if (path[0] == '/') return mem_copy_string(path, e);
  while (path[0] == '.' && path[1] == '/') path += 2;
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here)) {
    call_failed(e, ELBO_E_FILES, "the current folder", "found");
    return NULL;
  }
  return strcmp(path, ".") && *path ? path_join(here, path, e) : mem_copy_string(here, e);
}

char *path_folder(const char *path, error *e)
{
  const char *slash = strrchr(path, '/');
  if (!slash) return mem_copy_string(".", e);
  return mem_copy_text(path, slash == path ? 1 : (size_t)(slash - path), e);
}

/* One folder, whose parent stands; its owner can use it whatever the umask took. */
static elbo_status make_one(const char *path, error *e)
{
  struct stat s;
  if (call_mkdir(path, 0777) < 0) {
    int reason = errno;
    if (call_stat(path, &s) == 0 && S_ISDIR(s.st_mode)) return ELBO_DONE;
    errno = reason;
    return call_failed(e, ELBO_E_FILES, path, "made as a folder");
  }
  if (call_stat(path, &s) < 0) return call_failed(e, ELBO_E_FILES, path, "made as a folder");
  mode_t mode = s.st_mode & 07777;
  if ((mode & 0700) != 0700 && call_set_mode_of(path, mode | 0700) < 0)
    return call_failed(e, ELBO_E_FILES, path, "made as a folder");
  /* What is synced inside it is lost all the same where its own name is. */
  char *above = path_folder(path, e);
  if (!above) return ELBO_E_MEMORY;
  elbo_status status =
      call_sync_folder(above) < 0 ? call_failed(e, ELBO_E_FILES, above, "synced") : ELBO_DONE;
  mem_free(above);
  return status;
}

elbo_status dir_make(const char *path, error *e)
{
  char *s = mem_copy_string(path, e);
  if (!s) return ELBO_E_MEMORY;
  elbo_status status = ELBO_DONE;
  for (char *slash = *s ? strchr(s + 1, '/') : NULL; slash && !status;
       slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (!dir_exists(s)) status = make_one(s, e);
    *slash = '/';
  }
  if (!status) status = make_one(s, e);
  mem_free(s);
  return status;
}

elbo_status dir_writable(const char *path, error *e)
{
  char name[64];
  snprintf(name, sizeof name, ".elbo.%ld.try", (long)getpid());
  char *trial = path_join(path, name, e);
  if (!trial) return ELBO_E_MEMORY;
  elbo_status status = ELBO_DONE;
  int fd = call_open(trial, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0 && errno == EEXIST && call_remove(trial) == 0)
    fd = call_open(trial, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) {
    status = call_failed(e, ELBO_E_FILES, path, "written into");
  } else {
    close(fd);
    if (call_remove(trial) < 0) {
      status = call_failed(e, ELBO_E_FILES, path, "written into");
      unlink(trial);
    }
  }
  mem_free(trial);
  return status;
}

/* The kernel holds the lock (flock) and lets go of it when the process dies, so none is ever
 * stale; the number in the file only tells people who holds it. */
struct dir_lock {
  int fd;
  char *path;
};

static elbo_status refuse_held(const dir_lock *l, error *e)
{
  char pid[32];
  int64_t n = call_read(l->fd, pid, sizeof pid);
  while (n > 0 && (pid[n - 1] < '0' || pid[n - 1] > '9')) n--;
  return fail(e, ELBO_E_FILES,
              "%s: another run (process %.*s) is writing into this folder; wait for it, or choose "
              "another folder",
              l->path, n > 0 ? (int)n : 7, n > 0 ? pid : "unknown");
}

/* Is the file that was locked still the one under its name? A holder that lets go removes it. */
static bool still_there(const dir_lock *l)
{
  struct stat held, named;
  return call_stat_open(l->fd, &held) == 0 && call_stat_link(l->path, &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static elbo_status take(dir_lock *l, error *e)
{
  for (int attempt = 0; attempt < 100; attempt++) {
    l->fd = call_open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (l->fd < 0) return call_failed(e, ELBO_E_FILES, l->path, "made");
    if (call_lock(l->fd) < 0)
      return errno == EWOULDBLOCK ? refuse_held(l, e)
                                  : call_failed(e, ELBO_E_FILES, l->path, "locked");
    if (still_there(l)) {
      char pid[32];
      int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
      if (call_open_to_owner(l->fd) == 0 && call_cut(l->fd, 0) == 0 &&
          call_write(l->fd, pid, (size_t)n) == 0)
        return ELBO_DONE;
      call_failed(e, ELBO_E_FILES, l->path, "written");
      unlink(l->path);
      return ELBO_E_FILES;
    }
    close(l->fd);
    l->fd = -1;
  }
  return fail(e, ELBO_E_FILES, "%s: the lock changes hands again and again; run one at a time",
              l->path);
}

/* The process of .NAME.PID.tmp; 0: no such name. */
static long writer_of(const char *name)
{
  size_t n = strlen(name);
  if (name[0] != '.' || n < 6 || strcmp(name + n - 4, ".tmp")) return 0;
  size_t at = n - 4;
  while (at > 1 && name[at - 1] >= '0' && name[at - 1] <= '9') at--;
  return name[at - 1] == '.' ? strtol(name + at, NULL, 10) : 0;
}

/* One that nobody has asked for yet, in a container for one, keeps its number: /proc tells. */
static bool is_dead(long pid)
{
  char path[64], line[256];
  if (kill((pid_t)pid, 0) < 0) return errno == ESRCH;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  int fd = call_open(path, O_RDONLY, 0);
  int64_t n = fd < 0 ? 0 : call_read(fd, line, sizeof line);
  if (fd >= 0) close(fd);
  const char *name_end = n > 0 ? memrchr(line, ')', (size_t)n) : NULL; /* "PID (NAME) STATE .." */
  return name_end && name_end + 2 < line + n && (name_end[2] == 'Z' || name_end[2] == 'X');
}

/* What a process left that was killed while it wrote a file. */
static void remove_torn(const char *dir)
{
  DIR *d = opendir(dir);
  struct dirent *entry;
  while (d && (entry = readdir(d))) {
    long pid = writer_of(entry->d_name);
    if (pid > 0 && is_dead(pid)) unlinkat(dirfd(d), entry->d_name, 0);
  }
  if (d) closedir(d);
}

dir_lock *dir_lock_take(const char *dir, error *e)
{
  dir_lock *l = mem_new(1, sizeof *l, "a lock", e);
  if (!l) return NULL;
  l->fd = -1;
  l->path = path_join(dir, ".elbo.lock", e);
  if (l->path && !take(l, e)) {
    remove_torn(dir);
    return l;
  }
  if (l->fd >= 0) close(l->fd);
  mem_free(l->path);
  mem_free(l);
  return NULL;
}

void dir_lock_release(dir_lock *l)
{
  if (!l) return;
  unlink(l->path); /* while it is still held */
  close(l->fd);
  mem_free(l->path);
  mem_free(l);
}
