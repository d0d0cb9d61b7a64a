# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row is, and how it is checked.

Every refusal is run twice in a folder of its own and must hold the contract:
C1 the exit status names the class; C2 one message that says what, where, found, expected and what
to do; C3 nothing that exists is changed, nothing is left behind; C4 within five seconds and the
size of its files plus 64 MB of memory; C5 the same message both times."""
import hashlib, os, shutil, signal, stat, subprocess, tempfile, threading, time

SECONDS, MEMORY = 5.0, 64 << 20


class Outcome:
    """How a program ended: status (128 + n for signal n), its output, its time and memory."""

    def __init__(self, status, out, err, seconds, memory):
        self.status, self.out, self.err = status, out, err
        self.seconds, self.memory = seconds, memory


class Setting:
    """The program under test, and what rows start from."""

    def __init__(self, elbo, include, sanitized, root):
        self.elbo, self.include, self.sanitized, self.root = elbo, include, sanitized, root
        self.run = None  # a finished run of tiny.yaml
        self.base = 0  # bytes that a small command takes
        self.plugins = {}
        self.lock = threading.RLock()
        if sanitized:  # a request beyond any memory is answered, as malloc does, and not the end
            os.environ['ASAN_OPTIONS'] = 'allocator_may_return_null=1:' + os.environ.get('ASAN_OPTIONS', '')

    def shell(self, folder, words, before='', limit=60.0, env=None, user=False, redirect=''):
        """Runs the program with `words` after the shell commands `before`."""
        command = ['sh', '-c', before + '\nexec "$@" ' + redirect, 'sh']
        if user:
            command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] + command
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.monotonic()
            p = subprocess.Popen(command + [self.elbo] + words, cwd=folder, stdout=out, stderr=err,
                                 stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
            status, memory = wait(p, start + limit)
            seconds = time.monotonic() - start
            out.seek(0), err.seek(0)
            said = text(err.read())
            if self.sanitized:  # its warning of what it could not allocate has a process number
                said = ''.join(l for l in said.splitlines(True) if not l.startswith('=='))
            return Outcome(status, text(out.read()), said, seconds, memory)


def text(data):
    return data.decode('utf-8', 'replace')


def wait(p, deadline):
    """The status and the peak memory of a child; one that hangs is killed: 137."""
    while True:
        pid, status, usage = os.wait4(p.pid, os.WNOHANG)
        if pid:
            p.returncode = status
            code = os.waitstatus_to_exitcode(status)
            return (code if code >= 0 else 128 - code), usage.ru_maxrss * 1024
        if time.monotonic() > deadline:
            p.send_signal(signal.SIGKILL)
        time.sleep(0.002)


def digest(path):
    """In pieces: the memory of this process counts as the child's until it is another program."""
    total = hashlib.sha256()
    with open(path, 'rb') as f:
        while piece := f.read(1 << 16):
            total.update(piece)
    return total.hexdigest()


def snapshot(folder):
    """Path -> what stands there, to the byte."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(at, name)
            s = os.lstat(path)
            what = stat.S_IFMT(s.st_mode), stat.S_IMODE(s.st_mode)
            if stat.S_ISLNK(s.st_mode):
                what += (os.readlink(path),)
            elif stat.S_ISREG(s.st_mode):
                what += (digest(path),)
            found[os.path.relpath(path, folder)] = what
    return found


def changes(before, after):
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


class Row:
    """surface and name: where it stands in the table. words: the command. files: name -> bytes,
    text, or a function that makes it at a path. status: expected. says: words of the message.
    then: a further check, a function of (setting, folder, outcome) that returns what is wrong."""

    def __init__(self, surface, name, words, status, says=(), files=None, **more):
        self.surface, self.name, self.words, self.status = surface, name, words, status
        self.says = (says,) if isinstance(says, str) else says
        self.files = files or {}
        self.prepare = more.pop('prepare', None)  # of (setting, folder)
        self.then = more.pop('then', None)
        self.changes = more.pop('changes', ())  # what may be changed: prefixes of paths
        self.plain_memory = more.pop('plain_memory', True)  # False: an address space that sanitizers need
        self.shell = more

    def folder(self, setting):
        at = tempfile.mkdtemp(dir=setting.root)
        for name, what in self.files.items():
            path = os.path.join(at, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if callable(what):
                what(path)
                continue
            with open(path, 'wb') as f:
                f.write(what if isinstance(what, bytes) else what.encode())
        if self.prepare:
            self.prepare(setting, at)
        if self.shell.get('user'):
            os.chmod(at, 0o777 if os.stat(at).st_mode & 0o200 else 0o555)
        return at

    def check(self, setting):
        """A list of what is wrong, and the message."""
        if self.shell.get('user') and not ordinary_user(setting):
            return None, 'no ordinary user can run the program here'
        if setting.sanitized and not self.plain_memory:
            return None, 'sanitizers need the address space'
        at = self.folder(setting)
        try:
            return self.contract(setting, at)
        finally:
            subprocess.run(['chmod', '-R', 'u+rwx', at], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(at, ignore_errors=True)

    def contract(self, setting, at):
        words = [str(w) for w in (self.words(setting) if callable(self.words) else self.words)]
        before, wrong = snapshot(at), []
        weight = sum(os.lstat(os.path.join(at, p)).st_size for p, w in before.items() if len(w) == 3)
        first = setting.shell(at, words, **self.shell)
        changed = [p for p in changes(before, snapshot(at)) if not p.startswith(tuple(self.changes))]
        if first.status != self.status:
            wrong.append(f'C1: status {first.status}, expected {self.status}')
        if self.status:
            wrong += self.message(first.err)
        elif first.err and not self.shell.get('redirect'):
            wrong.append('C2: a message where none was expected')
        if changed:
            wrong.append('C3: changed: ' + ', '.join(changed[:5]))
        if first.seconds > SECONDS * (4 if setting.sanitized else 1):
            wrong.append(f'C4: {first.seconds:.1f} s')
        if not setting.sanitized and first.memory > setting.base + weight + MEMORY:
            wrong.append(f'C4: {first.memory >> 20} MB')
        if self.then:
            more = self.then(setting, at, first)
            wrong += [more] if more else []
        if not self.changes:
            again = setting.shell(at, words, **self.shell)
            if (again.status, again.err) != (first.status, first.err):
                wrong.append('C5: then status %d, %s' % (again.status, again.err.strip()))
        return wrong, first.err.strip()

    def message(self, err):
        if self.shell.get('redirect') or self.says == ():
            return []
        wrong = []
        if sum(line.startswith('elbo: ') for line in err.splitlines()) != 1:
            wrong.append('C2: not one message')
        wrong += [f'C2: does not say {w!r}' for w in self.says if w not in err]
        return wrong


class Scene:
    """A row that is a small play: act(setting, folder) returns a list of what is wrong, or why
    it can't be played here."""

    def __init__(self, surface, name, act, user=False, plain_memory=True):
        self.surface, self.name, self.act = surface, name, act
        self.user, self.plain_memory = user, plain_memory

    def check(self, setting):
        if self.user and not ordinary_user(setting):
            return None, 'no ordinary user can run the program here'
        if setting.sanitized and not self.plain_memory:
            return None, 'sanitizers need the memory'
        at = tempfile.mkdtemp(dir=setting.root)
        if self.user:
            os.chmod(at, 0o777)
        try:
            wrong = self.act(setting, at)
            return (None, wrong) if isinstance(wrong, str) else (wrong, '')
        finally:
            subprocess.run(['chmod', '-R', 'u+rwx', at], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(at, ignore_errors=True)


def ordinary_user(setting):
    """Permissions do not bind the superuser, who becomes nobody for these rows."""
    if os.geteuid() != 0:
        return False
    os.chmod(setting.root, 0o755)
    return setting.shell(setting.root, ['--version'], user=True).status == 0
