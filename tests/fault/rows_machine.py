# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine does to a run: a clock that jumps, no threads, a full disk, kill -9."""
import os, random, shlex, shutil, subprocess, time
from harness import Scene, wait
from rows_experiment import TINY
from rows_plugin import until_saved
from rows_train import LONG, TRAIN, leftovers, parameters, put, same_end, start

# The clock on the wall, hours forwards and backwards; the one for durations never jumps.
CLOCK = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static __thread unsigned calls;
static long jump(void) { static const long by[] = { 0, 36000, -72000, 5, -1 }; return by[++calls % 5]; }
int clock_gettime(clockid_t id, struct timespec *t) { int r = NEXT(clock_gettime)(id, t); if (id == CLOCK_REALTIME) t->tv_sec += jump(); return r; }
time_t time(time_t *to) { time_t t = NEXT(time)(0) + jump(); if (to) *to = t; return t; }
'''
# Every other call is interrupted, and no transfer moves more than 777 bytes at once.
SIGNALS = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
static __thread unsigned calls;
static int interrupted(void) { if (++calls % 2) return 0; errno = EINTR; return 1; }
static size_t least(size_t n) { return n < 777 ? n : 777; }
ssize_t read(int fd, void *at, size_t n) { return interrupted() ? -1 : syscall(SYS_read, fd, at, least(n)); }
ssize_t write(int fd, const void *at, size_t n) { return interrupted() ? -1 : syscall(SYS_write, fd, at, least(n)); }
ssize_t pread(int fd, void *at, size_t n, off_t from) { return interrupted() ? -1 : syscall(SYS_pread64, fd, at, least(n), from); }
ssize_t pread64(int fd, void *at, size_t n, off_t from) { return pread(fd, at, n, from); }
ssize_t sendfile(int to, int fd, off_t *at, size_t n) { return interrupted() ? -1 : syscall(SYS_sendfile, to, fd, at, n < 7777 ? n : 7777); }
int fsync(int fd) { return interrupted() ? -1 : syscall(SYS_fsync, fd); }
int ftruncate(int fd, off_t n) { return interrupted() ? -1 : syscall(SYS_ftruncate, fd, n); }
int poll(struct pollfd *p, nfds_t n, int ms) { return interrupted() ? -1 : syscall(SYS_poll, p, n, ms); }
pid_t waitpid(pid_t p, int *state, int how) { return interrupted() ? -1 : syscall(SYS_wait4, p, state, how, (void *)0); }
int flock(int fd, int how) { return interrupted() ? -1 : syscall(SYS_flock, fd, how); }
int open(const char *path, int how, ...)
{
  va_list more;
  va_start(more, how);
  int mode = va_arg(more, int);
  va_end(more);
  return interrupted() ? -1 : syscall(SYS_openat, AT_FDCWD, path, how, mode);
}
int open64(const char *path, int how, ...)
{
  va_list more;
  va_start(more, how);
  int mode = va_arg(more, int);
  va_end(more);
  return open(path, how, mode);
}
'''
THREADS = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg)
{
  Dl_info from; /* OpenBLAS, refused a thread, raises SIGINT: that is the row of "no second process" */
  if (dladdr(__builtin_return_address(0), &from) && strstr(from.dli_fname, "libelbo")) return EAGAIN;
  return ((__typeof__(&pthread_create))dlsym(RTLD_NEXT, "pthread_create"))(t, a, f, arg);
}
'''


def shim(setting, name, source):
    at = os.path.join(setting.root, name + '.so')
    with setting.lock:
        if not os.path.exists(at):
            with open(at + '.c', 'w') as f:
                f.write(source)
            subprocess.run(shlex.split(os.environ.get('CC', 'cc')) + ['-w', '-shared', '-fPIC', '-o', at, at + '.c', '-ldl'], check=True)
    return {'LD_PRELOAD': at}


def plain(setting, folder):
    """The tensors of a run on a quiet machine."""
    at = os.path.join(folder, 'quiet')
    os.mkdir(at)
    put(at, TINY)
    o = setting.shell(at, list(TRAIN))
    assert o.status == 0, o.err
    return parameters(at)


def same_under(name, source, label):
    def act(setting, folder):
        put(folder, TINY)
        o = setting.shell(folder, list(TRAIN), env=shim(setting, label, source))
        if o.status or o.err:
            return [f'status {o.status}: {o.err.strip()}']
        wrong = leftovers(folder) + ([] if parameters(folder) == plain(setting, folder) else ['other bits'])
        o = setting.shell(folder, ['evaluate', 'run', '--samples', '2'], env=shim(setting, label, source))
        return wrong + ([f'evaluate: {o.status}: {o.err.strip()}'] if o.status else [])
    return Scene('training', name, act, plain_memory=False)


def no_threads(setting, folder):
    put(folder, TINY)
    o = setting.shell(folder, [*TRAIN, '--threads', '3'], env=shim(setting, 'threads', THREADS))
    wrong = [] if o.status == 8 and o.err.count('elbo: ') == 1 and '--threads' in o.err else [f'status {o.status}: {o.err.strip()}']
    o = setting.shell(folder, [*TRAIN, '--threads', '1'], env=shim(setting, 'threads', THREADS))
    return wrong + ([f'with one: {o.status}: {o.err.strip()}'] if o.status else [])


def full_disk(setting, folder):
    """A small file system that fills up while the run saves; with room again it goes on to the same bits."""
    disk = os.path.join(folder, 'disk')
    os.mkdir(disk)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'none', disk], capture_output=True, check=False).returncode:
        return 'no file system can be mounted here'
    try:
        put(disk, LONG)
        p = subprocess.Popen([setting.elbo, *TRAIN], cwd=disk, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=open(folder + '/err', 'w'))
        until_saved(disk)
        with open(disk + '/filler', 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(b'x' * 4096)
            except OSError:
                pass
        found, _ = wait(p, time.monotonic() + 20)
        with open(folder + '/err') as f:
            said = f.read()
        wrong = [] if found == 7 and said.count('elbo: ') == 1 and 'No space' in said else [f'status {found}: {said.strip()}']
        os.remove(disk + '/filler')
        subprocess.run(['mount', '-o', 'remount,size=20m', disk], check=True)
        return wrong + leftovers(disk) + same_end(setting, disk)
    finally:
        subprocess.run(['umount', disk], check=False)


def killed_once(setting, folder):
    """kill -9 at a random moment, then one resume, again and again."""
    draw, same, wrong = random.Random(5), 0, []
    for i in range(setting.kills):
        at = os.path.join(folder, str(i))
        os.mkdir(at)
        put(at, LONG)
        p = start(setting, at)
        until_saved(at)
        time.sleep(0.25 * draw.random())
        p.kill()
        wait(p, time.monotonic() + 20)
        bad = same_end(setting, at)
        same += not bad
        wrong += [f'kill {i}: {b}' for b in bad]
        shutil.rmtree(at)
    print(f'     {same} of {setting.kills} resumes after kill -9 at a random moment ended bit-identical')
    return wrong


ROWS = [
    same_under('clock jumps: same bits', CLOCK, 'clock'),
    same_under('EINTR and short transfers at every call: same bits', SIGNALS, 'signals'),
    Scene('training', 'pthread_create fails', no_threads, plain_memory=False),
    Scene('training', 'the disk is full, and has room again', full_disk),
    Scene('training', 'kill -9 at a random moment, each resumed bit for bit', killed_once),
]
