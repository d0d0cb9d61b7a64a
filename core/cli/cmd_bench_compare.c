/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Experiments, each on each number of threads, their steps timed in turn; the first is the measure
 * of the others, round by round. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 16, MOST_ROUNDS = 100 };
typedef struct contestant {
  const char *file;
  int threads; /* 0: the cores there are */
  elbo_context *ctx;
  elbo_experiment *x;
  double ms[MOST_ROUNDS], ratio[MOST_ROUNDS];
} contestant;
typedef struct contest {
  contestant of[MOST];
  int n, rounds;
} contest;

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* "1,2": the next number, or -1 behind the last or where there is none. */
static long next_number(const char **list)
{
  char *end;
  if (!**list) return -1;
  long n = strtol(*list, &end, 10);
  bool good = end > *list && n >= 1 && n <= 1024 && (!*end || (*end == ',' && end[1]));
  *list = *end == ',' ? end + 1 : end;
  return good ? n : 0;
}

static int enter(cli *c, contest *k, const char *file, long threads)
{
  if (threads == 0)
    return fail(c, 2, "bench compare: --threads: %s; expected numbers from 1 to 1024, as in 1,2",
                quote(c->o.list).text);
  if (k->n == MOST)
    return fail(c, 2, "bench compare: more than %d experiments times numbers of threads", MOST);
  k->of[k->n++] = (contestant){ .file = file, .threads = threads < 0 ? 0 : (int)threads };
  return 0;
}

static int enter_all(cli *c, contest *k)
{
  int failed = 0;
  for (int i = 0; i < c->n_arguments && !failed; i++) {
    const char *list = c->o.list ? c->o.list : "";
    long threads = next_number(&list);
    do failed = enter(c, k, c->arguments[i], threads);
    while (!failed && (threads = next_number(&list)) >= 0);
  }
  if (!failed && k->n < 2)
    return fail(c, 2,
                "bench compare: one step has nothing beside it; expected two experiments, or "
                "--threads 1,2");
  return failed;
}

/* Each in a context of its own, since that is what holds the number of threads. */
static int open_one(cli *c, contestant *p)
{
  int failed = new_context(c, p->threads, &p->ctx);
  if (failed) return failed;
  elbo_status status = elbo_experiment_open(p->ctx, p->file, c->o.set.items, &p->x);
  return status ? context_failed(c, p->ctx, status) : 0;
}

static int run_rounds(cli *c, contest *k)
{
  for (int r = 0; r < k->rounds; r++)
    for (int i = 0; i < k->n; i++) {
      elbo_bench_result result;
      elbo_status status = elbo_bench_step(k->of[i].x, (int64_t)c->o.steps, &result);
      if (status) return context_failed(c, k->of[i].ctx, status);
      k->of[i].ms[r] = result.ms_median;
      k->of[i].ratio[r] = result.ms_median / k->of[0].ms[r];
      if (signals_stop(NULL))
        return fail(c, signals_status(), "bench compare: stopped by %s", signals_name());
    }
  for (int i = 0; i < k->n; i++) {
    qsort(k->of[i].ms, (size_t)k->rounds, sizeof(double), ascending);
    qsort(k->of[i].ratio, (size_t)k->rounds, sizeof(double), ascending);
  }
  return 0;
}

static void json_range(json *j, const char *key, const double *sorted, int n)
{
  json_object(j, key);
  json_number(j, "median", sorted[n / 2]);
  json_number(j, "least", sorted[0]);
  json_number(j, "most", sorted[n - 1]);
  json_object_end(j);
}

static void print_json(const contest *k)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_integer(&j, "rounds", k->rounds);
  json_array(&j, "steps");
  for (int i = 0; i < k->n; i++) {
    json_object(&j, NULL);
    json_text(&j, "experiment", k->of[i].file);
    json_integer(&j, "threads", k->of[i].threads);
    json_range(&j, "ms", k->of[i].ms, k->rounds);
    json_range(&j, "ratio", k->of[i].ratio, k->rounds);
    json_object_end(&j);
  }
  json_array_end(&j);
  json_object_end(&j);
}

static void print_text(const cli *c, const contest *k)
{
  int n = k->rounds;
  printf("%s%10s %8s %8s %8s  %-8s %s%s\n", bold(c), "ms", "ratio", "least", "most", "threads",
         "experiment", plain(c));
  for (int i = 0; i < k->n; i++) {
    const contestant *p = &k->of[i];
    char threads[16] = "all";
    if (p->threads) snprintf(threads, sizeof threads, "%d", p->threads);
    printf("%10.4f %8.3f %8.3f %8.3f  %-8s %s\n", p->ms[n / 2], p->ratio[n / 2], p->ratio[0],
           p->ratio[n - 1], threads, p->file);
  }
  printf("steps in turn, %d rounds; ratios to the first, taken within a round\n", n);
}

static int cmd_bench_compare(cli *c)
{
  contest *k = calloc(1, sizeof *k);
  if (!k) return fail(c, 8, "bench compare: no memory");
  k->rounds = (int)c->o.rounds;
  int failed = enter_all(c, k);
  signals_catch();
  for (int i = 0; i < k->n && !failed; i++) failed = open_one(c, &k->of[i]);
  if (!failed) failed = run_rounds(c, k);
  if (!failed && c->o.json) print_json(k);
  if (!failed && !c->o.json) print_text(c, k);
  for (int i = 0; i < k->n; i++) {
    elbo_experiment_free(k->of[i].x);
    elbo_context_free(k->of[i].ctx);
  }
  free(k);
  return failed;
}

const command_row command_bench_compare = {
  .name = "bench compare",
  .arguments = "EXP...",
  .least = 1,
  .most = 16,
  .options = (EXPERIMENT & ~OPTION(O_THREADS)) | OPTION(O_THREADS_LIST) | OPTION(O_STEPS_EACH) |
             OPTION(O_ROUNDS),
  .summary = "steps of several experiments or numbers of threads, in turn",
  .help = "Every round times each once; ratios to the first are taken within a round,\n"
          "so that what else the machine does falls on both. Printed are medians, and the\n"
          "least and the most of the ratios.\n"
          "\n"
          "Example:\n"
          "  elbo bench compare mnist.yaml iwae_mnist.yaml --rounds 5\n"
          "  elbo bench compare mnist.yaml --threads 1,2\n",
  .run = cmd_bench_compare,
};
