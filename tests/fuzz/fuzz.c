/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz.h"
#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_file = -1;

int fuzz_descriptor(void)
{
  return memory_file;
}

const char *fuzz_file(const uint8_t *at, size_t n)
{
  static char path[64];
  if (memory_file < 0) {
    memory_file = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory_file);
  }
  fuzz_want(memory_file >= 0 && !ftruncate(memory_file, (off_t)n) &&
                pwrite(memory_file, at, n, 0) == (ssize_t)n,
            "a file in memory");
  return path;
}

void fuzz_answer(elbo_status status, const error *e)
{
  fuzz_want(status == e->status, "the status is the error's");
  fuzz_want(!status == !e->text[0], "a refusal, and only a refusal, has a message");
  fuzz_want(utf8_valid(e->text, strlen(e->text)), "a message is valid UTF-8");
  for (const char *s = e->text; *s; s++)
    fuzz_want((unsigned char)*s >= ' ' || *s == '\n' || *s == '\t',
              "a message has no control characters");
}

const elbo_context_options *fuzz_context(void)
{
  static const char *const folders[] = { PLUGIN_DIR, NULL };
  static const elbo_context_options o = { .size = sizeof o,
                                          .directories = folders,
                                          .trust_plugins = true,
                                          .threads = 1,
                                          .backend = "reference" };
  return &o;
}

/* SplitMix64 (Steele, Lea and Flood 2014). */
uint32_t fuzz_below(fuzz_draw *d, uint32_t n)
{
  uint64_t z = d->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ z >> 31) % n);
}
