/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/inside.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const off_t largest = 256 << 20;

__attribute__((format(printf, 4, 5))) static elbo_status refuse(candidate *c, arena *texts,
                                                                error *e, const char *format, ...)
{
  char why[PLUGIN_WHY];
  va_list args;
  va_start(args, format);
  vsnprintf(why, sizeof why, format, args);
  va_end(args);
  c->why = arena_string(texts, why, e);
  return c->why ? ELBO_DONE : ELBO_E_MEMORY;
}

static elbo_status refuse_errno(candidate *c, arena *texts, error *e, const char *doing)
{
  char words[128];
  return refuse(c, texts, e, "can't be %s: %s", doing, strerror_r(errno, words, sizeof words));
}

/* The folders above the file that was opened, not above the name that led to it. true: one is
 * writable by others, in path. */
static bool exposed(int fd, char path[PATH_MAX])
{
  char link[64];
  struct stat s;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n <= 0 || path[0] != '/') return false;
  path[n] = 0;
  for (char *slash; (slash = strrchr(path, '/'));) {
    slash[slash == path] = 0;
    if (!stat(path, &s) && (s.st_mode & S_IWOTH) && !(s.st_mode & S_ISVTX)) return true;
    if (slash == path) return false;
  }
  return false;
}

static elbo_status check(candidate *c, int fd, const struct stat *s, bool trusted, arena *texts,
                         error *e)
{
  char path[PATH_MAX];
  if (!S_ISREG(s->st_mode))
    return refuse(c, texts, e, "is no regular file; expected a shared object");
  if (s->st_size <= 0) return refuse(c, texts, e, "is empty; expected a shared object");
  if (s->st_size > largest)
    return refuse(c, texts, e, "has %lld bytes; expected at most %lld", (long long)s->st_size,
                  (long long)largest);
  if (trusted) return ELBO_DONE;
  if (s->st_mode & S_IWOTH)
    return refuse(
        c, texts, e,
        "is writable by everyone (mode %04o): run `chmod o-w` on it, or give --trust-plugins",
        (unsigned)s->st_mode & 07777);
  if (s->st_uid && s->st_uid != geteuid())
    return refuse(c, texts, e,
                  "belongs to user %u; expected root or user %u: copy it, or give --trust-plugins",
                  (unsigned)s->st_uid, (unsigned)geteuid());
  if (exposed(fd, path))
    return refuse(c, texts, e,
                  "lies under %.300s, which is writable by everyone: run `chmod o-w` on it, or "
                  "give --trust-plugins",
                  path);
  return ELBO_DONE;
}

/* A file-size limit counts memory files too, and going past it would raise SIGXFSZ. */
static bool above_limit(off_t size)
{
  struct rlimit l;
  return !getrlimit(RLIMIT_FSIZE, &l) && l.rlim_cur != RLIM_INFINITY && (uint64_t)size > l.rlim_cur;
}

static int copy(int fd, off_t size)
{
  int to = memfd_create("elbo-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (to < 0) return -1;
  for (off_t at = 0; at < size;) {
    ssize_t n = sendfile(to, fd, &at, (size_t)(size - at));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ESTALE;
    if (n <= 0) goto failed;
  }
  if (!fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) return to;
failed:;
  int kept = errno;
  close(to);
  errno = kept;
  return -1;
}

/* No fault of the plugin: a limit of this process or of the machine, that stops everything. */
static elbo_status copy_failed(candidate *c, arena *texts, error *e)
{
  static const struct {
    int code;
    elbo_status status;
    const char *advice;
  } limits[] = {
    { EFBIG, ELBO_E_FILES, "the file-size limit counts memory files too; raise it (ulimit -f)" },
    { EMFILE, ELBO_E_FILES, "raise the limit on open files (ulimit -n)" },
    { ENFILE, ELBO_E_FILES, "the system has no open file to spare" },
    { ENOSPC, ELBO_E_FILES, "no room for a copy in memory" },
    { ENOMEM, ELBO_E_MEMORY, "no memory for a copy" },
  };
  char words[128];
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    if (limits[i].code == errno)
      return fail(e, limits[i].status, "%s: can't be copied into memory: %s; %s", c->path,
                  strerror_r(limits[i].code, words, sizeof words), limits[i].advice);
  return refuse_errno(c, texts, e, "copied into memory");
}

elbo_status image_take(candidate *c, bool trusted, arena *texts, error *e)
{
  struct stat s;
  int fd;
  do {
    fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return refuse_errno(c, texts, e, "opened");
  elbo_status status =
      fstat(fd, &s) ? refuse_errno(c, texts, e, "examined") : check(c, fd, &s, trusted, texts, e);
  if (!status && !c->why) {
    c->device = s.st_dev;
    c->inode = s.st_ino;
    if (above_limit(s.st_size)) errno = EFBIG;
    c->image = above_limit(s.st_size) ? -1 : copy(fd, s.st_size);
    const char *damage = c->image < 0 ? NULL : elf_damaged(c->image, (uint64_t)s.st_size);
    if (c->image < 0)
      status = copy_failed(c, texts, e);
    else if (damage) {
      status = refuse(c, texts, e, "%s", damage);
      close(c->image);
      c->image = -1;
    }
  }
  close(fd);
  return status;
}

/* The C library knows an object again by the name it was opened under, and descriptors are numbered
   anew once closed: so the descriptor is moved on while its name belongs to an object that is
   loaded. */
static void *image_load(int image)
{
  char name[64];
  void *at = NULL;
  for (int fd = image, next; fd >= 0; fd = next) {
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    void *taken = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (!taken) at = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    next = taken ? fcntl(image, F_DUPFD_CLOEXEC, fd + 1) : -1;
    if (fd != image) close(fd);
  }
  return at;
}

/* The linker's words without the name of the memory file. */
static void linker_says(char *why)
{
  const char *words = dlerror();
  if (!strncmp(words, "/proc/self/fd/", 14) && strstr(words, ": ")) words = strstr(words, ": ") + 2;
  snprintf(why, PLUGIN_WHY, "can't be opened as a shared object: %.400s", words);
}

const elbo_plugin *plugin_open(int image, arena *copies, char *why, void **opened, error *e)
{
  Dl_info info;
  const ElfW(Sym) *symbol = NULL;
  void *object = *opened = image_load(image);
  if (!object) return linker_says(why), NULL;
  const elbo_plugin *p = dlsym(object, "elbo_plugin_entry");
  if (p && dladdr1(p, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol)
    return plugin_whole(p, symbol->st_size, copies, why, e);
  snprintf(why, PLUGIN_WHY, "%s",
           p ? "elbo_plugin_entry points outside the file"
             : "has no symbol elbo_plugin_entry: end the file with ELBO_PLUGIN(KIND, TABLE)");
  return NULL;
}
