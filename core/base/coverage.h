/* SPDX-License-Identifier: GPL-3.0-or-later */
/* coverage.h - where coverage is measured, a child that is about to leave by _exit writes down what
 * it ran; elsewhere nothing. */
#ifndef ELBO_BASE_COVERAGE_H
#define ELBO_BASE_COVERAGE_H

#ifdef ELBO_COVERAGE
void __gcov_dump(void);
#define coverage_keep() __gcov_dump()
#else
#define coverage_keep() ((void)0)
#endif

#endif
