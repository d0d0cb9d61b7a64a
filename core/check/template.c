/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check/template.h"
#include "infer/context.h"
#include "plugin/inside.h"

#include <string.h>

/* A kind by the word that `plugin list` has for it; its template may go by the beginning of
 * that. */
static const check_template *template_of(const char *kind)
{
  if (!strcmp(kind, "reparametrizer")) kind = "reparam";
  for (const check_template *t = check_templates; t->kind; t++)
    if (!strcmp(t->kind, kind)) return t;
  return NULL;
}

static const plugin *loaded_as(const registry *r, const char *kind, const char *name)
{
  for (size_t i = 0; i < registry_count(r); i++) {
    const plugin *p = registry_at(r, i);
    if (!strncmp(p->info.kind, kind, strlen(kind)) && !strcmp(p->info.name, name)) return p;
  }
  return NULL;
}

/* Its own name in the template is my_KIND. */
static void put_name(text *out, const char *from, const char *kind, const char *name)
{
  char own[64] = "my_";
  strncat(own, kind, sizeof own - 4);
  for (const char *at; (at = strstr(from, own)); from = at + strlen(own)) {
    text_add_n(out, from, (size_t)(at - from));
    text_add(out, name);
  }
  text_add(out, from);
}

elbo_status elbo_plugin_template(elbo_context *ctx, const char *kind, const char *name,
                                 const char **out)
{
  error *e = context_enter(ctx);
  const check_template *from = template_of(kind);
  if (!from)
    return fail(e, ELBO_E_USAGE,
                "no template of the kind `%.60s`; expected family or reparametrizer", kind);
  if (!name_valid(name))
    return fail(e, ELBO_E_USAGE,
                "the name of a plugin is 1 to %d of the characters a-z, 0-9 and _, found `%.80s`",
                PLUGIN_MAX_NAME, name);
  const plugin *same = loaded_as(ctx->registry, from->kind, name);
  if (same)
    return fail(e, ELBO_E_USAGE,
                "a %s called `%s` is loaded already, from %s, and two of one name are refused; "
                "choose another name",
                same->info.kind, name, same->info.path);
  text_free(&ctx->scratch);
  ctx->scratch = (text){ 0 };
  put_name(&ctx->scratch, from->text, from->kind, name);
  if (ctx->scratch.failed) return fail(e, ELBO_E_MEMORY, "no memory for the text of a plugin");
  *out = ctx->scratch.s;
  return ELBO_DONE;
}
