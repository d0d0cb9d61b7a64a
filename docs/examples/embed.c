/* SPDX-License-Identifier: GPL-3.0-or-later */
/* embed.c - a program that trains and evaluates a model through elbo's public headers alone:
 *   cc -o embed embed.c $(pkg-config --cflags --libs elbo)
 *   ./embed EXPERIMENT.yaml RUN */
#include <elbo/elbo.h>

#include <stdio.h>

static void show_log(void *user, int level, const char *text)
{
  (void)user;
  fprintf(stderr, "%s: %s\n", level ? "warning" : "note", text);
}

/* Called about ten times a second, and at each epoch's end, on the thread that trains. */
static void show_progress(void *user, const elbo_progress *p)
{
  int *epochs = user;
  if (!p->epoch_end) return;
  printf("%s: epoch %.0f of %lld, elbo %.3f\n", p->split, p->epoch, (long long)p->epochs, p->elbo);
  ++*epochs;
}

static elbo_status train(elbo_context *ctx, const char *file, const char *run)
{
  const char *const settings[] = { "train.epochs=2", NULL }; /* as --set does */
  elbo_experiment *x;
  elbo_train_result result;
  int epochs = 0;
  elbo_status status = elbo_experiment_open(ctx, file, settings, &x);
  if (status) return status;
  elbo_train_options options = {
    .size = sizeof options, .run = run, .progress = show_progress, .user = &epochs
  };
  printf("%s: %zu learned numbers\n", elbo_experiment_name(x), elbo_experiment_parameters(x));
  status = elbo_train(x, &options, &result);
  if (!status) printf("%d reports, %llu steps\n", epochs, (unsigned long long)result.steps);
  elbo_experiment_free(x);
  return status;
}

static elbo_status look(elbo_context *ctx, const char *directory)
{
  elbo_run *run;
  elbo_evaluation figures;
  elbo_arrays codes;
  elbo_evaluate_options options = { .size = sizeof options, .samples = 50, .seed = 1 };
  elbo_encode_options first = { .size = sizeof first, .rows = 3, .seed = 1 };
  elbo_status status = elbo_run_open(ctx, directory, NULL, NULL, &run);
  if (status) return status;
  if (!(status = elbo_run_evaluate(run, &options, &figures)))
    printf("elbo %.3f +- %.3f, log likelihood %.3f over %zu rows of %s\n", figures.elbo,
           figures.elbo_se, figures.log_likelihood, figures.rows, figures.split);
  if (!status && !(status = elbo_run_encode(run, &first, &codes)))
    for (size_t i = 0; i < codes.n; i++)
      printf("%s: the first row begins with %.4f\n", codes.arrays[i].name,
             (double)codes.arrays[i].values[0]);
  elbo_run_free(run);
  return status;
}

int main(int argc, char **argv)
{
  elbo_context *ctx;
  elbo_context_options options = { .size = sizeof options, .log = show_log };
  if (argc != 3) return fprintf(stderr, "usage: embed EXPERIMENT.yaml RUN\n"), 2;
  elbo_status status = elbo_context_new(&options, &ctx);
  if (!status) status = train(ctx, argv[1], argv[2]);
  if (!status) status = look(ctx, argv[2]);
  if (status) fprintf(stderr, "%s: %s\n", elbo_status_text(status), elbo_last_error(ctx));
  elbo_context_free(ctx);
  return -status; /* statuses are 0 or the negative of an exit status */
}
