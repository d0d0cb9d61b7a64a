/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "family_facts.h"
#include "json_print.h"

#include <string.h>

/* The same walk makes the text and the JSON: a thing that is told has a name and words, or is a
   list of words. */
typedef struct {
  cli *c;
  json *j;  /* NULL: text */
  size_t n; /* words of the list so far */
} teller;

/* Names stand in the text as they are, in the JSON without spaces. */
typedef struct {
  char text[32];
} json_name;

static json_name key_of(const char *name)
{
  json_name key;
  snprintf(key.text, sizeof key.text, "%s", name);
  for (char *s = key.text; *s; s++)
    if (*s == ' ') *s = '_';
  return key;
}

static void tell(teller *t, const char *name, const char *words)
{
  if (t->j)
    json_text(t->j, key_of(name).text, words);
  else
    printf("%s%-12s%s %s\n", bold(t->c), name, plain(t->c), words);
}

static void list(teller *t, const char *name)
{
  t->n = 0;
  if (t->j)
    json_array(t->j, key_of(name).text);
  else
    printf("%s%-12s%s ", bold(t->c), name, plain(t->c));
}

static void item(teller *t, const char *words)
{
  if (t->j)
    json_text(t->j, NULL, words);
  else
    printf("%s%s", t->n++ ? ", " : "", words);
}

static void list_end(teller *t)
{
  if (t->j)
    json_array_end(t->j);
  else
    printf("%s\n", t->n ? "" : "-");
}

/* ---- of a family */
static void json_param(json *j, const elbo_param *p)
{
  char form[128];
  const char *remark;
  json_object(j, NULL);
  json_text(j, "name", p->name);
  json_text(j, "constraint", constraint_words(p));
  json_array(j, "forms");
  for (size_t i = 0; param_form(p, i, form, sizeof form); i++) json_text(j, NULL, form);
  json_array_end(j);
  json_number(j, "standard", p->standard);
  json_array(j, "remarks");
  for (size_t i = 0; (remark = param_remark(p, i)); i++) json_text(j, NULL, remark);
  json_array_end(j);
  json_text(j, "help", p->help);
  json_object_end(j);
}

static void print_param(const elbo_param *p)
{
  char form[128], forms[512] = "";
  const char *remark;
  for (size_t i = 0; param_form(p, i, form, sizeof form); i++) {
    size_t used = strlen(forms);
    snprintf(forms + used, sizeof forms - used, "%s%s", i ? " | " : "", form);
  }
  printf("  %-36s %-16s standard %g", forms, constraint_words(p), p->standard);
  for (size_t i = 0; (remark = param_remark(p, i)); i++) printf("; %s", remark);
  printf("%s%s\n", p->help && *p->help ? "; " : "", p->help ? p->help : "");
}

static void tell_params(teller *t, const elbo_family *f)
{
  if (t->j)
    json_array(t->j, "parameters");
  else
    printf("%sparameters%s (forms, the working one first)\n", bold(t->c), plain(t->c));
  for (uint32_t i = 0; i < f->n_params; i++) {
    if (t->j)
      json_param(t->j, family_param(f, i));
    else
      print_param(family_param(f, i));
  }
  if (t->j) json_array_end(t->j);
}

static void tell_form_sets(teller *t, const elbo_family *f)
{
  list(t, "form sets");
  for (uint32_t i = 0; i < f->n_form_sets; i++) {
    char names[256] = "";
    for (const char *const *name = family_form_set(f, i)->names; *name; name++) {
      size_t used = strlen(names);
      snprintf(names + used, sizeof names - used, "%s%s", used ? " " : "", *name);
    }
    item(t, names);
  }
  list_end(t);
}

/* Every reparametrizer that applies; the one the family names comes first. */
static void tell_roads(teller *t, const elbo_family *f)
{
  elbo_plugin_info p;
  list(t, "roads");
  if (f->reparam) item(t, f->reparam);
  for (size_t i = 0; i < elbo_plugin_count(t->c->ctx) && !elbo_plugin_at(t->c->ctx, i, &p); i++) {
    if (strcmp(p.kind, "reparametrizer") || (f->reparam && strcmp(p.name, f->reparam) == 0))
      continue;
    const elbo_reparam *r = p.table;
    if (!r->missing(f)) item(t, p.name);
  }
  list_end(t);
}

static void tell_kls_of(teller *t, const elbo_family *from, const char *name)
{
  for (uint32_t i = 0; i < from->n_kls; i++) {
    const elbo_kl *kl = family_kl(from, i);
    char words[200];
    if (strcmp(kl->q, name) && strcmp(kl->p, name)) continue;
    snprintf(words, sizeof words, "KL(%s || %s)", kl->q, kl->p);
    item(t, words);
  }
}

static const elbo_exponential *exponential_of(const elbo_family *f)
{
  return f->extension ? f->extension(ELBO_EXPONENTIAL) : NULL;
}

/* Two exponential families of one carrier have a divergence without a word. */
static void tell_carrier(teller *t, const elbo_family *f)
{
  const elbo_exponential *x = exponential_of(f);
  char words[200];
  if (!x) return;
  snprintf(words, sizeof words, "of any exponential family of %s", x->carrier);
  item(t, words);
}

/* Either side's plugin may supply the divergence of a pair: look at all. */
static void tell_kls(teller *t, const elbo_family *f)
{
  elbo_plugin_info p;
  list(t, "kls");
  for (size_t i = 0; i < elbo_plugin_count(t->c->ctx) && !elbo_plugin_at(t->c->ctx, i, &p); i++)
    if (strcmp(p.kind, "family") == 0) tell_kls_of(t, p.table, f->name);
  tell_carrier(t, f);
  list_end(t);
}

static void tell_family(teller *t, const void *table)
{
  const elbo_family *f = table;
  const char *name;
  bool there;
  tell_params(t, f);
  tell_form_sets(t, f);
  tell(t, "event", f->event_rank ? "a vector of K" : "a number");
  tell(t, "support", support_words(f));
  tell(t, "value form", value_form_words(f));
  tell_roads(t, f);
  tell_kls(t, f);
  list(t, "provides");
  for (size_t i = 0; (name = family_ability(f, i, &there)); i++)
    if (there) item(t, name);
  list_end(t);
  list(t, "kernels");
  for (size_t i = 0; (name = kernel_level(f, i, &there)); i++)
    if (there) item(t, name);
  list_end(t);
}

/* ---- of the other kinds */
static void tell_reparam(teller *t, const void *table)
{
  const elbo_reparam *r = table;
  elbo_plugin_info p;
  list(t, "applies to");
  for (size_t i = 0; i < elbo_plugin_count(t->c->ctx) && !elbo_plugin_at(t->c->ctx, i, &p); i++)
    if (strcmp(p.kind, "family") == 0 && !r->missing(p.table)) item(t, p.name);
  list_end(t);
}

static void tell_backend(teller *t, const void *table)
{
  const elbo_backend *b = table;
  char text[512] = "";
  b->describe(text, sizeof text);
  tell(t, "in use", text);
  text[0] = '\0';
  if (b->advice) b->advice(text, sizeof text);
  if (*text) tell(t, "advice", text);
}

static const struct {
  const char *kind;
  void (*tell)(teller *, const void *table);
} kinds[] = {
  { "family", tell_family },
  { "reparametrizer", tell_reparam },
  { "backend", tell_backend },
};

static void tell_plugin(teller *t, const elbo_plugin_info *p)
{
  char abi[32];
  snprintf(abi, sizeof abi, "%d.%d", p->abi_major, p->abi_minor);
  tell(t, "name", p->name);
  tell(t, "kind", p->kind);
  tell(t, "summary", p->summary);
  tell(t, "path", p->path);
  tell(t, "version", p->build);
  tell(t, "abi", abi);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].kind, p->kind) == 0) kinds[i].tell(t, p->table);
}

static int cmd_plugin_info(cli *c)
{
  elbo_plugin_info info;
  int failed = open_context(c);
  if (failed) return failed;
  elbo_status status = elbo_plugin_find(c->ctx, c->arguments[0], &info);
  if (status) return library_failed(c, status);
  json j = json_start(stdout);
  teller t = { .c = c, .j = c->o.json ? &j : NULL };
  if (t.j) json_object(&j, NULL);
  tell_plugin(&t, &info);
  if (t.j) json_object_end(&j);
  return 0;
}

const command_row command_plugin_info = {
  .name = "plugin info",
  .arguments = "NAME",
  .least = 1,
  .most = 1,
  .options = LOADS,
  .summary = "one plugin: of a family its parameters, support, gradients",
  .help = "Example:\n"
          "  elbo plugin info gamma\n",
  .run = cmd_plugin_info,
};
