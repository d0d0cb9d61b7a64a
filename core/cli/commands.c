/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <string.h>

#define ALWAYS (OPTION(O_QUIET) | OPTION(O_COLOR) | OPTION(O_HELP))
#define HOST                                                                                       \
  (OPTION(O_PLUGIN) | OPTION(O_TRUST_PLUGINS) | OPTION(O_CHECK_PLUGINS) | OPTION(O_THREADS) |      \
   OPTION(O_JSON) | ALWAYS)
#define LOADS (OPTION(O_PLUGIN) | OPTION(O_TRUST_PLUGINS) | OPTION(O_JSON) | ALWAYS)
#define EXPERIMENT (OPTION(O_SET) | HOST)

const command_row command_table[] = {
  { .name = "train",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_train,
    .options = EXPERIMENT | OPTION(O_SEED) | OPTION(O_RUN_OUT) | OPTION(O_RESUME) |
               OPTION(O_INIT_FROM) | OPTION(O_EPOCHS) | OPTION(O_WATCHDOG),
    .summary = "train the model of an experiment file",
    .help = "Prints the resolved plan, then a line for every epoch. The run directory\n"
            "receives the resolved experiment, metrics.jsonl, the checkpoint,\n"
            "summary.json and pictures. One that exists is refused; --resume goes on\n"
            "with it, bit for bit. An interrupt (Ctrl-C) finishes the step, saves and\n"
            "ends with status 130; a second one quits at once.\n"
            "\n"
            "Example:\n"
            "  elbo train mnist.yaml\n"
            "  elbo train mnist.yaml -o runs/b --set model.q.z.family=laplace --epochs 3\n" },
  { .name = "check",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_check,
    .options = EXPERIMENT | OPTION(O_SEED),
    .summary = "resolve an experiment without training it",
    .help = "Prints the plan, the number of learned parameters and the memory needed,\n"
            "or every error at once.\n"
            "`elbo help experiment` lists the keys of an experiment file.\n"
            "\n"
            "Example:\n"
            "  elbo check mnist.yaml --set train.batch_size=500\n" },
  { .name = "evaluate",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_evaluate,
    .options = EXPERIMENT | OPTION(O_SEED_OF_DRAWS) | OPTION(O_SAMPLES) | OPTION(O_DATA) |
               OPTION(O_ROWS_OUT),
    .summary = "the evidence lower bound of a trained model and its parts",
    .help = "Over the test rows, or the training rows where there are none; nats per\n"
            "row. The log likelihood is importance-sampled, log (1/K) sum p(x,z)/q(z|x),\n"
            "with its standard error over rows. The effective sample size and the Pareto\n"
            "shape k of the weights are means over rows; rows with k above 0.7 have too few\n"
            "samples for their log likelihood to be trusted. --rows-out writes float32\n"
            "[rows][6], NaN where there is no such figure.\n"
            "\n"
            "Example:\n"
            "  elbo evaluate runs/aevb-mnist --samples 1000\n"
            "  elbo evaluate runs/b --set model.p.x.family=continuous_bernoulli --json\n" },
  { .name = "compare",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_compare,
    .options = EXPERIMENT | OPTION(O_SEED_OF_DRAWS) | OPTION(O_FROM) | OPTION(O_ESTIMATORS) |
               OPTION(O_SAMPLES_LIST) | OPTION(O_REPARAMS) | OPTION(O_REPEATS) | OPTION(O_BATCH) |
               OPTION(O_FOLDER_OUT) | OPTION(O_TRAIN_EACH) | OPTION(O_VERBOSE),
    .summary = "gradient estimators side by side: variance, bias, cost",
    .help = "At fixed parameters and one fixed minibatch every estimator gives R\n"
            "independent gradients. The table is sorted by variance times time, the number\n"
            "that decides; --verbose shows every group of parameters and the references.\n"
            "\n"
            "The verdict on bias comes from Welch's t-tests on 64 random +-1 projections of\n"
            "each group against an independent reference of the same objective: the exact\n"
            "sum, or 4 R gradients of another unbiased estimator. Holm's correction runs\n"
            "over all groups of one estimator: the chance that any group of an unbiased one\n"
            "is called biased is at most 0.001. `unbiased` is said where a bias of half the\n"
            "gradient's norm, spread over its numbers, would have been found with\n"
            "probability over 0.97; else `cannot tell`: take more --repeats.\n"
            "\n"
            "Example:\n"
            "  elbo compare mnist.yaml --estimators sgvb_a,sgvb_b,stl --samples 1,10 -o compared\n"
            "  elbo compare mnist.yaml --estimators iwae,dreg --samples 10 --train 5 -o compared\n"
            "  elbo compare mnist.yaml --from runs/aevb-mnist --repeats 200\n" },
  { .name = "sweep",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_sweep,
    .options = EXPERIMENT | OPTION(O_VARY) | OPTION(O_SWEEP_OUT) | OPTION(O_JOBS) |
               OPTION(O_KEEP_GOING) | OPTION(O_DRY_RUN) | OPTION(O_PAGE_SAMPLES) | OPTION(O_EPOCHS),
    .required = OPTION(O_VARY) | OPTION(O_SWEEP_OUT),
    .summary = "a grid of experiments, and one table of them",
    .help =
        "Every combination of the values is a cell: an ordinary run in DIR, trained and\n"
        "evaluated in a process of its own. All cells are resolved before the first is\n"
        "trained. The table has means and standard errors over `seed`, best ELBO first.\n"
        "The same command again goes on where an earlier one stopped; what is done stays.\n"
        "A cell that fails is listed with its reason, the others go on, and the status\n"
        "is 1. An interrupt (Ctrl-C) saves what is running and ends with status 130.\n"
        "Values are YAML and split at commas outside of brackets, braces and quotes.\n"
        "\n"
        "Example:\n"
        "  elbo sweep mnist.yaml --vary model.q.z.family=normal,laplace --vary seed=1,2,3 -o s\n"
        "  elbo sweep mnist.yaml --vary model.p.z.size=2,20 --jobs 2 --epochs 3 -o sizes\n"
        "  elbo sweep mnist.yaml --vary 'model.q.z.net={hidden: [500]},{hidden: []}' -o nets "
        "-n\n" },
  { .name = "report",
    .arguments = "RUN...",
    .least = 1,
    .most = 64,
    .run = cmd_report,
    .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_PAGE_SAMPLES) | OPTION(O_PAGE_ROWS) |
               OPTION(O_PAGE_OUT),
    .summary = "one page of HTML on a run, or on several side by side",
    .help = "The page stands alone: plan, curves, samples, reconstructions, the manifold,\n"
            "q(z|x) in the plane, the KL of each latent, held-out figures and what they\n"
            "mean, versions, how to get it again; estimators where the run's folder has\n"
            "compare.json. Of several runs also what differs, and their curves together.\n"
            "An interrupt leaves the page that was there.\n"
            "\n"
            "Example:\n"
            "  elbo report runs/digits\n"
            "  elbo report runs/* -o report.html --samples 1000\n" },
  { .name = "gradient",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_gradient,
    .options = EXPERIMENT | OPTION(O_REPLAY) | OPTION(O_TENSORS_OUT),
    .required = OPTION(O_REPLAY) | OPTION(O_TENSORS_OUT),
    .summary = "one step replayed: objective and gradients",
    .help = "The replay file holds the parameters by name, the batch data.NAME [B,D] as\n"
            "it is after `prepare`, and draw.NAME [K,B,Z] of every latent that is drawn.\n"
            "The answer holds objective [1], objective_rows [B] and grad.NAME of every\n"
            "parameter: the gradient of what is maximised, a mean over the B rows.\n"
            "\n"
            "Example:\n"
            "  elbo gradient mnist.yaml --replay step.safetensors -o gradient.safetensors\n" },
  { .name = "sample",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_sample,
    .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_DRAWS) | OPTION(O_ARRAY_OUT) |
               OPTION(O_DRAW) | OPTION(O_GIVEN),
    .summary = "draw from a trained model",
    .help = "Draws z from p(z) and writes the means of p(x|z): a picture where x is an\n"
            "image, points where it has two numbers, else an array. Prints the path. A\n"
            "conditional model takes its inputs from the test rows, or from --given.\n"
            "\n"
            "Example:\n"
            "  elbo sample runs/aevb-mnist -n 64 -o digits.png\n"
            "  elbo sample runs/conditional -n 10 --given y=threes.csv -o threes.npy\n" },
  { .name = "reconstruct",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_reconstruct,
    .options =
        HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ROWS) | OPTION(O_ARRAY_OUT) | OPTION(O_DATA),
    .summary = "test rows and what the model makes of them",
    .help = "Writes the first N test rows, each followed by its reconstruction E[x|z],\n"
            "z drawn from q(z|x).\n"
            "\n"
            "Example:\n"
            "  elbo reconstruct runs/aevb-mnist -n 20 --data x=others.npy\n" },
  { .name = "traverse",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_traverse,
    .options = HOST | OPTION(O_ARRAY_OUT) | OPTION(O_SIDE) | OPTION(O_LATENTS) | OPTION(O_LATENT) |
               OPTION(O_GIVEN),
    .summary = "the decoder's means over a grid of two latent numbers",
    .help = "The grid lies at the quantiles of the prior; the other numbers of latents\n"
            "without latent parents stand at its median, and the latents below follow by\n"
            "their conditional means. --latent walks along a named one.\n"
            "\n"
            "Example:\n"
            "  elbo traverse runs/aevb-mnist --latents 0,3 --side 12\n"
            "  elbo traverse runs/two-layers --latent z2\n" },
  { .name = "encode",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_encode,
    .options =
        HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ALL_ROWS) | OPTION(O_ARRAYS_OUT) | OPTION(O_DATA),
    .summary = "q(z|x) of the test rows: parameters, draws, labels",
    .help = "Writes by the file's ending. .npz: of every latent the parameters in working\n"
            "form (z.log_scale) and in plain form (z.scale), a draw (z.sample), and labels\n"
            "where there are some; numpy.load reads it. .npy: the draws of all latents\n"
            "side by side. .svg: two numbers of the draws, coloured by label.\n"
            "\n"
            "Example:\n"
            "  elbo encode runs/aevb-mnist -o codes.npz -o codes.svg\n" },
  { .name = "export",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_export,
    .options = HOST | OPTION(O_C_OUT) | OPTION(O_NPZ_OUT),
    .summary = "the model as plain C, or its weights for Python",
    .help = "--c writes encoder, decoder and preparation as C11 that needs libm alone and\n"
            "compiles as C++ too; NAME.h says how they are called. --npz writes every\n"
            "learned tensor by its name in the checkpoint.\n"
            "\n"
            "Example:\n"
            "  elbo export runs/aevb-mnist --c model --npz weights.npz\n" },
  { .name = "impute",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .run = cmd_impute,
    .options = HOST | OPTION(O_SEED_OF_DRAWS) | OPTION(O_ALL_ROWS) | OPTION(O_ARRAYS_OUT) |
               OPTION(O_DATA) | OPTION(O_MASK) | OPTION(O_ITERATIONS),
    .required = OPTION(O_MASK),
    .summary = "the missing part of test rows, given the rest",
    .help = "A chain draws z from q(z|x) and what is missing from p(x|z), in turn (Rezende,\n"
            "Mohamed and Wierstra 2014, appendix F), and averages E[x|z] over its second\n"
            "half. Prints the root mean square error against what the rows really hold.\n"
            "Writes by the file's ending. .npz: truth, mask, imputed, chain (its last\n"
            "state), error; .npy: the rows imputed; .png: original, given and imputed side\n"
            "by side; .svg: the error over the iterations.\n"
            "\n"
            "Example:\n"
            "  elbo impute runs/aevb-mnist --mask left.npy -n 30 -o imputed.png\n" },
  { .name = "graph",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_graph,
    .options = EXPERIMENT | OPTION(O_DOT),
    .summary = "the sealed training graph with shapes and memory",
    .help = "Example:\n"
            "  elbo graph mnist.yaml --dot | dot -Tsvg > graph.svg\n" },
  { .name = "data info",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .run = cmd_data_info,
    .options = LOADS,
    .summary = "what a data file is, and which families fit it",
    .help = "FILE is idx or npy (also .gz), csv, or builtin:NAME.\n"
            "\n"
            "Example:\n"
            "  elbo data info train-images-idx3-ubyte.gz\n"
            "  elbo data info builtin:digits\n" },
  { .name = "bench step",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_bench_step,
    .options = EXPERIMENT | OPTION(O_SEED) | OPTION(O_STEPS),
    .summary = "time the training step, operation by operation",
    .help = "Example:\n"
            "  elbo bench step mnist.yaml --threads 2\n" },
  { .name = "bench load",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_bench_load,
    .options = EXPERIMENT,
    .summary = "reading the data of an experiment, timed",
    .help = "The training data of each variable, read once more: opened, unpacked and\n"
            "checked; looked through; the first batch prepared. MB/s are of the data as\n"
            "they lie in memory, the batch's as floats.\n"
            "\n"
            "Example:\n"
            "  elbo bench load mnist.yaml\n" },
  { .name = "bench family",
    .arguments = "NAME|all",
    .least = 1,
    .most = 1,
    .run = cmd_bench_family,
    .options = LOADS,
    .summary = "nanoseconds of a family's functions",
    .help = "Log density, the same with all derivatives, and a draw: as a training step\n"
            "calls them (a float kernel where the family has one) and by the double\n"
            "functions alone, at the standard parameters and values drawn from them. A\n"
            "dash: the family has no such thing.\n"
            "\n"
            "Example:\n"
            "  elbo bench family gamma\n"
            "  elbo bench family all --json\n" },
  { .name = "bench scale",
    .arguments = "EXP",
    .least = 1,
    .most = 1,
    .run = cmd_bench_scale,
    .options = EXPERIMENT | OPTION(O_PLOTS_OUT) | OPTION(O_STEPS) | OPTION(O_ROUNDS),
    .summary = "how the cost grows with N, B, K, Z, width and threads",
    .help = "One size after the other is halved and doubled, the rest stays as the\n"
            "experiment has it. Of each a table and the exponent e of cost ~ size^e, fitted\n"
            "to the logarithms, with its standard error: 1 is proportional; where a part\n"
            "of the cost does not depend on the size it is less.\n"
            "\n"
            "Example:\n"
            "  elbo bench scale mnist.yaml -o scale\n" },
  { .name = "bench compare",
    .arguments = "EXP...",
    .least = 1,
    .most = 16,
    .run = cmd_bench_compare,
    .options = (EXPERIMENT & ~OPTION(O_THREADS)) | OPTION(O_THREADS_LIST) | OPTION(O_STEPS_EACH) |
               OPTION(O_ROUNDS),
    .summary = "steps of several experiments or numbers of threads, in turn",
    .help = "Every round times each once; ratios to the first are taken within a round,\n"
            "so that what else the machine does falls on both. Printed are medians, and the\n"
            "least and the most of the ratios.\n"
            "\n"
            "Example:\n"
            "  elbo bench compare mnist.yaml iwae_mnist.yaml --rounds 5\n"
            "  elbo bench compare mnist.yaml --threads 1,2\n" },
  { .name = "dist",
    .arguments = "FAMILY [NAME=VALUE]... OP [VALUE]...",
    .least = 2,
    .most = 100000,
    .run = cmd_dist,
    .options = LOADS | OPTION(O_SEED_OF_DRAWS),
    .summary = "densities, tails, moments, divergences of a family",
    .help = "OP is log_prob, cdf, sf, pathwise (of each value x), icdf (of u), entropy,\n"
            "mean, variance, mode, kl (of another FAMILY [NAME=VALUE]...), sample (N\n"
            "draws) or info. Prints a line for each value. Lists are written 1,2,3. Put --\n"
            "before a value that begins with a minus sign.\n"
            "\n"
            "Example:\n"
            "  elbo dist gamma concentration=0.5 rate=2 log_prob 0.3 1 2\n"
            "  elbo dist normal loc=0 scale=1 kl laplace loc=0 scale=2\n"
            "  elbo dist normal loc=0 scale=1 cdf -- -3 -2 -1\n" },
  { .name = "dist batch",
    .arguments = "",
    .run = cmd_dist_batch,
    .options = LOADS & ~OPTION(O_JSON),
    .summary = "answer questions about families, a JSON object a line",
    .help = "Reads a query a line from standard input and answers each on a line of\n"
            "standard output, in order. A query that can't be answered has the answer\n"
            "{\"id\":..,\"error\":{\"code\":..,\"message\":..}}; the status at the end is 1 if\n"
            "there was one. Infinities and NaN are the strings inf, -inf, nan.\n"
            "\n"
            "Example:\n"
            "  echo '{\"family\":\"gamma\",\"params\":{\"concentration\":0.5,\"rate\":2},\n"
            "  \"op\":\"log_prob\",\"x\":0.3}' | tr -d '\\n' | elbo dist batch\n" },
  { .name = "plugin list",
    .arguments = "",
    .run = cmd_plugin_list,
    .options = LOADS | OPTION(O_VERBOSE),
    .summary = "the families, reparametrizers and backends that are loaded",
    .help = "Searched are the files of --plugin, the folders of ELBO_PLUGIN_PATH and the\n"
            "installed folder.\n"
            "\n"
            "Example:\n"
            "  elbo plugin list --verbose --plugin ./triangle.so\n" },
  { .name = "plugin info",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .run = cmd_plugin_info,
    .options = LOADS,
    .summary = "one plugin: of a family its parameters, support, gradients",
    .help = "Example:\n"
            "  elbo plugin info gamma\n" },
  { .name = "plugin check",
    .arguments = "FILE|NAME",
    .least = 1,
    .most = 1,
    .run = cmd_plugin_check,
    .options = LOADS | OPTION(O_IN_PROCESS) | OPTION(O_THOROUGH) | OPTION(O_PROPERTY),
    .summary = "does a plugin keep what plugin.h promises",
    .help = "A table of properties: pass, fail or not-applicable, with the numbers. Each is\n"
            "tried in a process of its own. FILE is written with its folder, as ./NAME.so.\n"
            "The status is 0 if all hold, 1 if one failed, 5 if it could not be loaded.\n"
            "\n"
            "Example:\n"
            "  elbo plugin check ./triangle.so\n"
            "  elbo plugin check gamma --thorough --json\n" },
  { .name = "plugin new",
    .arguments = "family|reparametrizer NAME",
    .least = 2,
    .most = 2,
    .run = cmd_plugin_new,
    .options = LOADS & ~OPTION(O_JSON),
    .summary = "write NAME.c, a complete plugin to start from",
    .help = "A working example with the places to edit marked. A file that is there\n"
            "already is left alone.\n"
            "\n"
            "Example:\n"
            "  elbo plugin new family triangle\n" },
  { .name = "doctor",
    .arguments = "",
    .run = cmd_doctor,
    .options = HOST,
    .summary = "processor, backend, threads, plugin folders, and advice",
    .help = "Example:\n"
            "  elbo doctor\n" },
  { .name = "completion",
    .arguments = "bash|zsh|fish",
    .least = 1,
    .most = 1,
    .run = cmd_completion,
    .options = ALWAYS,
    .summary = "print the completion of commands and options for a shell",
    .help = "`meson install` puts them where the shells look; without an installation:\n"
            "\n"
            "Example:\n"
            "  elbo completion bash >elbo.bash    # then: source elbo.bash\n"
            "  elbo completion zsh >_elbo         # in a folder of $fpath\n"
            "  elbo completion fish >~/.config/fish/completions/elbo.fish\n" },
  { .name = "help",
    .arguments = "[COMMAND|experiment]",
    .most = 2,
    .run = cmd_help,
    .options = ALWAYS,
    .summary = "help on a command, or the keys of an experiment file",
    .help = "Example:\n"
            "  elbo help train\n"
            "  elbo help experiment\n" },
  { .name = NULL },
};

bool command_is_group(const char *word)
{
  size_t n = strlen(word);
  for (const command_row *row = command_table; row->name; row++)
    if (strncmp(row->name, word, n) == 0 && row->name[n] == ' ') return true;
  return false;
}

static const char *next_command(const void *state, size_t i)
{
  (void)state; /* the table ends with a row without a name */
  return command_table[i].name;
}

/* `next`: the word behind it, which belongs to the name where the first one is a misspelt group. */
static int unknown_command(cli *c, const char *name, const char *next)
{
  char joined[256], first[64];
  snprintf(joined, sizeof joined, "%s %s", name, next ? next : "");
  snprintf(first, sizeof first, "%.*s", (int)strcspn(name, " "), name);
  const char *near = nearest_name(name, next_command, NULL);
  if (!near && next) near = nearest_name(joined, next_command, NULL);
  if (near)
    return fail(c, 2, "unknown command %s; the nearest is: elbo %s", quote(name).text, near);
  if (!command_is_group(first)) first[0] = '\0';
  return fail(c, 2, "unknown command %s; elbo %s%s--help lists what there is", quote(name).text,
              first, *first ? " " : "");
}

static const command_row *command_named(const char *name)
{
  for (const command_row *row = command_table; row->name; row++)
    if (strcmp(row->name, name) == 0) return row;
  return NULL;
}

int command_find(cli *c, int argc, char **argv, int *words)
{
  char name[128];
  bool two = argc > 2 && command_is_group(argv[1]);
  *words = two ? 2 : 1;
  snprintf(name, sizeof name, "%s%s%s", argv[1], two ? " " : "", two ? argv[2] : "");
  if ((c->command = command_named(name))) return 0;
  /* a command that is a group's first word too takes what is no second one */
  if (two && (c->command = command_named(argv[1]))) return *words = 1, 0;
  if (argv[1][0] == '-')
    return fail(c, 2,
                "unknown option %s before the command; options follow it, as in: elbo train EXP"
                " --quiet",
                quote(argv[1]).text);
  if (!two && command_is_group(name))
    return fail(c, 2, "%s: expected a second word; elbo %s --help lists what there is", name, name);
  return unknown_command(c, name, !two && argc > 2 ? argv[2] : NULL);
}
