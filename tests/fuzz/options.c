/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: a line of the input is one word. */
#include "fuzz.h"
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  enum { MOST = 16, ROOM = 2048 };
  static FILE *nowhere;
  char lines[ROOM], *argv[MOST + 2] = { "elbo" };
  int argc = 1, words;
  cli c = { 0 };
  if (n >= ROOM) return 0;
  if (!nowhere) nowhere = fopen("/dev/null", "w");
  FILE *before = stderr;
  stderr = nowhere;
  memcpy(lines, at, n);
  lines[n] = 0;
  for (char *line = lines, *end; line && argc <= MOST; line = end) {
    end = strchr(line, '\n');
    if (end) *end++ = 0;
    argv[argc++] = line;
  }
  optind = 0; /* glibc: begin anew */
  int status = command_find(&c, argc, argv, &words);
  if (!status) status = options_parse(&c, argc - words, argv + words);
  stderr = before;
  fuzz_want(status == 0 || status == 2, "a command line is taken or refused with status 2");
  options_free(&c);
  return 0;
}
