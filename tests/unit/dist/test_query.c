/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions about distributions: what is refused and with which code, forms and their gradients,
 * edges, divergences by any method, the typed calls, and the quadrature below. */
#include "num/quadrature.h"
#include <elbo/elbo.h>

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static elbo_context *ctx;
static elbo_dist *dist;

static void start(void)
{
  static const char *const folders[] = { PLUGIN_DIR "/families", PLUGIN_DIR "/reparam",
                                         PLUGIN_DIR "/backend", NULL };
  elbo_context_options o = { .size = sizeof o, .directories = folders, .backend = "reference" };
  ck_assert_msg(elbo_context_new(&o, &ctx) == ELBO_DONE, "%s", elbo_last_error(ctx));
  ck_assert_int_eq(elbo_dist_new(ctx, &dist), ELBO_DONE);
}

static void stop(void)
{
  elbo_dist_free(dist);
  elbo_context_free(ctx);
}

static const char *ask(const char *line)
{
  const char *answer = NULL;
  elbo_status status = elbo_dist_query(dist, line, strlen(line), &answer);
  ck_assert(status == ELBO_DONE || status == ELBO_E_CHECK);
  ck_assert_int_eq(status == ELBO_E_CHECK, strstr(answer, "\"error\"") != NULL);
  return answer;
}

#define NORMAL "\"family\":\"normal\",\"params\":{\"loc\":1,\"scale\":2}"
#define GAMMA "\"family\":\"gamma\",\"params\":"
#define OTHER "\"family\":\"laplace\",\"params\":{\"loc\":1,\"scale\":2}"
static const struct {
  const char *line, *code;
} refused[] = {
  { "{" NORMAL ",\"op\":\"mean\",\"id\":1,\"id\":2}", "syntax" },
  { "{" NORMAL "," NORMAL ",\"op\":\"mean\"}", "syntax" },
  { "{\"params\":{},\"params\":{},\"op\":\"mean\"}", "syntax" },
  { "{\"params\":[],\"op\":\"mean\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"kl\",\"other\":{" OTHER "},\"other\":{" OTHER "}}", "syntax" },
  { "{" NORMAL ",\"op\":\"kl\",\"other\":[]}", "syntax" },
  { "{" NORMAL ",\"op\":\"kl\",\"other\":{}}", "syntax" },
  { "{" NORMAL ",\"op\":\"kl\",\"method_any\":null,\"other\":{" OTHER "}}", "syntax" },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":[[1,2],[3]]}", "shape" },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":[[1,2],3]}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\x01\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\xff\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\q\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\u00g0\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\udc00\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\ud800\\n\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\ud800\\u0041\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\ud800\\u00g1\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\ud800\\ue000\"}", "syntax" },
  { "{\"params\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
    "\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}}",
    "unknown_parameter" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":"
    "1234567890123456789012345678901234567890e999}",
    "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":-}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1.}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1e}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1,\"\":1}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1} \r\v", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\",\"s\":\"\\", "syntax" },
  { "{" NORMAL ",\"op\":\"kl\",\"method_any\":", "syntax" },
  { "", "syntax" },
  { "[]", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\"", "syntax" },
  { "{" NORMAL ",\"op\":\"mean\"} x", "syntax" },
  { "{" NORMAL ",\"op\":\"meen\"}", "syntax" },
  { "{" NORMAL "}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":01}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1,\"x\":1}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":\"one\"}", "syntax" },
  { "{" NORMAL ",\"op\":\"cdf\",\"x\":1e999}", "syntax" },
  { "{\"s\":\"\\ud800\"," NORMAL ",\"op\":\"mean\"}", "syntax" },
  { "{\"family\":\"nonesuch\",\"params\":{},\"op\":\"mean\"}", "unknown_family" },
  { "{" GAMMA "{\"concentration\":1,\"rat\":1},\"op\":\"mean\"}", "unknown_parameter" },
  { "{" GAMMA "{\"rate\":1,\"log_rate\":1},\"op\":\"mean\"}", "unknown_parameter" },
  { "{" GAMMA "{\"rate\":1},\"op\":\"mean\"}", "missing_parameter" },
  { "{" GAMMA "{\"rate\":1,\"concentration\":0},\"op\":\"mean\"}", "domain" },
  { "{" GAMMA "{\"rate\":1,\"concentration\":\"inf\"},\"op\":\"mean\"}", "domain" },
  { "{" GAMMA "{\"rate\":[1],\"concentration\":1},\"op\":\"mean\"}", "shape" },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":[1]}", "shape" },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":\"nan\"}", "domain" },
  { "{" NORMAL ",\"op\":\"icdf\",\"u\":1.5}", "domain" },
  { "{\"family\":\"bernoulli\",\"params\":{\"logits\":1},\"op\":\"pathwise\",\"x\":0}",
    "unsupported" },
};
START_TEST(refusals)
{
  char code[64];
  snprintf(code, sizeof code, "\"error\":{\"code\":\"%s\"", refused[_i].code);
  const char *answer = ask(refused[_i].line);
  ck_assert_msg(strstr(answer, code) != NULL, "%s: %s", refused[_i].line, answer);
}
END_TEST

/* `key` of the answer is within 1e-9 of value. */
static const struct {
  const char *line, *key;
  double value;
} answered[] = {
  { "{" NORMAL ",\"op\":\"mean\"}", "value", 1 },
  { "{" NORMAL ",\"op\":\"icdf\",\"u\":0}", "value", -INFINITY },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":3}", "scale", 0 },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":5}", "scale", 1.5 },
  { "{\"family\":\"normal\",\"params\":{\"loc\":1,\"var\":4},\"op\":\"log_prob\",\"x\":5}", "var",
    0.375 },
  { "{\"family\":\"normal\",\"params\":{\"loc\":1,\"log_var\":0},\"op\":\"log_prob\",\"x\":3}",
    "log_var", 1.5 },
  { "{" NORMAL ",\"op\":\"log_prob\",\"x\":\"inf\"}", "value", -INFINITY },
  { "{" NORMAL ",\"op\":\"pathwise\",\"x\":5}", "scale", 2 },
  { "{" GAMMA "{\"rate\":3,\"concentration\":1},\"op\":\"log_prob\",\"x\":-1}", "value",
    -INFINITY },
  { "{" GAMMA "{\"rate\":3,\"concentration\":1},\"op\":\"log_prob\",\"x\":2}", "x", -3 },
  { "{" GAMMA "{\"rate\":3,\"concentration\":1},\"op\":\"sf\",\"x\":-1}", "value", 1 },
  { "{\"family\":\"bernoulli\",\"params\":{\"probs\":0},\"op\":\"log_prob\",\"x\":0}", "probs",
    -1 },
  { "{\"family\":\"bernoulli\",\"params\":{\"probs\":1},\"op\":\"log_prob\",\"x\":1}", "probs", 1 },
  { "{\"family\":\"bernoulli\",\"params\":{\"probs\":1},\"op\":\"log_prob\",\"x\":0}", "probs", 0 },
  { "{" NORMAL
    ",\"op\":\"kl\",\"other\":{\"family\":\"gamma\",\"params\":{\"concentration\":1,\"rate\":1}}}",
    "value", INFINITY },
  /* E log q - E log p = -1 + 2 log 2 + 1/2 */
  { "{" GAMMA "{\"rate\":2,\"concentration\":1},\"op\":\"kl\",\"method_any\":true,\"other\":{"
    "\"family\":\"laplace\","
    "\"params\":{\"loc\":0,\"scale\":1}}}",
    "value", 0.88629436111989062 },
  /* E x of a half Cauchy has no end, and neither has the integral where exp(y) overflows. */
  { "{\"family\":\"half_cauchy\",\"params\":{\"scale\":1},\"op\":\"kl\",\"other\":{\"family\":"
    "\"gamma\","
    "\"params\":{\"concentration\":1,\"rate\":1}}}",
    "value", INFINITY },
  /* 1 - log 2: the draws' x rounds to 1, where the triangle has no density */
  { "{\"family\":\"beta\",\"params\":{\"concentration1\":1,\"concentration0\":1},\"op\":\"kl\","
    "\"other\":{"
    "\"family\":\"triangular\",\"params\":{\"low\":0,\"high\":1,\"mode\":0.5}}}",
    "value", 0.30685281944005469 },
};
/* All that the grammar has. Cut after any byte it is refused; with any byte another, it is answered
 * one way or the other, and never past its end. */
static const char everything[] =
    "{ \"id\" :[1,{\"a\":true, \"b\":[] "
    ",\"c\":{}},false,null,\"\\u00e9\\u00AF\\ud83d\\ude00\\n\"],\t" NORMAL
    ",\"op\":\"kl\" ,\"x\":[[1.5,-2e-3],[3E+2,\"-inf\"]],\"u\":[],\"n\":2,\"seed\":[7],"
    "\"other\":{\"more\":-0.25,\"family\":\"laplace\" "
    ",\"params\":{\"loc\":\"nan\",\"scale\":\"+inf\"}},"
    "\"method_any\":true,\"more\":[0.1,12345678901234567890,1e-30]}";

static void ask_exactly(const char *line, size_t n, bool refused_for_sure)
{
  const char *answer = NULL;
  char *exact = malloc(n ? n : 1); /* a read behind the end is seen by a sanitizer */
  memcpy(exact, line, n);
  elbo_status status = elbo_dist_query(dist, exact, n, &answer);
  ck_assert(status == ELBO_DONE || status == ELBO_E_CHECK);
  ck_assert_msg(!refused_for_sure || strstr(answer, "\"code\":\"syntax\""), "%.*s: %s", (int)n,
                line, answer);
  free(exact);
}

START_TEST(any_byte_of_a_line)
{
  static const char others[] = "\"\\]}:,-e0 ~u";
  char line[sizeof everything];
  size_t n = sizeof everything - 1;
  for (size_t i = 0; i < n; i++) ask_exactly(everything, i, true);
  for (size_t i = 0; i < n; i++)
    for (const char *c = others; *c; c++) {
      memcpy(line, everything, n);
      line[i] = *c;
      ask_exactly(line, n, false);
    }
}
END_TEST

START_TEST(answers)
{
  char key[32];
  snprintf(key, sizeof key, "\"%s\":", answered[_i].key);
  const char *answer = ask(answered[_i].line), *at = strstr(answer, key);
  ck_assert_msg(at != NULL, "%s: %s", answered[_i].line, answer);
  at += strlen(key);
  double v = strtod(at + (*at == '"'), NULL), want = answered[_i].value;
  ck_assert_msg(v == want || fabs(v - want) <= 1e-9, "%s: %s", answered[_i].line, answer);
}
END_TEST

START_TEST(id_comes_back)
{
  ck_assert_str_eq(ask("{\"id\":[1,\"a\"]," NORMAL ",\"op\":\"mean\"}"),
                   "{\"id\":[1,\"a\"],\"value\":1}");
  ck_assert_ptr_nonnull(strstr(ask("{\"id\":7,\"family\":1}"), "{\"id\":7,\"error\""));
}
END_TEST

START_TEST(samples_are_the_same_bits)
{
  const char *line = "{" NORMAL ",\"op\":\"sample\",\"n\":5,\"seed\":3}";
  char first[512];
  double x[5];
  snprintf(first, sizeof first, "%s", ask(line));
  ck_assert_str_eq(ask(line), first);
  const double loc = 1, scale = 2;
  elbo_dist_param params[] = { { "loc", &loc, 1 }, { "scale", &scale, 1 } };
  ck_assert_int_eq(elbo_dist_set(dist, "normal", params, 2), ELBO_DONE);
  ck_assert_int_eq(elbo_dist_sample(dist, 5, 3, x), ELBO_DONE);
  ck_assert(strtod(strchr(first, '[') + 1, NULL) == x[0]);
}
END_TEST

START_TEST(typed_calls)
{
  const double loc = 1, scale = 2, bad = -1, x = 5;
  double value, dx, by[2], *to[] = { &by[0], &by[1] };
  elbo_dist_param params[] = { { "loc", &loc, 1 }, { "scale", &bad, 1 } };
  ck_assert_int_eq(elbo_dist_cdf(dist, 1, false, &value), ELBO_E_USAGE);
  ck_assert_int_eq(elbo_dist_set(dist, "normal", params, 2), ELBO_E_USAGE);
  ck_assert_str_eq(elbo_dist_code(dist), "domain");
  ck_assert_ptr_nonnull(strstr(elbo_last_error(ctx), "scale must be > 0"));
  params[1].values = &scale;
  ck_assert_int_eq(elbo_dist_set(dist, "normal", params, 2), ELBO_DONE);
  ck_assert_uint_eq(elbo_dist_numbers(dist), 1);
  ck_assert_int_eq(elbo_dist_log_prob(dist, &x, &value, &dx, to), ELBO_DONE);
  ck_assert(fabs(dx + 1) < 1e-15 && fabs(by[0] - 1) < 1e-15 && fabs(by[1] - 1.5) < 1e-14);
  ck_assert_int_eq(elbo_dist_cdf(dist, 1, true, &value), ELBO_DONE);
  ck_assert(value == 0.5);
  ck_assert_int_eq(elbo_dist_icdf(dist, 0.5, &value), ELBO_DONE);
  ck_assert(fabs(value - 1) < 1e-15);
  ck_assert_int_eq(elbo_dist_pathwise(dist, 5, to), ELBO_DONE);
  ck_assert(by[0] == 1 && fabs(by[1] - 2) < 1e-15);
  ck_assert_int_eq(elbo_dist_moment(dist, ELBO_VARIANCE, &value), ELBO_DONE);
  ck_assert(fabs(value - 4) < 1e-14);
}
END_TEST

static double bell(void *state, double t)
{
  (void)state;
  return exp(-t * t);
}
START_TEST(integrals)
{
  const double at[] = { -30, 0, 30 };
  double off, v = quadrature(bell, NULL, at, 3, 1e-13, &off);
  ck_assert(fabs(v - sqrt(M_PI)) < 1e-13 && off < 1e-11);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("query");
  TCase *c = tcase_create("query");
  tcase_add_checked_fixture(c, start, stop);
  tcase_add_loop_test(c, refusals, 0, sizeof refused / sizeof *refused);
  tcase_add_test(c, any_byte_of_a_line);
  tcase_add_loop_test(c, answers, 0, sizeof answered / sizeof *answered);
  tcase_add_test(c, id_comes_back);
  tcase_add_test(c, samples_are_the_same_bits);
  tcase_add_test(c, typed_calls);
  tcase_add_test(c, integrals);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
