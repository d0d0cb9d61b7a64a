# SPDX-License-Identifier: GPL-3.0-or-later
"""Training: what stops it, and that what it leaves goes on to the same bits."""
import os, random, shlex, shutil, signal, subprocess, time
from harness import Row, Scene, digest, wait
from rows_checkpoint import read, take_run
from rows_experiment import TINY
from rows_plugin import until_saved

# Long enough to be hit in the middle of a step and of a save: several hundred of both.
LONG = TINY.replace('epochs: 2, batch_size: 50', 'epochs: 150, batch_size: 50, checkpoint_every: 1')
TRAIN = ('train', 'e.yaml', '-o', 'run', '-q')
LATER = TRAIN + ('--resume', '--epochs', '4')


def parameters(folder):
    """What has to be the same bit for bit: the step, all tensors."""
    header, data = read(os.path.join(folder, 'run/checkpoint.safetensors'))
    return {k: v for k, v in header.items() if k != '__metadata__'}, bytes(data)


def leftovers(folder):
    return [f'left behind: {f}' for f in os.listdir(folder + '/run') if f.endswith('.tmp') or f == '.elbo.lock']


def put(folder, content):
    with open(os.path.join(folder, 'e.yaml'), 'w') as f:
        f.write(content)


def unbroken(setting, content):
    """The folder of a run of `content` that nothing stopped; one for all rows."""
    at = os.path.join(setting.root, 'unbroken')
    with setting.lock:
        if not os.path.exists(at):
            os.mkdir(at)
            put(at, content)
            o = setting.shell(at, list(TRAIN))
            assert o.status == 0, o.err
    return at


def start(setting, folder, *more):
    return subprocess.Popen([setting.elbo, *TRAIN, *more], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=open(os.path.join(folder, 'err'), 'w'))


def same_end(setting, folder):
    """Resumes to the end and compares with the unbroken run."""
    o = setting.shell(folder, [*TRAIN, '--resume'])
    if o.status or o.err:
        return [f'resume: status {o.status}: {o.err.strip()}']
    wrong = leftovers(folder)
    if parameters(folder) != parameters(unbroken(setting, LONG)):
        wrong.append('C6: other bits than an unbroken run')
    with open(folder + '/run/metrics.jsonl') as a, open(unbroken(setting, LONG) + '/run/metrics.jsonl') as b:
        if a.read().count('\n') != b.read().count('\n'):
            wrong.append('C6: other lines in metrics.jsonl')
    return wrong


def stopped_by(name, status):
    def act(setting, folder):
        put(folder, LONG)
        p = start(setting, folder)
        until_saved(folder)
        p.send_signal(getattr(signal, name))
        found, _ = wait(p, time.monotonic() + 20)
        with open(folder + '/err') as f:
            said = f.read()
        wrong = [] if found == status else [f'C1: status {found}, expected {status}']
        if said.count('elbo: ') != 1 or '--resume' not in said:
            wrong.append('C2: ' + said.strip())
        return wrong + leftovers(folder) + same_end(setting, folder)
    return Scene('training', f'{name}: {status}, and resumed bit for bit', act)


def killed(setting, folder):
    """Again and again at random moments; whatever stands then is whole."""
    put(folder, LONG)
    draw, kills, wrong = random.Random(9), 0, []
    since = time.monotonic()
    p = start(setting, folder)
    until_saved(folder)
    p.kill()
    wait(p, time.monotonic() + 20)
    reach = max(0.09, time.monotonic() - since)  # sanitizers start slowly
    for _ in range(24):
        p = start(setting, folder, '--resume')
        time.sleep(reach * (0.3 + draw.random()))
        p.kill()
        kills += wait(p, time.monotonic() + 20)[0] == 137
        if os.path.exists(folder + '/run/checkpoint.safetensors'):
            o = setting.shell(folder, ['evaluate', 'run', '--samples', '1'])
            wrong += [f'after kill {kills}: {o.err.strip()}'] if o.status else []
    if kills < 15:
        wrong.append(f'only {kills} of 24 were killed in time')
    return wrong + same_end(setting, folder)


STREAMED = LONG.replace('builtin: digits, rows: 200, test_rows: 60', 'train: d.idx').replace(
    'model:', '  stream: {buffer: 200}\nmodel:').replace('epochs: 150', 'epochs: 20')


def images(folder):
    """1000 images: 5 half buffers of them, two rows a block."""
    draw = random.Random(4)
    with open(folder + '/d.idx', 'wb') as f:
        f.write(b'\0\0\10\3' + b''.join(n.to_bytes(4, 'big') for n in (1000, 28, 28)))
        f.write(bytes(draw.choices((0, 0, 0, 90, 255), k=784000)))


def streamed_as_unbroken(setting, folder):
    """Resumes, and compares with a run that nothing stopped."""
    wrong = []
    for words, at in ((['--resume'], 'run'), (['-o', 'whole'], 'whole')):
        o = setting.shell(folder, [*TRAIN, *words])
        wrong += [f'{at}: status {o.status}: {o.err.strip()}'] if o.status else []
    a, b = (read(f'{folder}/{at}/checkpoint.safetensors') for at in ('run', 'whole'))
    return wrong if wrong or bytes(a[1]) == bytes(b[1]) else ['C6: other bits than an unbroken run']


def shrinks(setting, folder):
    put(folder, STREAMED)
    images(folder)
    p = start(setting, folder, '--epochs', '1000000')
    until_saved(folder)
    os.truncate(folder + '/d.idx', 5000)
    found, _ = wait(p, time.monotonic() + 20)
    with open(folder + '/err') as f:
        said = f.read()
    wrong = [] if found == 3 else [f'C1: status {found}']
    if said.count('shrank') != 1 or 'now it ends at byte' not in said or 'd.idx: ' not in said:
        wrong.append('C2: ' + said.strip())
    o = setting.shell(folder, ['check', 'e.yaml'])
    if o.status != 3 or 'cut short' not in o.err:
        wrong.append(f'a file that is short at the start: {o.status}: {o.err.strip()}')
    images(folder)
    o = setting.shell(folder, ['evaluate', 'run', '--samples', '1'])
    return wrong + leftovers(folder) + ([f'the checkpoint: {o.err.strip()}'] if o.status else [])


def streamed_killed(setting, folder):
    put(folder, STREAMED)
    images(folder)
    draw = random.Random(5)
    p = start(setting, folder)
    until_saved(folder)
    p.kill()
    wait(p, time.monotonic() + 20)
    for _ in range(8):
        p = start(setting, folder, '--resume')
        time.sleep(0.05 + 0.1 * draw.random())
        p.kill()
        wait(p, time.monotonic() + 20)
    return streamed_as_unbroken(setting, folder)


def two_at_once(setting, folder):
    put(folder, LONG)
    p = start(setting, folder, '--epochs', '1000000')
    until_saved(folder)
    o = setting.shell(folder, [*TRAIN, '--resume'])
    wrong = [] if o.status == 7 and str(p.pid) in o.err else [f'the second: status {o.status}: {o.err.strip()}']
    p.send_signal(signal.SIGINT)
    found, _ = wait(p, time.monotonic() + 20)
    return wrong + ([] if found == 130 else [f'the first: status {found}'])


def gone(setting, folder):
    """The directory is taken away while the run writes there."""
    put(folder, LONG)
    p = start(setting, folder, '--epochs', '1000000')
    until_saved(folder)
    os.rename(folder + '/run', folder + '/away')
    found, _ = wait(p, time.monotonic() + 20)
    with open(folder + '/err') as f:
        said = f.read()
    return [] if found == 7 and said.count('elbo: ') == 1 and 'checkpoint' in said else [f'status {found}: {said.strip()}']


SHIM = r'''
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
static int hit(void) /* and a file tells that it was */
{
  static long left = -1;
  if (left < 0) left = atol(getenv("FAULT_AT"));
  if (!left || --left) return 0;
  syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, getenv("FAULT_TOLD"), O_WRONLY | O_CREAT, 0666));
  if (getenv("FAULT_KILLS")) raise(SIGKILL);
  errno = getenv("FAULT_FULL") ? ENOSPC : EIO;
  return 1;
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static int is_file(int fd) /* with a name: none in memory */
{
  struct stat s;
  return !fstat(fd, &s) && S_ISREG(s.st_mode) && s.st_nlink;
}
ssize_t write(int fd, const void *at, size_t n) { return is_file(fd) && hit() ? -1 : NEXT(write)(fd, at, n); }
int fsync(int fd) { return hit() ? -1 : NEXT(fsync)(fd); }
int ftruncate(int fd, off_t n) { return hit() ? -1 : NEXT(ftruncate)(fd, n); }
int rename(const char *a, const char *b) { return hit() ? -1 : NEXT(rename)(a, b); }
/* A full disk may tell of it only when what was written is closed. */
int close(int fd)
{
  int told = getenv("FAULT_FULL") && is_file(fd) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && hit(), why = errno;
  int status = NEXT(close)(fd);
  errno = told ? why : errno;
  return told ? -1 : status;
}
/* What can't be removed stays: no error of a save. */
int unlink(const char *a) { return getenv("FAULT_KILLS") && hit() ? -1 : NEXT(unlink)(a); }
'''


def build_shim(setting):
    at = os.path.join(setting.root, 'shim.so')
    with setting.lock:
        if not os.path.exists(at):
            with open(at + '.c', 'w') as f:
                f.write('#define _GNU_SOURCE\n' + SHIM)
            subprocess.run(shlex.split(os.environ.get('CC', 'cc')) + ['-w', '-shared', '-fPIC', '-o', at, at + '.c', '-ldl'], check=True)
    return at


def with_fault(setting, folder, words, k, **env):
    """The command with the k-th call on files failing; and whether there was a k-th."""
    told = folder + '/told'
    o = setting.shell(folder, words, env={'LD_PRELOAD': build_shim(setting), 'FAULT_AT': str(k), 'FAULT_TOLD': told, **env})
    if not os.path.exists(told):
        return o, False
    os.remove(told)
    return o, True


def at_every_call(kills):
    """The k-th of the calls that save: fails with EIO, or kills; until a run sees none; for every k in the torture, else
    for each of the first 40 and every fourth behind them."""
    def act(setting, folder):
        wrong, torn, tried = [], 0, 0
        put(folder, TINY.replace('epochs: 2', 'epochs: 3'))
        done = setting.shell(folder, list(TRAIN))
        expected = parameters(folder)
        every = 1 if setting.kills > 10 else 4
        for k in (*range(1, 41), *range(41, 1000, every)):
            shutil.rmtree(folder + '/run')
            shutil.copytree(setting.run, folder + '/run')
            o, met = with_fault(setting, folder, [*TRAIN, '--resume', '--epochs', '3'], k, **({'FAULT_KILLS': '1'} if kills else {}))
            if not met:
                break
            tried += 1
            if o.status != (137 if kills else 7):
                wrong.append(f'call {k}: status {o.status}: {o.err.strip()}')
            again = setting.shell(folder, [*TRAIN, '--resume', '--epochs', '3'])
            torn += again.status == 4
            if again.status or parameters(folder) != expected:
                wrong.append(f'call {k}: C6: then status {again.status}: {again.err.strip()}')
            wrong += [f'call {k}: {w}' for w in leftovers(folder)]
        print(f'     {"a kill" if kills else "EIO"} at {tried} calls of the {k - 1} that a run makes to save; torn checkpoints: {torn}')
        return wrong + ([] if done.status == 0 and o.status == 0 and k > 10 else [f'only {k} calls'])
    return Scene('training', 'kill -9 at every call of a save' if kills else 'EIO at every call of a save', act, plain_memory=False)


def survives(name, before, statuses, words=TRAIN, then=None, **more):
    """A limit of the system: done, or an error that says so; never a signal, never a wait."""
    def act(setting, folder):
        put(folder, TINY)
        o = setting.shell(folder, list(words), before=before, limit=20, **more)
        wrong = [] if o.status in statuses else [f'C1: status {o.status}: {o.err.strip()[:300]}']
        if o.status and o.status != 127 and 'elbo: ' not in o.err:
            wrong.append('C2: no message')
        if o.seconds > 5:
            wrong.append(f'C4: {o.seconds:.1f} s')
        if o.status == 0 and then:
            wrong += then(setting, folder)
        if os.path.exists(folder + '/run'):
            wrong += leftovers(folder)
        return wrong
    small = 'ulimit -v' in before or before == 'ulimit -s 128'  # too small for a sanitizer, or for code that is not optimised
    return Scene('training', name, act, user=more.get('user', False), plain_memory=not small)


def evaluates(setting, folder):
    o = setting.shell(folder, ['evaluate', 'run', '--samples', '1'], user=True)
    return [o.err.strip()] if o.status else []


def refused(name, words, status, says, prepare=None, files=None, **more):
    return Row('training', name, list(words), status, says, {'e.yaml': TINY, **(files or {})}, prepare=prepare, **more)


def kept(setting, folder, outcome):
    found = sorted(os.listdir(folder + '/run'))
    return '' if 'checkpoint.safetensors.failed' in found and not any(f.endswith('.tmp') for f in found) else f'found {found}'


def protect(setting, folder):
    take_run(setting, folder)
    for at, _, files in os.walk(folder + '/run'):
        for f in files:
            os.chmod(os.path.join(at, f), 0o644)
    os.chmod(folder + '/run', 0o555)


def stale(setting, folder):
    os.mkdir(folder + '/run')
    with open(folder + '/run/.elbo.lock', 'w') as f:
        f.write('1\n')


ROWS = [
    refused('objective not finite', TRAIN + ('--set', 'optimizer.learning_rate=1e30'), 6, ('node', 'step', 'seed', '.failed'),
            then=kept, changes=['run']),
    refused('a run stands there', TRAIN, 7, ('run', '--resume', '-o'), take_run),
    refused('nothing to resume', TRAIN + ('--resume',), 7, ('run', 'resume')),
    refused('the directory is a file', TRAIN, 7, 'run', files={'run': 'x'}),
    refused('its parent is a file', ('train', 'e.yaml', '-o', 'a/run', '-q'), 7, 'a', files={'a': 'x'}),
    refused('a name of 5000 bytes', ('train', 'e.yaml', '-o', 'r' * 5000, '-q'), 7, 'rrrr'),
    refused('file-size limit', TRAIN + ('--set', 'model.p.x.net.hidden=[100]'), 7, ('checkpoint.safetensors', 'ulimit -f'), before='ulimit -f 600',
            changes=['run'], plain_memory=False,  # a plugin with sanitizers is larger
            then=lambda s, f, o: 'C3: half a checkpoint' if os.path.exists(f + '/run/checkpoint.safetensors') else ''),
    refused('file-size limit below a plugin', LATER, 7, ('ulimit -f', 'File too large'), take_run, before='ulimit -f 8'),
    refused('read-only directory', TRAIN, 7, 'run', lambda s, f: os.chmod(f, 0o555), user=True),
    refused('read-only run', LATER, 7, 'run', protect, user=True),
    refused('a stale lock', TRAIN, 0, (), stale, changes=['run'], then=lambda s, f, o: '; '.join(leftovers(f))),
    survives('umask 777', 'umask 777', (0,), user=True, then=evaluates),
    *[survives(f'{n} descriptors', f'ulimit -n {n}', (0, 2, 7)) for n in (5, 8, 12, 16, 18, 20, 24)],
    *[survives(f'address space of {n} MB', f'ulimit -v {n}000', (0, 5, 7, 8, 127)) for n in (20, 40, 60, 80, 120, 160, 200, 260, 320, 400, 500, 700)],
    *[survives(f'stack of {n} KB', f'ulimit -s {n}', (0, 8)) for n in (128, 256, 512)],
    survives('no second process', 'ulimit -u 0', (0, 7, 8), user=True),
    Scene('training', 'two runs in one directory', two_at_once),
    Scene('training', 'the directory goes away', gone),
    stopped_by('SIGINT', 130),
    stopped_by('SIGTERM', 143),
    Scene('training', 'a streamed file shrinks: 3, the checkpoint whole', shrinks),
    Scene('training', 'streamed, kill -9 at 8 random moments, resumed bit for bit', streamed_killed),
    Scene('training', 'kill -9 at 24 random moments, resumed bit for bit', killed),
    at_every_call(False),
    at_every_call(True),
]
