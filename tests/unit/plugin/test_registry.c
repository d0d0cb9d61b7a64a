/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plugins, good and bad, are built here with the C compiler (CC, else cc) and loaded: whatever a
 * file does, the host lives. */
#include "plugin/registry.h"
#include "base/error.h"
#include "base/mem.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/elbo-plugin-XXXXXX";

#define HEAD                                                                                       \
  "#include <elbo/plugin.h>\n#include <stdlib.h>\n#include <fenv.h>\n"                             \
  "#define FIRST offsetof(elbo_family, mean_in_c) /* the size in ABI 1.0 */\n"                     \
  "static double lp(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)" \
  "{ (void)c; (void)w; if (dx) dx[0] = 0; if (dw) dw[0] = 0; return x[0]; }\n"                     \
  "static const elbo_param ps[] = { { \"loc\", ELBO_REAL, 0, 0, \"h\" } };\n"
#define TABLE(name, more)                                                                          \
  "static const elbo_family f = { ELBO_FAMILY_SIZES, .name = " name                                \
  ", .summary = \"s\", .params = ps, .n_params = 1, .log_prob = lp" more " };\n"
#define MINOR(minor)                                                                               \
  "ELBO_EXPORT extern const elbo_plugin elbo_plugin_entry; const elbo_plugin elbo_plugin_entry = " \
  "{ ELBO_MAGIC, 1, " minor ", sizeof(elbo_plugin), 1, \"C\", &f };\n"
#define ENTRY "ELBO_PLUGIN(ELBO_KIND_FAMILY, f);\n"
#define RAW(magic, major, size, kind)                                                              \
  "ELBO_EXPORT extern const elbo_plugin elbo_plugin_entry; const elbo_plugin elbo_plugin_entry = " \
  "{ " magic ", " major ", 0, " size ", " kind ", \"C\", &f };\n"
#define GOOD HEAD TABLE("\"good\"", "") ENTRY
#define CONSTRUCTOR(body)                                                                          \
  HEAD TABLE("\"bad\"", "") ENTRY "__attribute__((constructor)) static void c(void) { " body " }"  \
                                  "\n"
#define PARAMS(n, list)                                                                            \
  HEAD "static const elbo_param qs[] = { " list                                                    \
       " };\n" TABLE("\"bad\"", ", .params = qs, .n_params = " n) ENTRY
#define KL(q, p, more)                                                                             \
  HEAD "static double kl(const elbo_call *c, const double *a, const double *b, double *d, double " \
       "*e) { return 0; }\nstatic const elbo_kl ks[] = { { " q ", " p ", kl, { " more              \
       " } } };\n" TABLE("\"bad\"", ", .kls = ks, .n_kls = 1") ENTRY
#define FORMS(names)                                                                               \
  HEAD "static const char *const ns[] = { " names " };\n"                                          \
       "static const elbo_form_set fs[] = { { .names = ns, .to_working = (void *)lp } };\n" TABLE( \
           "\"bad\"", ", .form_sets = fs, .n_form_sets = 1") ENTRY
#define USES(list)                                                                                 \
  HEAD "static const char *const us[] = { " list ", NULL };\n" TABLE("\"bad\"", ", .uses = us")    \
      ENTRY

/* why: a part of the reason */
static const struct {
  const char *source, *why;
} bad[] = {
  { HEAD TABLE("\"bad\"", "") RAW("\"elbo/plugout\"", "1", "sizeof(elbo_plugin)", "1"), "magic" },
  { HEAD TABLE("\"bad\"", "") RAW("ELBO_MAGIC", "2", "sizeof(elbo_plugin)", "1"),
    "found 2.0, expected 1.0" },
  { HEAD TABLE("\"bad\"", "") MINOR("ELBO_ABI_MINOR + 1"), "expected 1.0 to 1.1" },
  { HEAD TABLE("\"bad\"", ", .size = FIRST - sizeof(void *)") ENTRY, "size of elbo_family: found" },
  { HEAD TABLE("\"bad\"", ", .size = FIRST + 1") ENTRY, "size of elbo_family: found" },
  { HEAD TABLE("\"bad\"", ", .size = sizeof f + sizeof(void *)") ENTRY,
    "size of elbo_family: found" },
  { HEAD TABLE("\"bad\"", "") RAW("ELBO_MAGIC", "1", "12", "1"), "found 12 bytes" },
  { HEAD TABLE("\"bad\"", "") RAW("ELBO_MAGIC", "1", "sizeof(elbo_plugin)", "4"), "kind: found 4" },
  { HEAD TABLE(
        "\"bad\"",
        "") "ELBO_EXPORT const char elbo_plugin_entry[8] __attribute__((aligned(8))) = \"elbo\";\n",
    "found 8 bytes in the file" },
  { HEAD "ELBO_EXPORT int none;\n", "no symbol elbo_plugin_entry" },
  { HEAD "extern void nowhere(void);\n" TABLE("\"bad\"", "") ENTRY
    "void call(void); void call(void) { nowhere(); }\n",
    "nowhere" },
  { CONSTRUCTOR("*(volatile int *)8 = 1;"), "signal 11" },
  { CONSTRUCTOR("for (volatile int i = 0;; i++) {}"), "longer than" },
  { CONSTRUCTOR("exit(0);"), "calls exit" },
  { CONSTRUCTOR("_Exit(0);"), "ended the probing process" },
  { CONSTRUCTOR("abort();"), "signal 6" },
  { CONSTRUCTOR("fesetround(FE_UPWARD);"), "the rounding mode" },
  { CONSTRUCTOR("extern char *setlocale(int, const char *); setlocale(6, \"C.UTF-8\");"),
    "the locale" },
  { CONSTRUCTOR("extern void (*signal(int, void (*)(int)))(int); signal(2, (void (*)(int))1);"),
    "signal handlers" },
#if defined(__SSE__)
  { CONSTRUCTOR("__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);"),
    "the floating-point mode" },
#endif
  { HEAD
    "ELBO_EXPORT extern const elbo_plugin elbo_plugin_entry; const elbo_plugin elbo_plugin_entry "
    "= { ELBO_MAGIC, 1, 0, sizeof(elbo_plugin), 1, \"C\", 0 };\n",
    "table is NULL" },
  { HEAD TABLE("\"bad\"", ", .n_kls = 5000") ENTRY, "kls: found 5000" },
  { HEAD "static const elbo_param qs[] = { { \"n\", ELBO_INTEGER, 0, 1.5, \"h\" } };\n" TABLE(
        "\"bad\"", ", .params = qs") ENTRY,
    "parameter n" },
  { HEAD "static const elbo_param qs[] = { { \"n\", ELBO_INTEGER, 0, 0, \"h\" } };\n" TABLE(
        "\"bad\"", ", .params = qs") ENTRY,
    "parameter n" },
  { HEAD TABLE("\"bad\"", ", .form_set_size = 8") ENTRY, "form_set_size: found 8" },
  { HEAD TABLE("\"bad\"", ", .kl_size = 8") ENTRY, "kl_size: found 8" },
  { HEAD TABLE("\"bad\"", ", .summary = NULL") ENTRY, "summary" },
  { HEAD TABLE("\"bad\"", ", .summary = \"a\\tb\"") ENTRY, "summary" },
  { HEAD TABLE("\"bad\"", ", .summary = \"a\\177b\"") ENTRY, "summary" },
  { HEAD TABLE("\"bad\"", ", .reparam = \"implicit\"") ENTRY, "`draw`" },
  { HEAD
    "static elbo_rc dr(const elbo_call *c, elbo_noise *e, const double *w, double *x) { return 0; "
    "}\n" TABLE("\"bad\"", ", .reparam = \"implicit\", .draw = dr") ENTRY,
    "`pull`" },
  { HEAD TABLE("\"Bad name\"", "") ENTRY, "name is not of" },
  { HEAD TABLE("(const char *)16", "") ENTRY, "signal 11" },
  /* writes records of its own into whatever descriptor the probing process has */
  { CONSTRUCTOR("extern long write(int, const void *, unsigned long); static char r[65536]; for "
                "(int i = 0; i < 65536; i++) r[i] = 1; for (int fd = 3; fd < 64; fd++) write(fd, "
                "r, sizeof r);"),
    "ended the probing process" },
  { HEAD TABLE("\"bad\"", "") "ELBO_EXPORT extern char elbo_plugin_entry[]; __attribute__((aligned("
                              "16), used)) static char room[512];\n"
                              "__asm__(\".globl elbo_plugin_entry\\n.set elbo_plugin_entry, room "
                              "+ 1\\n\");\n",
    "not aligned" },
  { HEAD TABLE("\"bad\"", ", .value_form = 99") ENTRY, "value_form: found 99" },
  { HEAD TABLE("\"bad\"", ", .seen = 99") ENTRY, "seen: found 99" },
  { HEAD "static const char *const names[] = { \"loc\", NULL };\n"
         "static const elbo_form_set fs[] = { { .names = names, .to_working = (void *)lp, "
         ".log_prob = (void *)lp, .cdf = (void *)lp } };\n" TABLE(
             "\"bad\"", ", .event_rank = 1, .form_sets = fs, .n_form_sets = 1") ENTRY,
    "for events of one number" },
  { HEAD "static const elbo_reparam f = { sizeof(elbo_reparam), .name = \"bad\", .summary = \"s\", "
         ".missing = (void *)lp, .forward = (void *)lp, .backward = (void *)lp, .forward_f32 = { "
         "(void *)16 }, .backward_f32 = { (void *)16 } };\nELBO_PLUGIN(ELBO_KIND_REPARAM, f);\n",
    "the slot `forward_f32` points outside" },
  { HEAD TABLE("\"bad\"", ", .param_size = 1") ENTRY, "param_size: found 1 bytes" },
  { HEAD TABLE("\"bad\"", ", .log_prob_f32 = { (void *)16 }") ENTRY, "log_prob_f32" },
  { HEAD TABLE("\"bad\"", ", .n_params = 1000000") ENTRY, "found 1000000" },
  { HEAD TABLE("\"bad\"", ", .log_prob = NULL") ENTRY, "`log_prob` is NULL" },
  { HEAD TABLE("\"bad\"", ", .param_size = 8") ENTRY, "param_size: found 8" },
  { HEAD TABLE("\"bad\"", ", .reparam = \"inverse_cdf\"") ENTRY, "`icdf` is NULL" },
  { KL("\"x\"", "\"y\"", "NULL"), "does not name this family" },
  { USES("\"absent\""), "uses the family `absent`" },
  { PARAMS("1", "{ \"u\", ELBO_UNIT, 0, 0, \"h\" }"), "the standard value 0 breaks" },
  { PARAMS("1", "{ \"u\", ELBO_UNIT, 0, 1, \"h\" }"), "the standard value 1 breaks" },
  { PARAMS("1", "{ \"u\", ELBO_REAL, 0, __builtin_inf(), \"h\" }"), "the standard value inf" },
  { PARAMS("1", "{ \"u\", ELBO_REAL, ELBO_VARIANCE_FORMS, 0, \"h\" }"), "a positive parameter" },
  { PARAMS("1", "{ \"u\", ELBO_REAL, 0, 0, \"a\\nb\" }"), "its help is no line" },
  { PARAMS("1", "{ NULL, ELBO_REAL, 0, 0, \"h\" }"), "parameter 0: its name" },
  { PARAMS("2", "{ \"u\", ELBO_REAL, 0, 0, 0 }, { \"u\", ELBO_REAL, 0, 0, 0 }"), "is there twice" },
  { HEAD TABLE("\"bad\"", ", .params = NULL") ENTRY, "found 1, but the array is NULL" },
  { HEAD "static const char l[5000] = { [0 ... 4998] = 'a' };\n" TABLE("\"bad\"", ", .summary = l")
        ENTRY,
    "summary is missing, too long" },
  { HEAD TABLE("\"bad\"", ", .mean_in_c = \"\"") ENTRY, "mean_in_c: expected" },
  { HEAD TABLE("\"bad\"", ", .mean_in_c = \"a\\tb\"") ENTRY, "mean_in_c: expected" },
  { HEAD TABLE("\"bad\"", ", .mean_in_c = \"a\\n\\177\"") ENTRY, "mean_in_c: expected" },
  { HEAD "static const char l[5000] = { [0 ... 4998] = 'a' };\n" TABLE("\"bad\"",
                                                                       ", .mean_in_c = l") ENTRY,
    "mean_in_c: expected" },
  { KL("NULL", "\"bad\"", "NULL"), "q or p is no name" },
  { KL("\"bad\"", "\"B a d\"", "NULL"), "q or p is no name" },
  { KL("\"bad\"", "\"bad\"", "(void *)16"), "kls.kl_f32" },
  { FORMS("NULL"), "form set 0: found 0 names" },
  { FORMS("\"A B\", NULL"), "form set 0: name 0" },
  { HEAD "static const elbo_form_set fs[] = { { .to_working = (void *)lp } };\n" TABLE(
        "\"bad\"", ", .form_sets = fs, .n_form_sets = 1") ENTRY,
    "form set 0: found 0 names" },
  { USES("\"A b\""), "uses: entry 0" },
  { HEAD "static const char *const us[1000] = { [0 ... 998] = \"normal\" };\n" TABLE(
        "\"bad\"", ", .uses = us") ENTRY,
    "or there are more than" },
  { HEAD TABLE("\"bad\"", ", .reparam = \"No Name\"") ENTRY, "no name of a reparametrizer" },
  { HEAD TABLE("\"bad\"", ", .reparam = \"location_scale\"") ENTRY, "`standard`" },
  { HEAD TABLE("\"bad\"", ", .reparam = \"composition\"") ENTRY, "`draw`" },
};
enum { N_BAD = sizeof bad / sizeof *bad };

static void path_of(const char *name, char *path)
{
  snprintf(path, 256, "%s/%s", dir, name);
}

static void put(const char *name, const void *at, size_t n)
{
  char path[256];
  path_of(name, path);
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(at, 1, n, f), n);
  fclose(f);
  chmod(path, 0755);
}

static void build(const char *name, const char *source)
{
  char command[1024], path[256];
  put("plugin.c", source, strlen(source));
  path_of(name, path);
  const char *cc = getenv("CC");
  snprintf(command, sizeof command, "%s -O1 -w -shared -fPIC -I%s/include -o %s %s/plugin.c",
           cc && *cc ? cc : "cc", SOURCE_DIR, path, dir);
  ck_assert_int_eq(system(command), 0);
}

static char *bytes_of(const char *name, size_t *n)
{
  char path[256];
  struct stat s;
  path_of(name, path);
  ck_assert_int_eq(stat(path, &s), 0);
  char *at = malloc((size_t)s.st_size);
  FILE *f = fopen(path, "rb");
  *n = fread(at, 1, (size_t)s.st_size, f);
  fclose(f);
  return at;
}

static registry *load(const char *one, const char *folder, bool trust, error *e)
{
  const char *plugins[] = { one, NULL }, *folders[] = { folder, NULL };
  elbo_context_options o = { .size = sizeof o, .trust_plugins = trust, .check_plugins = trust };
  if (one) o.plugins = plugins;
  if (folder) o.directories = folders;
  return registry_new(&o, e);
}

static void make_folder(void)
{
  ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_folder(void)
{
  char command[300];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  ck_assert_int_eq(system(command), 0);
}

START_TEST(good_one)
{
  char path[256];
  error e = { 0 };
  build("good.so", GOOD);
  path_of("good.so", path);
  registry *r =
      load(path, dir, false, &e); /* named and in a searched folder: one file, one plugin */
  ck_assert_msg(r != NULL, "%s", e.text);
  const plugin *p = registry_find(r, ELBO_KIND_FAMILY, "good", &e);
  ck_assert_ptr_nonnull(p);
  ck_assert_str_eq(p->info.path, path);
  ck_assert_ptr_eq(registry_host(r)->family(registry_host(r), "good"), p->info.table);
  ck_assert_ptr_null(registry_find(r, ELBO_KIND_FAMILY, "goood", &e));
  ck_assert_int_eq(e.status, ELBO_E_USAGE);
  ck_assert_msg(strstr(e.text, "`good`") && strstr(e.text, dir), "%s", e.text);
  registry_free(r);
}
END_TEST

/* Each bad one: refused in a folder, with a good one beside and behind it; an error when named. */
START_TEST(bad_one)
{
  char path[256];
  error e = { 0 };
  build("bad.so", bad[_i].source);
  build("good.so", GOOD);
  path_of("bad.so", path);
  registry *r = load(NULL, dir, false, &e);
  ck_assert_msg(r != NULL, "%s", e.text);
  ck_assert_ptr_nonnull(registry_find(r, ELBO_KIND_FAMILY, "good", NULL));
  ck_assert_ptr_null(registry_find(r, ELBO_KIND_FAMILY, "bad", NULL));
  ck_assert_uint_eq(registry_refused_count(r), 1);
  ck_assert_str_eq(registry_refused_at(r, 0)->path, path);
  ck_assert_msg(strstr(registry_refused_at(r, 0)->why, bad[_i].why) != NULL, "%s, not %s",
                registry_refused_at(r, 0)->why, bad[_i].why);
  registry_free(r);
  ck_assert_ptr_null(load(path, NULL, false, &e));
  ck_assert_int_eq(e.status, ELBO_E_PLUGIN);
  ck_assert_msg(strstr(e.text, path) && strstr(e.text, bad[_i].why), "%s", e.text);
}
END_TEST

/* Built against ABI 1.0: what lies behind its table is not of the table, and is never looked at. */
START_TEST(older_minor)
{
  char path[256];
  error e = { 0 };
  build("old.so",
        HEAD TABLE("\"old\"", ", .size = FIRST, .mean_in_c = (const char *)16") MINOR("0"));
  path_of("old.so", path);
  registry *r = load(path, NULL, false, &e);
  ck_assert_msg(r != NULL, "%s", e.text);
  const plugin *p = registry_find(r, ELBO_KIND_FAMILY, "old", &e);
  const elbo_family *f = p->info.table;
  ck_assert_int_eq(p->info.abi_minor, 0);
  ck_assert_uint_eq(f->size, sizeof *f);
  ck_assert_ptr_null(f->mean_in_c);
  ck_assert_str_eq(f->params[0].name, "loc");
  double x = 3, w = 0;
  ck_assert_double_eq(f->log_prob(NULL, &x, &w, NULL, NULL), 3);
  registry_free(r);
}
END_TEST

static int logged;
static void count_log(void *user, int level, const char *words)
{
  (void)user, (void)level, (void)words;
  logged++;
}

/* What is asked for by other names, kinds and numbers than there are; a folder found twice, another
 * by a relative path. */
START_TEST(what_is_not_there)
{
  char old[4096], path[256];
  error e = { 0 };
  build("good.so", GOOD);
  put("odd.so", "no object", 9);
  put(".so", "hidden", 6);
  put(".hidden.so", "hidden", 6);
  path_of("good.so", path);
  ck_assert(getcwd(old, sizeof old) && !chdir(dir));
  const char *folders[] = { dir, ".", dir, NULL };
  elbo_context_options o = { .size = sizeof o, .directories = folders, .log = count_log };
  registry *r = registry_new(&o, &e);
  ck_assert(!chdir(old));
  ck_assert_msg(r != NULL, "%s", e.text);
  ck_assert_uint_eq(registry_count(r), 1);
  ck_assert(registry_at(r, 0) && !registry_at(r, 1));
  ck_assert(registry_refused_at(r, 0) && !registry_refused_at(r, registry_refused_count(r)));
  ck_assert(registry_folder_at(r, 0) && !registry_folder_at(r, registry_folder_count(r)));
  const elbo_host *h = registry_host(r);
  ck_assert_ptr_null(h->family(h, "nonesuch"));
  h->log(h, 1, "words");
  h->log(h, 1, NULL);
  ck_assert_int_eq(logged, 1);
  static const struct {
    uint32_t kind;
    const char *name, *said;
    elbo_status status;
  } rows[] = {
    { ELBO_KIND_FAMILY, NULL, "no family is called ``", ELBO_E_USAGE },
    { ELBO_KIND_FAMILY, "odd", "its file was refused", ELBO_E_PLUGIN },
    { ELBO_KIND_FAMILY, "od", "no family is called `od`", ELBO_E_USAGE },
    { ELBO_KIND_REPARAM, "o", "no reparametrizer is called `o`", ELBO_E_USAGE },
    { 0, "good", "", ELBO_DONE },
    { 99, "good", "", ELBO_DONE },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    error_clear(&e);
    ck_assert_ptr_null(registry_find(r, rows[i].kind, rows[i].name, &e));
    ck_assert_msg(e.status == rows[i].status && strstr(e.text, rows[i].said), "%s", e.text);
    ck_assert_ptr_null(registry_find(r, rows[i].kind, rows[i].name, NULL));
  }
  registry_free(r);
  registry_free(NULL);
  /* no options: the folders beside the program alone, of which a test has none */
  ck_assert_ptr_nonnull(r = registry_new(NULL, &e));
  registry_host(r)->log(registry_host(r), 1, "to nobody");
  error_clear(&e);
  ck_assert_ptr_null(registry_find(r, ELBO_KIND_FAMILY, "good", &e));
  ck_assert_msg(strstr(e.text, "no folder") != NULL, "%s", e.text);
  registry_free(r);
}
END_TEST

/* Copies of a file: plugins, and files that are none. */
static void many(const char *name, int times)
{
  size_t n;
  char *at = bytes_of(name, &n), copy[32];
  for (int i = 0; i < times; i++) {
    snprintf(copy, sizeof copy, "%c%03d.so", i % 2 ? 'm' : 'n', i);
    put(copy, i % 2 ? at : "no object", i % 2 ? n : 9);
  }
  free(at);
}

/* A good one, one that is refused while it is opened, one that is no object, one whose uses are
 * missing: each allocation fails once. */
START_TEST(memory_runs_out)
{
  char path[256];
  build("a.so", GOOD);
  build("b.so", CONSTRUCTOR("fesetround(FE_UPWARD);"));
  build("c.so", CONSTRUCTOR("abort();"));
  put("d.so", "no object", 9);
  build("e.so", bad[N_BAD - 1].source);
  build("f", HEAD "ELBO_EXPORT int none;\n");
  many("f", 200); /* so that the strings of reasons, too, have to ask for more memory */
  path_of("a.so", path);
  bool failed = true;
  for (uint64_t n = 1; failed && n < 1000; n++) {
    error e = { 0 };
    mem_fail_at(n, false);
    registry *r = load(path, dir, true, &e);
    mem_fail_at(0, false);
    failed = !r;
    ck_assert_msg(r || e.status == ELBO_E_MEMORY, "allocation %d: %s", (int)n, e.text);
    registry_free(r);
    if (n > 12) continue;
    mem_fail_at(n, false); /* and to one who does not want to know why */
    registry_free(load(NULL, dir, true, NULL));
    mem_fail_at(0, false);
  }
  ck_assert(!failed);
}
END_TEST

static void expect_refusal(const char *name, const char *words)
{
  char path[256];
  error e = { 0 };
  path_of(name, path);
  ck_assert_ptr_null(load(path, NULL, false, &e));
  ck_assert_msg(strstr(e.text, words) != NULL, "%s: \"%s\"", words, e.text);
}

/* Fine in the child that probes it, and not in the host. */
START_TEST(changes_its_mind)
{
  char path[256], source[2048];
  snprintf(
      source, sizeof source,
      HEAD TABLE("\"bad\"", "") "#include <unistd.h>\n"
                                "ELBO_EXPORT elbo_plugin elbo_plugin_entry = { ELBO_MAGIC, 1, 0, "
                                "sizeof(elbo_plugin), 1, \"C\", &f };\n"
                                "__attribute__((constructor)) static void c(void) "
                                "{ if (getpid() == %d) elbo_plugin_entry.magic[0] = 0; }\n",
      (int)getpid());
  build("bad.so", source);
  path_of("bad.so", path);
  error e = { 0 };
  registry *r = load(NULL, dir, false, &e);
  ck_assert_msg(r && registry_refused_count(r) == 1, "%s", e.text);
  ck_assert_ptr_nonnull(strstr(registry_refused_at(r, 0)->why, "magic"));
  registry_free(r);
}
END_TEST

/* What a name may stand for, and the limits of the process that stop the copy. */
START_TEST(files_and_limits)
{
  char path[256];
  struct rlimit was, low;
  expect_refusal("missing.so", "can't be opened");
  expect_refusal(".", "no regular file");
  put("empty.so", "", 0);
  expect_refusal("empty.so", "is empty");
  put("large.so", "x", 1);
  path_of("large.so", path);
  ck_assert(!truncate(path, (off_t)257 << 20));
  expect_refusal("large.so", "expected at most");
  build("good.so", GOOD);
  path_of("good.so", path);
  ck_assert(!getrlimit(RLIMIT_FSIZE, &was));
  low = (struct rlimit){ 4096, was.rlim_max };
  ck_assert(!setrlimit(RLIMIT_FSIZE, &low));
  expect_refusal("good.so", "file-size limit");
  ck_assert(!setrlimit(RLIMIT_FSIZE, &was) && !getrlimit(RLIMIT_NOFILE, &was));
  for (rlim_t n = 0; n < 16; n++) {
    error e = { 0 };
    low = (struct rlimit){ n, was.rlim_max };
    ck_assert(!setrlimit(RLIMIT_NOFILE, &low));
    registry *r = load(path, dir, false, &e);
    ck_assert_msg(r || e.status == ELBO_E_FILES || e.status == ELBO_E_PLUGIN, "%d: %s", (int)n,
                  e.text);
    registry_free(r);
  }
  ck_assert(!setrlimit(RLIMIT_NOFILE, &was));
  if (geteuid() == 0 && !chown(path, 12345, 12345)) expect_refusal("good.so", "belongs to user");
}
END_TEST

START_TEST(two_of_one_name)
{
  error e = { 0 };
  build("a.so", GOOD);
  build("b.so", GOOD);
  ck_assert_ptr_null(load(NULL, dir, false, &e));
  ck_assert_int_eq(e.status, ELBO_E_PLUGIN);
  ck_assert_msg(strstr(e.text, "/a.so") && strstr(e.text, "/b.so"), "%s", e.text);
}
END_TEST

START_TEST(writable_by_everyone)
{
  char path[256];
  error e = { 0 };
  build("good.so", GOOD);
  path_of("good.so", path);
  chmod(path, 0777);
  ck_assert_ptr_null(load(path, NULL, false, &e));
  ck_assert_msg(strstr(e.text, "writable by everyone") != NULL, "%s", e.text);
  error_clear(&e);
  registry *r = load(path, NULL, true, &e);
  ck_assert_msg(r != NULL, "%s", e.text);
  registry_free(r);
  chmod(path, 0755);
  chmod(dir, 0777);
  ck_assert_ptr_null(load(path, NULL, false, &e));
  ck_assert_msg(strstr(e.text, dir) != NULL, "%s", e.text);
}
END_TEST

/* Empty, text, and cut short at every 4 KB. */
START_TEST(cut_short)
{
  size_t n;
  char name[32];
  error e = { 0 };
  build("whole", GOOD);
  char *at = bytes_of("whole", &n);
  unsigned count = 0;
  for (size_t cut = 0; cut < n; cut += 4096, count++) {
    snprintf(name, sizeof name, "cut%u.so", count);
    put(name, at, cut);
  }
  put("text.so", "hello\n", 6);
  registry *r = load(NULL, dir, false, &e);
  ck_assert_msg(r != NULL, "%s", e.text);
  ck_assert_uint_eq(registry_refused_count(r), count + 1);
  registry_free(r);
  free(at);
}
END_TEST

/* 200 copies with four random bytes of the first page changed. Each that still loads has the one
 * name: they go one by one. */
START_TEST(mutants)
{
  size_t n;
  build("whole", GOOD);
  char *at = bytes_of("whole", &n), *copy = malloc(n), path[256];
  unsigned state = 12345;
  for (int i = 0; i < 200; i++) {
    memcpy(copy, at, n);
    for (int k = 0; k < 4; k++) {
      state = state * 1103515245u + 12345u;
      copy[(state >> 8) % 4096] ^= (char)(1 + (state >> 20) % 255);
    }
    put("mutant.so", copy, n);
    path_of("mutant.so", path);
    error e = { 0 };
    registry *r = load(path, NULL, false, &e);
    ck_assert(r || e.status == ELBO_E_PLUGIN);
    registry_free(r);
  }
  free(at);
  free(copy);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("registry");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 90);
  tcase_add_checked_fixture(t, make_folder, remove_folder);
  tcase_add_test(t, good_one);
  tcase_add_loop_test(t, bad_one, 0, N_BAD);
  tcase_add_test(t, older_minor);
  tcase_add_test(t, what_is_not_there);
  tcase_add_test(t, memory_runs_out);
  tcase_add_test(t, changes_its_mind);
  tcase_add_test(t, files_and_limits);
  tcase_add_test(t, two_of_one_name);
  tcase_add_test(t, writable_by_everyone);
  tcase_add_test(t, cut_short);
  tcase_add_test(t, mutants);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
