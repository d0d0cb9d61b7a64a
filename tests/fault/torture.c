/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fails the n-th allocation, then the n-th file call, once and for ever, for every n, in everything
 * that the library does with files.
 *
 *   torture PLUGINS FOLDER [--whole]
 *
 * Each try is a child process over a fresh copy of its files: a crash is one line of the report. A
 * try is right if it succeeded, or answered a status that the design gives with one message; left
 * no memory, no descriptor, no half file; if a checkpoint that stood there still stands or was
 * replaced by a whole one; and if, with the fault gone, the run goes on to the bits of an unbroken
 * run. Without --whole long walks take only some of their n. */
#include "base/coverage.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "io/tensors.h"
#include <elbo/elbo.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* ---- what a child tells */
typedef struct report {
  elbo_status status;
  char text[4096], wrong[1024];
  uint64_t calls[2]; /* allocations, file calls */
  bool finished;
} report;

static report *told; /* shared with the child */
static const char *plugins;
static elbo_context *ctx;

static void complain(const char *what, const char *more)
{
  size_t n = strlen(told->wrong);
  snprintf(told->wrong + n, sizeof told->wrong - n, "%s%s%s%s", n ? "; " : "", what,
           *more ? ": " : "", more);
}

static elbo_status said(elbo_status status)
{
  snprintf(told->text, sizeof told->text, "%s", elbo_last_error(ctx));
  return status;
}

static elbo_status said_error(const error *e)
{
  snprintf(told->text, sizeof told->text, "%s", e->text);
  return e->status;
}

/* ---- files. The folder is the current one: w/ is what a try works in, kept/ what it starts
 * from. */
static void shell(const char *command)
{
  if (system(command)) {
    fprintf(stderr, "torture: failed: %s\n", command);
    exit(1);
  }
}

static void write_file(const char *path, const void *at, size_t n)
{
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(at, 1, n, f) != n || fclose(f)) exit(1);
}

static char *whole_file_of(const char *path, size_t *n)
{
  FILE *f = fopen(path, "rb");
  char *at = NULL;
  *n = 0;
  if (!f) return NULL;
  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  at = malloc(*n + 1);
  if (!at || fread(at, 1, *n, f) != *n) exit(1);
  fclose(f);
  return at;
}

static bool same_files(const char *a, const char *b)
{
  size_t n, m;
  char *x = whole_file_of(a, &n), *y = whole_file_of(b, &m);
  bool same = x && y && n == m && !memcmp(x, y, n);
  free(x);
  free(y);
  return same;
}

static int lines_of(const char *path)
{
  size_t n;
  int lines = 0;
  char *at = whole_file_of(path, &n);
  for (size_t i = 0; i < n; i++) lines += at[i] == '\n';
  free(at);
  return lines;
}

static int open_descriptors(void)
{
  int n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d)) n++;
  if (d) closedir(d);
  return n;
}

/* A temporary name that is left over. The file of a lock that could not be taken may stay: it locks
 * nothing, and to remove it could be to remove another's. */
static void look_for_leftovers(const char *folder)
{
  DIR *d = opendir(folder);
  for (struct dirent *f; d && (f = readdir(d));)
    if (f->d_name[0] == '.' && strcmp(f->d_name, ".") && strcmp(f->d_name, "..") &&
        strcmp(f->d_name, ".elbo.lock"))
      complain("left behind", f->d_name);
  if (d) closedir(d);
}

/* ---- the subjects */
static const char experiment[] =
    "name: tiny\nseed: 1\n"
    "data:\n  validate: 0.25\n  x: {builtin: digits, rows: 40, test_rows: 20, prepare: {scale: "
    "255, binarize: dynamic}}\n"
    "model:\n  p:\n    z: {family: normal, size: 2}\n"
    "    x: {family: bernoulli, given: z, net: {hidden: [3], activation: tanh}}\n"
    "  q:\n    z: {family: normal, given: x, net: {hidden: [3], activation: tanh}}\n"
    "estimator: {name: sgvb_b, samples: 1}\noptimizer: {name: adam, learning_rate: 0.01}\n"
    "train: {epochs: 2, batch_size: 20, checkpoint_every: 1, keep: best, log_every: 1}\n";

static elbo_context_options context_options(void)
{
  static const char *folders[2];
  folders[0] = plugins;
  return (elbo_context_options){ .size = sizeof(elbo_context_options),
                                 .directories = folders,
                                 .threads = 2 };
}

static elbo_status make_context(void)
{
  elbo_context *c;
  elbo_context_options o = context_options();
  elbo_status status = elbo_context_new(&o, &c);
  snprintf(told->text, sizeof told->text, "%s", elbo_last_error(c));
  elbo_context_free(c);
  return status;
}

static elbo_status open_experiment(void)
{
  elbo_experiment *x;
  elbo_status status = said(elbo_experiment_open(ctx, "kept/e.yaml", NULL, &x));
  elbo_experiment_free(x);
  return status;
}

static elbo_status train_as(bool resume)
{
  elbo_experiment *x;
  elbo_train_result result;
  elbo_train_options o = { .size = sizeof o, .run = "w/run", .resume = resume };
  elbo_status status = said(elbo_experiment_open(ctx, "kept/e.yaml", NULL, &x));
  if (!status) status = said(elbo_train(x, &o, &result));
  elbo_experiment_free(x);
  return status;
}

static elbo_status train(void)
{
  return train_as(false);
}

static elbo_status resume(void)
{
  return train_as(true);
}

static elbo_status evaluate(void)
{
  elbo_run *r;
  elbo_evaluation out;
  elbo_evaluate_options o = { .size = sizeof o, .samples = 30, .rows = true };
  elbo_status status = said(elbo_run_open(ctx, "kept/done", NULL, NULL, &r));
  if (!status) status = said(elbo_run_evaluate(r, &o, &out));
  elbo_run_free(r);
  return status;
}

static elbo_status pictures(void)
{
  elbo_run *r;
  elbo_array a;
  elbo_status status = said(elbo_run_open(ctx, "kept/done", NULL, NULL, &r));
  if (!status) status = said(elbo_run_sample(r, 4, 1, false, &a));
  if (!status) status = said(elbo_array_write(ctx, &a, "w/samples.png", 2));
  if (!status) status = said(elbo_run_reconstruct(r, 2, 1, &a));
  if (!status) status = said(elbo_array_write(ctx, &a, "w/reconstructions.npy", 2));
  if (!status) status = said(elbo_run_traverse(r, 2, 0, 1, &a));
  if (!status) status = said(elbo_array_write(ctx, &a, "w/traverse.png", 2));
  elbo_run_free(r);
  return status;
}

/* Two runs; a page that is there is whole, and it may be there if only the flush of its folder
 * failed. */
static elbo_status report_on(void)
{
  static const char *const runs[] = { "kept/done", "kept/done" };
  elbo_report *r;
  elbo_report_options o = { .size = sizeof o, .output = "w/r.html", .samples = 2, .rows = 10 };
  elbo_status status = said(elbo_report_make(ctx, runs, 2, &o, &r));
  size_t n;
  char *page = whole_file_of("w/r.html", &n);
  if ((!page && !status) || (page && (n < 8 || memcmp(page + n - 8, "</html>\n", 8))))
    complain("the page", page ? "is not whole" : "is not there");
  free(page);
  elbo_report_free(r);
  return status;
}

static elbo_status compare(void)
{
  static const char *const names[] = { "sgvb_b", "score", NULL };
  elbo_experiment *x;
  elbo_compare_result result;
  elbo_compare_options o = { .size = sizeof o, .estimators = names, .repeats = 20, .rows = 5 };
  elbo_status status = said(elbo_experiment_open(ctx, "kept/e.yaml", NULL, &x));
  if (!status) status = said(elbo_compare(x, &o, &result));
  if (!status) status = said(elbo_compare_write(x, &result, "w/compare"));
  elbo_experiment_free(x);
  return status;
}

static elbo_status query(void)
{
  static const char line[] = "{\"family\": \"laplace\", \"op\": \"log_prob\", \"params\": "
                             "{\"loc\": 0, \"scale\": 1}, \"x\": 1}";
  elbo_dist *d;
  const char *answer = "";
  elbo_status status = said(elbo_dist_new(ctx, &d));
  if (!status) status = said(elbo_dist_query(d, line, sizeof line - 1, &answer));
  elbo_dist_free(d);
  return status;
}

static elbo_status read_array(const char *path)
{
  error e = { 0 };
  array a = { 0 };
  if (!array_read(path, 0, &a, &e)) array_free(&a);
  return said_error(&e);
}

static elbo_status read_idx(void)
{
  return read_array("kept/a.idx");
}

static elbo_status read_gzip(void)
{
  return read_array("kept/a.idx.gz");
}

static elbo_status read_npy(void)
{
  return read_array("kept/a.npy");
}

static elbo_status read_csv(void)
{
  static const data_column b = { "b", 0 };
  error e = { 0 };
  array a = { 0 };
  if (!array_read_columns("kept/a.csv", &(data_columns){ &b, 1 }, 0, &a, &e)) array_free(&a);
  return said_error(&e);
}

static elbo_status read_tensors(void)
{
  error e = { 0 };
  tensors *t = NULL;
  if (!tensors_read("kept/done/checkpoint.safetensors", 1 << 20, &t, &e)) tensors_free(t);
  return said_error(&e);
}

typedef struct subject {
  const char *name, *takes; /* takes: what is copied from kept/ to w/ */
  elbo_status (*act)(void);
  bool is_run;         /* w/run is looked at, and resumed */
  const char *classes; /* exit statuses that a fault of a file may have, beside 7 and 8 */
  unsigned stride[2];  /* of n in the short form, of allocations and of file calls */
} subject;

static const subject subjects[] = {
  { "plugins", NULL, make_context, false, "25", { 23, 1 } },
  { "dist query", NULL, query, false, "", { 1, 1 } },
  { "experiment", NULL, open_experiment, false, "2", { 5, 1 } },
  { "train", NULL, train, true, "24", { 37, 13 } },
  { "resume", "run", resume, true, "24", { 41, 13 } },
  { "evaluate", NULL, evaluate, false, "24", { 17, 1 } },
  { "pictures", NULL, pictures, false, "24", { 29, 5 } },
  { "report", NULL, report_on, false, "24", { 97, 5 } },
  { "compare", NULL, compare, false, "2", { 41, 5 } },
  { "idx", NULL, read_idx, false, "3", { 1, 1 } },
  { "idx.gz", NULL, read_gzip, false, "3", { 1, 1 } },
  { "npy", NULL, read_npy, false, "3", { 1, 1 } },
  { "csv", NULL, read_csv, false, "3", { 1, 1 } },
  { "safetensors", NULL, read_tensors, false, "4", { 1, 1 } },
};

/* ---- one try */
enum { ALLOCATIONS, FILE_CALLS, KINDS };
static const char *const kind_names[KINDS] = { "allocations", "file calls" };
typedef struct fault {
  int kind;
  uint64_t n; /* 0: none */
  bool for_ever;
} fault;

static void set_fault(const fault *f)
{
  mem_fail_at(f->kind == ALLOCATIONS ? f->n : 0, f->for_ever);
  file_fail_at(f->kind == FILE_CALLS ? f->n : 0, f->for_ever);
}

/* C3 and C6: what stands is whole, and goes on to the same bits. */
static void look_at_run(void)
{
  char found[64];
  look_for_leftovers("w/run");
  bool there = !access("w/run/checkpoint.safetensors", F_OK);
  if (train_as(there)) {
    complain("then the run can't go on", told->text);
    return;
  }
  if (!same_files("w/run/checkpoint.safetensors", "kept/done/checkpoint.safetensors"))
    complain("other bits than an unbroken run", "checkpoint");
  if (!same_files("w/run/best.safetensors", "kept/done/best.safetensors"))
    complain("other bits than an unbroken run", "best");
  snprintf(found, sizeof found, "%d", lines_of("w/run/metrics.jsonl"));
  if (lines_of("w/run/metrics.jsonl") != lines_of("kept/done/metrics.jsonl"))
    complain("other number of lines in metrics.jsonl", found);
}

static bool expected(const subject *s, const fault *f, elbo_status status)
{
  if (status == ELBO_E_MEMORY || status == ELBO_DONE) return true;
  return f->kind == FILE_CALLS && (status == ELBO_E_FILES || strchr(s->classes, '0' - (int)status));
}

static void child(const subject *s, const fault *f)
{
  int descriptors = open_descriptors();
  int64_t live = mem_live();
  uint64_t made = mem_count(), called = file_count();
  set_fault(f);
  told->status = s->act();
  set_fault(&(fault){ 0 });
  told->calls[ALLOCATIONS] = mem_count() - made;
  told->calls[FILE_CALLS] = file_count() - called;
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)(mem_live() - live));
  if (mem_live() != live) complain("allocations that are not freed", text);
  snprintf(text, sizeof text, "%d", open_descriptors() - descriptors);
  if (s->act != make_context && open_descriptors() != descriptors)
    complain("descriptors that are not closed", text);
  if (!expected(s, f, told->status)) complain("status", elbo_status_text(told->status));
  if (told->status && !told->text[0]) complain("no message", "");
  look_for_leftovers("w");
  if (s->is_run) {
    char first[sizeof told->text];
    memcpy(first, told->text, sizeof first);
    look_at_run();
    memcpy(told->text, first, sizeof first);
  }
  told->finished = true;
}

static void set_out(const subject *s)
{
  shell("rm -rf w && mkdir w");
  if (!s->takes) return;
  char command[128];
  snprintf(command, sizeof command, "cp -r kept/%s w/run", s->takes);
  shell(command);
}

/* Runs one try; false: it was not as it should be, and a line has said so. */
static bool attempt(const subject *s, const fault *f)
{
  int state = 0;
  set_out(s);
  memset(told, 0, sizeof *told);
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    alarm(60);
    child(s, f);
    coverage_keep();
    _exit(0);
  }
  if (pid < 0 || waitpid(pid, &state, 0) != pid) exit(1);
  char how[48] = "ended";
  if (WIFSIGNALED(state)) snprintf(how, sizeof how, "killed by signal %d", WTERMSIG(state));
  if (!told->finished) complain("the process", how);
  if (!told->wrong[0]) return true;
  printf("FAIL %s: %s %llu%s: %s\n     | %d: %s\n", s->name, kind_names[f->kind],
         (unsigned long long)f->n, f->for_ever ? " and all after it" : "", told->wrong,
         -told->status, told->text);
  return false;
}

/* ---- the walk */
typedef struct tally {
  uint64_t sites, tries, failed;
} tally;

static void walk(const subject *s, int kind, bool whole, tally *t)
{
  uint64_t here = t->tries, stride = whole ? 1 : s->stride[kind];
  if (!attempt(s, &(fault){ .kind = kind }) || told->status) {
    printf("FAIL %s: without a fault: %s\n", s->name, told->text);
    t->failed++;
    return;
  }
  uint64_t sites = told->calls[kind];
  for (int for_ever = 0; for_ever < 2; for_ever++)
    for (uint64_t n = 1; n <= sites; n += stride, t->tries++)
      t->failed += !attempt(s, &(fault){ kind, n, for_ever });
  t->sites += sites;
  printf("%-14s %-12s %6llu sites, %6llu tries\n", s->name, kind_names[kind],
         (unsigned long long)sites, (unsigned long long)(t->tries - here));
}

/* ---- what the tries start from */
static void write_gzip(const char *path, const void *at, unsigned n)
{
  gzFile f = gzopen(path, "wb");
  if (!f || gzwrite(f, at, n) != (int)n || gzclose(f)) exit(1);
}

static void make_arrays(void)
{
  static const unsigned char idx[] = { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6 };
  char npy[128 + 24] =
      "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  for (size_t i = strlen(npy + 10) + 10; i < 127; i++) npy[i] = ' ';
  npy[127] = '\n';
  npy[9] = 0;
  write_file("kept/a.idx", idx, sizeof idx);
  write_gzip("kept/a.idx.gz", idx, sizeof idx);
  write_file("kept/a.npy", npy, sizeof npy);
  write_file("kept/a.csv", "a,b\n1,2\n3,4\n", 12);
}

static bool stop_at_once(void *user)
{
  (void)user;
  return true;
}

/* kept/done: the unbroken run; kept/run: one that was stopped behind its first step. */
static void make_runs(void)
{
  elbo_experiment *x;
  elbo_train_result result;
  elbo_train_options o = { .size = sizeof o, .run = "kept/done" },
                     first = { .size = sizeof o, .run = "kept/run", .stop = stop_at_once };
  write_file("kept/e.yaml", experiment, sizeof experiment - 1);
  if (elbo_experiment_open(ctx, "kept/e.yaml", NULL, &x) || elbo_train(x, &o, &result) ||
      elbo_train(x, &first, &result) != ELBO_E_STOPPED) {
    fprintf(stderr, "torture: a plain run fails: %s\n", elbo_last_error(ctx));
    exit(1);
  }
  elbo_experiment_free(x);
  static const char compared[] =
      "{\"rows\":[{\"group\":\"all\",\"estimator\":\"stl\",\"snr\":2}],\"curves\":[{"
      "\"label\":\"stl\",\"seconds\":[1,2],\"elbo\":[-2,-1]}]}";
  write_file("kept/done/compare.json", compared, sizeof compared - 1);
}

int main(int argc, char **argv)
{
  bool whole = argc > 3 && !strcmp(argv[3], "--whole");
  const char *only = argc > 4 ? argv[4] : NULL;
  tally t[KINDS] = { { 0 } };
  uint64_t failed = 0;
  elbo_context_options o = context_options();
  if (argc < 3 || chdir(argv[2])) {
    fprintf(stderr, "usage: torture PLUGINS FOLDER [--whole [SUBJECT]]\n");
    return 2;
  }
  plugins = argv[1];
  o = context_options();
  told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (told == MAP_FAILED || elbo_context_new(&o, &ctx)) {
    fprintf(stderr, "torture: no context: %s\n", elbo_last_error(ctx));
    return 1;
  }
  shell("rm -rf kept w && mkdir kept w");
  make_arrays();
  make_runs();
  for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
    for (int kind = 0; kind < KINDS; kind++)
      if (!only || !strcmp(only, subjects[i].name)) walk(&subjects[i], kind, whole, &t[kind]);
  for (int kind = 0; kind < KINDS; kind++) {
    printf("%s: %llu sites, failed in turn, once and for ever: %llu tries, %llu wrong\n",
           kind_names[kind], (unsigned long long)t[kind].sites, (unsigned long long)t[kind].tries,
           (unsigned long long)t[kind].failed);
    failed += t[kind].failed;
  }
  elbo_context_free(ctx);
  shell("rm -rf kept w");
  return failed > 0;
}
