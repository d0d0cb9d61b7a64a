/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Categorical(logits l [K]): x is the index of a class of probability p = softmax(l). Logits are
 * seen up to a shift: the greatest is subtracted before anything else, and log sum exp is log1p of
 * the others. */
#include "exact.h"

static const elbo_param params[] = {
  { "logits", ELBO_SIMPLEX, 0, 0.5, "log probabilities of the classes, up to a shift" },
};

/* The first greatest logit m, and the sum of exp(l_k - m) over the others. */
typedef struct {
  double m, rest;
  int at;
} weights;
static weights weigh(int K, const double *l)
{
  weights s = { .m = l[0] };
  for (int k = 1; k < K; k++)
    if (l[k] > s.m) s.m = l[k], s.at = k;
  for (int k = 0; k < K; k++)
    if (k != s.at) s.rest += exp(l[k] - s.m);
  return s;
}
static double log_mass(const weights *s, double l)
{
  return (l - s->m) - log1p(s->rest);
}
static double mass(const weights *s, double l)
{
  return exp(l - s->m) / (1 + s->rest);
}

static double log_prob(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{
  int inside = x[0] >= 0 && x[0] < c->K && x[0] == floor(x[0]), i = inside ? (int)x[0] : 0;
  if (dx) dx[0] = 0;
  for (int k = 0; dw && k < c->K; k++) dw[k] = 0;
  if (!inside) return -INFINITY;
  weights s = weigh(c->K, w);
  double others = 0;
  for (int k = 0; dw && k < c->K; k++) {
    double p = mass(&s, w[k]);
    dw[k] = -p;
    if (k != i) others += p;
  }
  if (dw) dw[i] = others;
  return log_mass(&s, w[i]);
}

/* The mass of the classes from..to-1. */
static double part(const weights *s, const double *w, int from, int to)
{
  double sum = 0;
  for (int k = from; k < to; k++) sum += mass(s, w[k]);
  return sum;
}

static double cdf(const elbo_call *c, double x, const double *w, int upper, double *dw)
{
  int K = c->K;
  for (int k = 0; dw && k < K; k++) dw[k] = 0;
  if (isnan(x)) return x;
  if (x < 0 || x >= K) return (x < 0) == !!upper;
  weights s = weigh(K, w);
  int cut = (int)floor(x) + 1;
  double below = part(&s, w, 0, cut), above = part(&s, w, cut, K);
  for (int k = 0; dw && k < K; k++)
    dw[k] = (upper ? -1 : 1) * mass(&s, w[k]) * (k < cut ? above : -below);
  return upper ? above : below;
}

/* The least x with cdf(x) >= u, summed from the nearer end. */
static double icdf(const elbo_call *c, double u, const double *w, double *dw)
{
  int K = c->K, k = 0;
  for (int i = 0; dw && i < K; i++) dw[i] = 0;
  weights s = weigh(K, w);
  double sum = 0;
  if (u <= 0) return 0;
  if (u <= 0.5) {
    while (k < K - 1 && (sum += mass(&s, w[k])) < u) k++;
    return k;
  }
  for (k = K - 1; k > 0; k--) {
    sum += mass(&s, w[k]);
    if (u < 1 ? sum > 1 - u : w[k] > -INFINITY) break;
  }
  return k;
}

static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x)
{
  x[0] = icdf(c, c->host->uniform(e), w, NULL);
  return ELBO_OK;
}

/* Mean and variance are those of the index. */
static elbo_rc moment(const elbo_call *c, int which, const double *w, double *out)
{
  weights s = weigh(c->K, w);
  double mean = 0, sum = 0;
  for (int k = 0; k < c->K; k++) mean += k * mass(&s, w[k]);
  for (int k = 0; k < c->K; k++) {
    double p = mass(&s, w[k]);
    if (p > 0) sum += p * (which == ELBO_ENTROPY ? -log_mass(&s, w[k]) : (k - mean) * (k - mean));
  }
  out[0] = which == ELBO_MODE ? s.at : which == ELBO_MEAN ? mean : sum;
  return ELBO_OK;
}

static double support_point(const elbo_call *c, uint64_t i, const double *w)
{
  (void)w;
  return i < (uint64_t)c->K ? (double)i : NAN;
}

/* With D_k = log p_k - log q_k less its mean under q and m = sum q_k expm1(D_k): log1p(m) = sum q_k
   em1(D_k) - phi(m), which near equality keeps its digits. */
typedef struct {
  weights q, p;
  double shift, m, near, most; /* shift: the mean; most: the greatest |D_k| */
} pair;
static pair compare(int K, const double *wq, const double *wp)
{
  pair s = { .q = weigh(K, wq), .p = weigh(K, wp) };
  for (int k = 0; k < K; k++) {
    double q = mass(&s.q, wq[k]);
    if (q > 0) s.shift += q * ((wp[k] - s.p.m) - (wq[k] - s.q.m));
  }
  for (int k = 0; k < K; k++) {
    double q = mass(&s.q, wq[k]), d = (wp[k] - s.p.m) - (wq[k] - s.q.m) - s.shift;
    if (!(q > 0)) continue;
    s.m += q * expm1(d);
    s.near += q * em1(d);
    s.most = fmax(s.most, fabs(d));
  }
  return s;
}

static double kl_categorical(const elbo_call *c, const double *wq, const double *wp, double *dq,
                             double *dp)
{
  int K = c->K;
  pair s = compare(K, wq, wp);
  int finite = isfinite(s.shift), close = s.most < 1;
  double far = (log1p(s.p.rest) - log1p(s.q.rest)) - s.shift;
  for (int k = 0; k < K; k++) {
    double q = mass(&s.q, wq[k]), p = mass(&s.p, wp[k]),
           d = (wp[k] - s.p.m) - (wq[k] - s.q.m) - s.shift;
    if (dq) dq[k] = finite && q > 0 ? -q * d : 0;
    if (dp) dp[k] = !finite ? 0 : close && q > 0 ? q * (expm1(d) - s.m) / (1 + s.m) : p - q;
  }
  return !finite ? INFINITY : close ? s.near - phi(s.m) : far;
}

/* ---- the relaxed twin (Tucker, Mnih, Maddison, Lawson and Sohl-Dickstein 2017, appendix B), with
   t and l of the twin. Of scores z_k = log p_k + G_k the class b has the greatest. */
enum { LOG_T, LOGITS };

static elbo_rc harden(const elbo_call *c, const double *y, double *x)
{
  int at = 0;
  for (int k = 1; k < c->K; k++)
    if (y[k] > y[at]) at = k;
  x[0] = at;
  return ELBO_OK;
}

/* e^-z_b = E_b, e^-z_k = E_k / p_k + E_b, E exponential. */
static elbo_rc draw_given(const elbo_call *c, elbo_noise *e, const double *x, const double *w,
                          double *y)
{
  const double *l = w + LOGITS;
  weights s = weigh(c->K, l);
  double i = exp(-w[LOG_T]), log_top = log(c->host->exponential(e)), sum = 0;
  int b = (int)x[0];
  for (int k = 0; k < c->K; k++) {
    double log_own = log(c->host->exponential(e)) - log_mass(&s, l[k]), gap = log_own - log_top;
    y[k] = k == b ? 0 : -softplus(gap) * i; /* (z_k - z_b) / t */
    sum += exp(y[k]);
  }
  for (int k = 0; k < c->K; k++) y[k] -= log(sum);
  return ELBO_OK;
}

/* At fixed noise dz_b = 0, dz_k = (1 - e^(z_k - z_b)) dlog p_k. */
static elbo_rc pull_given(const elbo_call *c, const double *y, const double *w, const double *dy,
                          double *dw)
{
  const double *l = w + LOGITS;
  weights s = weigh(c->K, l);
  double t = exp(w[LOG_T]), total = 0, mean = 0, by_t = 0, sum = 0, b;
  harden(c, y, &b);
  for (int k = 0; k < c->K; k++) {
    double x = exp(y[k]);
    total += dy[k];
    mean += x > 0 ? x * y[k] : 0;
  }
  for (int k = 0; k < c->K; k++) {
    by_t -= dy[k] != 0 ? dy[k] * (y[k] - mean) : 0;
    dw[LOGITS + k] = (dy[k] - exp(y[k]) * total) / t * -expm1(t * (y[k] - y[(int)b]));
    sum += dw[LOGITS + k];
  }
  for (int k = 0; k < c->K; k++) dw[LOGITS + k] -= mass(&s, l[k]) * sum;
  dw[LOG_T] = by_t;
  return ELBO_OK;
}

static const elbo_relaxation relaxed = {
  .size = sizeof(elbo_relaxation),
  .twin = "relaxed_categorical",
  .harden = harden,
  .draw_given = draw_given,
  .pull_given = pull_given,
};
static const void *extension(const char *id)
{
  return strcmp(id, ELBO_RELAXATION) ? NULL : &relaxed;
}

/* ---- float: one event of K classes; value of class x, dl [K] or NULL. */
ELBO_INLINE int greatest(int K, const float *l)
{
  float lane[ELBO_LANES], m = -ELBO_INFF;
  int k = 0, at = 0;
  for (int j = 0; j < ELBO_LANES; j++) lane[j] = -ELBO_INFF;
  for (; k + ELBO_LANES <= K; k += ELBO_LANES)
    for (int j = 0; j < ELBO_LANES; j++) lane[j] = l[k + j] > lane[j] ? l[k + j] : lane[j];
  for (int j = 0; j < ELBO_LANES; j++) m = lane[j] > m ? lane[j] : m;
  for (; k < K; k++) m = l[k] > m ? l[k] : m;
  while (at < K - 1 && !(l[at] == m)) at++;
  return at;
}

/* e [16]: exp(l_k - m) of a block, padded; the lane of the greatest, from k on, holds 0. */
ELBO_INLINE void block_weights(int K, const float *l, int k, int at, float m, float *e)
{
  size_t rest = K - k < ELBO_LANES ? (size_t)(K - k) : ELBO_LANES;
  elbo_take(l + k, rest, e);
  for (int j = 0; j < ELBO_LANES; j++) {
    float v = elbo_exp_below_f(e[j] - m);
    e[j] = k + j < K && k + j != at ? v : 0.0f;
  }
}

ELBO_INLINE float class_event(int K, float x, const float *l, float *dl)
{
  int at = greatest(K, l), inside = x >= 0.0f && x < (float)K, i = inside ? (int)x : 0;
  float lane[ELBO_LANES] = { 0 }, e[ELBO_LANES], m = l[at];
  inside = inside && (float)i == x;
  for (int k = 0; k < K; k += ELBO_LANES) {
    block_weights(K, l, k, at, m, e);
    for (int j = 0; j < ELBO_LANES; j++) lane[j] += e[j];
  }
  float rest = elbo_lane_sum(lane), scale = 1.0f / (1.0f + rest);
  for (int k = 0; dl && k < K; k += ELBO_LANES) {
    block_weights(K, l, k, at, m, e);
    for (int j = 0; j < ELBO_LANES; j++) e[j] = inside ? -e[j] * scale : 0.0f;
    elbo_put(e, K - k < ELBO_LANES ? (size_t)(K - k) : ELBO_LANES, dl + k);
  }
  if (dl && inside) dl[at] = -scale;
  if (dl && inside) dl[i] = i == at ? rest * scale : 1.0f + dl[i];
  return inside ? (l[i] - m) - elbo_log1pf(rest) : -ELBO_INFF;
}

ELBO_INLINE elbo_rc log_prob_rows(int level, const elbo_call *c, size_t n, size_t d, elbo_rows x,
                                  const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  (void)level;
  size_t K = (size_t)c->K;
  for (size_t r = 0; r < n; r++) {
    const float *at = x.at + r * x.stride, *l = w[0].at + r * w[0].stride;
    float lane[ELBO_LANES] = { 0 };
    for (size_t j = 0; j < d; j++)
      lane[j % ELBO_LANES] +=
          class_event(c->K, at[j], l + j * K, dx ? dw[0] + (r * d + j) * K : NULL);
    for (size_t j = 0; dx && j < d; j++) dx[r * d + j] = 0.0f;
    value[r] = elbo_lane_sum(lane);
  }
  return ELBO_OK;
}
ELBO_KERNEL(rows, log_prob_rows,
            (const elbo_call *c, size_t n, size_t d, elbo_rows x, const elbo_rows *w, float *value,
             float *dx, float *const *dw),
            c, n, d, x, w, value, dx, dw)

static const elbo_kl kls[] = { { "categorical", "categorical", kl_categorical, { NULL } } };

static const elbo_family categorical = {
  ELBO_FAMILY_SIZES,
  .name = "categorical",
  .summary = "one of K classes",
  .params = params,
  .n_params = 1,
  .value_form = ELBO_X_PLAIN,
  .support = { ELBO_SUP_CLASS, 1, 1, NULL },
  .seen = ELBO_SEEN_ONE_HOT,
  .log_prob = log_prob,
  .noise_per_event = 1,
  .icdf = icdf,
  .draw = draw,
  .cdf = cdf,
  .moment = moment,
  .mean_in_c = "double most = logits[0], sum = 0, all = 0;\n"
               "for (int k = 1; k < K; k++) most = logits[k] > most ? logits[k] : most;\n"
               "for (int k = 0; k < K; k++) {\n"
               "  double mass = exp(logits[k] - most);\n"
               "  sum += mass;\n"
               "  all += k * mass;\n"
               "}\n"
               "*mean = (float)(all / sum);",
  .kls = kls,
  .n_kls = 1,
  .support_point = support_point,
  .log_prob_f32 = ELBO_KERNEL_SET(rows),
  .extension = extension,
};
ELBO_PLUGIN(ELBO_KIND_FAMILY, categorical);
