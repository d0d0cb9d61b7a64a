/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The functions of elbo/kernel.h over the floats, in steps, against the C library in double: the
 * bounds that the header states. */
#include <elbo/kernel.h>

#include <check.h>
#include <math.h>

static double softplus(double x)
{
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double sigmoid(double x)
{
  return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double cos2pi(double u)
{
  return sin(2 * 3.14159265358979323846 * (u < 0.5 ? 0.25 - u : u - 0.75));
}

static float run_exp(float x)
{
  return elbo_expf(x);
}
static float run_expm1(float x)
{
  return elbo_expm1f(x);
}
static float run_log(float x)
{
  return elbo_logf(x);
}
static float run_log1p(float x)
{
  return elbo_log1pf(x);
}
static float run_log1p_unit(float x)
{
  return elbo_log1p_unit_f(x);
}
static float run_softplus(float x)
{
  return elbo_softplusf(x);
}
static float run_sigmoid(float x)
{
  return elbo_sigmoidf(x);
}
static float run_tanh(float x)
{
  return elbo_tanhf(x);
}
static float run_cos2pi(float x)
{
  return elbo_cos2pif(x);
}

static const struct {
  float (*got)(float);
  double (*want)(double);
  double bound;
  int unit; /* on [0, 1] only */
} functions[] = {
  { run_exp, exp, 1.01, 0 },          { run_expm1, expm1, 1.55, 0 },
  { run_log, log, 0.82, 0 },          { run_log1p, log1p, 1.38, 0 },
  { run_log1p_unit, log1p, 1.16, 1 }, { run_softplus, softplus, 1.84, 0 },
  { run_sigmoid, sigmoid, 1.76, 0 },  { run_tanh, tanh, 1.33, 0 },
  { run_cos2pi, cos2pi, 1.54, 1 },
};

static double units(float got, double want)
{
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
  if ((float)want == got) return 0;
  if (isinf(got) || isinf((float)want))
    return fabs(want) > 3.4028e38 && fabsf(got) > 3.4028e38f ? 1 : INFINITY;
  int e;
  frexp(want, &e);
  return fabs(got - want) / fmax(ldexp(1, e - 24), 0x1p-149);
}

START_TEST(within_the_stated_bound)
{
  for (uint64_t u = 0; u < 1ull << 32; u += 4001) {
    float x = elbo_from_f((uint32_t)u);
    if (functions[_i].unit && !(x >= 0 && x <= 1)) continue;
    double off = units(functions[_i].got(x), functions[_i].want(x));
    ck_assert_msg(off <= functions[_i].bound, "function %d at %.9g: %.3f units off", _i, (double)x,
                  off);
  }
}
END_TEST

START_TEST(edges)
{
  static const float at[] = { 0, -0.0f, INFINITY, -INFINITY, NAN, 1, -1, 1e-45f, -1e-45f, 1e-39f };
  if (functions[_i].unit) return;
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
    ck_assert(units(functions[_i].got(at[i]), functions[_i].want(at[i])) <= 1.6);
}
END_TEST

START_TEST(in_double)
{
  uint64_t state = 1;
  for (int i = 0; i < 1000000; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double x = ((double)(state >> 11) * 0x1p-53 - 0.5) * 1400,
           y = elbo_from(state & 0x7fffffffffffffffu);
    ck_assert(fabs(elbo_exp(x) - exp(x)) <= 2.3e-16 * exp(x) + 5e-324);
    ck_assert(!isfinite(y) || y == 0 || fabs(elbo_log(y) - log(y)) <= 2.3e-16 * fabs(log(y)));
  }
  ck_assert(elbo_exp(-INFINITY) == 0 && isinf(elbo_exp(INFINITY)) && isnan(elbo_exp(NAN)) &&
            elbo_exp(0) == 1);
  ck_assert(elbo_log(0) == -INFINITY && isinf(elbo_log(INFINITY)) && isnan(elbo_log(-1)) &&
            elbo_log(1) == 0);
  ck_assert(elbo_log(5e-324) == log(5e-324));
}
END_TEST

START_TEST(row_sum)
{
  float x[100];
  for (int d = 0; d <= 100; d++) {
    double sum = 0;
    for (int i = 0; i < d; i++) sum += x[i] = (float)(i * i % 17) + 0.25f;
    ck_assert(elbo_row_sum(x, (size_t)d) == (float)sum);
  }
}
END_TEST

int main(void)
{
  Suite *s = suite_create("kernel.h");
  TCase *c = tcase_create("functions");
  tcase_set_timeout(c, 60);
  tcase_add_loop_test(c, within_the_stated_bound, 0, sizeof functions / sizeof functions[0]);
  tcase_add_loop_test(c, edges, 0, sizeof functions / sizeof functions[0]);
  tcase_add_test(c, in_double);
  tcase_add_test(c, row_sum);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
