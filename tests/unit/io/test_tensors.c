/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "io/tensors.h"

#include <check.h>
#undef fail /* check's old macro of that name */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static const size_t limit = 1 << 20;

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

static const float weights[6] = { 1, 2, 3, 4, 5, 6 };
static const double moments[2] = { 0.5, -0.25 };
static const uint8_t bytes[3] = { 7, 8, 9 };
static const int64_t step[1] = { 42 };

static elbo_status write_sample(const char *path, error *e)
{
  static const char *const meta[] = { "format", "1", "json", "{\"a\":\"\xC3\xA9\\n\"}", NULL };
  const tensor list[] = {
    { "bytes", TENSOR_U8, 1, { 3 }, 3, bytes }, { "w", TENSOR_F32, 2, { 2, 3 }, 6, weights },
    { "m", TENSOR_F64, 1, { 2 }, 2, moments },  { "step", TENSOR_I64, 0, { 0 }, 1, step },
    { "none", TENSOR_F32, 1, { 0 }, 0, NULL },
  };
  return tensors_write(path, &(tensors_out){ list, 5, meta }, e);
}

START_TEST(a_file_reads_back)
{
  error e = { 0 };
  tensors *t;
  ck_assert_msg(!write_sample("c", &e), "%s", e.text);
  ck_assert_msg(!tensors_read("c", limit, &t, &e), "%s", e.text);
  ck_assert_uint_eq(tensors_count(t), 5);
  const tensor *w = tensors_find(t, "w");
  ck_assert_int_eq(w->rank, 2);
  ck_assert_uint_eq(w->count, 6);
  ck_assert_mem_eq(w->at, weights, sizeof weights);
  ck_assert_mem_eq(tensors_find(t, "bytes")->at, bytes, 3);
  ck_assert_int_eq(*(const int64_t *)tensors_find(t, "step")->at, 42);
  ck_assert_uint_eq(tensors_find(t, "none")->count, 0);
  ck_assert_ptr_null(tensors_find(t, "v"));
  for (size_t i = 0; i < 5; i++)
    ck_assert_ptr_eq(tensors_find(t, tensors_at(t, i)->name), tensors_at(t, i));
  ck_assert_str_eq(tensors_meta(t, "json"), "{\"a\":\"\xC3\xA9\\n\"}");
  ck_assert_ptr_null(tensors_meta(t, "no"));
  float out[6];
  ck_assert_int_eq(tensors_floats(t, "w", 2, (size_t[]){ 2, 3 }, out, &e), ELBO_DONE);
  ck_assert_mem_eq(out, weights, sizeof out);
  ck_assert_int_eq(tensors_floats(t, "m", 1, (size_t[]){ 2 }, out, &e), ELBO_DONE);
  ck_assert(out[0] == 0.5f && out[1] == -0.25f);
  tensors_free(t);
  tensors_free(NULL);
}
END_TEST

START_TEST(other_shapes_and_types_are_refused)
{
  static const struct {
    const char *name;
    int rank;
    size_t dims[2];
    const char *words;
  } cases[] = { { "w", 2, { 3, 2 }, "transposed" },
                { "w", 2, { 2, 4 }, "[2, 3], expected [2, 4]" },
                { "w", 1, { 6 }, "expected [6]" },
                { "step", 0, { 0 }, "dtype I64" },
                { "q.z", 1, { 1 }, "missing" } };
  error e = { 0 };
  tensors *t;
  write_sample("c", &e);
  tensors_read("c", limit, &t, &e);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float out[8];
    char name[32];
    error_clear(&e);
    ck_assert_int_eq(tensors_floats(t, cases[i].name, cases[i].rank, cases[i].dims, out, &e),
                     ELBO_E_CHECKPOINT);
    ck_assert_msg(strstr(e.text, cases[i].words) != NULL, "%s", e.text);
    snprintf(name, sizeof name, "c: tensor '%s'", cases[i].name);
    ck_assert_msg(strstr(e.text, name) != NULL, "%s", e.text);
  }
  tensors_free(t);
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
  const float a[6] = { 1, 2, 3, 4, NAN, 6 };
  const double b[2] = { 1, 1e300 };
  const tensor list[] = { { "a", TENSOR_F32, 2, { 2, 3 }, 6, a },
                          { "b", TENSOR_F64, 1, { 2 }, 2, b } };
  error e = { 0 };
  tensors *t;
  float out[6];
  tensors_write("c", &(tensors_out){ list, 2, NULL }, &e);
  ck_assert_int_eq(tensors_read("c", limit, &t, &e), ELBO_DONE);
  ck_assert_int_eq(tensors_floats(t, "a", 2, list[0].dims, out, &e), ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(e.text, "nan at [1, 1]") != NULL, "%s", e.text);
  error_clear(&e);
  ck_assert_int_eq(tensors_floats(t, "b", 1, list[1].dims, out, &e), ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(e.text, "1e+300 at [1]") != NULL, "%s", e.text);
  tensors_free(t);
}
END_TEST

START_TEST(what_can_not_be_written_is_refused)
{
  static const float a[6];
  static const struct {
    tensor t;
    const char *words;
  } cases[] = {
    { { "\xff", TENSOR_F32, 1, { 6 }, 6, a }, "no name for a tensor" },
    { { "__metadata__", TENSOR_F32, 1, { 6 }, 6, a }, "no name for a tensor" },
    { { "a", TENSOR_F32, -1, { 6 }, 6, a }, "has -1 dimensions" },
    { { "a", TENSOR_F32, 5, { 6 }, 6, a }, "dimensions, at most" },
    { { "a", TENSOR_F32, 2, { SIZE_MAX / 4, 8 }, 6, a }, "its size can't be addressed" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    error e = { 0 };
    ck_assert_int_eq(tensors_write("none", &(tensors_out){ &cases[i].t, 1, NULL }, &e),
                     ELBO_E_CHECKPOINT);
    ck_assert_msg(strstr(e.text, cases[i].words) != NULL, "%s", e.text);
    ck_assert(!file_exists("none"));
  }
  /* each fits, all together do not */
  const size_t half = SIZE_MAX / 2;
  const tensor three[] = { { "a", TENSOR_U8, 1, { half }, half, a },
                           { "b", TENSOR_U8, 1, { half }, half, a },
                           { "c", TENSOR_U8, 1, { half }, half, a } };
  error e = { 0 };
  ck_assert_int_eq(tensors_write("none", &(tensors_out){ three, 3, NULL }, &e), ELBO_E_CHECKPOINT);
  ck_assert_msg(strstr(e.text, "tensor 'c': the file gets too large") != NULL, "%s", e.text);
}
END_TEST

START_TEST(no_changed_bit_goes_unseen)
{
  error e = { 0 };
  char *s;
  size_t n, read_all = 0;
  write_sample("c", &e);
  file_read_all("c", limit, ELBO_E_FILES, &s, &n, &e);
  for (size_t i = 0; i < n * 8; i++) {
    s[i / 8] ^= (char)(1 << i % 8);
    file_write_whole("d", s, n, &e);
    s[i / 8] ^= (char)(1 << i % 8);
    tensors *t;
    error why = { 0 };
    if (tensors_read("d", limit, &t, &why)) {
      ck_assert_int_eq(why.status, ELBO_E_CHECKPOINT);
      ck_assert_ptr_null(t);
      continue;
    }
    /* What may pass is another name (which whoever looks for the tensor sees missing) or that of a
     * checksum. */
    static const char *const names[] = { "w", "m", "bytes", "step", "none" };
    bool seen = !tensors_meta(t, "elbo.crc32") || !tensors_meta(t, "elbo.meta_crc32");
    for (int k = 0; k < 5; k++) seen = seen || !tensors_find(t, names[k]);
    const tensor *none = tensors_find(t, "none");
    seen = seen || none->type != TENSOR_F32;
    ck_assert_msg(seen, "bit %zu", i);
    read_all++;
    tensors_free(t);
  }
  ck_assert_uint_lt(read_all, n);
  mem_free(s);
}
END_TEST

START_TEST(cut_and_longer_files_are_refused)
{
  error e = { 0 };
  char *s;
  size_t n;
  write_sample("c", &e);
  file_read_all("c", limit, ELBO_E_FILES, &s, &n, &e);
  for (size_t cut = 0; cut <= n + 1; cut++) {
    if (cut == n) continue; /* n + 1: the NUL behind */
    tensors *t;
    error why = { 0 };
    file_write_whole("d", s, cut, &e);
    ck_assert_int_eq(tensors_read("d", limit, &t, &why), ELBO_E_CHECKPOINT);
    ck_assert_ptr_null(t);
  }
  mem_free(s);
}
END_TEST

static void put(const char *header, uint64_t promised, size_t data)
{
  static const char zeros[256];
  FILE *f = fopen("d", "wb");
  fwrite(&promised, 8, 1, f);
  fwrite(header, 1, strlen(header), f);
  fwrite(zeros, 1, data, f);
  fclose(f);
}

#define X4 "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"

START_TEST(bad_headers_are_refused)
{
  static const struct {
    const char *header;
    size_t data;
    const char *words;
  } cases[] = {
    { "[]", 0, "no JSON object" },
    { "{\"x\":{", 0, "no JSON that can be read" },
    { "{\"x\":1,\"x\":1}", 0, "duplicate" },
    { "{\"x\":1}", 0, "'x'" },
    { "{\"x\":{}}", 0, "'x': has no string 'dtype'" },
    { "{\"x\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2,
      "'x': has dtype 'BF16'" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "'x': has no array" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "'x': dimension 0" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "'x': dimension 0" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
      "'x': has 5 dimensions" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
      "'x': its shape is larger" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
      "'x': its shape is larger" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
      "'x': its shape and dtype need 8" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
      "'x': its data run backwards" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4,
      "'x': its data end at byte 8" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "'x': 'data_offsets'" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4,
      "'x': 'data_offsets'" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"a\":1}}", 4,
      "'x': has the unknown key 'a'" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
      "'x': its data begin at byte 4, expected at 0" },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}", 5,
      "'x': its data begin at byte 1, expected a multiple" },
    { X4 "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "within tensor" },
    { X4 "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12,
      "'y': its data begin at byte 8, expected at 4" },
    { X4 "\"__metadata__\":{}}", 5, "1 bytes of data behind the last tensor 'x'" },
    { X4 "\"__metadata__\":{\"a\":1}}", 4, "'a' is no string" },
    { X4 "\"__metadata__\":[]}", 4, "no object" },
    { X4 "\"__metadata__\":{\"elbo.crc32\":\"00000000\"}}", 4,
      "one of the checksums 'elbo.crc32' and 'elbo.meta_crc32' is missing" },
    { "{}", 1, "1 bytes of data behind" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    error e = { 0 };
    tensors *t;
    put(cases[i].header, strlen(cases[i].header), cases[i].data);
    ck_assert_msg(tensors_read("d", limit, &t, &e) == ELBO_E_CHECKPOINT, "%s", cases[i].header);
    ck_assert_msg(strstr(e.text, cases[i].words) != NULL, "%s\n%s", cases[i].header, e.text);
    ck_assert(strncmp(e.text, "d: ", 3) == 0 && strchr(e.text, ';'));
  }
}
END_TEST

START_TEST(bad_lengths_and_places_are_refused)
{
  static const uint64_t lengths[] = { 0, 1, 3, 1000, UINT64_MAX, UINT64_MAX - 7, INT64_MAX };
  tensors *t;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    error e = { 0 };
    put("{}", lengths[i], 0);
    ck_assert_int_eq(tensors_read("d", limit, &t, &e), ELBO_E_CHECKPOINT);
  }
  error e = { 0 };
  put("{}", 2, 0);
  ck_assert_int_eq(tensors_read("d", limit, &t, &e), ELBO_DONE);
  tensors_free(t);
  ck_assert_int_eq(tensors_read("d", 9, &t, &e), ELBO_E_CHECKPOINT);
  mkdir("dir", 0700);
  static const char *const names[] = { "dir", "missing", "/dev/zero" };
  for (int i = 0; i < 3; i++) {
    error_clear(&e);
    ck_assert_int_eq(tensors_read(names[i], limit, &t, &e), ELBO_E_CHECKPOINT);
  }
  error_clear(&e);
  ck_assert_int_eq(write_sample("dir", &e), ELBO_E_FILES);
}
END_TEST

START_TEST(other_programs_files_are_read)
{
  error e = { 0 };
  tensors *t;
  put(X4 "\"__metadata__\":{\"format\":\"pt\"}}   ",
      strlen(X4 "\"__metadata__\":{\"format\":\"pt\"}}   "), 4);
  ck_assert_msg(!tensors_read("d", limit, &t, &e), "%s", e.text);
  ck_assert_str_eq(tensors_meta(t, "format"), "pt");
  tensors_free(t);
}
END_TEST

START_TEST(every_fault_of_memory_and_disk_is_told)
{
  error e = { 0 };
  write_sample("c", &e);
  for (int kind = 0; kind < 4; kind++) {
    bool done = false;
    for (int n = 1; !done && n < 200; n++) {
      tensors *t = NULL;
      error_clear(&e);
      if (kind % 2)
        mem_fail_at((uint64_t)n, n % 2);
      else
        file_fail_at((uint64_t)n, n % 2);
      elbo_status status = kind < 2 ? write_sample("c", &e) : tensors_read("c", limit, &t, &e);
      mem_fail_at(0, false);
      file_fail_at(0, false);
      done = !status;
      ck_assert_int_eq(status, e.status);
      ck_assert_int_eq(status, done       ? ELBO_DONE
                               : kind % 2 ? ELBO_E_MEMORY
                               : kind     ? ELBO_E_CHECKPOINT
                                          : ELBO_E_FILES);
      tensors_free(t);
      error_clear(&e);
      ck_assert_msg(!tensors_read("c", limit, &t, &e), "%s", e.text);
      tensors_free(t);
    }
    ck_assert(done);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("io/tensors");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, enter, leave);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, a_file_reads_back);
  tcase_add_test(t, other_shapes_and_types_are_refused);
  tcase_add_test(t, numbers_that_are_none_are_refused);
  tcase_add_test(t, what_can_not_be_written_is_refused);
  tcase_add_test(t, no_changed_bit_goes_unseen);
  tcase_add_test(t, cut_and_longer_files_are_refused);
  tcase_add_test(t, bad_headers_are_refused);
  tcase_add_test(t, bad_lengths_and_places_are_refused);
  tcase_add_test(t, other_programs_files_are_read);
  tcase_add_test(t, every_fault_of_memory_and_disk_is_told);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
