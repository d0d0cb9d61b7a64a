/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"
#include "json_print.h"

#include <string.h>

/* "key: value" -> {"key": .., "value": ..}; a line without a colon has no key. */
static void print_fact(json *j, const char *line, size_t n)
{
  char key[64] = "", value[4096];
  const char *colon = memchr(line, ':', n);
  size_t k = colon ? (size_t)(colon - line) : 0;
  size_t skip = colon ? k + 1 : 0;
  while (skip < n && line[skip] == ' ') skip++;
  snprintf(key, sizeof key, "%.*s", (int)k, line);
  snprintf(value, sizeof value, "%.*s", (int)(n - skip), line + skip);
  json_object(j, NULL);
  json_text(j, "key", colon ? key : NULL);
  json_text(j, "value", value);
  json_object_end(j);
}

static void print_json(const char *text)
{
  json j = json_start(stdout);
  json_object(&j, NULL);
  json_array(&j, "facts");
  while (*text) {
    size_t n = strcspn(text, "\n");
    if (n) print_fact(&j, text, n);
    text += n + (text[n] == '\n');
  }
  json_array_end(&j);
  json_object_end(&j);
}

static int cmd_doctor(cli *c)
{
  int failed = open_context(c);
  if (failed) return failed;
  const char *text = elbo_doctor(c->ctx);
  if (!text) return library_failed(c, ELBO_E_MEMORY);
  if (c->o.json)
    print_json(text);
  else
    fputs(text, stdout);
  return 0;
}

const command_row command_doctor = {
  .name = "doctor",
  .arguments = "",
  .options = HOST,
  .summary = "processor, backend, threads, plugin folders, and advice",
  .help = "Example:\n"
          "  elbo doctor\n",
  .run = cmd_doctor,
};
