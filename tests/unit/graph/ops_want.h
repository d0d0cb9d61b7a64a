/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ops_want.h - what the ops must give forward; a part of test_ops.c, which defines the row and the
 * case at hand. */
#ifndef TEST_GRAPH_OPS_WANT_H
#define TEST_GRAPH_OPS_WANT_H

/* ---- what forward must give */
static double want_affine(const row *c, size_t r, size_t col)
{
  double sum = at(c, 2, 0, col);
  for (size_t k = 0; k < c->in[0].cols; k++) sum += at(c, 0, r, k) * at(c, 1, col, k);
  int kind = ((const affine_attr *)c->attr)->activation;
  return kind < 0 ? sum : tanh(sum);
}

static double want_activation(const row *c, size_t r, size_t col)
{
  double x = at(c, 0, r, col);
  const char *name = activation_table[((const activation_attr *)c->attr)->activation].name;
  return !strcmp(name, "tanh")       ? tanh(x)
         : !strcmp(name, "relu")     ? fmax(x, 0)
         : !strcmp(name, "softplus") ? log1p(exp(x))
         : !strcmp(name, "elu")      ? (x > 0 ? x : expm1(x))
         : !strcmp(name, "gelu")     ? x * 0.5 * erfc(-x / sqrt(2))
         : !strcmp(name, "sigmoid")  ? 1 / (1 + exp(-x))
                                     : x;
}

static double want_slice(const row *c, size_t r, size_t col)
{
  return at(c, 0, r, ((const slice_attr *)c->attr)->first + col);
}

static double want_repeat(const row *c, size_t r, size_t col)
{
  return at(c, 0, r, col % c->in[0].cols);
}

static double want_concat(const row *c, size_t r, size_t col)
{
  int i = 0;
  while (col >= c->in[i].cols) col -= c->in[i++].cols;
  return at(c, i, r, col);
}

static double want_same(const row *c, size_t r, size_t col)
{
  return at(c, 0, r, col);
}

static double want_terms(const row *c, size_t b, size_t col)
{
  const terms_attr *a = c->attr;
  double sum = 0;
  (void)col;
  for (int i = 0; i < c->n_in; i++) {
    double mean = 0;
    for (size_t k = 0; k < now.samples; k++)
      mean +=
          at(c, i, c->in[i].axis == AXIS_SAMPLE ? k * now.batch + b : b, 0) / (double)now.samples;
    sum += (double)a->term[i].coefficient * (a->term[i].weighted ? now.kl_weight : 1) * mean;
  }
  return sum;
}

static double want_sum(const row *c, size_t r, size_t col)
{
  const terms_attr *a = c->attr;
  double sum = 0;
  (void)col;
  for (int i = 0; i < c->n_in; i++)
    sum +=
        (double)a->term[i].coefficient * (a->term[i].weighted ? now.kl_weight : 1) * at(c, i, r, 0);
  return sum;
}

/* A bound whose weights are its derivatives, so that differences tell: log mean exp f + mean of log
 * q / 4. */
static double mean_of(samples_view v)
{
  double sum = 0;
  for (size_t k = 0; k < v.K; k++) sum += (double)v.at[k * v.stride];
  return v.K ? sum / (double)v.K : 0;
}
static double bound_value(const row_samples *s)
{
  double sum = 0;
  for (size_t k = 0; k < s->f.K; k++) sum += exp((double)s->f.at[k * s->f.stride]) / (double)s->f.K;
  return log(sum) + mean_of(s->log_q) / 4 - mean_of(s->given) / 2;
}
static void bound_path(const row_samples *s, float *to, size_t stride)
{
  double sum = 0;
  samples_view f = s->f;
  for (size_t k = 0; k < f.K; k++) sum += exp((double)f.at[k * f.stride]);
  for (size_t k = 0; k < f.K; k++) to[k * stride] = (float)(exp((double)f.at[k * f.stride]) / sum);
}
static void bound_score(const row_samples *s, float *to, size_t stride)
{
  for (size_t k = 0; k < s->f.K; k++) to[k * stride] = 0.25f / (float)s->f.K;
}
static void bound_all(const row_samples *s, float *to, size_t stride)
{
  for (size_t k = 0; k < s->f.K; k++) {
    to[k * stride] = 0.25f / (float)s->f.K;
    to[k * stride + 1] = 0;
    to[k * stride + 2] = -0.5f / (float)s->f.K;
  }
}
static void three(const row_samples *s, float *to, size_t stride)
{
  for (size_t k = 0; k < s->f.K; k++) to[k * stride] = 3;
}

static double want_bound(const row *c, size_t b, size_t col)
{
  double sum = 0, mean = 0, K = (double)now.samples;
  (void)col;
  for (size_t k = 0; k < now.samples; k++) {
    sum += exp(at(c, 0, k * now.batch + b, 0)) / K;
    mean += c->n_in > 1 ? at(c, 1, k * now.batch + b, 0) / K : 0;
    mean -= c->n_in > 3 ? 2 * at(c, 3, k * now.batch + b, 0) / K : 0;
  }
  return log(sum) + mean / 4;
}

static double want_weights(const row *c, size_t r, size_t col)
{
  double sum = 0, K = (double)now.samples;
  for (size_t k = 0; k < now.samples; k++) sum += exp(at(c, 0, k * now.batch + r % now.batch, 0));
  return col ? 0.25 / K : exp(at(c, 0, r, 0)) / sum;
}

static double want_objective(const row *c, size_t r, size_t col)
{
  double sum = 0;
  (void)r, (void)col;
  for (size_t b = 0; b < now.batch; b++) sum += at(c, 0, b, 0) / (double)now.batch;
  for (int i = 1; i < c->n_in; i++)
    for (size_t k = 0; k < c->in[i].rows; k++)
      sum += ((const objective_attr *)c->attr)->scale * at(c, i, k, 0);
  return sum;
}

enum { FEED_COLS = 3 };
static double fed(size_t r, size_t col)
{
  return (double)(float)(scattered((unsigned)r, (unsigned)col, 3, 1) - 0.5);
}
static double want_fed(const row *c, size_t r, size_t col)
{
  return (void)c, fed(r, col);
}
static double want_constant(const row *c, size_t r, size_t col)
{
  return (void)c, (double)(r * 3 + col) - 2.5;
}

static double want_normal(const row *c, size_t r, size_t col)
{
  double sum = 0;
  (void)col;
  for (size_t j = 0; j < c->in[0].cols; j++) {
    double s = at(c, 2, r, j), z = (at(c, 0, r, j) - at(c, 1, r, j)) / exp(s);
    sum -= 0.5 * z * z + s + 0.5 * log(2 * M_PI);
  }
  return sum;
}

/* x log p + (1 - x) log (1 - p) = x logits - softplus(logits) */
static double want_grey(const row *c, size_t r, size_t col)
{
  double sum = 0;
  (void)col;
  for (size_t j = 0; j < 3; j++)
    sum += at(c, 0, r, j) * at(c, 1, r, j) - log1p(exp(at(c, 1, r, j)));
  return sum;
}

static double want_normal_kl(const row *c, size_t r, size_t col)
{
  double sum = 0;
  (void)col;
  for (size_t j = 0; j < c->in[0].cols; j++) {
    double sq = exp(at(c, 1, r, j)), sp = exp(at(c, 3, r, j)), d = at(c, 0, r, j) - at(c, 2, r, j);
    sum += log(sp / sq) + (sq * sq + d * d) / (2 * sp * sp) - 0.5;
  }
  return sum;
}

enum { STREAM = 77, SEED = 5, STEP = 9 };
static double want_normal_draw(const row *c, size_t r, size_t col)
{
  size_t k = r / now.batch, b = r % now.batch;
  elbo_noise n = { philox_make_key(SEED, STREAM), (uint32_t)col, (uint32_t)(k * now.full + b), STEP,
                   0 };
  return at(c, 0, r, col) + exp(at(c, 1, r, col)) * noise_normal(&n);
}

/* The second of a pair mirrors the first. */
static double want_pair(const row *c, size_t r, size_t col)
{
  size_t k = r / now.batch, b = r % now.batch;
  elbo_noise n = { philox_make_key(SEED, STREAM), (uint32_t)col,
                   (uint32_t)((k & ~(size_t)1) * now.full + b), STEP, 0 };
  return at(c, 0, r, col) + exp(at(c, 1, r, col)) * (k & 1 ? -1 : 1) * noise_normal(&n);
}

/* Point k of van der Corput's sequence in base 2, and of its mirror on Pascal's triangle, moved by
 * the row's own uniforms. */
static double want_sobol(const row *c, size_t r, size_t col)
{
  static const double points[2][4] = { { 0, 0.5, 0.25, 0.75 }, { 0, 0.5, 0.75, 0.25 } };
  size_t k = r / now.batch, b = r % now.batch;
  elbo_noise n = { philox_make_key(SEED, STREAM), (uint32_t)col, (uint32_t)b, STEP, 0 };
  double u = noise_uniform(&n) + points[col][k];
  return at(c, 0, r, col) + exp(at(c, 1, r, col)) * special_call(ELBO_NDTRI, u < 1 ? u : u - 1, 0);
}

static double want_temperature(const row *c, size_t r, size_t col)
{
  (void)r, (void)col;
  return log(((const temperature_attr *)c->attr)->first);
}

static double want_between(const row *c, size_t r, size_t col)
{
  double sum = 0;
  (void)col;
  for (size_t j = 0; j < 2; j++)
    sum += at(c, 0, r, j) * at(c, 1, r, j) - log1p(exp(at(c, 1, r, j)));
  return sum;
}

static double want_hard(const row *c, size_t r, size_t col)
{
  return at(c, 0, r, col) > 0;
}

/* Tucker et al. 2017, appendix B: of logits + logistic noise, given its sign. */
static double want_given(const row *c, size_t r, size_t col)
{
  size_t k = r / now.batch, b = r % now.batch;
  elbo_noise n = { philox_make_key(SEED, STREAM), (uint32_t)col, (uint32_t)(k * now.full + b), STEP,
                   0 };
  double v = noise_uniform(&n), l = at(c, 2, r, col), p = 1 / (1 + exp(-l)), one = at(c, 0, r, col);
  double u = one > 0.5 ? 1 - p + p * v : (1 - p) * (1 - v);
  return (l + log(u / (1 - u))) / exp(at(c, 1, r, col));
}

static double want_mirror(const row *c, size_t r, size_t col)
{
  size_t k = r / now.batch ^ 1;
  double sum = 0;
  (void)col;
  for (size_t j = 0; j < 2; j++) {
    double a = at(c, 1, r, j), A = copysign(log((1 + exp(fabs(a))) / 2), a);
    sum += k < now.samples ? (at(c, 0, r, j) - at(c, 0, k * now.batch + r % now.batch, j)) * A : 0;
  }
  return sum;
}

static double want_log_to_plain(const row *c, size_t r, size_t col)
{
  return exp(at(c, 0, r, col));
}

/* Digit `col` of the sample's number, in base 3, above 2 combinations of others. */
static double want_digit(const row *c, size_t r, size_t col)
{
  size_t rest = r / now.batch / 2;
  (void)c;
  return (double)(col ? rest / 3 % 3 : rest % 3);
}

static double want_circle(const row *c, size_t r, size_t col)
{
  double x = at(c, 0, r, col / 2);
  return col % 2 ? sin(x) : cos(x);
}

#endif
