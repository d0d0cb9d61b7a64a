/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Columns of a text file: which are picked, which refused; labels that are words. */
#include "base/error.h"
#include "base/mem.h"
#include "data/dataset.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME(S)                                                                                    \
  {                                                                                                \
    S, 0                                                                                           \
  }
#define NUMBER(N)                                                                                  \
  {                                                                                                \
    NULL, N                                                                                        \
  }
enum { MOST = 4 };

static const char table[] = "id,species,length,width,\"a \"\"b\"\", c\",gr\xC3\xB6\xC3\x9F"
                            "e\n"
                            "a1,setosa,5.1,3.5,1,9\n"
                            "a2,\"virgi, \"\"nica\",4.9,3,2,8\n"
                            "a3,setosa,4.7,3.2,3,7\n";
static const char plain[] = "5.1;3.5;setosa\n4;3;x\n1;2;setosa\n";

typedef struct {
  const char *text;
  data_column pick[MOST];
  size_t n;
  const char *says; /* what is refused; NULL: rows and values follow */
  size_t rows;
  float values[12];
} trial;

static elbo_status read_bytes(const char *text, size_t n, const data_columns *pick,
                              label_words *words, array *a, error *e)
{
  char path[] = "/tmp/elbo-columns-XXXXXX";
  int fd = mkstemp(path);
  ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
  close(fd);
  elbo_status status = words ? array_read_labels(path, pick, 0, words, a, e)
                             : array_read_columns(path, pick, 0, a, e);
  unlink(path);
  return status;
}

static elbo_status read_text(const char *text, const data_columns *pick, label_words *words,
                             array *a, error *e)
{
  return read_bytes(text, strlen(text), pick, words, a, e);
}

static float value(const array *a, size_t i)
{
  return a->type == ARRAY_U8 ? (float)a->u8[i] : a->f32[i];
}

static const trial trials[] = {
  { table, { NAME("width"), NAME("length") }, 2, NULL, 3, { 3.5f, 5.1f, 3, 4.9f, 3.2f, 4.7f } },
  { table,
    { NAME("gr\xC3\xB6\xC3\x9F"
           "e") },
    1,
    NULL,
    3,
    { 9, 8, 7 } },
  { table,
    { NUMBER(6), NAME("length"), NUMBER(5) },
    3,
    NULL,
    3,
    { 9, 5.1f, 1, 8, 4.9f, 2, 7, 4.7f, 3 } },
  { table, { NUMBER(6), NUMBER(5) }, 2, NULL, 3, { 9, 1, 8, 2, 7, 3 } },
  { table, { NAME("a \"\"b\"\", c") }, 1, NULL, 3, { 1, 2, 3 } },
  { plain, { NUMBER(2) }, 1, NULL, 3, { 3.5f, 3, 2 } },
  { "1999,2000\n1,2\n", { NAME("2000") }, 1, NULL, 1, { 2 } }, /* names, since one is asked for */
  { "\xEF\xBB\xBF"
    "\n a ,b\r\n1,x\r\n",
    { NAME("a") },
    1,
    NULL,
    1,
    { 1 } },
  { table,
    { NAME("witdh") },
    1,
    "no column is named \"witdh\"; did you mean \"width\"?",
    0,
    { 0 } },
  { table, { NAME("zebra") }, 1, "the first row has id, species, length", 0, { 0 } },
  { table,
    { NAME("id") },
    1,
    "row 1, column 1 (line 2), named \"id\": \"a1\" is not a number",
    0,
    { 0 } },
  { table, { NAME("width"), NUMBER(4) }, 2, "column 4 is picked twice", 0, { 0 } },
  { table, { NUMBER(7) }, 1, "column 7 is picked, and there are 6", 0, { 0 } },
  { plain, { NAME("a") }, 1, "pick columns by number", 0, { 0 } },
  { plain, { NUMBER(3) }, 1, "row 1, column 3 (line 1): \"setosa\" is not a number", 0, { 0 } },
  { "a,b,a\n1,2,3\n", { NAME("a") }, 1, "columns 1 and 3 (line 1) are both named \"a\"", 0, { 0 } },
  { "a,b\n1,2,3\n", { NAME("a") }, 1, "has at least 3 columns: expected 2", 0, { 0 } },
  { "a,b\n1,2\n3\n", { NAME("a") }, 1, "has 1 columns: expected 2", 0, { 0 } },
  { "a,b\n1,2\nNA,2\n", { NAME("a") }, 1, "stands for a missing value", 0, { 0 } },
  { "a,b\n", { NAME("a") }, 1, "names and no numbers", 0, { 0 } },
  { "\x93NUMPY", { NUMBER(1) }, 1, "picks from text alone", 0, { 0 } },
};

START_TEST(columns_are_picked)
{
  for (size_t k = 0; k < sizeof trials / sizeof *trials; k++) {
    const trial *t = &trials[k];
    array a;
    error e = { 0 };
    int64_t live = mem_live();
    read_text(t->text, &(data_columns){ t->pick, t->n }, NULL, &a, &e);
    if (t->says) {
      ck_assert_msg(e.status == ELBO_E_DATA && strstr(e.text, t->says), "%zu: %s", k, e.text);
    } else {
      ck_assert_msg(!e.status, "%zu: %s", k, e.text);
      ck_assert_uint_eq(a.rows, t->rows);
      ck_assert_uint_eq(a.D, t->n);
      for (size_t i = 0; i < a.rows * a.D; i++)
        ck_assert_msg(value(&a, i) == t->values[i], "%zu: value %zu is %g", k, i,
                      (double)value(&a, i));
    }
    array_free(&a);
    ck_assert_int_eq(mem_live(), live);
  }
}
END_TEST

typedef struct {
  const char *text;
  data_column pick;
  const char *says;
  size_t rows;
  float values[4];
  size_t n;
  const char *words[3];
} label_trial;

static const label_trial labels[] = {
  { table, NAME("species"), NULL, 3, { 0, 1, 0 }, 2, { "setosa", "virgi, \"\"nica" } },
  { table, NUMBER(2), NULL, 3, { 0, 1, 0 }, 2, { "setosa", "virgi, \"\"nica" } },
  { plain, NUMBER(3), NULL, 3, { 0, 1, 0 }, 2, { "setosa", "x" } },
  { "c\nNA\n7\nNA\n", NAME("c"), NULL, 3, { 0, 1, 0 }, 2, { "NA", "7" } },
  { table,
    NAME("gr\xC3\xB6\xC3\x9F"
         "e"),
    NULL,
    3,
    { 9, 8, 7 },
    0,
    { 0 } },
  { "c\n1\nx\n", NAME("c"), "\"x\" is not a number", 0, { 0 }, 0, { 0 } },
  { "c,d\nx,1\n,2\n", NAME("c"), "is an empty field", 0, { 0 }, 0, { 0 } },
  { "c\nword-of-more-than-forty-bytes-is-no-label\n",
    NAME("c"),
    "is no label",
    0,
    { 0 },
    0,
    { 0 } },
};

START_TEST(labels_may_be_words)
{
  for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
    const label_trial *t = &labels[k];
    array a;
    error e = { 0 };
    label_words *w = calloc(1, sizeof *w);
    read_text(t->text, &(data_columns){ &t->pick, 1 }, w, &a, &e);
    if (t->says) {
      ck_assert_msg(e.status == ELBO_E_DATA && strstr(e.text, t->says), "%zu: %s", k, e.text);
    } else {
      ck_assert_msg(!e.status, "%zu: %s", k, e.text);
      ck_assert_uint_eq(a.rows, t->rows);
      ck_assert_uint_eq(w->n, t->n);
      for (size_t i = 0; i < a.rows; i++)
        ck_assert_msg(value(&a, i) == t->values[i], "%zu: label %zu", k, i);
      for (size_t i = 0; i < w->n; i++) ck_assert_str_eq(w->at[i], t->words[i]);
    }
    array_free(&a);
    free(w);
  }
}
END_TEST

/* Those of the training rows keep their places; what the test rows alone have comes behind. */
START_TEST(words_go_on)
{
  array a, b;
  error e = { 0 };
  label_words *w = calloc(1, sizeof *w);
  const data_columns pick = { &(data_column)NAME("c"), 1 };
  ck_assert(!read_text("c\nx\ny\n", &pick, w, &a, &e));
  ck_assert(!read_text("c\nz\ny\n", &pick, w, &b, &e));
  ck_assert(value(&b, 0) == 2 && value(&b, 1) == 1 && w->n == 3);
  array_free(&a);
  array_free(&b);
  free(w);
}
END_TEST

START_TEST(labels_are_bounded)
{
  enum { N = LABEL_WORDS + 1 };
  char text[8 * N + 3] = "c\n";
  size_t n = 2;
  for (int i = 0; i < N; i++) n += (size_t)sprintf(text + n, "w%d\n", i);
  array a;
  error e = { 0 };
  label_words *w = calloc(1, sizeof *w);
  const data_columns pick = { &(data_column)NAME("c"), 1 };
  ck_assert_int_eq(read_text(text, &pick, w, &a, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "row 257") && strstr(e.text, "is no label"), "%s", e.text);
  array_free(&a);
  free(w);
}
END_TEST

/* Words are kept as strings, which would end there. The first kilobyte is refused with the file. */
START_TEST(a_byte_of_0_is_no_label)
{
  enum { ROWS = 600 };
  char text[2 + 2 * ROWS + 4] = "c\n";
  for (int i = 0; i < ROWS; i++) memcpy(text + 2 + 2 * i, "a\n", 2);
  memcpy(text + 2 + 2 * ROWS, "a\0b\n", 4);
  array a;
  error e = { 0 };
  label_words *w = calloc(1, sizeof *w);
  const data_columns pick = { &(data_column)NAME("c"), 1 };
  ck_assert_int_eq(read_bytes(text, sizeof text, &pick, w, &a, &e), ELBO_E_DATA);
  ck_assert_msg(strstr(e.text, "row 601") && strstr(e.text, "is no label"), "%s", e.text);
  array_free(&a);
  free(w);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("data/columns");
  TCase *c = tcase_create("all");
  tcase_add_test(c, columns_are_picked);
  tcase_add_test(c, labels_may_be_words);
  tcase_add_test(c, words_go_on);
  tcase_add_test(c, labels_are_bounded);
  tcase_add_test(c, a_byte_of_0_is_no_label);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
