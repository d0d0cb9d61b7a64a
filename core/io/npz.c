/* SPDX-License-Identifier: GPL-3.0-or-later */
/* npz: a zip archive of npy members, not compressed (PKWARE's APPNOTE 6.3.10: local headers 4.3.7,
 * central directory 4.3.12, its end 4.3.16; without zip64, hence below 4 GiB). */
#include "base/file.h"
#include "base/mem.h"
#include "base/zip.h"
#include "io/picture.h"

#include <string.h>

enum { NAME_MOST = 200, MEMBERS_MOST = 65535, VERSION = 20, DATE_1980 = 0x21 };

struct npz {
  whole_file *file;
  char *path;
  uint64_t at; /* bytes written */
  text directory;
  size_t n;
};

typedef struct member {
  char name[NAME_MOST + 8];
  size_t name_n;
  uint32_t crc;
  uint64_t size;
} member;

static void add_number(text *t, uint64_t v, int bytes)
{
  char b[8];
  for (int i = 0; i < bytes; i++) b[i] = (char)(v >> 8 * i & 255);
  text_add_n(t, b, (size_t)bytes);
}

/* The fields that both kinds of header share: version needed to the length of the name and of the
 * extra field. */
static void add_shared(text *t, const member *m)
{
  add_number(t, VERSION, 2);
  add_number(t, 0, 2); /* flags */
  add_number(t, 0, 2); /* stored */
  add_number(t, 0, 2); /* time and date are always the same: equal arrays make equal files */
  add_number(t, DATE_1980, 2);
  add_number(t, m->crc, 4);
  add_number(t, m->size, 4);
  add_number(t, m->size, 4);
  add_number(t, m->name_n, 2);
  add_number(t, 0, 2);
}

static void add_entry(text *t, const member *m, uint64_t offset)
{
  add_number(t, 0x02014b50, 4);
  add_number(t, VERSION, 2); /* made by */
  add_shared(t, m);
  add_number(t, 0, 2); /* comment */
  add_number(t, 0, 2); /* disk */
  add_number(t, 0, 2); /* internal attributes */
  add_number(t, 0, 4); /* external attributes */
  add_number(t, offset, 4);
  text_add_n(t, m->name, m->name_n);
}

npz *npz_begin(const char *path, error *e)
{
  npz *z = mem_new(1, sizeof *z, "an npz archive", e);
  if (!z) return NULL;
  z->path = mem_copy_string(path, e);
  z->file = z->path ? whole_begin(path, e) : NULL;
  if (z->file) return z;
  npz_abandon(z);
  return NULL;
}

void npz_abandon(npz *z)
{
  if (!z) return;
  whole_abandon(z->file);
  text_free(&z->directory);
  mem_free(z->path);
  mem_free(z);
}

static elbo_status put(npz *z, const void *at, size_t n, error *e)
{
  z->at += n;
  return whole_write(z->file, at, n, e);
}

static elbo_status check_room(const npz *z, const char *name, uint64_t size, error *e)
{
  size_t n = strlen(name);
  if (!n || n > NAME_MOST ||
      strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789_.-") != n)
    return fail(e, ELBO_E_USAGE,
                "%s: an array named \"%s\"; expected 1 to %d letters, digits, '.', '-' or '_'",
                z->path, name, NAME_MOST);
  if (z->n < MEMBERS_MOST && z->at + z->directory.n + size < NPZ_MOST) return ELBO_DONE;
  return fail(e, ELBO_E_USAGE,
              "%s: with \"%s\" the archive passes 4 GiB or %d arrays; write fewer rows", z->path,
              name, MEMBERS_MOST);
}

uint64_t npz_bytes(const char *name, int rank, const size_t *dims)
{
  enum { HEADERS = 30 + 46 + 2 * 4 + 256 }; /* local and central header, ".npy" twice, npy's own */
  size_t bytes = sizeof(float);
  for (int i = 0; i < rank; i++)
    if (!mem_size(bytes, dims[i], &bytes)) return UINT64_MAX;
  return bytes > UINT64_MAX / 2 ? UINT64_MAX : (uint64_t)bytes + HEADERS + 2 * strlen(name);
}

static elbo_status write_member(npz *z, const member *m, const text *header, const float *at,
                                size_t bytes, error *e)
{
  text local = { 0 };
  uint64_t offset = z->at;
  add_number(&local, 0x04034b50, 4);
  add_shared(&local, m);
  text_add_n(&local, m->name, m->name_n);
  add_entry(&z->directory, m, offset);
  z->n++;
  elbo_status status = local.failed || z->directory.failed
                           ? fail(e, ELBO_E_MEMORY, "%s: no memory for a header", z->path)
                           : put(z, local.s, local.n, e);
  text_free(&local);
  if (!status) status = put(z, header->s, header->n, e);
  return status ? status : put(z, at, bytes, e);
}

elbo_status npz_add(npz *z, const char *name, const float *at, int rank, const size_t *dims,
                    error *e)
{
  text header = { 0 };
  size_t bytes;
  member m = { 0 };
  elbo_status status = npy_header(z->path, rank, dims, &header, &bytes, e);
  if (!status) status = check_room(z, name, (uint64_t)bytes + header.n, e);
  if (!status) {
    m.crc = crc32_of(crc32_of(0, header.s, header.n), at, bytes);
    m.size = (uint64_t)header.n + bytes;
    m.name_n = strlen(name) + 4;
    memcpy(m.name, name, m.name_n - 4);
    memcpy(m.name + m.name_n - 4, ".npy", 4);
    status = write_member(z, &m, &header, at, bytes, e);
  }
  text_free(&header);
  return status;
}

elbo_status npz_commit(npz *z, error *e)
{
  uint64_t start = z->at, size = z->directory.n;
  add_number(&z->directory, 0x06054b50, 4);
  add_number(&z->directory, 0, 4); /* disks */
  add_number(&z->directory, z->n, 2);
  add_number(&z->directory, z->n, 2);
  add_number(&z->directory, size, 4);
  add_number(&z->directory, start, 4);
  add_number(&z->directory, 0, 2); /* comment */
  elbo_status status = z->directory.failed
                           ? fail(e, ELBO_E_MEMORY, "%s: no memory for its directory", z->path)
                           : put(z, z->directory.s, z->directory.n, e);
  if (!status) {
    status = whole_commit(z->file, e);
    z->file = NULL;
  }
  npz_abandon(z);
  return status;
}
