# SPDX-License-Identifier: GPL-3.0-or-later
"""What encode, impute, export and report write: under its final name stands the old file or the whole new one, never half."""
import os, shutil, subprocess
import rows_checkpoint
from harness import Row, Scene, snapshot
from rows_data import shape
from rows_train import with_fault

# name: the command, what it writes (below `out`)
COMMANDS = {
    'encode to npz': (('encode', 'run', '-n', '20', '-o', 'out/a.npz'), 'out/a.npz'),
    'encode to svg': (('encode', 'run', '-n', '20', '-o', 'out/a.svg'), 'out/a.svg'),
    'impute': (('impute', 'run', '-n', '20', '--mask', 'mask.npy', '-o', 'out/a.npz'), 'out/a.npz'),
    'export --npz': (('export', 'run', '--npz', 'out/a.npz'), 'out/a.npz'),
    'export --c': (('export', 'run', '--c', 'out/c'), 'out/c'),
    'report': (('report', 'run', '--samples', '5', '-o', 'out/a.html'), 'out/a.html'),
}


def take_run(setting, folder):
    """And a mask: the upper half of an image is seen."""
    rows_checkpoint.take_run(setting, folder)
    with open(folder + '/mask.npy', 'wb') as f:
        f.write(shape('(28, 28)', bytes([1] * 392 + [0] * 392), '|u1'))


def outputs(folder):
    """Path -> bytes of every file below out."""
    found = {}
    for at, _, files in os.walk(os.path.join(folder, 'out')):
        for name in files:
            path = os.path.join(at, name)
            with open(path, 'rb') as f:
                found[os.path.relpath(path, folder)] = f.read()
    return found


def half(before, now, whole):
    """What is neither as it was nor as it should become, and what should not be there."""
    return [f'C3: {p}: {len(now[p])} bytes of {len(whole.get(p, b""))}' for p in now if now[p] not in (before.get(p), whole.get(p))]


def begin(setting, folder, words):
    """A run, and all that the command writes if nothing goes wrong."""
    take_run(setting, folder)
    os.mkdir(folder + '/out')
    o = setting.shell(folder, list(words))
    assert o.status == 0, o.err
    whole = outputs(folder)
    assert whole, 'nothing is written'
    return whole


def at_every_call(name, old):
    """The k-th call on a file fails, its closing among them; for every k, until a run sees none."""
    words, _ = COMMANDS[name]

    def act(setting, folder):
        whole, wrong, k = begin(setting, folder, words), [], 0
        before = {p: content + b'\n/* old */\n' for p, content in whole.items()} if old else {}
        run, o = snapshot(folder + '/run'), None
        while k < 200:
            k += 1
            shutil.rmtree(folder + '/out')
            os.mkdir(folder + '/out')
            for path, content in before.items():
                os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                with open(os.path.join(folder, path), 'wb') as f:
                    f.write(content)
            o, met = with_fault(setting, folder, list(words), k, FAULT_FULL='1')
            if not met:
                break
            if o.status != 7 or o.err.count('elbo: ') != 1 or 'No space' not in o.err:
                wrong.append(f'call {k}: status {o.status}: {o.err.strip()}')
            wrong += [f'call {k}: {w}' for w in half(before, outputs(folder), whole)]
        if o.status or outputs(folder) != whole or k < 4:
            wrong.append(f'after {k - 1} calls that failed: status {o.status}')
        return wrong + (['C3: the run was changed'] if snapshot(folder + '/run') != run else [])
    return Scene('outputs', f'{name}: the disk full at every call, {"over an old file" if old else "a new file"}', act, plain_memory=False)


def full_disk(setting, folder):
    """Not a shim: a small file system."""
    disk, wrong = os.path.join(folder, 'out'), []
    take_run(setting, folder)
    os.mkdir(disk)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'none', disk], capture_output=True, check=False).returncode:
        return 'no file system can be mounted here'
    try:
        with open(disk + '/filler', 'wb') as f:
            f.write(b'x' * 4096)
        for name, (words, _) in COMMANDS.items():
            o = setting.shell(folder, list(words))
            if o.status != 7 or 'No space' not in o.err:
                wrong.append(f'{name}: status {o.status}: {o.err.strip()}')
            wrong += [f'{name}: C3: left behind: {p}' for p in outputs(folder) if p != 'out/filler']
    finally:
        subprocess.run(['umount', disk], check=False)
    return wrong


def folder_there(name):
    """A folder where the file is to be, or a file where the folder is to be."""
    words, path = COMMANDS[name]

    def prepare(setting, folder):
        take_run(setting, folder)
        os.makedirs(os.path.join(folder, path if '.' in path else 'out'))
        if '.' not in path:
            with open(os.path.join(folder, path), 'w') as f:
                f.write('a file')
    return Row('outputs', f'{name}: {"a folder" if "." in path else "a file"} stands there', list(words), 7, path, prepare=prepare)


def no_folder(name):
    words, path = COMMANDS[name]
    return Row('outputs', f'{name}: no such folder', list(words), 7, path, prepare=take_run)


def closed_folder(name):
    words, path = COMMANDS[name]

    def prepare(setting, folder):
        take_run(setting, folder)
        os.mkdir(folder + '/out')
        os.chmod(folder + '/out', 0o555)
    return Row('outputs', f'{name}: a folder that may not be written', list(words), 7, path, prepare=prepare, user=True)


FILES = [name for name, (_, path) in COMMANDS.items() if '.' in path]
ROWS = [
    *[folder_there(name) for name in COMMANDS],
    *[no_folder(name) for name in FILES],
    *[closed_folder(name) for name in COMMANDS],
    *[at_every_call(name, False) for name in COMMANDS],
    *[at_every_call(name, True) for name in ('encode to npz', 'export --c', 'report')],
    Scene('outputs', 'a full file system: nothing is left behind', full_disk),
]
