/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Families bound to their dimension, names and forms of parameters, supports. */
#include "registry.h"

static const struct {
  const char *family;
  int K;
  const char *error; /* NULL: bound */
  int E, W;
} binds[] = {
  { "normal", 1, NULL, 1, 2 },
  { "walk", 3, NULL, 3, 9 },
  { "mix", 4, NULL, 4, 10 },
  { "classes", 7, NULL, 1, 0 },
  { "normal", 3, "normal has no dimension of its own, got dim 3; leave `dim` out", 0, 0 },
  { "mix", 1, "mix: dim must be at least 2, got 1", 0, 0 },
  { "walk", 0, "walk: dim must be at least 1, got 0", 0, 0 },
  { "walk", 2000000000,
    "walk: dim 2000000000 is too large: an event may have at most 4096 numbers and 4096 working "
    "parameters; choose a smaller dim",
    0, 0 },
  { "walk", 90,
    "walk: dim 90 is too large: an event may have at most 4096 numbers and 4096 working "
    "parameters; choose a smaller dim",
    0, 0 },
  { "nothing", 1, "unknown family \"nothing\"", 0, 0 },
};

START_TEST(binding)
{
  family_use u;
  error e = { 0 };
  elbo_status s = family_bind(&loaded, binds[_i].family, binds[_i].K, &u, &e);
  if (binds[_i].error) {
    ck_assert_int_eq(s, ELBO_E_USAGE);
    ck_assert_str_eq(e.text, binds[_i].error);
    return;
  }
  ck_assert_msg(!s, "%s", e.text);
  ck_assert_int_eq(u.E, binds[_i].E);
  ck_assert_int_eq(u.W, binds[_i].W);
  ck_assert_int_eq(u.call.K, binds[_i].K);
  ck_assert_ptr_eq(u.call.host, &test_host);
}
END_TEST

static const struct {
  const char *family, *names;
} all_names[] = {
  { "normal", "loc log_scale scale log_var var" },
  { "laplace", "loc log_scale scale" },
  { "bernoulli", "logits probs" },
  { "walk", "loc scale_tril_unconstrained scale_tril" },
  { "mix", "logits probs log_rate rate logit_fraction fraction levels" },
  { "span", "low log_width width high" },
};

START_TEST(names)
{
  const char *found[16];
  char text[512], joined[512] = "", working[64];
  const elbo_family *f =
      registry_find(&loaded, ELBO_KIND_FAMILY, all_names[_i].family, NULL)->info.table;
  int n = param_names(f, found, 16, text, sizeof text);
  for (int i = 0; i < n; i++) {
    param_form form;
    snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", i ? " " : "",
             found[i]);
    ck_assert(param_find(f, found[i], &form));
    if (form.param >= 0 && form.form == PARAM_WORKING)
      ck_assert_str_eq(param_working_name(&f->params[form.param], working, sizeof working),
                       found[i]);
  }
  ck_assert_str_eq(joined, all_names[_i].names);
  ck_assert_int_eq(param_names(f, found, 1, text, sizeof text), 1);
  ck_assert_int_eq(param_names(f, found, 16, text, 2), 0);
}
END_TEST

START_TEST(names_not_known)
{
  param_form form;
  ck_assert(!param_find(bound("laplace", 1).family, "log_var", &form));
  ck_assert(!param_find(bound("normal", 1).family, "Scale", &form));
  ck_assert(param_find(&span, "high", &form));
  ck_assert(form.param == -1 && form.form_set == 0 && form.member == 1);
}
END_TEST

static const struct {
  const char *family, *name;
  int K, n;
  double given[9], w[6], jac[6];
  const char *error;
} forms[] = {
  { "normal", "loc", 1, 1, { -3 }, { -3 }, { 1 }, NULL },
  { "normal", "log_scale", 1, 1, { 0.5 }, { 0.5 }, { 1 }, NULL },
  { "normal", "scale", 1, 1, { 4 }, { 1.3862943611198906 }, { 0.25 }, NULL },
  { "normal", "log_var", 1, 1, { 3 }, { 1.5 }, { 0.5 }, NULL },
  { "normal", "var", 1, 1, { 16 }, { 1.3862943611198906 }, { 0.03125 }, NULL },
  { "bernoulli", "probs", 1, 1, { 0.75 }, { 1.0986122886681098 }, { 16.0 / 3 }, NULL },
  { "bernoulli", "probs", 1, 1, { 1 }, { INFINITY }, { INFINITY }, NULL },
  { "bernoulli", "probs", 1, 1, { 0 }, { -INFINITY }, { INFINITY }, NULL },
  { "mix",
    "probs",
    2,
    2,
    { 0.25, 0.75 },
    { -1.3862943611198906, -0.2876820724517809 },
    { 4, 4.0 / 3 },
    NULL },
  { "mix", "rate", 2, 2, { 1, 4 }, { 0, 1.3862943611198906 }, { 1, 0.25 }, NULL },
  { "mix", "levels", 2, 1, { 7 }, { 7 }, { 1 }, NULL },
  { "walk",
    "scale_tril",
    2,
    3,
    { 4, 0, -3, 1 },
    { 1.3862943611198906, -3, 0 },
    { 0.25, 1, 1 },
    NULL },
  { "walk", "scale_tril_unconstrained", 2, 3, { 4, -1, -3 }, { 4, -1, -3 }, { 1, 1, 1 }, NULL },
  { "normal", "scale", 1, 1, { -2 }, { 0 }, { 0 }, "normal: scale must be > 0, got -2" },
  { "normal", "scale", 1, 1, { 0 }, { 0 }, { 0 }, "normal: scale must be > 0, got 0" },
  { "normal", "var", 1, 1, { -2 }, { 0 }, { 0 }, "normal: var must be > 0, got -2" },
  { "normal", "loc", 1, 1, { NAN }, { 0 }, { 0 }, "normal: loc must be a finite number, got nan" },
  { "normal",
    "log_scale",
    1,
    1,
    { INFINITY },
    { 0 },
    { 0 },
    "normal: log_scale must be a finite number, got inf" },
  { "bernoulli",
    "probs",
    1,
    1,
    { 1.5 },
    { 0 },
    { 0 },
    "bernoulli: probs must be between 0 and 1, got 1.5" },
  { "mix", "levels", 2, 1, { 2.5 }, { 0 }, { 0 }, "mix: levels must be an integer >= 1, got 2.5" },
  { "mix", "levels", 2, 1, { 0 }, { 0 }, { 0 }, "mix: levels must be an integer >= 1, got 0" },
  { "mix",
    "probs",
    2,
    2,
    { 0.5, 0.75 },
    { 0 },
    { 0 },
    "mix: the 2 numbers of probs must have the sum 1, got 1.25" },
  { "mix",
    "rate",
    2,
    2,
    { 1, -4 },
    { 0 },
    { 0 },
    "mix: rate must be > 0, got -4 as number 2 of 2" },
  { "walk",
    "scale_tril",
    2,
    3,
    { 4, 1, -3, 1 },
    { 0 },
    { 0 },
    "walk: scale_tril must be 0 above the diagonal, got 1 in row 1, column 2" },
  { "walk",
    "scale_tril",
    2,
    3,
    { 4, 0, -3, -1 },
    { 0 },
    { 0 },
    "walk: the diagonal of scale_tril must be > 0, got -1 in row 2, column 2" },
  { "span",
    "high",
    1,
    1,
    { 1 },
    { 0 },
    { 0 },
    "span: high is one of a set of names; give the whole set" },
};

START_TEST(to_working)
{
  family_use u = bound(forms[_i].family, forms[_i].K);
  param_form form;
  double w[9], jac[9], bare[9];
  error e = { 0 };
  ck_assert(param_find(u.family, forms[_i].name, &form));
  elbo_status s = param_to_working(&u, &form, forms[_i].given, w, jac, &e);
  if (forms[_i].error) {
    ck_assert_int_eq(s, ELBO_E_USAGE);
    ck_assert_str_eq(e.text, forms[_i].error);
    return;
  }
  ck_assert_msg(!s, "%s", e.text);
  ck_assert(!param_to_working(&u, &form, forms[_i].given, bare, NULL, &e));
  for (int i = 0; i < forms[_i].n; i++) {
    ck_assert(w[i] == bare[i]);
    ck_assert_msg(w[i] == forms[_i].w[i] || fabs(w[i] - forms[_i].w[i]) < 1e-15, "%.17g, not %.17g",
                  w[i], forms[_i].w[i]);
    ck_assert_msg(jac[i] == forms[_i].jac[i] || fabs(jac[i] - forms[_i].jac[i]) < 1e-14,
                  "%.17g, not %.17g", jac[i], forms[_i].jac[i]);
  }
}
END_TEST

START_TEST(standard)
{
  double w[10], l2 = log(2);
  const double of_walk[] = { 0.5, 0.5, l2, 0, l2 },
               of_mix[] = { 0, 0, l2, l2, log(0.25 / 0.75), 3 };
  family_use u = bound("walk", 2);
  param_standard(&u, w);
  for (int i = 0; i < u.W; i++) ck_assert_double_eq_tol(w[i], of_walk[i], 1e-15);
  u = bound("mix", 2);
  param_standard(&u, w);
  for (int i = 0; i < u.W; i++) ck_assert_double_eq_tol(w[i], of_mix[i], 1e-15);
}
END_TEST

static const struct {
  const char *q, *p;
  bool within;
} pairs[] = {
  { "normal", "normal", true },
  { "normal", "gamma", false },
  { "gamma", "normal", true },
  { "gamma", "half", true },
  { "half", "gamma", true },
  { "continuous_bernoulli", "gamma", true },
  { "gamma", "continuous_bernoulli", false },
  { "bernoulli", "normal", false },
  { "normal", "bernoulli", false },
  { "bernoulli", "count", true },
  { "classes", "count", true },
  { "count", "classes", false },
  { "bernoulli", "grid", true },
  { "grid", "bernoulli", false },
  { "circle", "normal", true },
  { "normal", "circle", false },
  { "mix", "normal", false },
  { "mix", "mix", true },
  { "span", "normal", true },
  { "normal", "span", false },
  { "continuous_bernoulli", "span", false },
  { "span", "span", true },
  { "count", "grid", false },
};

START_TEST(within)
{
  char why[256] = "";
  family_use q = bound(
      pairs[_i].q,
      family_has_dim(registry_find(&loaded, ELBO_KIND_FAMILY, pairs[_i].q, NULL)->info.table) ? 3
                                                                                              : 1);
  const elbo_family *p = registry_find(&loaded, ELBO_KIND_FAMILY, pairs[_i].p, NULL)->info.table;
  ck_assert_int_eq(family_support_within(q.family, p, why, sizeof why), pairs[_i].within);
  ck_assert_int_eq(why[0] != 0, !pairs[_i].within);
}
END_TEST

START_TEST(reasons)
{
  char why[256];
  family_support_within(bound("normal", 1).family, bound("gamma", 1).family, why, sizeof why);
  ck_assert_str_eq(why, "normal gives -inf < x < inf, gamma has 0 < x, which is not all of it");
  family_support_within(bound("bernoulli", 1).family, bound("normal", 1).family, why, sizeof why);
  ck_assert_str_eq(why, "bernoulli gives x in {0, 1}, normal has -inf < x < inf: one is discrete, "
                        "the other has a density");
  family_support_within(bound("normal", 1).family, &span, why, sizeof why);
  ck_assert_str_eq(why, "normal gives -inf < x < inf, span has low <= x <= high, whose bounds "
                        "depend on its parameters");
}
END_TEST

static const struct {
  const char *family;
  int K;
  double x[3], w[2];
  bool given, in; /* given: w is passed */
} values[] = {
  { "normal", 1, { -7 }, { 0 }, false, true },
  { "normal", 1, { INFINITY }, { 0 }, false, false },
  { "normal", 1, { NAN }, { 0 }, false, false },
  { "gamma", 1, { 0 }, { 0 }, false, false },
  { "half", 1, { 0 }, { 0 }, false, true },
  { "half", 1, { -1 }, { 0 }, false, false },
  { "continuous_bernoulli", 1, { 1 }, { 0 }, false, true },
  { "bernoulli", 1, { 0.5 }, { 0 }, false, false },
  { "bernoulli", 1, { 1 }, { 0 }, false, true },
  { "bernoulli", 1, { 2 }, { 0 }, false, false },
  { "classes", 3, { 2 }, { 0 }, false, true },
  { "classes", 3, { 3 }, { 0 }, false, false },
  { "count", 1, { 1000 }, { 0 }, false, true },
  { "count", 1, { -1 }, { 0 }, false, false },
  { "span", 1, { 3 }, { 2, 0 }, true, true },
  { "span", 1, { 3.5 }, { 2, 0 }, true, false },
  { "span", 1, { 3.5 }, { 2, 0 }, false, true },
  { "grid", 1, { 0.25 }, { 5 }, true, true },
  { "grid", 1, { 0.3 }, { 5 }, true, false },
  { "grid", 1, { 1.25 }, { 5 }, true, false },
  { "mix", 3, { 0.2, 0.3, 0.5 }, { 0 }, false, true },
  { "mix", 3, { 0.2, 0.3, 0.6 }, { 0 }, false, false },
  { "mix", 3, { 0, 0.5, 0.5 }, { 0 }, false, false },
  { "circle", 1, { 3.2 }, { 0 }, false, false },
};

START_TEST(in_support)
{
  family_use u = bound(values[_i].family, values[_i].K);
  ck_assert_int_eq(family_in_support(&u, values[_i].x, values[_i].given ? values[_i].w : NULL),
                   values[_i].in);
}
END_TEST

#define LOOP(TEST, TABLE) tcase_add_loop_test(t, TEST, 0, (int)(sizeof TABLE / sizeof *TABLE))
int main(void)
{
  Suite *s = suite_create("dist/family");
  TCase *t = tcase_create("family");
  load();
  LOOP(binding, binds);
  LOOP(names, all_names);
  tcase_add_test(t, names_not_known);
  LOOP(to_working, forms);
  tcase_add_test(t, standard);
  LOOP(within, pairs);
  tcase_add_test(t, reasons);
  LOOP(in_support, values);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
