/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "base/mem.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

/* Each test works in a new folder, its current one. */
static void enter(void)
{
  strcpy(folder, "/tmp/elbo-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
}

static void leave(void)
{
  char command[128];
  ck_assert_int_eq(chdir("/"), 0);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  ck_assert_int_eq(system(command), 0);
}

static void expect_text(const char *path, const char *wanted)
{
  error e = { 0 };
  char *s;
  size_t n;
  ck_assert_msg(!file_read_all(path, 1 << 20, ELBO_E_FILES, &s, &n, &e), "%s", e.text);
  ck_assert_uint_eq(n, strlen(wanted));
  ck_assert_str_eq(s, wanted);
  mem_free(s);
}

static int entries(void)
{
  DIR *d = opendir(".");
  int n = 0;
  for (struct dirent *i; (i = readdir(d));) n += strcmp(i->d_name, ".") && strcmp(i->d_name, "..");
  closedir(d);
  return n;
}

START_TEST(files_are_read)
{
  error e = { 0 };
  ck_assert_int_eq(file_write_whole("a", "hello", 5, &e), ELBO_DONE);
  file *f = file_open("a", ELBO_E_DATA, &e);
  char s[16];
  ck_assert_int_eq(file_size(f), 5);
  ck_assert_int_eq(file_read(f, s, 3, &e), 3);
  ck_assert_int_eq(file_read(f, s, 9, &e), 2);
  ck_assert_int_eq(file_read(f, s, 9, &e), 0);
  ck_assert_int_eq(file_seek(f, 1, &e), ELBO_DONE);
  ck_assert_int_eq(file_read(f, s, 2, &e), 2);
  ck_assert_mem_eq(s, "el", 2);
  ck_assert_str_eq(file_path(f), "a");
  ck_assert_int_eq(file_status(f), ELBO_E_DATA);
  file_close(f);
  char *all;
  size_t n;
  ck_assert_int_eq(file_read_all("a", 5, ELBO_E_DATA, &all, &n, &e), ELBO_DONE);
  mem_free(all);
  ck_assert_int_eq(file_read_all("a", 4, ELBO_E_DATA, &all, &n, &e), ELBO_E_DATA);
  ck_assert_ptr_null(all);
  ck_assert_ptr_nonnull(strstr(e.text, "4 bytes"));
  error_clear(&e);
  ck_assert_int_eq(file_read_all("/proc/self/status", 1 << 20, ELBO_E_DATA, &all, &n, &e),
                   ELBO_DONE);
  ck_assert_uint_gt(n, 100);
  mem_free(all);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
  mkfifo("fifo", 0600);
  mkdir("dir", 0700);
  static const char *const names[] = { "fifo", "dir", "/dev/null", "missing", "dir/x", "" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    error e = { 0 };
    ck_assert_ptr_null(file_open(names[i], ELBO_E_DATA, &e));
    ck_assert_int_eq(e.status, ELBO_E_DATA);
    ck_assert_ptr_nonnull(strstr(e.text, ";"));
  }
}
END_TEST

START_TEST(low_descriptors_stay_free)
{
  error e = { 0 };
  file_write_whole("a", "x", 1, &e);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 3; i++) close(i);
    file *f = file_open("a", ELBO_E_DATA, &e);
    whole_file *w = whole_begin("b", &e);
    line_log *l = line_log_open("c", -1, &e);
    bool is_free = f && w && l;
    for (int i = 0; i < 3; i++) is_free = is_free && fcntl(i, F_GETFD) < 0;
    _exit(is_free ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(whole_files_replace_or_leave)
{
  error e = { 0 };
  ck_assert_int_eq(file_write_whole("a", "old", 3, &e), ELBO_DONE);
  whole_file *w = whole_begin("a", &e);
  ck_assert_int_eq(whole_write(w, "new", 3, &e), ELBO_DONE);
  expect_text("a", "old");
  whole_abandon(w);
  expect_text("a", "old");
  ck_assert_int_eq(entries(), 1);
  w = whole_begin("a", &e);
  whole_write(w, "new", 3, &e);
  ck_assert_int_eq(whole_commit(w, &e), ELBO_DONE);
  expect_text("a", "new");
  ck_assert_int_eq(entries(), 1);
  whole_abandon(NULL);
}
END_TEST

START_TEST(whole_files_refuse_strange_targets)
{
  error first = { 0 };
  file_write_whole("real", "x", 1, &first);
  ck_assert_int_eq(symlink("real", "link") | symlink("nowhere", "dangling") | mkdir("dir", 0700) |
                       mkfifo("fifo", 0600),
                   0);
  static const char *const names[] = { "link",   "dangling", "dir", "fifo", "/dev/full",
                                       "none/a", "real/a",   "",    "dir/" };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    error e = { 0 };
    ck_assert_msg(!whole_begin(names[i], &e), "%s", names[i]);
    ck_assert_int_eq(e.status, ELBO_E_FILES);
    ck_assert_ptr_nonnull(strstr(e.text, ";"));
  }
  expect_text("real", "x");
}
END_TEST

START_TEST(a_leftover_temporary_is_replaced)
{
  char name[64];
  error e = { 0 };
  snprintf(name, sizeof name, ".a.%ld.tmp", (long)getpid());
  FILE *f = fopen(name, "w");
  fputs("torn", f);
  fclose(f);
  ck_assert_int_eq(file_write_whole("a", "good", 4, &e), ELBO_DONE);
  expect_text("a", "good");
  ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(every_fault_leaves_old_or_new)
{
  error e = { 0 };
  file_write_whole("a", "old", 3, &e);
  int n = 1;
  for (int done = 0; !done && n < 100; n++) {
    error_clear(&e);
    file_fail_at((uint64_t)n, n % 2);
    elbo_status status = file_write_whole("a", "new", 3, &e);
    file_fail_at(0, false);
    done = !status;
    ck_assert(done || (status == ELBO_E_FILES && e.text[0]));
    ck_assert_int_eq(entries(), 1);
    char *s;
    size_t size;
    ck_assert_int_eq(file_read_all("a", 10, ELBO_E_FILES, &s, &size, NULL), ELBO_DONE);
    ck_assert(!strcmp(s, "new") || (!done && !strcmp(s, "old")));
    mem_free(s);
    error_clear(&e);
    ck_assert_int_eq(file_write_whole("a", "old", 3, &e), ELBO_DONE);
  }
  ck_assert_int_gt(n, 8);
  ck_assert_int_lt(n, 100);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
  error e = { 0 };
  file_write_whole("a", "old", 3, &e);
  for (int n = 1; n < 20; n++) {
    error_clear(&e);
    mem_fail_at((uint64_t)n, true);
    elbo_status status = file_write_whole("a", "new", 3, &e);
    mem_fail_at(0, false);
    ck_assert_int_eq(status, e.status);
    ck_assert(status == ELBO_DONE || status == ELBO_E_MEMORY);
    ck_assert_int_eq(entries(), 1);
    if (!status) return;
  }
  ck_abort_msg("never done");
}
END_TEST

START_TEST(a_file_size_limit_is_an_error)
{
  error e = { 0 };
  file_write_whole("a", "old", 3, &e);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1000, 1000 });
  static char much[5000];
  ck_assert_int_eq(file_write_whole("a", much, sizeof much, &e), ELBO_E_FILES);
  ck_assert_ptr_nonnull(strstr(e.text, "ulimit -f"));
  expect_text("a", "old");
  ck_assert_int_eq(entries(), 1);
  error_clear(&e);
  line_log *l = line_log_open("l", -1, &e);
  ck_assert_int_eq(line_log_write(l, "one\n", 4, &e), ELBO_DONE);
  ck_assert_int_eq(line_log_write(l, much, sizeof much, &e), ELBO_E_FILES);
  expect_text("l", "one\n"); /* the part that fitted is gone again */
  line_log_close(l, &e);
}
END_TEST

START_TEST(a_umask_takes_nothing_from_the_owner)
{
  error e = { 0 };
  struct stat s;
  umask(0777);
  ck_assert_int_eq(dir_make("x/y", &e), ELBO_DONE);
  ck_assert_int_eq(file_write_whole("x/y/a", "1", 1, &e), ELBO_DONE);
  line_log *l = line_log_open("x/y/l", -1, &e);
  ck_assert_int_eq(line_log_close(l, &e), ELBO_DONE);
  dir_lock *k = dir_lock_take("x/y", &e);
  ck_assert_msg(k != NULL, "%s", e.text);
  dir_lock_release(k);
  static const char *const names[] = { "x/y/a", "x/y/l", "x/y", "x" };
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(stat(names[i], &s), 0);
    ck_assert_int_eq(s.st_mode & 0600, 0600);
    ck_assert_int_eq(s.st_mode & 0077, 0);
  }
  umask(022);
  ck_assert_int_eq(file_write_whole("b", "1", 1, &e), ELBO_DONE);
  ck_assert_int_eq(stat("b", &s), 0);
  ck_assert_int_eq(s.st_mode & 0777, 0644);
}
END_TEST

static int64_t size_of(const char *path)
{
  struct stat s;
  ck_assert_int_eq(stat(path, &s), 0);
  return s.st_size;
}

START_TEST(logs_hold_whole_lines)
{
  error e = { 0 };
  line_log *l = line_log_open("l", -1, &e);
  ck_assert_int_eq(line_log_write(l, "one\n", 4, &e), ELBO_DONE);
  ck_assert_int_eq(line_log_write(l, "two\n", 4, &e), ELBO_DONE);
  ck_assert_int_eq(size_of("l"), 8);
  ck_assert_int_eq(line_log_close(l, &e), ELBO_DONE);
  l = line_log_open("l", 4, &e);
  ck_assert_int_eq(size_of("l"), 4);
  line_log_write(l, "2\n", 2, &e);
  line_log_close(l, &e);
  expect_text("l", "one\n2\n");
  FILE *f = fopen("l", "a");
  fputs("torn", f);
  fclose(f);
  l = line_log_open("l", -1, &e);
  ck_assert_int_eq(size_of("l"), 6);
  line_log_close(l, &e);
  expect_text("l", "one\n2\n");
  l = line_log_open("l", 1000, &e);
  ck_assert_int_eq(size_of("l"), 6);
  file_fail_at(1, false);
  ck_assert_int_eq(line_log_write(l, "lost\n", 5, &e), ELBO_E_FILES);
  file_fail_at(0, false);
  error_clear(&e);
  ck_assert_int_eq(line_log_write(l, "kept\n", 5, &e), ELBO_DONE);
  line_log_close(l, &e);
  expect_text("l", "one\n2\nkept\n");
  ck_assert_int_eq(symlink("l", "link"), 0);
  ck_assert_ptr_null(line_log_open("link", -1, &e));
  ck_assert_int_eq(e.status, ELBO_E_FILES);
  ck_assert_int_eq(line_log_close(NULL, &e), ELBO_DONE);
}
END_TEST

START_TEST(long_torn_lines_are_cut)
{
  FILE *f = fopen("l", "w");
  fputs("first\n", f);
  for (int i = 0; i < 20000; i++) fputc('x', f);
  fclose(f);
  error e = { 0 };
  line_log *l = line_log_open("l", -1, &e);
  ck_assert_int_eq(size_of("l"), 6);
  line_log_close(l, &e);
}
END_TEST

static const size_t lengths[] = {
  0, 9, LINE_MOST - 1, 3, LINE_MOST, LINE_MOST + 1, 4, 3 * LINE_MOST, 0, 5
};
enum { LENGTHS = sizeof lengths / sizeof *lengths };
typedef struct {
  size_t seen, most;
} lines_seen;

/* Line i is made of the letter 'a' + i. */
static bool look_at_line(void *user, const char *line, size_t n)
{
  lines_seen *l = user;
  size_t whole = lengths[l->seen];
  ck_assert_uint_eq(n, whole < LINE_MOST ? whole : LINE_MOST);
  for (size_t k = 0; k < n; k++) ck_assert_int_eq(line[k], 'a' + (int)l->seen);
  return ++l->seen < l->most;
}

START_TEST(lines_are_taken_one_by_one)
{
  error e = { 0 };
  FILE *out = fopen("lines", "w");
  for (size_t i = 0; i < LENGTHS; i++) {
    for (size_t k = 0; k < lengths[i]; k++) fputc('a' + (int)i, out);
    fputc('\n', out);
  }
  fputs("cut off", out);
  fclose(out);
  for (size_t most = 1; most <= LENGTHS + 1; most++) {
    lines_seen l = { 0, most };
    file *f = file_open("lines", ELBO_E_FILES, &e);
    ck_assert_int_eq(file_lines(f, look_at_line, &l, &e), ELBO_DONE);
    ck_assert_uint_eq(l.seen, most < LENGTHS ? most : LENGTHS);
    file_close(f);
  }
}
END_TEST

START_TEST(paths_are_joined_and_cut)
{
  static const struct {
    const char *dir, *name, *wanted;
  } joins[] = { { "a", "b", "a/b" },
                { "a/", "b", "a/b" },
                { "a", "./b", "a/b" },
                { "a", "/b", "/b" },
                { "", "b", "b" },
                { "/", "b", "/b" } };
  for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
    char *s = path_join(joins[i].dir, joins[i].name, NULL);
    ck_assert_str_eq(s, joins[i].wanted);
    mem_free(s);
  }
  static const char *const folders[][2] = {
    { "a/b", "a" }, { "b", "." }, { "/b", "/" }, { "/a/b/c", "/a/b" }
  };
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char *s = path_folder(folders[i][0], NULL);
    ck_assert_str_eq(s, folders[i][1]);
    mem_free(s);
  }
  char *s = path_absolute("x", NULL), wanted[80];
  snprintf(wanted, sizeof wanted, "%s/x", folder);
  ck_assert_str_eq(s, wanted);
  mem_free(s);
}
END_TEST

START_TEST(folders_are_made_and_tried)
{
  error e = { 0 };
  ck_assert_int_eq(dir_make("a/b//c/", &e), ELBO_DONE);
  ck_assert(dir_exists("a/b/c") && !file_exists("a/b/c"));
  ck_assert_int_eq(dir_make("a/b/c", &e), ELBO_DONE);
  ck_assert_int_eq(dir_writable("a", &e), ELBO_DONE);
  file_write_whole("f", "", 0, &e);
  ck_assert(file_exists("f") && !dir_exists("f"));
  ck_assert_int_eq(dir_make("f", &e), ELBO_E_FILES);
  error_clear(&e);
  ck_assert_int_eq(dir_make("f/x", &e), ELBO_E_FILES);
  error_clear(&e);
  ck_assert_int_eq(dir_writable("gone", &e), ELBO_E_FILES);
  error_clear(&e);
  ck_assert_int_eq(dir_make("", &e), ELBO_E_FILES);
}
END_TEST

/* Of a writer that is dead, though its parent has not asked for it yet; not of one that lives. */
START_TEST(a_lock_clears_what_the_dead_left)
{
  char torn[2][64];
  siginfo_t ended;
  pid_t child = fork();
  if (child == 0) _exit(0);
  ck_assert_int_eq(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
  snprintf(torn[0], sizeof torn[0], ".x.%ld.tmp", (long)child);
  snprintf(torn[1], sizeof torn[1], ".x.%ld.tmp", (long)getpid());
  for (int i = 0; i < 2; i++) fclose(fopen(torn[i], "w"));
  dir_lock *l = dir_lock_take(".", NULL);
  ck_assert(l && !file_exists(torn[0]) && file_exists(torn[1]));
  dir_lock_release(l);
  waitpid(child, NULL, 0);
}
END_TEST

START_TEST(a_lock_lives_as_long_as_its_holder)
{
  error e = { 0 };
  int pipes[2];
  ck_assert_int_eq(pipe(pipes), 0);
  pid_t child = fork();
  if (child == 0) {
    char ok = dir_lock_take(".", NULL) != NULL;
    (void)!write(pipes[1], &ok, 1);
    pause();
    _exit(0);
  }
  char ok = 0;
  ck_assert_int_eq(read(pipes[0], &ok, 1), 1);
  ck_assert(ok);
  ck_assert_ptr_null(dir_lock_take(".", &e));
  ck_assert_int_eq(e.status, ELBO_E_FILES);
  char pid[32];
  snprintf(pid, sizeof pid, "process %ld)", (long)child);
  ck_assert_ptr_nonnull(strstr(e.text, pid));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  error_clear(&e);
  dir_lock *l = dir_lock_take(".", &e);
  ck_assert_msg(l != NULL, "%s", e.text);
  ck_assert_ptr_null(dir_lock_take(".", &e));
  dir_lock_release(l);
  ck_assert_int_eq(entries(), 0);
  dir_lock_release(NULL);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/file");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, enter, leave);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, files_are_read);
  tcase_add_test(t, what_is_no_file_is_refused);
  tcase_add_test(t, low_descriptors_stay_free);
  tcase_add_test(t, whole_files_replace_or_leave);
  tcase_add_test(t, whole_files_refuse_strange_targets);
  tcase_add_test(t, a_leftover_temporary_is_replaced);
  tcase_add_test(t, every_fault_leaves_old_or_new);
  tcase_add_test(t, every_allocation_may_fail);
  tcase_add_test(t, a_file_size_limit_is_an_error);
  tcase_add_test(t, a_umask_takes_nothing_from_the_owner);
  tcase_add_test(t, logs_hold_whole_lines);
  tcase_add_test(t, long_torn_lines_are_cut);
  tcase_add_test(t, lines_are_taken_one_by_one);
  tcase_add_test(t, paths_are_joined_and_cut);
  tcase_add_test(t, folders_are_made_and_tried);
  tcase_add_test(t, a_lock_clears_what_the_dead_left);
  tcase_add_test(t, a_lock_lives_as_long_as_its_holder);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
