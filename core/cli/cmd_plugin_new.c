/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t n)
{
  while (n) {
    ssize_t done = write(fd, text, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    text += done;
    n -= (size_t)done;
  }
  return 0;
}

/* A file that is there already stays as it is. */
static int write_new(cli *c, const char *file, const char *text)
{
  int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    return fail(c, 7, "%s is there already, and stays; move it away, or choose another name", file);
  if (fd < 0) return fail(c, 7, "%s: can't be written: %s", file, strerror(errno));
  int failed = write_all(fd, text, strlen(text));
  if (close(fd) || failed) {
    unlink(file);
    return fail(c, 7, "%s: can't be written", file);
  }
  return 0;
}

static int cmd_plugin_new(cli *c)
{
  const char *kind = c->arguments[0], *name = c->arguments[1], *text;
  char file[256];
  int failed = open_context(c);
  if (failed) return failed;
  elbo_status status = elbo_plugin_template(c->ctx, kind, name, &text);
  if (status) return library_failed(c, status);
  snprintf(file, sizeof file, "%s.c", name);
  failed = write_new(c, file, text);
  if (failed) return failed;
  if (c->o.quiet) return 0;
  printf("%s: edit at the marks (1), (2), ..; then\n"
         "  cc -O2 -shared -fPIC $(pkg-config --cflags elbo-plugin) -o %s.so %s.c -lm\n"
         "  elbo plugin check ./%s.so\n",
         file, name, name, name);
  return 0;
}

const command_row command_plugin_new = {
  .name = "plugin new",
  .arguments = "family|reparametrizer NAME",
  .least = 2,
  .most = 2,
  .options = LOADS & ~OPTION(O_JSON),
  .summary = "write NAME.c, a complete plugin to start from",
  .help = "A working example with the places to edit marked. A file that is there\n"
          "already is left alone.\n"
          "\n"
          "Example:\n"
          "  elbo plugin new family triangle\n",
  .run = cmd_plugin_new,
};
