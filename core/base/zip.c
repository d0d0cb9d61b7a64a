/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/zip.h"
#include "base/mem.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <zlib.h>

enum { PIECE = 65536, GZIP_WINDOW = 16 + MAX_WBITS };

struct gunzip {
  file *f;
  z_stream z;
  int64_t taken;    /* compressed bytes read from the file */
  int64_t given;    /* plain bytes handed out */
  bool inside;      /* within a member */
  bool any, at_end; /* was there a member; has the file ended */
  error broken;     /* what is answered from then on */
  unsigned char piece[PIECE];
};

uint32_t crc32_of(uint32_t start, const void *at, size_t n)
{
  return n ? (uint32_t)crc32_z(start, at, n) : start;
}

static void *zip_get(void *unused, uInt count, uInt size)
{
  (void)unused;
  return mem_new(count, size, "gunzip", NULL);
}

static void zip_put(void *unused, void *p)
{
  (void)unused;
  mem_free(p);
}

gunzip *gunzip_open(file *f, error *e)
{
  gunzip *g = mem_new(1, sizeof *g, "gunzip", e);
  if (!g) return NULL;
  g->f = f;
  g->z.zalloc = zip_get;
  g->z.zfree = zip_put;
  if (inflateInit2(&g->z, GZIP_WINDOW) == Z_OK) return g;
  fail(e, ELBO_E_MEMORY, "%s: no memory to unpack it; free some memory", file_path(f));
  mem_free(g);
  return NULL;
}

void gunzip_close(gunzip *g)
{
  if (!g) return;
  inflateEnd(&g->z);
  mem_free(g);
}

static int64_t fail_at(gunzip *g, const char *what)
{
  fail(&g->broken, file_status(g->f),
       "%s: gzip data %s at byte %lld of %lld, after %lld bytes unpacked; get the file anew",
       file_path(g->f), what, (long long)(g->taken - g->z.avail_in), (long long)file_size(g->f),
       (long long)g->given);
  return -1;
}

/* Makes sure of some input, unless the file has ended. */
static bool refill(gunzip *g)
{
  if (g->z.avail_in || g->at_end) return true;
  int64_t got = file_read(g->f, g->piece, PIECE, &g->broken);
  if (got < 0) return false;
  g->at_end = got == 0;
  g->taken += got;
  g->z.next_in = g->piece;
  g->z.avail_in = (uInt)got;
  return true;
}

/* zlib's words for damage (a wrong CRC, a wrong length) stand in msg; between members anything
 * but a header is trailing rubbish. */
static int64_t fail_damaged(gunzip *g, int64_t member_given)
{
  if (g->any && !member_given && g->z.total_in <= 10)
    return fail_at(g, "has bytes behind its end that are no gzip data");
  char what[160];
  snprintf(what, sizeof what, "is damaged (%s)", g->z.msg ? g->z.msg : "unknown reason");
  return fail_at(g, what);
}

static int64_t unpack(gunzip *g, void *at, uInt n)
{
  g->z.next_out = at;
  g->z.avail_out = n;
  while (g->z.avail_out) {
    if (!refill(g)) return -1;
    if (g->at_end && !g->z.avail_in) {
      if (g->inside) return fail_at(g, "is cut short");
      if (!g->any) return fail_at(g, "is missing: the file is empty");
      break;
    }
    if (!g->inside && g->any) inflateReset(&g->z);
    g->inside = true;
    uInt before = g->z.avail_out;
    int r = inflate(&g->z, Z_NO_FLUSH);
    g->given += before - g->z.avail_out;
    if (r == Z_STREAM_END) {
      g->any = true;
      g->inside = false;
    } else if (r == Z_MEM_ERROR) {
      fail(&g->broken, ELBO_E_MEMORY, "%s: no memory to unpack it; free some memory",
           file_path(g->f));
      return -1;
    } else if (r != Z_OK && r != Z_BUF_ERROR) {
      return fail_damaged(g, (int64_t)g->z.total_out);
    }
  }
  return n - g->z.avail_out;
}

int64_t gunzip_read(gunzip *g, void *at, size_t n, error *e)
{
  size_t done = 0;
  while (done < n && !g->broken.status) {
    uInt part = n - done > INT_MAX ? INT_MAX : (uInt)(n - done);
    int64_t got = unpack(g, (char *)at + done, part);
    if (got > 0) done += (size_t)got;
    if (got < (int64_t)part) break;
  }
  if (!g->broken.status) return (int64_t)done;
  fail(e, g->broken.status, "%s", g->broken.text);
  return -1;
}
