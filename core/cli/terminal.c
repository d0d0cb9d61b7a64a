/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char RED[] = "\033[31;1m", YELLOW[] = "\033[33m", BOLD[] = "\033[1m",
                  PLAIN[] = "\033[0m";

static bool terminal_can(int fd)
{
  const char *term = getenv("TERM");
  return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

/* An explicit --color wins over the environment (no-color.org). */
static bool may_color(const cli *c, int fd)
{
  const char *no_color = getenv("NO_COLOR");
  if (c->o.color != COLOR_AUTO) return c->o.color == COLOR_ALWAYS;
  return terminal_can(fd) && !(no_color && *no_color);
}

void terminal_start(cli *c)
{
  c->color_out = may_color(c, STDOUT_FILENO);
  c->color_err = may_color(c, STDERR_FILENO);
  c->progress = !c->o.quiet && terminal_can(STDERR_FILENO);
}

const char *bold(const cli *c)
{
  return c->color_out ? BOLD : "";
}

const char *plain(const cli *c)
{
  return c->color_out ? PLAIN : "";
}

static void message(cli *c, const char *color, const char *text)
{
  progress_clear(c);
  fflush(stdout); /* on a terminal the message stands behind the results it follows */
  size_t n = strlen(text);
  while (n && text[n - 1] == '\n') n--;
  fprintf(stderr, "%selbo:%s %.*s\n", c->color_err ? color : "", c->color_err ? PLAIN : "", (int)n,
          text);
}

int fail(cli *c, int status, const char *format, ...)
{
  va_list values;
  va_start(values, format);
  char *text = NULL;
  if (vasprintf(&text, format, values) < 0) text = NULL;
  va_end(values);
  message(c, RED, text ? text : "no memory");
  free(text);
  return status;
}

void library_log(void *user, int level, const char *text)
{
  cli *c = user;
  if (level > 0)
    message(c, YELLOW, text);
  else if (!c->o.quiet)
    message(c, "", text);
}

/* ---- the progress line: on a terminal alone, cut to its width, so that it can be overwritten */
static size_t terminal_width(void)
{
  struct winsize size;
  bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

void progress_show(cli *c, const char *line)
{
  if (!c->progress) return;
  fprintf(stderr, "\r\033[K%.*s", (int)terminal_width() - 1, line);
  fflush(stderr);
  c->line_shown = true;
}

void progress_clear(cli *c)
{
  if (!c->line_shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  c->line_shown = false;
}

void duration_text(double seconds, char *text, size_t n)
{
  if (!(seconds >= 0 && seconds < 1e9)) {
    snprintf(text, n, "?");
    return;
  }
  long s = lround(seconds);
  if (s >= 3600)
    snprintf(text, n, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    snprintf(text, n, "%ld:%02ld", s / 60, s % 60);
}
