# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line and the streams."""
from harness import Row
from rows_experiment import TINY


def usage(name, words, says, status=2, **more):
    return Row('command line', name, words, status, says, {'e.yaml': TINY}, **more)


def stream(name, redirect, words=('help', 'train'), status=7, then=None, **more):
    return Row('command line', name, list(words), status, (), {'e.yaml': TINY}, redirect=redirect, then=then, **more)


def told(setting, folder, outcome):
    """The reason stands on standard error where that is open."""
    return '' if 'standard output' in outcome.err else 'does not say "standard output"'


def trained(setting, folder, outcome):
    """The streams are lost, the run is not, and its files hold nothing that was printed."""
    found = setting.shell(folder, ['evaluate', 'run', '--samples', '1'])
    if found.status:
        return 'the run was lost: ' + found.err.strip()
    with open(folder + '/run/metrics.jsonl') as f:
        return '' if all(line.startswith('{') for line in f) else 'metrics.jsonl holds what was printed'


TRAIN = ('train', 'e.yaml', '-o', 'run')
ROWS = [
    Row('command line', 'no command', [], 2, (), then=lambda s, f, o: '' if 'usage' in o.err else 'no usage'),
    usage('unknown command', ['trian'], ('trian', 'train')),
    usage('unknown option', ['train', 'e.yaml', '--epohcs', '3'], ('epohcs', 'epochs')),
    usage('ambiguous option', ['train', 'e.yaml', '--s', '3'], ('--s', 'seed', 'set')),
    usage('option of another command', ['check', 'e.yaml', '--resume'], '--resume'),
    usage('missing value', ['train', 'e.yaml', '--seed'], '--seed'),
    usage('value of a switch', ['train', 'e.yaml', '--resume=1'], '--resume'),
    usage('no experiment', ['train'], 'EXP'),
    usage('two experiments', ['train', 'e.yaml', 'f.yaml'], 'f.yaml'),
    *[usage('--seed=' + v, ['train', 'e.yaml', '--seed=' + v], ('--seed', v)) for v in
      ('abc', '-1', '1.5', '18446744073709551616', '0x10', ' 1', '1 ')],
    usage('--seed with an empty value', ['train', 'e.yaml', '--seed='], '--seed'),
    *[usage('--threads=' + v, ['train', 'e.yaml', '--threads=' + v], ('--threads', v)) for v in
      ('0', '-1', '1000000', '4294967297', 'two')],
    *[usage('--epochs=' + v, ['train', 'e.yaml', '--epochs=' + v], ('--epochs', v)) for v in
      ('0', '-3', '99999999999999999999')],
    usage('--set without a value', ['check', 'e.yaml', '--set', 'seed'], '--set'),
    usage('--set of an unknown key', ['check', 'e.yaml', '--set', 'trian.epochs=1'], ('trian', 'train')),
    usage('--set below a number', ['check', 'e.yaml', '--set', 'seed.x=1'], 'seed.x'),
    usage('--set of bad YAML', ['check', 'e.yaml', '--set', 'seed={'], ('seed', 'YAML')),
    usage('an argument of 128 KB', ['a' * 131000], 'aaaa'),
    usage('an option of 128 KB', ['check', 'e.yaml', '--set', 'seed=' + '1' * 131000], 'seed'),
    usage('a path of 128 KB', ['check', 'a' * 131000], 'aaaa'),
    usage('no UTF-8', ['check', b'\xff\xfe.yaml'.decode('utf-8', 'surrogateescape')], 'opened'),
    usage('sample: 0 draws', ['sample', 'run', '-n', '0'], '0'),
    usage('evaluate: no samples', ['evaluate', 'run', '--samples', '-1'], '-1'),
    usage('resume and init-from', ['train', 'e.yaml', '--resume', '--init-from', 'x'], ('--resume', '--init-from')),
    usage('unknown CPU kernels', ['doctor'], ('sse', 'avx512', 'ELBO_CPU_LEVEL'), env={'ELBO_CPU_LEVEL': 'sse'}),
    usage('data info of nothing', ['data', 'info', 'nothing'], ('nothing', 'opened'), 3),
    stream('/dev/full', '>/dev/full', then=told),
    stream('/dev/full for a result', '>/dev/full', ('check', 'e.yaml'), then=told),
    stream('closed stdout', '>&-', then=told),
    stream('closed stdout and stderr', '>&- 2>&-', ('check', 'nothing'), 2),
    stream('closed stdin', '<&-', ('check', 'e.yaml'), 0),
    stream('stderr on a full disk', '2>/dev/full', ('check', 'nothing'), 2),
    stream('closed descriptors, a run', '<&- >&- 2>&-', TRAIN, 7, trained, changes=['run']),
    stream('/dev/full, a run', '>/dev/full', TRAIN, 7, trained, changes=['run']),
    stream('reader of the pipe gone, a run', '| true', TRAIN, 0, trained, changes=['run']),
]
