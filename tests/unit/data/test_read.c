/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What data files may hold, and what is refused: the rows of the design's table of bad input for
 * IDX, gzip, npy and CSV. */
#include "base/file.h"
#include "base/mem.h"
#include "base/zip.h"
#include "data/dataset.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char path[] = "/tmp/elbo-read-XXXXXX";

static void put_file(const void *at, size_t n)
{
  memcpy(path + sizeof path - 7, "XXXXXX", 6);
  int fd = mkstemp(path);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, at, n), (ssize_t)n);
  close(fd);
}

static elbo_status read_bytes(const void *at, size_t n, size_t max_rows, array *a, error *e)
{
  put_file(at, n);
  elbo_status status = array_read(path, max_rows, a, e);
  unlink(path);
  return status;
}

/* ---- gzip by hand: a stored block, or a run of one byte in fixed codes, which packs 1000 to 1 */

typedef struct {
  uint8_t *at;
  size_t n, bits;
} packed;

static void put(packed *p, const void *at, size_t n)
{
  memcpy(p->at + p->n, at, n);
  p->n += n;
}

static void put_bits(packed *p, unsigned v, int n)
{
  for (int i = 0; i < n; i++, p->bits++) {
    if (p->bits % 8 == 0) p->at[p->n++] = 0;
    p->at[p->n - 1] |= (uint8_t)((v >> i & 1) << p->bits % 8);
  }
}

static void put_end(packed *p, uint32_t crc, size_t n)
{
  uint32_t size = (uint32_t)n;
  put(p, &crc, 4);
  put(p, &size, 4);
}

static const char gzip_header[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03";

static packed gzip_stored(const void *at, size_t n)
{
  packed p = { malloc(n + 64), 0, 0 };
  uint16_t length[2] = { (uint16_t)n, (uint16_t)~n };
  put(&p, gzip_header, 10);
  put(&p, "\1", 1);
  put(&p, length, 4);
  put(&p, at, n);
  put_end(&p, crc32_of(0, at, n), n);
  return p;
}

/* `n` bytes at first, then runs * 258 zeros. */
static packed gzip_zeros(const uint8_t *at, size_t n, size_t runs)
{
  packed p = { malloc(2 * n + 2 * runs + 64), 0, 0 };
  uint8_t zeros[258] = { 0 };
  uint32_t crc = crc32_of(0, at, n);
  put(&p, gzip_header, 10);
  put_bits(&p, 3, 3);
  for (size_t i = 0; i <= n; i++) { /* one zero ahead, for the runs to copy */
    unsigned v = i < n ? at[i] : 0, code = v < 144 ? 0x30 + v : 0x190 + v - 144;
    for (int k = v < 144 ? 7 : 8; k >= 0; k--) put_bits(&p, code >> k & 1, 1);
  }
  crc = crc32_of(crc, zeros, 1);
  for (size_t i = 0; i < runs; i++) {
    put_bits(&p, 0xA3, 8); /* length 258, code 11000101 from its highest bit on */
    put_bits(&p, 0, 5);    /* distance 1 */
    crc = crc32_of(crc, zeros, 258);
  }
  put_bits(&p, 0, 7);
  put_end(&p, crc, n + 1 + 258 * runs);
  return p;
}

/* ---- npy */

static packed npy(const char *dict, const void *data, size_t n)
{
  size_t d = strlen(dict);
  uint16_t length = (uint16_t)d;
  packed p = { malloc(d + n + 16), 0, 0 };
  put(&p, "\x93NUMPY\1\0", 8);
  put(&p, &length, 2);
  put(&p, dict, d);
  put(&p, data, n);
  return p;
}

#define DICT(type, order, shape)                                                                   \
  "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }  \n"

/* ---- refused */

#define BYTES(s) s, sizeof(s) - 1
typedef struct {
  const char *name, *at;
  size_t n;
  const char *says[3];
} refusal;

/* clang-format off */
static const refusal raw_refusals[] = {
    {"empty", BYTES(""), {"empty", "0 bytes"}},
    {"one byte", BYTES("\0"), {"not a data file", "1 bytes"}},
    {"three bytes", BYTES("\0\0\x08"), {"cut short", "byte 3"}},
    {"seven bytes", BYTES("\0\0\x08\1\0\0\0"), {"cut short", "8 bytes", "byte 7"}},
    {"header ends in dimensions", BYTES("\0\0\x08\3\0\0\0\1\0\0\0\1"), {"16 bytes", "byte 12"}},
    {"wrong magic", BYTES("\0\1\x08\3\0\0\0\1"), {"not a data file", "00 01 08 03"}},
    {"png", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), {"not a data file", "89 50 4E 47"}},
    {"idx type", BYTES("\0\0\x0A\1\0\0\0\1x"), {"0x0A", "byte 2", "expected 08"}},
    {"no dimensions", BYTES("\0\0\x08\0"), {"0 dimensions", "byte 3"}},
    {"255 dimensions", BYTES("\0\0\x08\xff\0\0\0\1"), {"255 dimensions", "expected 1 to 4"}},
    {"count 2^32-1", BYTES("\0\0\x08\1\xff\xff\xff\xff" "abc"),
     {"promises 4294967295 bytes", "found 3", "byte 8"}},
    {"product wraps", BYTES("\0\0\x08\4\xff\xff\xff\xff\xff\xff\xff"
           "\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
     {"beyond 2^64"}},
    {"no rows", BYTES("\0\0\x08\1\0\0\0\0"), {"0 rows", "no data"}},
    {"no columns", BYTES("\0\0\x08\2\0\0\0\1\0\0\0\0"), {"1 rows of 0 numbers"}},
    {"fewer bytes", BYTES("\0\0\x08\2\0\0\0\2\0\0\0\2abc"),
     {"promises 4 bytes", "found 3", "cut short"}},
    {"more bytes", BYTES("\0\0\x08\2\0\0\0\2\0\0\0\2abcde"),
     {"promises 4 bytes", "found 5", "longer"}},
    {"int beyond float", BYTES("\0\0\x0C\1\0\0\0\2\0\0\0\1\1\0\0\1"),
     {"row 1, column 0", "byte 12", "exactly"}},
    {"idx nan", BYTES("\0\0\x0D\2\0\0\0\2\0\0\0\2\0\0\0\0\0\0\0\0\x7f\xc0\0\0\x7f\x80\0\0"),
     {"2 of 4", "row 1, column 0"}},
    {"npy cut in preamble", BYTES("\x93NUMPY\1\0"), {"cut short", "byte 8"}},
    {"npy version", BYTES("\x93NUMPY\x09\0\0\0{}  "), {"version 9.0"}},
    {"npy header too long", BYTES("\x93NUMPY\2\0\xff\xff\xff\xff{}"),
     {"4294967295 bytes", "at most"}},
    {"npy header beyond the file", BYTES("\x93NUMPY\1\0\x76\0{'descr'"),
     {"118 bytes", "ends at byte 18"}},
    {"ragged, short", BYTES("1,2,3\n4,5\n"), {"row 2", "line 2", "2 columns: expected 3"}},
    {"ragged, long", BYTES("1,2\n3,4\n5,6,7\n"), {"row 3", "at least 3 columns: expected 2"}},
    {"names and ragged", BYTES("a,b,c\n1,2\n"), {"row 1 (line 2)", "expected 3"}},
    {"open quote", BYTES("1,\"2\n3,4\n"), {"row 1, column 2", "not closed"}},
    {"behind a quote", BYTES("\"1\"2,3\n"), {"row 1, column 1", "closing quote"}},
    {"behind a quote, blank", BYTES("\"1\" 2,3\n"), {"row 1, column 1", "closing quote"}},
    {"empty field", BYTES("1,2,3\n4,,6\n"), {"row 2, column 2", "empty field"}},
    {"empty last field", BYTES("1,2\n4,\n"), {"row 2, column 2", "empty field"}},
    {"only empty fields", BYTES(",,\n1,2,3\n"), {"row 1, column 1", "empty field"}},
    {"nan", BYTES("1,2\n3,NaN\n"), {"row 2, column 2", "\"NaN\"", "not finite"}},
    {"nan in the first row", BYTES("nan,inf\n1,2\n"), {"row 1, column 1", "not finite"}},
    {"inf", BYTES("1\n-inf\n"), {"row 2, column 1", "not finite"}},
    {"1e999", BYTES("1\n1e999\n"), {"row 2, column 1", "32-bit float"}},
    {"1e39", BYTES("1\n1e39\n"), {"row 2, column 1", "32-bit float"}},
    {"2^24 + 1", BYTES("1\n16777217\n"), {"row 2, column 1", "exactly"}},
    {"hex", BYTES("1\n0x10\n"), {"row 2, column 1", "not a number"}},
    {"decimal comma", BYTES("1,5;2\n"), {"row 1, column 1", "\"1,5\"", "decimal point"}},
    {"word among numbers", BYTES("1,b\n1,2\n"), {"row 1, column 2", "\"b\""}},
    {"label column", BYTES("a,b,\"kind of it\"\n1,2,setosa\n"),
     {"row 1, column 3 (line 2), named \"kind of it\": \"setosa\"", "data.labels"}},
    {"codes to skip", BYTES("\xEF\xBB\xBF\nid;x\n7;1\nA8;2\n"),
     {"row 2, column 1 (line 4), named \"id\": \"A8\" is not a number"}},
    {"NA", BYTES("a,b\n1,2\nNA,3\n"), {"row 2, column 1 (line 3): \"NA\"", "missing value"}},
    {"null", BYTES("1,2\n3,null\n"), {"row 2, column 2", "missing value", "fill"}},
    {"question mark", BYTES("1,?\n3,4\n"), {"row 1, column 2", "missing value"}},
    {"names only", BYTES("a,b,c\n"), {"3 names", "no numbers"}},
    {"blank lines only", BYTES("\n \n\t\n"), {"no number"}},
    {"blank line inside", BYTES("1,2\n\n3,4\n"), {"line 2 is blank"}},
    {"control bytes quoted", BYTES("1\n\x7f\xff\n"), {"row 2, column 1", "\"??\""}},
};
/* clang-format on */

static const struct {
  const char *name, *dict;
  const char *data;
  size_t n;
  const char *says[3];
} npy_refusals[] = {
  { "not a dict", "[1, 2]\n", BYTES(""), { "expected a dict", "byte 10" } },
  { "code", "{'descr': __import__('os').system('x')}\n", BYTES(""), { "quoted word", "byte 20" } },
  { "object", DICT("|O", "False", "(1,)"), BYTES("12345678"), { "pickle refused" } },
  { "structured",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
    BYTES("1234"),
    { "structured type" } },
  { "complex", DICT("<c8", "False", "(1,)"), BYTES("12345678"), { "number type", "f4" } },
  { "long double", DICT("<f16", "False", "(1,)"), BYTES("1234567890123456"), { "number type" } },
  { "too many rows", DICT("|u1", "False", "(4294967296,)"), BYTES("1"), { "at most 2^32 - 1" } },
  { "half", DICT("<f2", "False", "(1,)"), BYTES("12"), { "number type" } },
  { "negative", DICT("<f4", "False", "(-1,)"), BYTES("1234"), { "negative dimension" } },
  { "huge", DICT("<f4", "False", "(4611686018427387904, 16)"), BYTES("1234"), { "beyond 2^64" } },
  { "huger", DICT("<f4", "False", "(99999999999999999999999,)"), BYTES("1234"), { "beyond 2^64" } },
  { "claims 4 TB",
    DICT("<f4", "False", "(1000000, 1000000)"),
    BYTES("1234"),
    { "promises 4000000000000 bytes", "found 4" } },
  { "short",
    DICT("<f4", "False", "(3,)"),
    BYTES("12345678901"),
    { "promises 12 bytes", "found 11" } },
  { "long",
    DICT("<f4", "False", "(3,)"),
    BYTES("1234567890123"),
    { "promises 12 bytes", "found 13" } },
  { "fortran",
    DICT("<f4", "True", "(1, 1)"),
    BYTES("1234"),
    { "Fortran order", "ascontiguousarray" } },
  { "scalar", DICT("<f4", "False", "()"), BYTES("1234"), { "single number" } },
  { "five dims",
    DICT("<f4", "False", "(1, 1, 1, 1, 1)"),
    BYTES("1234"),
    { "more than 4 dimensions" } },
  { "no rows", DICT("<f4", "False", "(0, 3)"), BYTES(""), { "0 rows" } },
  { "words in shape", DICT("<f4", "False", "(x,)"), BYTES("1234"), { "whole numbers" } },
  { "duplicate", "{'shape': (1,), 'shape': (1,)}", BYTES("1234"), { "twice" } },
  { "unknown key", "{'shape': (1,), 'colour': 1}", BYTES("1234"), { "unknown key" } },
  { "missing key", "{'shape': (1,), 'descr': '<f4'}", BYTES("1234"), { "missing" } },
  { "behind the dict", DICT("<f4", "False", "(1,)") "x", BYTES("1234"), { "behind the dict" } },
  { "truth", DICT("|b1", "False", "(2,)"), BYTES("\1\2"), { "row 1, column 0", "truth" } },
  { "i8",
    DICT("<i8", "False", "(1, 1)"),
    BYTES("\xff\xff\xff\xff\xff\xff\xff\x7f"),
    { "row 0, column 0", "exactly" } },
  { "f8",
    DICT("<f8", "False", "(1,)"),
    BYTES("\0\0\0\0\0\0\xf0\x7e"),
    { "row 0", "beyond the range" } },
  { "nan",
    DICT("<f4", "False", "(1, 2)"),
    BYTES("\0\0\0\0\0\0\xc0\x7f"),
    { "1 of 2", "row 0, column 1" } },
};

static void expect_refused(const char *name, const void *at, size_t n, const char *const says[3])
{
  array a;
  error e = { 0 };
  elbo_status status = read_bytes(at, n, 0, &a, &e);
  ck_assert_msg(status == ELBO_E_DATA && e.status == ELBO_E_DATA, "%s: status %d: %s", name, status,
                e.text);
  ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0, "%s: no file name: %s", name, e.text);
  for (int i = 0; i < 3 && says[i]; i++)
    ck_assert_msg(strstr(e.text, says[i]), "%s: \"%s\" is not in: %s", name, says[i], e.text);
  ck_assert_ptr_null(a.at);
}

START_TEST(refuses_files)
{
  for (size_t i = 0; i < sizeof raw_refusals / sizeof *raw_refusals; i++)
    expect_refused(raw_refusals[i].name, raw_refusals[i].at, raw_refusals[i].n,
                   raw_refusals[i].says);
}
END_TEST

START_TEST(refuses_npy)
{
  for (size_t i = 0; i < sizeof npy_refusals / sizeof *npy_refusals; i++) {
    packed p = npy(npy_refusals[i].dict, npy_refusals[i].data, npy_refusals[i].n);
    expect_refused(npy_refusals[i].name, p.at, p.n, npy_refusals[i].says);
    free(p.at);
  }
}
END_TEST

START_TEST(refuses_gzip)
{
  static const char images[] = "\0\0\x08\2\0\0\0\2\0\0\0\3abcdef";
  packed p = gzip_stored(images, 18);
  array a;
  error e = { 0 };
  ck_assert_msg(read_bytes(p.at, p.n, 0, &a, &e) == ELBO_DONE, "%s", e.text);
  ck_assert(a.compressed && a.rows == 2 && a.D == 3 && memcmp(a.u8, "abcdef", 6) == 0);
  array_free(&a);
  for (size_t cut = 2; cut < p.n; cut++) {
    elbo_status status = read_bytes(p.at, cut, 0, &a, &(error){ 0 });
    ck_assert_msg(status == ELBO_E_DATA, "cut at %zu: %d", cut, status);
  }
  p.at[p.n] = 'x';
  expect_refused("trailing byte", p.at, p.n + 1, (const char *[3]){ "g" });
  p.at[p.n - 8] ^= 1;
  expect_refused("bad crc", p.at, p.n, (const char *[3]){ "g" });
  free(p.at);
  p = gzip_stored(images, 17);
  expect_refused("fewer inside", p.at, p.n,
                 (const char *[3]){ "promises 6 bytes", "found 5", "unpacked byte 12" });
  free(p.at);
  p = gzip_stored("\0\0\x08\2\0\0\0\2\0\0\0\3abcdefg", 19);
  expect_refused("more inside", p.at, p.n, (const char *[3]){ "promises 6 bytes", "at least 7" });
  free(p.at);
}
END_TEST

static long peak_kb(void)
{
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

START_TEST(refuses_within_bounds)
{
  long before = peak_kb();
  static const uint8_t small[] = "\0\0\x08\2\0\0\0\1\0\0\x03\x10",
                       huge[] = "\0\0\x08\2\x7f\xff\xff\xff\0\0\0\x10";
  packed p = gzip_zeros(small, 12, 1000000); /* 258 MB behind a promise of 784 */
  expect_refused("bomb", p.at, p.n, (const char *[3]){ "promises 784 bytes", "at least 785" });
  free(p.at);
  p = gzip_zeros(huge, 12, 1000);
  expect_refused("gzip claims 34 GB", p.at, p.n,
                 (const char *[3]){ "promises 34359738352 bytes", "found 258001" });
  free(p.at);
  size_t n = 10 << 20;
  char *field = malloc(n);
  memset(field, '1', n);
  memcpy(field, "1\n", 2);
  expect_refused("field of 10 MB", field, n,
                 (const char *[3]){ "row 2, column 1", "more than 1024 bytes" });
  memset(field + 2, ' ', n - 2);
  memcpy(field, "1 2\n3", 5);
  expect_refused("10 MB of blanks", field, n, (const char *[3]){ "1024" });
  free(field);
  ck_assert_int_lt(peak_kb() - before, 64 << 10);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
  static const char *const paths[] = { "/tmp", "/dev/zero", "/nowhere/at/all" };
  for (int i = 0; i < 3; i++) {
    array a;
    error e = { 0 };
    ck_assert_int_eq(array_read(paths[i], 0, &a, &e), ELBO_E_DATA);
    ck_assert_msg(strstr(e.text, paths[i]) && !a.at, "%s", e.text);
  }
}
END_TEST

START_TEST(survives_lack_of_memory)
{
  static const char text[] = "1,2\n3,400\n5,6\n";
  for (uint64_t n = 1;; n++) {
    array a;
    error e = { 0 };
    put_file(text, sizeof text - 1);
    mem_fail_at(n, false);
    elbo_status status = array_read(path, 0, &a, &e);
    mem_fail_at(0, false);
    unlink(path);
    if (status == ELBO_DONE) {
      ck_assert(n > 2);
      array_free(&a);
      break;
    }
    ck_assert_int_eq(status, ELBO_E_MEMORY);
    ck_assert_ptr_null(a.at);
  }
}
END_TEST

/* ---- read */

static void expect_read(const char *name, const void *at, size_t n, size_t max_rows, data_kind kind,
                        array_type type, size_t rows, size_t D, int rank, const float *values)
{
  array a;
  error e = { 0 };
  ck_assert_msg(read_bytes(at, n, max_rows, &a, &e) == ELBO_DONE, "%s: %s", name, e.text);
  ck_assert_msg(a.kind == kind && a.type == type && a.rows == rows && a.D == D && a.rank == rank,
                "%s: kind %d type %d rows %zu D %zu rank %d", name, a.kind, a.type, a.rows, a.D,
                a.rank);
  for (size_t i = 0; i < rows * D; i++) {
    float v = a.type == ARRAY_U8 ? (float)a.u8[i] : a.f32[i];
    ck_assert_msg(v == values[i], "%s: value %zu is %.9g, not %.9g", name, i, (double)v,
                  (double)values[i]);
  }
  array_free(&a);
}

static const struct {
  const char *name, *at;
  size_t n, max_rows;
  data_kind kind;
  array_type type;
  size_t rows, D;
  int rank;
  float values[6];
} good[] = {
  { "labels", BYTES("\0\0\x08\1\0\0\0\3\7\0\xff"), 0, KIND_IDX, ARRAY_U8, 3, 1, 0, { 7, 0, 255 } },
  { "images",
    BYTES("\0\0\x08\3\0\0\0\1\0\0\0\2\0\0\0\2\1\2\3\4"),
    0,
    KIND_IDX,
    ARRAY_U8,
    1,
    4,
    2,
    { 1, 2, 3, 4 } },
  { "limited",
    BYTES("\0\0\x08\2\0\0\0\3\0\0\0\2\1\2\3\4\5\6"),
    2,
    KIND_IDX,
    ARRAY_U8,
    2,
    2,
    1,
    { 1, 2, 3, 4 } },
  { "limit above", BYTES("\0\0\x08\1\0\0\0\2\1\2"), 9, KIND_IDX, ARRAY_U8, 2, 1, 0, { 1, 2 } },
  { "signed bytes", BYTES("\0\0\x09\1\0\0\0\2\xff\2"), 0, KIND_IDX, ARRAY_F32, 2, 1, 0, { -1, 2 } },
  { "shorts",
    BYTES("\0\0\x0B\1\0\0\0\2\xff\xfe\1\0"),
    0,
    KIND_IDX,
    ARRAY_F32,
    2,
    1,
    0,
    { -2, 256 } },
  { "ints", BYTES("\0\0\x0C\1\0\0\0\1\0\1\0\1"), 0, KIND_IDX, ARRAY_F32, 1, 1, 0, { 65537 } },
  { "floats", BYTES("\0\0\x0D\1\0\0\0\1\x3f\xc0\0\0"), 0, KIND_IDX, ARRAY_F32, 1, 1, 0, { 1.5f } },
  { "doubles",
    BYTES("\0\0\x0E\1\0\0\0\1\xbf\xf8\0\0\0\0\0\0"),
    0,
    KIND_IDX,
    ARRAY_F32,
    1,
    1,
    0,
    { -1.5f } },
  { "csv of bytes", BYTES("1,2\n3,255\n"), 0, KIND_CSV, ARRAY_U8, 2, 2, 1, { 1, 2, 3, 255 } },
  { "csv becomes floats",
    BYTES("1,2\n3,256\n-0.5,1e-3"),
    0,
    KIND_CSV,
    ARRAY_F32,
    3,
    2,
    1,
    { 1, 2, 3, 256, -.5f, 1e-3f } },
  { "names, BOM, CRLF",
    BYTES("\xEF\xBB\xBF"
          "a,\"b, c\"\r\n1,\"2.5\"\r\n\r\n"),
    0,
    KIND_CSV,
    ARRAY_F32,
    1,
    2,
    1,
    { 1, 2.5f } },
  { "semicolons", BYTES("1 ; 2\n3;4\n"), 0, KIND_CSV, ARRAY_U8, 2, 2, 1, { 1, 2, 3, 4 } },
  { "tabs", BYTES("1\t2\n3\t4"), 0, KIND_CSV, ARRAY_U8, 2, 2, 1, { 1, 2, 3, 4 } },
  { "blanks", BYTES("  1   2 \n 3 4\n\n"), 0, KIND_CSV, ARRAY_U8, 2, 2, 1, { 1, 2, 3, 4 } },
  { "one column", BYTES("y\n1\n2\n"), 0, KIND_CSV, ARRAY_U8, 2, 1, 0, { 1, 2 } },
  { "old line ends", BYTES("1,2\r3,4\r"), 0, KIND_CSV, ARRAY_U8, 2, 2, 1, { 1, 2, 3, 4 } },
  { "limited csv", BYTES("x\n1\n2\nthree\n"), 2, KIND_CSV, ARRAY_U8, 2, 1, 0, { 1, 2 } },
  { "digits galore",
    BYTES("0.1000000000000000055511151231257827,123456789e-3"),
    0,
    KIND_CSV,
    ARRAY_F32,
    1,
    2,
    1,
    { .1f, 123456.789f } },
  { "large, and not written as whole numbers",
    BYTES("1e30,16777217.0"),
    0,
    KIND_CSV,
    ARRAY_F32,
    1,
    2,
    1,
    { 1e30f, 16777216 } },
};

START_TEST(reads_files)
{
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    expect_read(good[i].name, good[i].at, good[i].n, good[i].max_rows, good[i].kind, good[i].type,
                good[i].rows, good[i].D, good[i].rank, good[i].values);
}
END_TEST

static const struct {
  const char *dict, *data;
  size_t n;
  array_type type;
  size_t rows, D;
  int rank;
  float values[4];
} good_npy[] = {
  { DICT("|u1", "False", "(2, 2)"), BYTES("\1\2\3\xff"), ARRAY_U8, 2, 2, 1, { 1, 2, 3, 255 } },
  { DICT("|b1", "False", "(2,)"), BYTES("\1\0"), ARRAY_U8, 2, 1, 0, { 1, 0 } },
  { DICT("|i1", "False", "(2, 1)"), BYTES("\xff\1"), ARRAY_F32, 2, 1, 1, { -1, 1 } },
  { DICT("<u2", "False", "(1,)"), BYTES("\xff\xff"), ARRAY_F32, 1, 1, 0, { 65535 } },
  { DICT("<i2", "False", "(1,)"), BYTES("\xff\xff"), ARRAY_F32, 1, 1, 0, { -1 } },
  { DICT("<i4", "False", "(1,)"), BYTES("\1\0\1\0"), ARRAY_F32, 1, 1, 0, { 65537 } },
  { DICT("<i8", "False", "(1,)"),
    BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff"),
    ARRAY_F32,
    1,
    1,
    0,
    { -2 } },
  { DICT("<u8", "False", "(1,)"), BYTES("\0\0\0\0\0\0\0\x80"), ARRAY_F32, 1, 1, 0, { 0x1p63f } },
  { DICT("<f4", "False", "(1, 1, 1)"), BYTES("\0\0\xc0\x3f"), ARRAY_F32, 1, 1, 2, { 1.5f } },
  { DICT(">f4", "False", "(1,)"), BYTES("\x3f\xc0\0\0"), ARRAY_F32, 1, 1, 0, { 1.5f } },
  { DICT("<f8", "True", "(1L,)"), BYTES("\0\0\0\0\0\0\xf8\x3f"), ARRAY_F32, 1, 1, 0, { 1.5f } },
  { "{\"shape\":(1,1,1,1),\"fortran_order\":False,\"descr\":\">i2\"}",
    BYTES("\1\0"),
    ARRAY_F32,
    1,
    1,
    3,
    { 256 } },
};

START_TEST(reads_npy)
{
  for (size_t i = 0; i < sizeof good_npy / sizeof *good_npy; i++) {
    packed p = npy(good_npy[i].dict, good_npy[i].data, good_npy[i].n);
    expect_read(good_npy[i].dict, p.at, p.n, 0, KIND_NPY, good_npy[i].type, good_npy[i].rows,
                good_npy[i].D, good_npy[i].rank, good_npy[i].values);
    free(p.at);
  }
  static const char three[] =
      "\x93NUMPY\3\0\x38\0\0\0{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}\n\5\6";
  expect_read("version 3", three, sizeof three - 1, 0, KIND_NPY, ARRAY_U8, 2, 1, 0,
              (float[]){ 5, 6 });
}
END_TEST

START_TEST(reads_a_large_gzip)
{
  static const uint8_t head[] =
      "\0\0\x08\2\0\3\xf7\x9f\0\0\1\2\7"; /* 259 999 rows of 258: beyond what is believed */
  packed p = gzip_zeros(head, 13, 260000);
  array a;
  error e = { 0 };
  ck_assert_int_eq(read_bytes(p.at, p.n, 0, &a, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "promises 67079742 bytes") && strstr(e.text, "at least"), "%s",
                e.text);
  e = (error){ 0 };
  ck_assert_msg(read_bytes(p.at, p.n, 259998, &a, &e) == ELBO_DONE, "%s", e.text);
  ck_assert(a.rows == 259998 && a.D == 258 && a.u8[0] == 7 && a.u8[a.rows * a.D - 1] == 0);
  array_free(&a);
  free(p.at);
}
END_TEST

/* Rows cross the reader's buffer everywhere. */
START_TEST(reads_long_text)
{
  size_t n = 0, rows = 40000;
  char *text = malloc(rows * 32);
  for (size_t i = 0; i < rows; i++)
    n += (size_t)sprintf(text + n, "%zu, %zu.25,\t-%zu%s", i % 300, i, i, i % 3 ? "\n" : "\r\n");
  array a;
  error e = { 0 };
  ck_assert_msg(read_bytes(text, n, 0, &a, &e) == ELBO_DONE, "%s", e.text);
  ck_assert(a.rows == rows && a.D == 3);
  for (size_t i = 0; i < rows; i++)
    ck_assert(a.f32[3 * i] == i % 300 && a.f32[3 * i + 1] == (float)i + 0.25f &&
              a.f32[3 * i + 2] == -(float)i);
  array_free(&a);
  free(text);
}
END_TEST

/* Files of more than a buffer, in each of which every file call fails once, and then no call. */
static void each_call_fails(const char *what, const void *at, size_t n, size_t max_rows)
{
  bool failed = true;
  put_file(at, n);
  int64_t live = mem_live();
  for (uint64_t k = 1; failed; k++) {
    array a = { 0 };
    error e = { 0 };
    file_fail_at(k, false);
    elbo_status status = array_read(path, max_rows, &a, &e);
    file_fail_at(0, false);
    failed = status != ELBO_DONE;
    ck_assert_msg(!failed || (status == ELBO_E_DATA && strstr(e.text, path)), "%s, call %d: %s",
                  what, (int)k, e.text);
    ck_assert(failed == !a.at);
    array_free(&a);
    ck_assert_msg(k < 100 && (k > 3 || failed), "%s: call %d", what, (int)k);
  }
  ck_assert_int_eq(mem_live(), live);
  unlink(path);
}

START_TEST(calls_fail)
{
  static const uint8_t head[] = "\0\0\x08\2\0\3\xf7\x9f\0\0\1\2\7";
  static float numbers[60000];
  packed p = gzip_zeros(head, 13, 260000); /* its length is counted first */
  each_call_fails("gzip", p.at, p.n, 259998);
  free(p.at);
  p = npy(DICT("<f4", "False", "(60000, 1)"), numbers, sizeof numbers);
  each_call_fails("npy", p.at, p.n, 0);
  free(p.at);
  static char text[300000];
  memset(text, '\n', sizeof text);
  for (size_t i = 100000; i < 200000; i++) text[i] = i % 2 ? '\n' : '7';
  each_call_fails("csv", text, sizeof text, 0);
}
END_TEST

/* Blanks beyond what a field may have, in front of a number and where a line holds nothing else. */
START_TEST(refuses_long_blanks)
{
  static char text[5000];
  array a;
  for (int blank = 0; blank < 2; blank++) {
    error e = { 0 };
    memset(text, ' ', sizeof text);
    text[0] = '1', text[1] = '\n', text[sizeof text - 1] = '\n';
    if (!blank) text[sizeof text - 2] = '2';
    ck_assert_int_eq(read_bytes(text + 2 * blank, sizeof text - 2 * (size_t)blank, 0, &a, &e),
                     ELBO_E_DATA);
    ck_assert_msg(strstr(e.text, path) != NULL, "%s", e.text);
  }
  error e = { 0 };
  memset(text, 1, sizeof text);
  ck_assert_int_eq(read_bytes(text, sizeof text, 0, &a, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "it has at least") != NULL, "%s", e.text);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("data/read");
  TCase *c = tcase_create("all");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, refuses_files);
  tcase_add_test(c, refuses_npy);
  tcase_add_test(c, refuses_gzip);
  tcase_add_test(c, refuses_within_bounds);
  tcase_add_test(c, refuses_what_is_no_file);
  tcase_add_test(c, survives_lack_of_memory);
  tcase_add_test(c, reads_files);
  tcase_add_test(c, reads_npy);
  tcase_add_test(c, reads_a_large_gzip);
  tcase_add_test(c, reads_long_text);
  tcase_add_test(c, calls_fail);
  tcase_add_test(c, refuses_long_blanks);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
