/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A descriptor that the caller closed is filled with one that fails in the direction it is used: no
   file that is opened later lands there, and a result written to a closed standard output is still
   an error. */
void standard_open(void)
{
  static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) (void)!open("/dev/null", modes[fd]);
}

/* A small write to a full disk succeeds until the stream is closed: look at every step of that. */
int standard_close(cli *c, int status)
{
  bool failed = ferror(stdout) != 0;
  errno = 0;
  failed |= fflush(stdout) != 0;
  int why = errno;
  failed |= fclose(stdout) != 0;
  if (!why) why = errno;
  if (!failed || status) return status;
  return fail(c, 7, "standard output: the results could not be written%s%s", why ? ": " : "",
              why ? strerror(why) : "");
}
