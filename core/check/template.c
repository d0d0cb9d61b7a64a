/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check/template.h"
#include "infer/context.h"
#include "plugin/inside.h"

#include <string.h>

static const char *text_of(const char *kind)
{
  for (const check_template *t = check_templates; t->kind; t++)
    if (!strcmp(t->kind, kind)) return t->text;
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
  const char *from = text_of(kind);
  if (!from)
    return fail(e, ELBO_E_USAGE, "no template of the kind `%.60s`; expected family or reparam",
                kind);
  if (!name_valid(name))
    return fail(e, ELBO_E_USAGE,
                "the name of a plugin is 1 to %d of the characters a-z, 0-9 and _, found `%.80s`",
                PLUGIN_MAX_NAME, name);
  text_free(&ctx->scratch);
  ctx->scratch = (text){ 0 };
  put_name(&ctx->scratch, from, kind, name);
  if (ctx->scratch.failed) return fail(e, ELBO_E_MEMORY, "no memory for the text of a plugin");
  *out = ctx->scratch.s;
  return ELBO_DONE;
}
