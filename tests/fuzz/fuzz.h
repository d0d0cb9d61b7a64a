/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz: one target a parser. A target is LLVMFuzzerTestOneInput over the bytes of one input;
 * with clang and -Dfuzz=true libFuzzer drives it (`sh tests/run.sh --fuzz`), else main.c, which
 * runs what is kept in corpus/. Some targets have a mutator that repairs what a blind change breaks
 * (lengths, checksums, compression), so that the change is seen behind the first check.
 *
 * fuzz.h - what they share. A breach of what a parser promises ends the process. */
#ifndef ELBO_FUZZ_H
#define ELBO_FUZZ_H

#include <elbo/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *at, size_t n, size_t room, unsigned seed);
/* libFuzzer's own; the new size. */
size_t LLVMFuzzerMutate(uint8_t *at, size_t n, size_t room);

/* A file in memory that holds the bytes, until the next call. */
const char *fuzz_file(const uint8_t *at, size_t n);
int fuzz_descriptor(void); /* of the same file */
/* Says what was promised and not held, and aborts. */
void fuzz_want(bool held, const char *promise);
/* A refusal has a message in UTF-8 without control characters; success has none. */
struct error; /* of the inside */
void fuzz_answer(elbo_status status, const struct error *e);
const elbo_context_options *fuzz_context(void); /* with the plugins of the build */

/* For mutators: a stream of numbers from a seed; below n. */
typedef struct {
  uint64_t state;
} fuzz_draw;
uint32_t fuzz_below(fuzz_draw *d, uint32_t n);

#endif
