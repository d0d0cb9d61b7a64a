# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps: whatever stops one, the same call goes on to the table of one that nothing stopped."""
import json, os, random, shutil, signal, subprocess, time
from harness import Scene, wait
from rows_experiment import TINY
from rows_train import put, with_fault

EPOCHS = TINY.replace('epochs: 2,', 'epochs: 40, checkpoint_every: 1,')
SHORT = TINY.replace('epochs: 2,', 'epochs: 2, checkpoint_every: 1,')
ROUNDS = 4
SWEEP = ('sweep', 'e.yaml', '-o', 's', '--vary', 'seed=1,2,3', '--jobs', '2', '-q')


def table(folder):
    """sweep.json without what a clock says."""
    with open(folder + '/s/sweep.json') as f:
        found = json.load(f)
    for part in found['rows'] + found['cells']:
        del part['seconds']
    return found


def unbroken(setting, content):
    """The table of a sweep that nothing stopped; one for all rows."""
    at = os.path.join(setting.root, f'sweep{len(content)}')
    with setting.lock:
        if not os.path.exists(at):
            os.mkdir(at)
            put(at, content)
            o = setting.shell(at, list(SWEEP))
            assert o.status == 0, o.err
    return table(at)


def start(setting, folder):
    return subprocess.Popen([setting.elbo, *SWEEP], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=open(folder + '/err', 'w'), start_new_session=True)


def until_saved(folder, cell):
    path = f'{folder}/s/{cell}/checkpoint.safetensors'
    for _ in range(2000):
        if os.path.exists(path):
            return
        time.sleep(0.01)
    raise AssertionError('no checkpoint of ' + cell)


def children(p):
    with open(f'/proc/{p.pid}/task/{p.pid}/children') as f:
        return [int(c) for c in f.read().split()]


def leftovers(folder):
    return [f'left behind: {at}/{f}' for at, _, files in os.walk(folder + '/s') for f in files if f.endswith('.tmp') or f == '.elbo.lock']


def same_end(setting, folder, content=EPOCHS):
    o, until = setting.shell(folder, list(SWEEP)), time.monotonic() + 10
    while o.status == 7 and 'another run' in o.err and time.monotonic() < until:
        time.sleep(0.1)  # the cells of a sweep that was killed are saving, and hold its lock so long
        o = setting.shell(folder, list(SWEEP))
    if o.status or o.err:
        return [f'the same call: status {o.status}: {o.err.strip()}']
    return leftovers(folder) + ([] if table(folder) == unbroken(setting, content) else ['C6: another table than of an unbroken sweep'])


def killed(group):
    """At random moments, again and again: the sweep alone, whose children save and leave, or all its processes."""
    def act(setting, folder):
        put(folder, EPOCHS)
        draw, kills = random.Random(3), 0
        for i in range(ROUNDS):
            p = start(setting, folder)
            if i == 0:
                until_saved(folder, 'seed=1')
            time.sleep(0.25 * draw.random())
            if group:
                os.killpg(p.pid, signal.SIGKILL)
            else:
                os.kill(p.pid, signal.SIGKILL)  # not p.kill(), which asks for it first
            kills += wait(p, time.monotonic() + 20)[0] == 137
        return same_end(setting, folder) + ([] if kills else ['none was killed in time'])
    return Scene('sweep', f'kill -9 of {"all its processes" if group else "the sweep alone"} at {ROUNDS} random moments, gone on with: the same table', act)


def cell_killed(setting, folder):
    """One cell's process dies: told, the others are done, and the same call mends it."""
    put(folder, EPOCHS.replace('epochs: 40', 'epochs: 200'))
    p = start(setting, folder)
    until_saved(folder, 'seed=1')
    os.kill(children(p)[0], signal.SIGKILL)
    found, _ = wait(p, time.monotonic() + 60)
    with open(folder + '/err') as f:
        said = f.read()
    wrong = [] if found == 1 and said.count('elbo: ') == 1 and '1 of 3 cells failed' in said else [f'status {found}: {said.strip()}']
    states = [(c['state'], c['reason'] or '') for c in table(folder)['cells']]
    if [s for s, _ in states] != ['failed', 'done', 'done'] or 'signal 9' not in states[0][1]:
        wrong.append(f'found {states}')
    o = setting.shell(folder, list(SWEEP))
    states = [c['state'] for c in table(folder)['cells']]
    return wrong + leftovers(folder) + ([] if o.status == 0 and states == ['done'] * 3 else [f'again: {o.status}: {o.err.strip()}'])


def two_at_once(setting, folder):
    put(folder, EPOCHS.replace('epochs: 40', 'epochs: 1000000'))
    p = start(setting, folder)
    until_saved(folder, 'seed=1')
    o = setting.shell(folder, list(SWEEP))
    wrong = [] if o.status == 7 and str(p.pid) in o.err else [f'the second: status {o.status}: {o.err.strip()}']
    p.send_signal(signal.SIGINT)
    found, _ = wait(p, time.monotonic() + 20)
    return wrong + leftovers(folder) + ([] if found == 130 else [f'the first: status {found}'])


def full_disk(setting, folder):
    """A small file system; with room again the same call goes on."""
    disk = folder + '/disk'
    os.mkdir(disk)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'none', disk], capture_output=True, check=False).returncode:
        return 'no file system can be mounted here'
    try:
        put(disk, EPOCHS)
        o = setting.shell(disk, list(SWEEP))
        wrong = [] if o.status in (1, 7) and o.err.count('elbo: ') == 1 else [f'status {o.status}: {o.err.strip()}']
        if o.status == 1 and not any('No space' in (c['reason'] or '') for c in table(disk)['cells']):
            wrong.append('no cell says why: ' + str(table(disk)['cells']))
        subprocess.run(['mount', '-o', 'remount,size=20m', disk], check=True)
        return wrong + leftovers(disk) + same_end(setting, disk)
    finally:
        subprocess.run(['umount', disk], check=False)


def at_every_call(setting, folder):
    """The k-th call on files fails, in the sweep and in each of its cells: for some k; in the torture for every one."""
    wrong, tried, k = [], 0, 1
    put(folder, SHORT)
    while k < 1000:
        shutil.rmtree(folder + '/s', ignore_errors=True)
        o, met = with_fault(setting, folder, list(SWEEP), k, FAULT_FULL='1')
        if not met:
            break
        tried += 1
        if o.status not in (1, 7) or o.err.count('elbo: ') != 1:
            wrong.append(f'call {k}: status {o.status}: {o.err.strip()}')
        wrong += [f'call {k}: {w}' for w in same_end(setting, folder, SHORT)]
        k += 1 if setting.kills > 10 else k
    print(f'     a full disk at {tried} calls of a sweep')
    return wrong + ([] if tried > 3 else [f'only {tried} calls'])


ROWS = [
    killed(False),
    killed(True),
    Scene('sweep', 'a cell is killed: told, the others done, and done by the same call', cell_killed),
    Scene('sweep', 'two in one folder', two_at_once),
    Scene('sweep', 'the disk is full, and has room again', full_disk),
    Scene('sweep', 'the disk full at a call, gone on with: the same table', at_every_call, plain_memory=False),
]
