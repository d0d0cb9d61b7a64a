/* SPDX-License-Identifier: GPL-3.0-or-later */
/* levels.h - the library's own loops at the three levels of the CPU, as kernel.h does it for
 * plugins: from `ELBO_INLINE void NAME(..)` the functions NAME_v1, NAME_v3, NAME_v4, and an
 * initialiser for tables indexed by run->env.level. */
#ifndef ELBO_GRAPH_LEVELS_H
#define ELBO_GRAPH_LEVELS_H

#include <elbo/kernel.h>

#if defined(__GNUC__) && defined(__x86_64__)
#define LEVELS(name, params, ...)                                                                  \
  static void name##_v1 params                                                                     \
  {                                                                                                \
    name(__VA_ARGS__);                                                                             \
  }                                                                                                \
  ELBO_TARGET_V3 static void name##_v3 params                                                      \
  {                                                                                                \
    name(__VA_ARGS__);                                                                             \
  }                                                                                                \
  ELBO_TARGET_V4 static void name##_v4 params                                                      \
  {                                                                                                \
    name(__VA_ARGS__);                                                                             \
  }
#define LEVEL_SET(name)                                                                            \
  {                                                                                                \
    name##_v1, name##_v3, name##_v4                                                                \
  }
#else
#define LEVELS(name, params, ...)                                                                  \
  static void name##_v1 params                                                                     \
  {                                                                                                \
    name(__VA_ARGS__);                                                                             \
  }
#define LEVEL_SET(name)                                                                            \
  {                                                                                                \
    name##_v1, name##_v1, name##_v1                                                                \
  }
#endif

#endif
