/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zip.h - zlib (included by zip.c alone): checksums, and gzip files read as a stream of bounded
 * pieces. */
#ifndef ELBO_BASE_ZIP_H
#define ELBO_BASE_ZIP_H

#include "base/error.h"
#include "base/file.h"
#include <stddef.h>
#include <stdint.h>

/* CRC-32 of n bytes; start: 0, or the result for the bytes before them. */
uint32_t crc32_of(uint32_t start, const void *at, size_t n);

/* Reads the gzip members that stand one behind the other in a file. Memory is bounded whatever
 * the file holds: the caller, who asks for so many bytes, is the one to notice that there are
 * more than promised. `f` is borrowed, read from where it stands, and must outlive the reader. */
typedef struct gunzip gunzip;
gunzip *gunzip_open(file *f, error *e);
/* Up to n bytes, fewer only at the end; 0 at a proper end, its CRC and length checked. -1 with
 * e, in the file's own status, when the stream is cut short, damaged, or followed by bytes that
 * are no gzip member; the same answer from then on. */
int64_t gunzip_read(gunzip *g, void *at, size_t n, error *e);
void gunzip_close(gunzip *g); /* NULL is fine */

#endif
