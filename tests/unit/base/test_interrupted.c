/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers that are short and calls that a signal interrupts, which files on a disk hardly ever
 * show: here by read, write and fsync of our own, which stand before the C library's. */
#include "base/file.h"
#include "base/mem.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls, interrupted; /* calls while the trouble is on; how many of them gave EINTR */
static bool trouble;

/* Every other call is interrupted; the others move at most 1000 bytes. */
static bool interrupts(size_t *n)
{
  if (!trouble) return false;
  if (n && *n > 1000) *n = 1000;
  if (calls++ % 2) return false;
  interrupted++;
  errno = EINTR;
  return true;
}

ssize_t read(int fd, void *at, size_t n)
{
  return interrupts(&n) ? -1 : syscall(SYS_read, fd, at, n);
}

ssize_t write(int fd, const void *at, size_t n)
{
  return interrupts(&n) ? -1 : syscall(SYS_write, fd, at, n);
}

int fsync(int fd)
{
  return interrupts(NULL) ? -1 : (int)syscall(SYS_fsync, fd);
}

START_TEST(all_bytes_arrive)
{
  char name[] = "/tmp/elbo-test-XXXXXX", *back;
  int fd = mkstemp(name);
  close(fd);
  size_t n = 100000, got;
  unsigned char *s = malloc(n);
  for (size_t i = 0; i < n; i++) s[i] = (unsigned char)(i * 2654435761u >> 16);
  error e = { 0 };
  trouble = true;
  elbo_status put = file_write_whole(name, s, n, &e),
              take = file_read_all(name, n, ELBO_E_FILES, &back, &got, &e);
  trouble = false;
  unlink(name);
  ck_assert_msg(!put && !take, "%s", e.text);
  ck_assert_uint_eq(got, n);
  ck_assert_mem_eq(back, s, n);
  ck_assert_int_gt(interrupted, 100);
  mem_free(back);
  free(s);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/interrupted");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_test(t, all_bytes_arrive);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
