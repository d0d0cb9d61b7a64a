/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/special.h"
#include <string.h>

static const char *const names[] = { "baseline", "avx2", "avx512" };
enum { LEVELS = sizeof names / sizeof *names };

int cpu_level(void)
{
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2"))
    return 0;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl")) return 1;
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") ? 2 : 1;
#else
  return 0;
#endif
}

elbo_status cpu_level_choose(const char *highest, int *level, error *e)
{
  int wanted = LEVELS - 1, has = cpu_level();
  while (highest && wanted >= 0 && strcmp(highest, names[wanted])) wanted--;
  if (wanted < 0)
    return fail(
        e, ELBO_E_USAGE,
        "unknown CPU kernels `%.100s` (ELBO_CPU_LEVEL); they may be baseline, avx2 or avx512",
        highest);
  *level = wanted < has ? wanted : has;
  return ELBO_DONE;
}

const char *cpu_level_name(int level)
{
  return names[level < 0 ? 0 : level < LEVELS ? level : LEVELS - 1];
}
