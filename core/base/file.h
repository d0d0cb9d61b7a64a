/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.h - the one choke point of file calls: every result is checked, EINTR and short transfers
 * are handled, sizes are bounded, files land whole (temporary file beside the target, fsync,
 * rename, fsync of the folder) or not at all. Opened descriptors are never 0, 1 or 2, and close
 * on exec. */
#ifndef ELBO_BASE_FILE_H
#define ELBO_BASE_FILE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct file file;

/* Opens a regular file for reading; a directory, FIFO or device is refused without blocking.
 * `status` is what an error gets (data: ELBO_E_DATA ...). */
file *file_open(const char *path, elbo_status status, error *e);
int64_t file_size(const file *f);       /* at opening */
const char *file_path(const file *f);   /* as given to file_open */
elbo_status file_status(const file *f); /* what its errors get */
/* Up to n bytes; 0 at the end, -1 with e on error. */
int64_t file_read(file *f, void *at, size_t n, error *e);
/* The same from an offset, whatever was read before: any number of threads at a time. */
int64_t file_read_at(const file *f, int64_t offset, void *at, size_t n, error *e);
elbo_status file_seek(file *f, int64_t offset, error *e);
void file_close(file *f);
/* The whole file, at most `limit` bytes (more is an error that says so); a NUL is put behind.
 * Caller frees with mem_free. */
elbo_status file_read_all(const char *path, size_t limit, elbo_status status, char **at, size_t *n,
                          error *e);

/* The lines of a file, in the room of one, until `take` wants no more: each without its newline; of
 * one of LINE_MOST bytes or more the first LINE_MOST. What stands behind the last newline is none:
 * a writer was cut off. */
enum { LINE_MOST = 65536 };
typedef bool line_fn(void *user, const char *line, size_t n);
elbo_status file_lines(file *f, line_fn *take, void *user, error *e);

/* A file written whole: begin, write.., then commit or abandon. Until commit what stands
 * under `path` stays; a link, a folder or another thing that is no file there, or a file that may
 * not be written, is refused. Errors: ELBO_E_FILES. */
typedef struct whole_file whole_file;
whole_file *whole_begin(const char *path, error *e);
elbo_status whole_write(whole_file *w, const void *at, size_t n, error *e);
/* frees w, also on error (then the temporary is removed) */
elbo_status whole_commit(whole_file *w, error *e);
void whole_abandon(whole_file *w); /* NULL is fine */
elbo_status file_write_whole(const char *path, const void *at, size_t n, error *e);

/* A log that grows by whole lines (metrics.jsonl): opened for appending, cut to `keep` bytes
 * first (-1, or more than there are: keep all), then to its last newline. A line that can't be
 * written whole is taken back. */
typedef struct line_log line_log;
line_log *line_log_open(const char *path, int64_t keep, error *e);
/* one line with its newline */
elbo_status line_log_write(line_log *l, const char *s, size_t n, error *e);
elbo_status line_log_close(line_log *l, error *e); /* NULL is fine */

bool file_exists(const char *path);
/* The same, where a disk that can't be read must not pass for a file that is not there. */
elbo_status file_look(const char *path, bool *there, error *e);
bool dir_exists(const char *path);
elbo_status dir_make(const char *path, error *e);     /* with parents; an existing one is fine */
elbo_status dir_writable(const char *path, error *e); /* tries by making and removing a file */
/* name absolute: a copy of name. Caller frees */
char *path_join(const char *dir, const char *name, error *e);
/* against the current folder; not resolving links. Caller frees */
char *path_absolute(const char *path, error *e);
/* the folder of a path, "." if none. Caller frees */
char *path_folder(const char *path, error *e);

/* An exclusive lock file in a folder, holding the writer's pid; refused (ELBO_E_FILES) with that
 * pid while its process lives. The kernel holds it (flock): a dead process leaves no lock. */
typedef struct dir_lock dir_lock;
dir_lock *dir_lock_take(const char *dir, error *e);
void dir_lock_release(dir_lock *l); /* NULL is fine */

uint64_t file_count(void); /* file calls of this process so far */
/* Torture: the n-th file call from now on fails with EIO (once, or all from there). n = 0: off.
 * For tests. */
void file_fail_at(uint64_t n, bool for_ever);

#endif
