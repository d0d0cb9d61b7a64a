/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "num/special.h"
#include <stdatomic.h>
#include <stdlib.h>

static int highest(void)
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

static int find_level(void)
{
  int level = highest();
  const char *wanted = getenv("ELBO_CPU_LEVEL");
  if (wanted && wanted[0] >= '0' && wanted[0] <= '2' && !wanted[1] && wanted[0] - '0' < level)
    level = wanted[0] - '0';
  return level;
}

/* The CPU does not change: found once, since draws and conversions ask for every row. */
int cpu_level(void)
{
  static atomic_int known = -1;
  int level = atomic_load_explicit(&known, memory_order_relaxed);
  if (level < 0) atomic_store_explicit(&known, level = find_level(), memory_order_relaxed);
  return level;
}

const char *cpu_level_name(int level)
{
  static const char *const names[] = { "baseline", "avx2", "avx512" };
  return names[level < 0 ? 0 : level > 2 ? 2 : level];
}
