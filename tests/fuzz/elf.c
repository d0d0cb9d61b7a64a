/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program headers of a plugin: what passes lies in the file. */
#include "fuzz.h"
#include "plugin/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  fuzz_file(at, n);
  const char *why = elf_damaged(fuzz_descriptor(), n);
  fuzz_want(!why || why[0], "a refusal has a reason");
  return 0;
}
