/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "base/mem.h"
#include "io/picture.h"

#include <check.h>
#undef fail /* check's old macro of that name */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

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

/* Not inlined: gcc 12 would take what strstr finds in the text for a pointer to the local `s`. */
static __attribute__((noinline)) char *content(const char *path, size_t *n)
{
  error e = { 0 };
  char *s;
  ck_assert_msg(!file_read_all(path, 64 << 20, ELBO_E_FILES, &s, n, &e), "%s", e.text);
  return s;
}

START_TEST(npy_is_as_numpy_writes_it)
{
  static const struct {
    int rank;
    size_t dims[3];
    const char *shape;
  } cases[] = { { 0, { 0 }, "'shape': ()" },
                { 1, { 6 }, "'shape': (6,)" },
                { 3, { 1, 2, 3 }, "'shape': (1, 2, 3)" } };
  const float a[6] = { 1, 2, 3, 4, 5, 6 };
  for (int i = 0; i < 3; i++) {
    error e = { 0 };
    size_t n, count = i ? 6 : 1;
    ck_assert_int_eq(npy_write("a.npy", a, cases[i].rank, cases[i].dims, &e), ELBO_DONE);
    char *s = content("a.npy", &n);
    ck_assert_mem_eq(s, "\x93NUMPY\x01\x00", 8);
    size_t start = 10 + (unsigned char)s[8] + 256 * (size_t)(unsigned char)s[9];
    ck_assert_uint_eq(start % 64, 0);
    ck_assert_uint_eq(n, start + 4 * count);
    ck_assert_mem_eq(s + start, a, 4 * count);
    ck_assert_int_eq(s[start - 1], '\n');
    s[start - 1] = '\0';
    ck_assert_ptr_nonnull(strstr(s + 10, cases[i].shape));
    ck_assert_ptr_nonnull(strstr(s + 10, "{'descr': '<f4', 'fortran_order': False, "));
    mem_free(s);
  }
  error e = { 0 };
  ck_assert_int_eq(npy_write("b.npy", a, 2, (size_t[]){ SIZE_MAX / 2, 4 }, &e), ELBO_E_USAGE);
}
END_TEST

static unsigned be32(const char *s)
{
  const unsigned char *b = (const unsigned char *)s;
  return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

START_TEST(png_has_the_size_of_its_grid)
{
  static float images[12 * 6];
  error e = { 0 };
  size_t n;
  /* 5 columns of 3 numbers, gaps of 2 around: 26 times 15 and 12. */
  ck_assert_int_eq(png_grid("a.png", images, 12, 5, 2, 3, 0, 1, &e), ELBO_DONE);
  char *s = content("a.png", &n);
  ck_assert_mem_eq(s, "\x89PNG\r\n\x1a\n", 8);
  ck_assert_uint_eq(be32(s + 16), 26 * 15 + 12);
  ck_assert_uint_eq(be32(s + 20), 26 * 6 + 8);
  ck_assert_mem_eq(s + n - 8, "IEND", 4);
  mem_free(s);
  ck_assert_int_eq(png_grid("b.png", images, 12, 0, 2, 3, 0, 1, &e),
                   ELBO_DONE); /* 4 columns, 3 rows */
  s = content("b.png", &n);
  ck_assert_uint_eq(be32(s + 16), 33 * 12 + 10);
  ck_assert_uint_eq(be32(s + 20), 33 * 6 + 8);
  mem_free(s);
}
END_TEST

START_TEST(png_refuses_what_it_cannot_show)
{
  float images[4] = { 0, 1, NAN, 0 };
  error e = { 0 };
  ck_assert_int_eq(png_grid("a.png", images, 1, 1, 2, 2, 0, 1, &e), ELBO_E_NOT_FINITE);
  ck_assert_ptr_nonnull(strstr(e.text, "row 1, column 0"));
  ck_assert_int_eq(png_grid("a.png", images, 1, 1, 2, 2, 1, 1, NULL), ELBO_E_USAGE);
  ck_assert_int_eq(png_grid("a.png", images, 0, 1, 2, 2, 0, 1, NULL), ELBO_E_USAGE);
  ck_assert_int_eq(png_grid("a.png", images, SIZE_MAX / 8, 1, 2, 2, 0, 1, NULL), ELBO_E_USAGE);
  enum { SIDE = (1 << 20) - 3 }; /* with the gaps on both sides one pixel too many */
  float *wide = calloc(SIDE, sizeof *wide);
  error too = { 0 };
  ck_assert_int_eq(png_grid("a.png", wide, 1, 1, 1, SIDE, 0, 1, &too), ELBO_E_USAGE);
  ck_assert_ptr_nonnull(strstr(too.text, "draw fewer"));
  free(wide);
  ck_assert_int_eq(png_grid("none/a.png", images, 1, 1, 1, 2, 0, 1, NULL), ELBO_E_FILES);
  ck_assert(!file_exists("a.png"));
}
END_TEST

START_TEST(curves_are_drawn)
{
  const double x[] = { 1, 2, 3, 4 }, y[] = { -500.5, NAN, -101, -99.5 };
  const svg_curve curves[] = { { "train", x, y, 4 }, { "a<b & \"c\"", x, x, 4 } };
  error e = { 0 };
  size_t n;
  setlocale(LC_ALL, "de_DE.UTF-8");
  ck_assert_int_eq(svg_curves("c.svg", "ELBO", "epoch", "nats", curves, 2, &e), ELBO_DONE);
  char *s = content("c.svg", &n);
  static const char *const parts[] = { "<svg xmlns=",
                                       "prefers-color-scheme:dark",
                                       ">ELBO</text>",
                                       ">epoch</text>",
                                       ">nats</text>",
                                       ">train</text>",
                                       "a&lt;b &amp; &quot;c&quot;",
                                       ("\xE2\x88\x92"
                                        "400</text>"),
                                       "</svg>" };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ck_assert_msg(strstr(s, parts[i]) != NULL, "%s", parts[i]);
  ck_assert_ptr_null(strstr(s, "nan"));
  ck_assert_ptr_null(strstr(s, "inf"));
  /* Three of the four points are finite. */
  static const char start[] = "<path class=\"line c0\" d=\"";
  const char *p = strstr(s, start);
  ck_assert_ptr_nonnull(p);
  int points = 0;
  for (p += sizeof start - 1; *p != '"'; p++) points += *p == 'M' || *p == 'L';
  ck_assert_int_eq(points, 3);
  mem_free(s);
}
END_TEST

START_TEST(parts_of_a_page)
{
  const double x[] = { 1, 2, 3 }, y[] = { -500.5, NAN, -99.25 };
  const svg_curve curve = { "a\"b", x, y, 3 };
  const float xy[] = { 0, 0, 1, 2 }, grey[] = { 0, 1, 1, 0 };
  const uint8_t labels[] = { 0, 1 };
  const char *const words[] = { "data", "model", NULL };
  text t = { 0 };
  error e = { 0 };
  size_t wide;
  ck_assert_int_eq(svg_curves_part(&t, "ELBO \"q\"", "epoch", "nats", &curve, 1, &e), ELBO_DONE);
  ck_assert_ptr_nonnull(strstr(t.s, "aria-label=\"ELBO &quot;q&quot;\" data-x=\"1 3 76 596\""));
  ck_assert_ptr_nonnull(strstr(t.s, "data-name=\"a&quot;b\" data-v=\"1,-500.5 3,-99.25\""));
  double steps[100], climb[100];
  for (int i = 0; i < 100; i++) steps[i] = i, climb[i] = i < 3 ? -1000 : -0.5 * i;
  const svg_curve start = { "start", steps, climb, 100 };
  t.n = 0;
  ck_assert_int_eq(svg_curves_part(&t, "a start", "step", "nats", &start, 1, &e), ELBO_DONE);
  ck_assert_ptr_nonnull(strstr(t.s, ">3 points of the start lie below</text>"));
  ck_assert_ptr_nonnull(strstr(t.s, "data-v=\"0,-1000 1,-1000 2,-1000 3,-1.5 "));
  svg_cloud cloud = { "points", "z[0]", "z[1]", xy, labels, 2, words, true };
  ck_assert_int_eq(svg_points_part(&t, &cloud, &e), ELBO_DONE);
  ck_assert_ptr_nonnull(strstr(t.s, ">model</text>"));
  ck_assert_ptr_null(strstr(t.s, "http"));
  ck_assert_ptr_null(strstr(t.s, "<style"));
  size_t before = t.n;
  png_images images = { grey, 1, 1, 2, 2, 0, 1 };
  ck_assert_int_eq(png_grid_into(&t, "samples", &images, &wide, &e), ELBO_DONE);
  ck_assert_mem_eq(t.s + before, "\x89PNG", 4);
  ck_assert_uint_ge(wide, 400);
  images.high = 0;
  ck_assert_int_eq(png_grid_into(&t, "samples", &images, &wide, &e), ELBO_E_USAGE);
  text_free(&t);
}
END_TEST

START_TEST(any_range_is_drawn)
{
  static const double ranges[][2] = { { 0, 0 },
                                      { 5, 5 },
                                      { 1e300, -1e300 },
                                      { 1e-300, 2e-300 },
                                      { -1e-7, 1e-7 },
                                      { 123456789, 123456789.5 },
                                      { 1.7e308, -1.7e308 },
                                      { NAN, NAN },
                                      { INFINITY, 1 },
                                      { 5e-324, 0 } };
  const double x[] = { 1, 2 };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    const svg_curve c = { NULL, x, ranges[i], 2 };
    error e = { 0 };
    size_t n;
    ck_assert_int_eq(svg_curves("c.svg", "t", "x", "y", &c, 1, &e), ELBO_DONE);
    char *s = content("c.svg", &n);
    ck_assert_msg(!strstr(s, "nan") && !strstr(s, "\"inf") && n < 10000, "range %zu, %zu bytes", i,
                  n);
    mem_free(s);
  }
  error e = { 0 };
  ck_assert_int_eq(svg_curves("c.svg", "t", "x", "y", NULL, 0, &e), ELBO_DONE);
}
END_TEST

START_TEST(long_curves_stay_small)
{
  size_t n = 300000, size;
  double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
  for (size_t i = 0; i < n; i++) {
    x[i] = (double)i;
    y[i] = sin((double)i * 12.9898) * 43;
  }
  y[n / 2] = 1000;
  error e = { 0 };
  const svg_curve c = { "noise", x, y, n };
  ck_assert_int_eq(svg_curves("c.svg", "t", "x", "y", &c, 1, &e), ELBO_DONE);
  char *s = content("c.svg", &size);
  ck_assert_uint_lt(size, 150000);
  ck_assert_ptr_nonnull(
      strstr(s, " 54L")); /* the highest point, at the plot's upper edge, is kept */
  mem_free(s);
  free(x);
  free(y);
}
END_TEST

START_TEST(points_are_drawn_by_class)
{
  const float xy[] = { 0, 0, 1, 1, NAN, 2, 3, -1 };
  const uint8_t labels[] = { 0, 7, 7, 255 };
  error e = { 0 };
  size_t n;
  ck_assert_int_eq(svg_points("p.svg", "z", xy, labels, 4, &e), ELBO_DONE);
  char *s = content("p.svg", &n);
  static const char *const parts[] = { "cloud c0",  "cloud c1",  "cloud c2",
                                       ">0</text>", ">7</text>", ">255</text>" };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ck_assert_msg(strstr(s, parts[i]) != NULL, "%s", parts[i]);
  ck_assert_ptr_null(strstr(s, "cloud c3"));
  mem_free(s);
  uint8_t all[256];
  static float many[512];
  for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
  ck_assert_int_eq(svg_points("p.svg", "z", many, all, 256, &e), ELBO_DONE);
  s = content("p.svg", &n);
  ck_assert_ptr_nonnull(strstr(s, ">241 more</text>"));
  mem_free(s);
  ck_assert_int_eq(svg_points("p.svg", "z", xy, NULL, 4, &e), ELBO_DONE);
  ck_assert_int_eq(svg_points("p.svg", "z", NULL, NULL, 0, &e), ELBO_DONE);
}
END_TEST

/* Writes each kind of picture once. */
static elbo_status draw(int kind, error *e)
{
  static const double x[] = { 1, 2, 3 };
  static const float v[] = { 0, 1, 0.5f, 0.25f };
  const svg_curve c = { "c", x, x, 3 };
  if (kind == 0) return npy_write("f", v, 1, (size_t[]){ 4 }, e);
  if (kind == 1) return png_grid("f", v, 1, 1, 2, 2, 0, 1, e);
  if (kind == 2) return svg_curves("f", "t", "x", "y", &c, 1, e);
  return svg_points("f", "t", v, NULL, 2, e);
}

START_TEST(every_fault_leaves_the_old_picture)
{
  for (int kind = 0; kind < 8; kind++) {
    bool done = false;
    for (int n = 1; !done && n < 100; n++) {
      error e = { 0 };
      size_t size;
      file_write_whole("f", "old", 3, NULL);
      if (kind < 4)
        file_fail_at((uint64_t)n, true);
      else
        mem_fail_at((uint64_t)n, true);
      elbo_status status = draw(kind % 4, &e);
      file_fail_at(0, false);
      mem_fail_at(0, false);
      done = !status;
      ck_assert_int_eq(status, e.status);
      if (!done) ck_assert_int_eq(status, kind < 4 ? ELBO_E_FILES : ELBO_E_MEMORY);
      char *s = content("f", &size);
      ck_assert(done ? size > 100 : !strcmp(s, "old") || kind < 4);
      ck_assert(!strcmp(s, "old") || size > 100);
      mem_free(s);
    }
    ck_assert(done);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("io/picture");
  TCase *t = tcase_create("all");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, enter, leave);
  tcase_set_timeout(t, 60);
  tcase_add_test(t, npy_is_as_numpy_writes_it);
  tcase_add_test(t, png_has_the_size_of_its_grid);
  tcase_add_test(t, png_refuses_what_it_cannot_show);
  tcase_add_test(t, curves_are_drawn);
  tcase_add_test(t, any_range_is_drawn);
  tcase_add_test(t, parts_of_a_page);
  tcase_add_test(t, long_curves_stay_small);
  tcase_add_test(t, points_are_drawn_by_class);
  tcase_add_test(t, every_fault_leaves_the_old_picture);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
