/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data files: IDX, npy, text, each plain or gzipped. The first byte does not count as data: it says
 * how many rows are asked for at most, or which columns; those of one may be words. */
#include "fuzz.h"
#include "base/mem.h"
#include "data/dataset.h"

#include <math.h>
#include <string.h>

static const data_column wanted[] = { { NULL, 2 }, { "b", 0 }, { NULL, 1 }, { "a", 0 } };

static elbo_status read_it(uint8_t how, const char *path, size_t most, array *a, error *e)
{
  static label_words words;
  size_t first = how / 4 % 4, n = 1 + how / 16 % (4 - first);
  const data_columns pick = { wanted + first, n };
  if (how % 4 != 2) return array_read(path, most, a, e);
  words.n = 0;
  memset(words.at, 0, sizeof words.at);
  if (n == 1) return array_read_labels(path, &pick, most, &words, a, e);
  return array_read_columns(path, &pick, most, a, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
  array a;
  error e = { 0 };
  if (!n) return 0;
  size_t most = at[0] % 4 == 0 ? at[0] / 4 : 0, D = 1;
  elbo_status status = read_it(at[0], fuzz_file(at + 1, n - 1), most, &a, &e);
  fuzz_answer(status, &e);
  if (status) {
    fuzz_want(!a.at, "nothing is kept of a file that was refused");
    return 0;
  }
  for (int k = 0; k < a.rank; k++) D *= a.dims[k];
  fuzz_want(D == a.D && a.rows && (!most || a.rows <= most), "the shape is whole");
  double sum = 0;
  for (size_t i = 0; i < a.rows * a.D; i++) sum += a.type == ARRAY_U8 ? a.u8[i] : a.f32[i];
  fuzz_want(isfinite(sum), "all values are finite");
  array_free(&a);
  return 0;
}
