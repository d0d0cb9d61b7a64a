/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/data: IDX, npy, csv files, built-in sets, preparation, batches. Depends on base and num.
 *
 * dataset.h - data as they lie in memory, and rows made ready for a step. Bytes stay bytes (MNIST:
 * 47 MB); a row becomes floats only when a step asks for it. N rows, D numbers a row.
 *
 * Files are untrusted: a refusal names file, what was promised and what was found, and costs at
 * most the file's size + 64 MB. */
#ifndef ELBO_DATA_DATASET_H
#define ELBO_DATA_DATASET_H

#include "base/error.h"
#include "num/philox.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* other types of npy and idx are converted to f32 when they are read */
typedef enum { ARRAY_U8, ARRAY_F32 } array_type;
typedef enum { KIND_IDX, KIND_NPY, KIND_CSV, KIND_BUILTIN } data_kind;

typedef struct row_file row_file;

/* An array read from a file: rows x (dims), row-major, decoded. Either its numbers lie in memory,
   or `file` is set and they are fetched when they are needed. */
typedef struct array {
  data_kind kind;
  bool compressed;
  array_type type;
  size_t rows;
  int rank; /* of one row: 0 (labels), 1, 2, 3 */
  size_t dims[4];
  size_t D; /* numbers a row: product of dims, 1 for rank 0 */
  union {
    uint8_t *u8;
    float *f32;
    void *at;
  };
  row_file *file;
} array;

/* Reads a data file; the kind is told by the content: IDX magic (maybe gzipped), the npy magic,
   else text with numbers (csv: comma, semicolon, tab or blanks; a first row without a number is
   taken as names). max_rows 0: all. NaN, inf: ELBO_E_DATA with first index and count. ELBO_E_DATA
   on all that is wrong with the file. */
elbo_status array_read(const char *path, size_t max_rows, array *out, error *e);
/* A column of a text file: by its name in the first row, or (name NULL) by its number from 1. */
typedef struct data_column {
  const char *name;
  size_t number;
} data_column;
typedef struct data_columns {
  const data_column *at;
  size_t n; /* 0: all columns, in the file's order */
} data_columns;
/* The columns of a text file that are picked, in the order given; what stands in the others is not
   looked at. ELBO_E_DATA where one is not there, is there twice, or the file is no text. */
elbo_status array_read_columns(const char *path, const data_columns *pick, size_t max_rows,
                               array *out, error *e);
/* The words of a column of labels, in the order in which they appeared. */
enum { LABEL_WORDS = 256, LABEL_BYTES = 40 };
typedef struct label_words {
  size_t n;
  char at[LABEL_WORDS][LABEL_BYTES + 1];
} label_words;
/* Labels: numbers; or, where a word stands in the first row of one picked column, the places of
   words in *words, to which new ones are added. */
elbo_status array_read_labels(const char *path, const data_columns *pick, size_t max_rows,
                              label_words *words, array *out, error *e);
/* Looks at the header alone. Of an uncompressed idx or npy file: the array with its numbers left
   in the file, which stays open. Of any other: file NULL, and no numbers; read it by array_read. */
elbo_status array_open(const char *path, size_t max_rows, array *out, error *e);
/* Rows [first, first + n) of an array whose numbers lie in its file, as u8 or f32; any thread. The
   file is read, never mapped, as it may shrink: ELBO_E_DATA with what and where. NaN and inf pass:
   dataset_facts looks for them. */
elbo_status array_fetch(const array *a, size_t first, size_t n, void *to, error *e);
size_t array_row_bytes(const array *a); /* of a row in memory */
void array_free(array *a);

/* Built-in sets: "digits" (28 x 28 grey levels, u8, labels 0-9), "linear_gaussian" (D = 5: x = W z
   + b + noise, see builtin.c), "pinwheel" (D = 2, labels 0-4). split 0: train, 1: test (other
   numbers of the same stream). labels may be NULL; of a set without labels they come back empty.
   ELBO_E_USAGE with the nearest name. */
elbo_status builtin_make(const char *name, uint64_t seed, int split, size_t rows, array *out,
                         array *labels, error *e);
/* The exact mean evidence log p(x) per row of data under the generating linear-Gaussian model: for
 * tests and docs. */
double builtin_linear_gaussian_evidence(const array *x);

/* ---- preparation, always in this order: decode, dequantize, scale, clip, standardize, binarize,
 * flatten. */
typedef enum { BINARIZE_NONE, BINARIZE_STATIC, BINARIZE_DYNAMIC, BINARIZE_THRESHOLD } binarize_kind;
typedef struct prepare {
  bool dequantize; /* adds U(0,1) before scaling, anew at each visit */
  double scale;    /* divides; 0: none */
  bool clip;
  double clip_low, clip_high;
  /* by mean and standard deviation of each column of the training set; a constant column is only
   * centred */
  bool standardize;
  binarize_kind binarize;
} prepare;
const char *binarize_name(binarize_kind k);

/* One variable's data made ready. Owns the arrays. */
typedef struct dataset {
  array x;
  prepare prepare;
  uint64_t seed;   /* of dequantization and binarization */
  uint32_t stream; /* of the variable, so that two variables do not share noise */
  int level;       /* of the CPU, for the loops; the same bits at each */
  /* [D] of standardize, or NULL; for a test set: those of the training set, copied */
  float *mean, *scale;
  size_t first, rows; /* the window of x in use: validate and limit cut here */
} dataset;

/* Ready rows: row i of out [n][D] is dataset row index[i] (of the window), as floats. at: the rows
   as they were fetched, at[i] of index[i], or NULL where x lies in memory. visit: the
   step (or epoch-wise counter) that dynamic binarization and dequantization are drawn for; static
   binarization depends on the row alone. Any part of the rows gives the same bits. classes > 0 (an
   index family): the value is checked elsewhere, nothing is expanded here. [exec] */
void dataset_rows(const dataset *d, const uint32_t *index, const void *const *at, size_t n,
                  uint32_t visit, float *out);
/* Rows index[0..n) as they are stored, from the file to `to` [n] rows; at[i] becomes the place of
   the i-th. Neighbours are read at once. */
elbo_status dataset_fetch(const dataset *d, const uint32_t *index, size_t n, void *to,
                          const void **at, error *e);
/* The window from its first row to its last, in parts that lie in memory: fn gets each as a data
   set of its own, whose first row is row `skipped` of the window, and says whether it wants
   more. */
typedef bool rows_fn(const dataset *part, size_t skipped, void *user);
elbo_status dataset_pass(const dataset *d, rows_fn *fn, void *user, error *e);
/* Computes mean and scale of standardize over the window (after dequantize's mean shift, scale and
 * clip). */
elbo_status dataset_standardize(dataset *d, error *e);
void dataset_free(dataset *d);

/* Facts that resolving needs, of the prepared values (expected range and grid; one pass over the
   window; in a file NaN and inf are looked for on the way, ELBO_E_DATA). binarize of values outside
   [0,1]: ELBO_E_DATA with the first of them; of drawn pixels at_low and at_high are expected
   counts, and a column is constant when its draws are. */
typedef struct data_facts {
  size_t rows, D;
  bool in_file; /* the numbers stay there; set by whoever knows why */
  int rank;
  size_t dims[4];
  double low, high; /* after preparation (dequantize: low, high + 1 before scale) */
  bool integers;    /* every value is a whole number */
  bool binary;      /* every value is 0 or 1 */
  bool sums_to_1;   /* every row */
  size_t constant_columns;
  size_t at_low, at_high; /* how many values sit exactly on 0 and exactly on 1 */
  size_t first_negative;
  bool any_negative; /* index of the first value < 0 */
} data_facts;
elbo_status dataset_facts(const dataset *d, data_facts *out, error *e);

/* The first value of the window that lies on none of the levels 0, 1/(levels-1), .., 1, each taken
 * to reach 1e-3 of a step. */
typedef struct data_stray {
  size_t row, column;
  double value;
  int fitting; /* the least number of levels on which every value lies, of at most 65536; 0: none */
} data_stray;
elbo_status dataset_strays(const dataset *d, double levels, bool *found, data_stray *out, error *e);

#endif
