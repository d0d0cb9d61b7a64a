# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine goes down: what a run wrote and did not sync may be lost, cut, or there in another order.

A shim records what a run does to its directory. From the record every state that a crash may leave is made: for each call, the
entries of the directory with any of the changes since it was last synced, and files with none, some or all of what was written
since they were. In each of them a file that is written whole must be one of its whole versions, and not an older one than was
promised to be on disk; and runs resumed from such states must end in the bits of one that nothing stopped."""
import itertools, os, random, shlex, shutil, subprocess
from harness import Scene
from rows_experiment import TINY
from rows_train import TRAIN, parameters, put

RECORD = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static char ours[1024];
static int record = -1;
static int in_run(const char *path) { return strstr(path, "/run/") || (strlen(path) > 4 && !strcmp(path + strlen(path) - 4, "/run")); }
static void say(const char *format, ...)
{
  char line[4096];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (record < 0) record = syscall(SYS_openat, AT_FDCWD, getenv("RECORD"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  syscall(SYS_write, record, line, n);
}
static int is_ours(int fd) { return fd >= 0 && fd < 1024 && ours[fd]; }
int open(const char *path, int how, ...)
{
  va_list more;
  va_start(more, how);
  int mode = va_arg(more, int);
  va_end(more);
  int fd = syscall(SYS_openat, AT_FDCWD, path, how, mode);
  if (fd >= 0 && fd < 1024 && (ours[fd] = in_run(path) != 0)) say("open %d %d %s\n", fd, (how & O_TRUNC) != 0, path);
  return fd;
}
int open64(const char *path, int how, ...)
{
  va_list more;
  va_start(more, how);
  int mode = va_arg(more, int);
  va_end(more);
  return open(path, how, mode);
}
ssize_t write(int fd, const void *at, size_t n)
{
  off_t here = is_ours(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t done = NEXT(write)(fd, at, n);
  if (!is_ours(fd) || done <= 0) return done;
  if (fcntl(fd, F_GETFL) & O_APPEND) here = lseek(fd, 0, SEEK_CUR) - done;
  say("write %d %ld ", fd, (long)here);
  for (ssize_t i = 0; i < done; i++) say("%02x", ((const unsigned char *)at)[i]);
  say("\n");
  return done;
}
int fsync(int fd) { int r = NEXT(fsync)(fd); if (is_ours(fd) && !r) say("fsync %d\n", fd); return r; }
int ftruncate(int fd, off_t n) { int r = NEXT(ftruncate)(fd, n); if (is_ours(fd) && !r) say("cut %d %ld\n", fd, (long)n); return r; }
int rename(const char *a, const char *b) { int r = NEXT(rename)(a, b); if (in_run(b) && !r) say("rename %s %s\n", a, b); return r; }
int unlink(const char *a) { int r = NEXT(unlink)(a); if (in_run(a) && !r) say("unlink %s\n", a); return r; }
'''
WHOLE = ('checkpoint.safetensors', 'best.safetensors', 'experiment.yaml')
PLAN = TINY.replace('epochs: 2, batch_size: 50', 'epochs: 2, batch_size: 50, checkpoint_every: 1, log_every: 1')


class Inode:
    def __init__(self):
        self.now, self.synced = bytearray(), b''

    def versions(self):
        """None, half or all of what was not synced; or its length alone."""
        now = bytes(self.now)
        if now == self.synced:
            return [now]
        half = now[:(len(self.synced) + len(now)) // 2]
        return list(dict.fromkeys([self.synced, half, now, self.synced + bytes(max(0, len(now) - len(self.synced)))]))


class Disk:
    """A directory: as the running program sees it, and as much of it as a crash must leave."""

    def __init__(self, ignore_sync=False):
        self.names, self.synced, self.pending = {}, {}, []  # pending: changes since the directory was synced
        self.open, self.ignore_sync = {}, ignore_sync
        self.whole = {name: [b''] for name in WHOLE}  # versions in their order; b'': it is not there
        self.promised = dict.fromkeys(WHOLE, 0)

    def change(self, **names):
        self.names = {k: v for k, v in {**self.names, **names}.items() if v}
        self.pending.append(names)

    def play(self, line):
        what, *words = line.split(' ')
        if what == 'open':
            name = os.path.basename(words[2])
            if words[2].endswith('/run'):
                self.open[words[0]] = None
                return
            if name not in self.names:
                self.change(**{name: Inode()})
            self.open[words[0]] = self.names[name]
            if words[1] == '1':
                self.names[name].now = bytearray()
        elif what == 'write':
            at, data = int(words[1]), bytes.fromhex(words[2])
            self.open[words[0]].now[at:at + len(data)] = data
        elif what == 'cut':
            del self.open[words[0]].now[int(words[1]):]
        elif what == 'fsync' and not self.ignore_sync:
            inode = self.open[words[0]]
            if inode:
                inode.synced = bytes(inode.now)
            else:
                self.synced, self.pending = dict(self.names), []
                self.promised = {name: len(self.whole[name]) - 1 for name in WHOLE}
        elif what == 'rename':
            a, b = (os.path.basename(w) for w in words)
            if b in WHOLE:
                self.whole[b].append(bytes(self.names[a].now))
            self.change(**{a: None, b: self.names[a]})
        elif what == 'unlink':
            self.change(**{os.path.basename(words[0]): None})

    def states(self):
        """Name -> content, for every state that a crash may leave now."""
        last = self.pending[-5:]
        for taken in itertools.product((False, True), repeat=len(last)):
            names = dict(self.synced)
            for names_changed in [*self.pending[:-5], *(c for c, t in zip(last, taken) if t)]:
                names.update(names_changed)
            names = {k: v for k, v in names.items() if v}
            choices = [inode.versions() for inode in names.values()]
            for i in range(max(map(len, choices), default=1)):
                yield {name: c[min(i, len(c) - 1)] for name, c in zip(names, choices)}

    def wrong(self, state):
        """Names in this state that are neither the promised version nor a later one."""
        return [n for n in WHOLE if state.get(n, b'') not in self.whole[n][self.promised[n]:]]


def recorded(setting, folder):
    """What a run does to its directory, a line a call; runs once."""
    at = os.path.join(setting.root, 'record.so')
    with setting.lock:
        if not os.path.exists(at):
            with open(at + '.c', 'w') as f:
                f.write(RECORD)
            subprocess.run(shlex.split(os.environ.get('CC', 'cc')) + ['-w', '-shared', '-fPIC', '-o', at, at + '.c', '-ldl'], check=True)
    put(folder, PLAN)
    o = setting.shell(folder, list(TRAIN), env={'LD_PRELOAD': at, 'RECORD': folder + '/record'})
    assert o.status == 0, o.err
    with open(folder + '/record') as f:
        return f.read().splitlines()


def resumes(setting, folder, state, expected):
    """Whether a run over this state ends as one that nothing stopped."""
    at = os.path.join(folder, 'crashed')
    os.makedirs(at + '/run')
    put(at, PLAN)
    for name, content in state.items():
        with open(os.path.join(at, 'run', name), 'wb') as f:
            f.write(content)
    o = setting.shell(at, [*TRAIN, *(['--resume'] if 'checkpoint.safetensors' in state else [])])
    same = o.status == 0 and parameters(at) == expected
    shutil.rmtree(at)
    return [] if same else [f'C6: status {o.status}: {o.err.strip() or "other bits"}']


def crashes(setting, folder):
    lines = recorded(setting, folder)
    disk, careless, wrong, seen, noticed = Disk(), Disk(ignore_sync=True), [], {}, 0
    for i, line in enumerate(lines):
        disk.play(line)
        careless.play(line)
        for state in disk.states():
            seen.setdefault(tuple(sorted(state.items())), state)
            wrong += [f'call {i} ({line[:60]}): {name} is torn or too old' for name in disk.wrong(state)]
        # a program that never syncs must be seen to tear
        careless.promised = disk.promised
        noticed += any(careless.wrong(state) for state in careless.states())
    if not noticed:
        wrong.append('the states of a program that does not sync are all whole: this test can\'t fail')
    some = random.Random(3).sample(list(seen.values()), min(len(seen), 100 if setting.kills > 10 else 12))
    expected = parameters(folder)
    for state in some:
        wrong += resumes(setting, folder, state, expected)
    print(f'     {len(lines)} calls, {len(seen)} states that a crash may leave, {len(wrong)} torn; {len(some)} of them resumed')
    return wrong[:10]


ROWS = [Scene('training', 'the machine goes down: every legal state of the disk is old or new', crashes, plain_memory=False)]
