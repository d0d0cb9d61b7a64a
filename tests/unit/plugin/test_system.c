/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of the system that a disk and a machine at rest hardly ever give, while a good plugin is
 * loaded: here by calls of our own, which stand before the C library's. */
#include "plugin/registry.h"
#include "base/error.h"
#include "base/mem.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum {
  NO_CALL,
  OPEN,
  EXAMINE,
  READ_LINK,
  MAKE_MEMORY,
  SEND,
  SEAL,
  READ_AT,
  MAKE_PIPE,
  FORK,
  READ,
  WRITE,
  WAIT,
  FIND_OBJECT,
  FIND_SYMBOL,
  REAL_PATH,
  LOOK_AT,
  LIMIT
} call;
enum { EVER = 1000 };

/* The first `times` calls of this kind answer `answer`, with this errno. */
static struct {
  call of;
  int reason, times;
  long answer;
} trouble;

static bool hit(call of)
{
  if (trouble.of != of || trouble.times == 0) return false;
  trouble.times--;
  errno = trouble.reason;
  return true;
}

int open(const char *path, int flags, ...)
{
  va_list args;
  va_start(args, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
  va_end(args);
  return hit(OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int fstat(int fd, struct stat *s)
{
  return hit(EXAMINE) ? -1 : fstatat(fd, "", s, AT_EMPTY_PATH);
}

/* Without an error, the name of what is no file. */
ssize_t readlink(const char *path, char *to, size_t n)
{
  if (!hit(READ_LINK)) return syscall(SYS_readlinkat, AT_FDCWD, path, to, n);
  return trouble.answer > 0 ? snprintf(to, n, "memfd:none") : -1;
}

int memfd_create(const char *name, unsigned flags)
{
  return hit(MAKE_MEMORY) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t n)
{
  return hit(SEND) ? trouble.answer : syscall(SYS_sendfile, to, from, at, n);
}

int fcntl(int fd, int what, ...)
{
  va_list args;
  va_start(args, what);
  long value = va_arg(args, long);
  va_end(args);
  return what == F_ADD_SEALS && hit(SEAL) ? -1 : (int)syscall(SYS_fcntl, fd, what, value);
}

ssize_t pread(int fd, void *at, size_t n, off_t from)
{
  return hit(READ_AT) ? -1 : syscall(SYS_pread64, fd, at, n, from);
}

int pipe2(int ends[2], int flags)
{
  return hit(MAKE_PIPE) ? -1 : (int)syscall(SYS_pipe2, ends, flags);
}

pid_t fork(void)
{
  union {
    void *at;
    pid_t (*call)(void);
  } real = { dlsym(RTLD_NEXT, "fork") };
  return hit(FORK) ? -1 : real.call();
}

ssize_t read(int fd, void *at, size_t n)
{
  return hit(READ) ? -1 : syscall(SYS_read, fd, at, n);
}

ssize_t write(int fd, const void *at, size_t n)
{
  return hit(WRITE) ? -1 : syscall(SYS_write, fd, at, n);
}

pid_t waitpid(pid_t child, int *state, int options)
{
  return hit(WAIT) ? -1 : (pid_t)syscall(SYS_wait4, child, state, options, NULL);
}

int dladdr(const void *at, Dl_info *info)
{
  union {
    void *at;
    int (*call)(const void *, Dl_info *);
  } real = { dlsym(RTLD_NEXT, "dladdr") };
  return hit(FIND_OBJECT) ? 0 : real.call(at, info);
}

int dladdr1(const void *at, Dl_info *info, void **more, int flags)
{
  union {
    void *at;
    int (*call)(const void *, Dl_info *, void **, int);
  } real = { dlsym(RTLD_NEXT, "dladdr1") };
  return hit(FIND_SYMBOL) ? 0 : real.call(at, info, more, flags);
}

int stat(const char *path, struct stat *s)
{
  return hit(LOOK_AT) ? -1 : fstatat(AT_FDCWD, path, s, 0);
}

int getrlimit(__rlimit_resource_t of, struct rlimit *l)
{
  return hit(LIMIT) ? -1 : (int)syscall(SYS_prlimit64, 0, of, NULL, l);
}

char *realpath(const char *path, char *to)
{
  union {
    void *at;
    char *(*call)(const char *, char *);
  } real = { dlsym(RTLD_NEXT, "realpath") };
  return hit(REAL_PATH) ? NULL : real.call(path, to);
}

static char dir[] = "/tmp/elbo-system-XXXXXX", object[64];

static void make_plugin(void)
{
  char command[1024], source[80];
  ck_assert_ptr_nonnull(mkdtemp(dir));
  snprintf(source, sizeof source, "%s/good.c", dir);
  snprintf(object, sizeof object, "%s/good.so", dir);
  FILE *f = fopen(source, "w");
  ck_assert_ptr_nonnull(f);
  fputs("#include <elbo/plugin.h>\n"
        "static double lp(const elbo_call *c, const double *x, const double *w, double *dx,\n"
        "                 double *dw) { return (void)c, (void)w, (void)dx, (void)dw, x[0]; }\n"
        "static const elbo_param ps[] = { { \"loc\", ELBO_REAL, 0, 0, \"h\" } };\n"
        "static const elbo_family f = { ELBO_FAMILY_SIZES, .name = \"good\", .summary = \"s\",\n"
        "                               .params = ps, .n_params = 1, .log_prob = lp };\n"
        "ELBO_PLUGIN(ELBO_KIND_FAMILY, f);\n",
        f);
  fclose(f);
  const char *cc = getenv("CC");
  snprintf(command, sizeof command, "%s -O1 -w -shared -fPIC -I%s/include -o %s %s",
           cc && *cc ? cc : "cc", SOURCE_DIR, object, source);
  ck_assert_int_eq(system(command), 0);
}

static void remove_folder(void)
{
  char command[300];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  ck_assert_int_eq(system(command), 0);
}

/* says: of the error; NULL: the plugin is loaded all the same. */
static const struct {
  call of;
  int reason, times;
  long answer;
  elbo_status status;
  const char *says;
} rows[] = {
  { OPEN, EINTR, 3, -1, ELBO_DONE, NULL },
  { OPEN, EIO, 1, -1, ELBO_E_PLUGIN, "can't be opened" },
  { EXAMINE, EIO, 1, -1, ELBO_E_PLUGIN, "can't be examined" },
  { READ_LINK, ENOENT, 1, -1, ELBO_DONE, NULL },
  { READ_LINK, 0, 1, 1, ELBO_DONE, NULL },
  { MAKE_MEMORY, ENFILE, 1, -1, ELBO_E_FILES, "no open file to spare" },
  { MAKE_MEMORY, ENOMEM, 1, -1, ELBO_E_MEMORY, "no memory for a copy" },
  { MAKE_MEMORY, EPERM, 1, -1, ELBO_E_PLUGIN, "can't be copied into memory" },
  { SEND, EINTR, 3, -1, ELBO_DONE, NULL },
  { SEND, ENOSPC, 1, -1, ELBO_E_FILES, "no room for a copy" },
  { SEND, 0, 1, 0, ELBO_E_PLUGIN, "can't be copied into memory: Stale" },
  { SEAL, EPERM, 1, -1, ELBO_E_PLUGIN, "can't be copied into memory" },
  { READ_AT, EINTR, 3, -1, ELBO_DONE, NULL },
  { READ_AT, EIO, 1, -1, ELBO_E_PLUGIN, "is no shared object" },
  { MAKE_PIPE, EMFILE, 1, -1, ELBO_E_FILES, "no pipe can be made" },
  { FORK, EAGAIN, 1, -1, ELBO_E_MEMORY, "no process can be made" },
  { READ, EINTR, 3, -1, ELBO_DONE, NULL },
  { READ, EIO, 1, -1, ELBO_E_PLUGIN, "the probing process" },
  { WRITE, EINTR, 3, -1, ELBO_DONE, NULL },
  { WRITE, EIO, 1, -1, ELBO_E_PLUGIN, "opening it ended the probing process" },
  { WAIT, EINTR, 3, -1, ELBO_DONE, NULL },
  { WAIT, ECHILD, 1, -1, ELBO_DONE, NULL },
  { FIND_OBJECT, 0, 1, 0, ELBO_DONE, NULL },
  { FIND_SYMBOL, 0, 1, 0, ELBO_E_PLUGIN, "elbo_plugin_entry points outside the file" },
  { LOOK_AT, ENOENT, EVER, -1, ELBO_DONE, NULL },
  { LIMIT, EPERM, 1, -1, ELBO_DONE, NULL },
  { REAL_PATH, ENOENT, 1, 0, ELBO_DONE, NULL },
  { REAL_PATH, ENOENT, 2, 0, ELBO_DONE, NULL },
};

START_TEST(one_answer)
{
  const char *plugins[] = { object, NULL };
  elbo_context_options o = { .size = sizeof o, .plugins = plugins };
  error e = { 0 };
  int64_t live = mem_live();
  trouble.of = rows[_i].of, trouble.reason = rows[_i].reason;
  trouble.times = rows[_i].times, trouble.answer = rows[_i].answer;
  registry *r = registry_new(&o, &e);
  trouble.of = NO_CALL;
  bool in_the_child = rows[_i].of == FIND_SYMBOL || rows[_i].of == WRITE;
  ck_assert_msg(trouble.times == 0 || (rows[_i].times == EVER && trouble.times < EVER) ||
                    in_the_child,
                "%d calls were not made", trouble.times);
  ck_assert_msg(e.status == rows[_i].status && !r == !!rows[_i].status, "%d: %s", _i, e.text);
  ck_assert_msg(!rows[_i].says || strstr(e.text, rows[_i].says), "no \"%s\" in %s", rows[_i].says,
                e.text);
  ck_assert_msg(!rows[_i].status || rows[_i].of == FORK || rows[_i].of == MAKE_PIPE ||
                    strstr(e.text, object),
                "no path in %s", e.text);
  ck_assert(!r || registry_find(r, ELBO_KIND_FAMILY, "good", NULL));
  registry_free(r);
  ck_assert_int_eq(mem_live(), live);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("plugin/system");
  TCase *t = tcase_create("all");
  tcase_add_unchecked_fixture(t, make_plugin, remove_folder);
  tcase_add_loop_test(t, one_answer, 0, sizeof rows / sizeof *rows);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
