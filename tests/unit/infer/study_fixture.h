/* SPDX-License-Identifier: GPL-3.0-or-later */
/* study_fixture.h - for the tests of training: a context with the built plugins, a folder that is
 * removed at the end, small data. */
#ifndef TEST_STUDY_FIXTURE_H
#define TEST_STUDY_FIXTURE_H

#include "infer/context.h"
#include "base/file.h"
#include "infer/trainer.h"

#include <check.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FIXTURE_THREADS
#define FIXTURE_THREADS 2
#endif

static elbo_context *context;
static char folder[64];

static inline const char *in_folder(const char *name)
{
  static char path[8][256];
  static int i;
  char *p = path[i++ % 8];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static inline void write_words(const char *name, const char *words)
{
  FILE *f = fopen(in_folder(name), "w");
  ck_assert_ptr_nonnull(f);
  fputs(words, f);
  ck_assert_int_eq(fclose(f), 0);
}

/* The whole file, NUL-ended; to be freed. */
static inline char *read_words(const char *name, size_t *n)
{
  error e = { 0 };
  char *at = NULL;
  size_t size;
  ck_assert_msg(!file_read_all(in_folder(name), (size_t)1 << 24, ELBO_E_FILES, &at, &size, &e),
                "%s", e.text);
  char *out = malloc(size + 1);
  memcpy(out, at, size);
  out[size] = 0;
  mem_free(at);
  if (n) *n = size;
  return out;
}

static inline void fixture_start(void)
{
  const char *directories[] = { PLUGIN_DIR, NULL };
  elbo_context_options o = { .size = sizeof o,
                             .directories = directories,
                             .trust_plugins = true,
                             .backend = "reference",
                             .threads = FIXTURE_THREADS };
  ck_assert_msg(!elbo_context_new(&o, &context), "%s", elbo_last_error(context));
  strcpy(folder, "/tmp/elbo-test-study-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  FILE *f = fopen(in_folder("x.csv"), "w");
  ck_assert_ptr_nonnull(f);
  for (int i = 0; i < 23; i++)
    fprintf(f, "%.6g,%.6g,%.6g\n", sin(i), cos(3 * i) + 0.5, sin(i) * cos(i) - 0.2);
  ck_assert_int_eq(fclose(f), 0);
}

static inline int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *at)
{
  (void)s, (void)kind, (void)at;
  return remove(path);
}

static inline void fixture_end(void)
{
  elbo_context_free(context);
  ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* 23 rows in batches of 5: four whole ones and one of 3. */
#define MODEL                                                                                      \
  "model:\n  p:\n    z: {family: normal, size: 2}\n    x: {family: normal, given: z, net: "        \
  "{hidden: [4], dropout: 0.2}}\n"                                                                 \
  "  q:\n    z: {family: normal, given: x, net: {hidden: [4]}}\n"
#define DATA "name: t\ndata: {x: {train: x.csv}}\n"
#define HELD_OUT "name: t\ndata: {x: {train: x.csv}, validate: 0.2}\n"

static inline elbo_experiment *open_experiment(const char *yaml)
{
  elbo_experiment *x;
  write_words("experiment.yaml", yaml);
  ck_assert_msg(!elbo_experiment_open(context, in_folder("experiment.yaml"), NULL, &x), "%s",
                elbo_last_error(context));
  return x;
}

static inline int run_suite(Suite *s)
{
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}

#endif
