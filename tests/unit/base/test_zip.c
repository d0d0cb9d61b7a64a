/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/zip.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "hello hello hello\n", packed. */
static const unsigned char hello[] = {
  0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
  0x57, 0xc8, 0x40, 0x90, 0x5c, 0x00, 0x3b, 0x7c, 0x8a, 0xdf, 0x12, 0x00, 0x00, 0x00,
};
static const char plain[] = "hello hello hello\n";

static char name[64];

static void enter(void)
{
  strcpy(name, "/tmp/elbo-test-XXXXXX");
  close(mkstemp(name));
}

static void leave(void)
{
  unlink(name);
}

static void put(const void *at, size_t n)
{
  FILE *f = fopen(name, "wb");
  fwrite(at, 1, n, f);
  fclose(f);
}

/* Reads all in pieces; bytes in all, or -1 with e. */
static int64_t unpack(char *at, size_t room, size_t piece, error *e)
{
  file *f = file_open(name, ELBO_E_DATA, e);
  gunzip *g = gunzip_open(f, e);
  int64_t n = 0, got;
  while ((got = gunzip_read(g, at + n, piece < room - (size_t)n ? piece : room - (size_t)n, e)) > 0)
    n += got;
  if (got < 0) {
    char byte;
    ck_assert_int_eq(gunzip_read(g, &byte, 1, NULL), -1);
  }
  gunzip_close(g);
  file_close(f);
  return got < 0 ? -1 : n;
}

static void expect_refused(const void *at, size_t n, const char *word)
{
  char out[4096];
  error e = { 0 };
  put(at, n);
  ck_assert_int_eq(unpack(out, sizeof out, sizeof out, &e), -1);
  ck_assert_int_eq(e.status, ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, word) != NULL, "%s", e.text);
}

START_TEST(checksums_are_known)
{
  ck_assert_uint_eq(crc32_of(0, "123456789", 9), 0xCBF43926u);
  ck_assert_uint_eq(crc32_of(crc32_of(0, "1234", 4), "56789", 5), 0xCBF43926u);
  ck_assert_uint_eq(crc32_of(7, NULL, 0), 7);
}
END_TEST

START_TEST(members_are_unpacked)
{
  unsigned char three[3 * sizeof hello];
  for (int i = 0; i < 3; i++) memcpy(three + i * sizeof hello, hello, sizeof hello);
  put(three, sizeof three);
  for (size_t piece = 1; piece < 60; piece += 7) {
    char out[256];
    error e = { 0 };
    ck_assert_msg(unpack(out, sizeof out, piece, &e) == 54, "%s", e.text);
    for (int i = 0; i < 3; i++) ck_assert_mem_eq(out + 18 * i, plain, 18);
  }
}
END_TEST

/* Who reads just the bytes promised must still learn of a wrong end, there or by asking for one
 * more. */
START_TEST(the_end_is_checked_after_the_last_byte)
{
  unsigned char bad[sizeof hello];
  memcpy(bad, hello, sizeof hello);
  bad[sizeof hello - 6] ^= 1;
  put(bad, sizeof bad);
  char out[18];
  error e = { 0 };
  file *f = file_open(name, ELBO_E_DATA, &e);
  gunzip *g = gunzip_open(f, &e);
  int64_t got = gunzip_read(g, out, 18, &e);
  ck_assert(got == 18 || got == -1);
  ck_assert_int_eq(gunzip_read(g, out, 1, &e), -1);
  gunzip_close(g);
  file_close(f);
}
END_TEST

START_TEST(damage_is_refused)
{
  expect_refused("", 0, "empty");
  for (size_t n = 1; n < sizeof hello; n++) expect_refused(hello, n, "cut short");
  unsigned char bad[sizeof hello + 20];
  memcpy(bad, hello, sizeof hello);
  bad[sizeof hello - 1] ^= 1;
  expect_refused(bad, sizeof hello, "length");
  memcpy(bad, hello, sizeof hello);
  bad[sizeof hello - 5] ^= 1;
  expect_refused(bad, sizeof hello, "damaged");
  memcpy(bad, hello, sizeof hello);
  memset(bad + sizeof hello, 'x', 20);
  expect_refused(bad, sizeof bad, "behind its end");
  memset(bad + sizeof hello, 0, 20);
  expect_refused(bad, sizeof bad, "behind its end");
  expect_refused("plain text, not packed", 22, "damaged");
}
END_TEST

START_TEST(memory_may_run_out)
{
  put(hello, sizeof hello);
  for (int n = 1; n < 12; n++) {
    char out[64];
    error e = { 0 };
    file *f = file_open(name, ELBO_E_DATA, &e);
    mem_fail_at((uint64_t)n, true);
    gunzip *g = gunzip_open(f, &e);
    int64_t got = g ? gunzip_read(g, out, sizeof out, &e) : -1;
    mem_fail_at(0, false);
    ck_assert(got == 18 || (got == -1 && e.status == ELBO_E_MEMORY));
    gunzip_close(g);
    file_close(f);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("base/zip");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, enter, leave);
  tcase_add_test(t, checksums_are_known);
  tcase_add_test(t, members_are_unpacked);
  tcase_add_test(t, the_end_is_checked_after_the_last_byte);
  tcase_add_test(t, damage_is_refused);
  tcase_add_test(t, memory_may_run_out);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
