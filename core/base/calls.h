/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calls.h - the system calls on files, inside core/base: each goes through the countdown of
 * file_fail_at, is begun again after a signal, and moves all its bytes. Results and errno are as
 * of the call of that name. */
#ifndef ELBO_BASE_CALLS_H
#define ELBO_BASE_CALLS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

int call_open(const char *path, int flags, mode_t mode); /* closed on exec; never 0, 1 or 2 */
int64_t call_read(int fd, void *at, size_t n);           /* fewer than n only at the end */
int64_t call_read_at(int fd, void *at, size_t n, int64_t offset); /* likewise; moves nothing */
int call_write(int fd, const void *at, size_t n);                 /* all or -1 */
int call_sync(int fd);  /* fine where a folder can't be synced */
int call_close(int fd); /* closes also when it fails */
int call_cut(int fd, int64_t size);
int64_t call_seek(int fd, int64_t offset, int whence);
int call_stat_open(int fd, struct stat *s);
int call_stat(const char *path, struct stat *s);
int call_stat_link(const char *path, struct stat *s); /* of a link itself */
int call_access(const char *path, int mode);          /* by the effective user */
int call_rename(const char *from, const char *to);
int call_remove(const char *path);
int call_mkdir(const char *path, mode_t mode);
int call_set_mode_of(const char *path, mode_t mode);
int call_lock(int fd); /* exclusive, without waiting; EWOULDBLOCK: another's */

/* Fails with "PATH: can't be DOING: REASON; ADVICE" from errno; memory and descriptors have the
 * status of their own kind. */
elbo_status call_failed(error *e, elbo_status status, const char *path, const char *doing);
/* Gives the file's owner at least reading and writing, whatever the umask took. */
int call_open_to_owner(int fd);
/* "a folder", "a FIFO", ...: what a mode says. */
const char *kind_of_file(mode_t mode);
int call_sync_folder(const char *folder); /* so that a rename in it is on disk */

#endif
