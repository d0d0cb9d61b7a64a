/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a target over files that were kept: main FOLDER. One that breaks a promise ends the process
 * behind a line with its name. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static bool run(const char *folder, const char *name)
{
  char path[4096];
  uint8_t *at = NULL;
  size_t n = 0, room = 0, got;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  do {
    room += 65536;
    if (!(at = realloc(at, room))) abort();
    got = fread(at + n, 1, room - n, f);
    n += got;
  } while (n == room);
  fclose(f);
  fprintf(stderr, "%s\n", path);
  /* A buffer of just its size: a read behind its end is seen by a sanitizer. */
  uint8_t *exact = realloc(at, n ? n : 1);
  LLVMFuzzerTestOneInput(exact, n);
  free(exact);
  return true;
}

int main(int argc, char **argv)
{
  struct dirent **list = NULL;
  int n = argc == 2 ? scandir(argv[1], &list, NULL, alphasort) : -1, tried = 0, failed = 0;
  for (int i = 0; i < n; i++) {
    if (list[i]->d_name[0] != '.') run(argv[1], list[i]->d_name) ? tried++ : failed++;
    free(list[i]);
  }
  free(list);
  printf("%d inputs hold, %d can't be read\n", tried, failed);
  return failed || !tried;
}
