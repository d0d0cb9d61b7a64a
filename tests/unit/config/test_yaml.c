/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/yaml.h"
#include "base/mem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static problems trouble_list;
static reader r;

static void begin(void)
{
  error e = { 0 };
  static const char *const settings[] = { "a.b=c" };
  trouble_list = (problems){ .file = "t.yaml" };
  r = (reader){ .p = &trouble_list, .settings = settings, .arena = arena_new(&e) };
  ck_assert(r.arena);
}

static void end(void)
{
  arena_free(r.arena);
  problems_free(&trouble_list);
}

static tree *parse(const char *s)
{
  return yaml_read(&r, s, strlen(s), -1);
}

START_TEST(tree_with_places)
{
  const tree *t = parse("a: 1\nb:\n  - x\n  - 'y z'\n\"c\": {d: e}\n");
  ck_assert(t && t->kind == TREE_MAP && t->count == 3 && trouble_list.n == 0);
  const tree *b = tree_get(t, "b"), *c = tree_get(t, "c");
  ck_assert(b->kind == TREE_LIST && b->count == 2);
  ck_assert(!b->first->quoted && b->first->next->quoted);
  ck_assert_str_eq(b->first->next->text, "y z");
  ck_assert_int_eq(b->first->next->at.line, 4);
  ck_assert_int_eq(b->first->next->at.column, 5);
  ck_assert_int_eq(c->key_at.line, 5);
  ck_assert_int_eq(c->first->key_at.column, 7);
  ck_assert(!tree_get(t, "d"));
}
END_TEST

START_TEST(bom_crlf_and_json)
{
  const tree *t = parse("\xef\xbb\xbf"
                        "a: 1\r\nb: 2\r\n");
  ck_assert(t && t->count == 2);
  ck_assert_str_eq(t->first->text, "1");
  ck_assert_int_eq(t->first->key_at.column, 1);
  t = parse("{\"a\": [1, 2], \"b\": {\"c\": \"d\"}}");
  ck_assert(t && tree_get(t, "a")->count == 2);
}
END_TEST

/* Texts that are refused, the place, and words that the message must have. */
static const struct {
  const char *yaml;
  int line, column;
  const char *words;
} bad[] = {
  { "a: 1\nb: {c: 1\n", 3, 1, "`}`" },
  { "a: [1, 2\nb: 3\n", 2, 2, "`]`" },
  { "a: b: c\n", 1, 5, "no key can stand" },
  { "a:\n\tb: 1\n", 2, 1, "tab" },
  { "a: @b\n", 1, 4, "quotes" },
  { "a: 'b\n", 2, 1, "close them" },
  { "a: \"\\q\"\n", 1, 5, "escape" },
  { "a: &x 1\n", 1, 4, "anchor" },
  { "b: *x\n", 1, 4, "alias" },
  { "a: !!int 1\n", 1, 4, "tag" },
  { "a: ! 1\n", 1, 4, "tag" },
  { "a: 1\n---\nb: 2\n", 2, 1, "second document" },
  { "? [a]\n: 1\n", 1, 3, "as a key" },
  { "a: 1\na: 2\n", 2, 1, "twice, first in line 1" },
  { "a: \"\\0\"\n", 1, 4, "NUL" },
  { "a: 1\nb: \xff\n", 2, 1, "UTF-8" },
  { "a: \xed\xa0\x80\n", 1, 1, "UTF-8" },
  { "a: 1\nb: c\x01\n", 2, 5, "control character" },
};

START_TEST(refused_with_place)
{
  parse(bad[_i].yaml);
  ck_assert_msg(trouble_list.n == 1, "%s: %d problems", bad[_i].yaml, trouble_list.n);
  const problem *p = &trouble_list.list[0];
  ck_assert_msg(p->at.line == bad[_i].line && p->at.column == bad[_i].column, "%s: %d:%d: %s",
                bad[_i].yaml, p->at.line, p->at.column, p->text);
  ck_assert_msg(strstr(p->text, bad[_i].words) != NULL, "%s: %s", bad[_i].yaml, p->text);
}
END_TEST

START_TEST(nul_byte)
{
  ck_assert(!yaml_read(&r, "a: 1\nb: \0 2\n", 12, -1));
  ck_assert_int_eq(trouble_list.list[0].at.line, 2);
  ck_assert_int_eq(trouble_list.list[0].at.column, 4);
}
END_TEST

START_TEST(a_setting_is_named)
{
  ck_assert(!yaml_read(&r, "{a", 2, 0));
  ck_assert_ptr_nonnull(strstr(trouble_list.list[0].text, "--set a.b=c: "));
  ck_assert_int_eq(trouble_list.list[0].at.line, 0);
}
END_TEST

/* n times `s`, with its end. */
static char *repeated(const char *s, size_t n)
{
  size_t length = strlen(s);
  char *t = malloc(n * length + 1);
  ck_assert_ptr_nonnull(t);
  for (size_t i = 0; i < n; i++) memcpy(t + i * length, s, length);
  t[n * length] = '\0';
  return t;
}

static void refused(char *yaml, const char *words)
{
  ck_assert(!parse(yaml));
  ck_assert_int_eq(trouble_list.n, 1);
  ck_assert_msg(strstr(trouble_list.list[0].text, words) != NULL, "%s", trouble_list.list[0].text);
  free(yaml);
}

START_TEST(bounded)
{
  char *deep = repeated("[", 64);
  parse(deep);
  ck_assert_ptr_null(strstr(trouble_list.list[0].text, "deep"));
  free(deep);
  problems_free(&trouble_list);
  refused(repeated("[", 100000), "64 deep");
  problems_free(&trouble_list);
  refused(repeated("[\n", 100000), "64 deep");
  problems_free(&trouble_list);
  refused(repeated("- ", 100000), "64 deep");
  problems_free(&trouble_list);
  refused(repeated("- a\n", 100001), "100000 values");
  problems_free(&trouble_list);
  refused(repeated("a", YAML_BYTES + 1), "at most 4194304");
}
END_TEST

START_TEST(many_keys)
{
  char *s = malloc(20000), *at = s;
  for (int i = 0; i < 1001; i++) at += sprintf(at, "k%d: 1\n", i);
  refused(s, "1000 keys");
}
END_TEST

START_TEST(what_was_found)
{
  char s[128];
  const tree *t = parse("a: b\nc: 'd'\ne:\nf: []\ng: {}\n");
  static const char *const expected[] = { "\"b\"", "\"d\" in quotes", "nothing", "a list",
                                          "a mapping" };
  int i = 0;
  for (const tree *c = t->first; c; c = c->next)
    ck_assert_str_eq(tree_found(c, s, sizeof s), expected[i++]);
  ck_assert_int_eq(i, 5);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("yaml");
  TCase *c = tcase_create("tree");
  tcase_add_checked_fixture(c, begin, end);
  tcase_add_test(c, tree_with_places);
  tcase_add_test(c, bom_crlf_and_json);
  tcase_add_loop_test(c, refused_with_place, 0, sizeof bad / sizeof *bad);
  tcase_add_test(c, nul_byte);
  tcase_add_test(c, a_setting_is_named);
  tcase_add_test(c, bounded);
  tcase_add_test(c, many_keys);
  tcase_add_test(c, what_was_found);
  suite_add_tcase(s, c);
  SRunner *runner = srunner_create(s);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
