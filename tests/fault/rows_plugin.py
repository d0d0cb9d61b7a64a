# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugin files: whatever one is or does, the host lives and says so. Built with CC, else cc."""
import functools, itertools, json, os, random, shlex, signal, subprocess, tempfile, time
from harness import Row, Scene, wait
from rows_experiment import TINY

HEAD = r'''
#include <elbo/plugin.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
static double lp(const elbo_call *c, const double *x, const double *w, double *dx, double *dw)
{ (void)c; if (dx) dx[0] = w[0] - x[0]; if (dw) dw[0] = x[0] - w[0]; return -0.5 * (x[0] - w[0]) * (x[0] - w[0]) - 0.9189385332046727; }
static const elbo_param ps[] = { { "loc", ELBO_REAL, 0, 0, "h" } };
'''
ENTRY = 'ELBO_PLUGIN(ELBO_KIND_FAMILY, f);\n'


def table(name='"odd"', more=''):
    return f'static const elbo_family f = {{ ELBO_FAMILY_SIZES, .name = {name}, .summary = "s", .params = ps, .n_params = 1, .log_prob = lp{more} }};\n'


def entry(magic='ELBO_MAGIC', major=1, size='sizeof(elbo_plugin)', kind=1):
    return ('ELBO_EXPORT extern const elbo_plugin elbo_plugin_entry;\nconst elbo_plugin elbo_plugin_entry = '
            f'{{ {magic}, {major}, 0, {size}, {kind}, "C", &f }};\n')


def at_start(body):
    return HEAD + table() + ENTRY + '__attribute__((constructor)) static void start(void) { ' + body + ' }\n'


def build(source, setting, folder, name='odd.so', mode=0o755):
    with open(os.path.join(folder, 'odd.c'), 'w') as f:
        f.write(source)
    command = shlex.split(os.environ.get('CC', 'cc')) + ['-w', '-O1', '-shared', '-fPIC', '-I', setting.include, '-o', name, 'odd.c', '-lm']
    subprocess.run(command, cwd=folder, check=True)
    os.chmod(os.path.join(folder, name), mode)


def built(name, source, says, status=5, mode=0o755):
    says = ('odd.so', *([says] if isinstance(says, str) else says)) if status else ()
    return Row('plugin file', name, ['plugin', 'list', '--plugin', 'odd.so'], status, says,
               prepare=functools.partial(build, source, mode=mode))


def path_of(setting, name):
    if not setting.plugins:
        listed = json.loads(setting.shell(setting.root, ['plugin', 'list', '--json']).out)['plugins']
        setting.plugins.update((p['name'], p['path']) for p in listed)
    return setting.plugins[name]


def bytes_row(name, change, says, status=5):
    def prepare(setting, folder):
        with open(path_of(setting, 'laplace'), 'rb') as f:
            raw = f.read()
        with open(os.path.join(folder, 'odd.so'), 'wb') as f:
            f.write(change(raw))
        os.chmod(os.path.join(folder, 'odd.so'), 0o755)
    return Row('plugin file', name, ['plugin', 'list', '--plugin', 'odd.so'], status, ('odd.so', says), prepare=prepare)


BATCH = 200  # plugins in a folder; each takes a descriptor while all are tried


class Swarm(Scene):
    """mutants: of (setting) -> bytes of plugins, each in a folder that the host searches. Each is refused, or taken; the host
    never ends otherwise. One that ends it is found by trying the folder's plugins one by one."""

    def __init__(self, name, mutants):
        super().__init__('plugin file', name, None)
        self.mutants = mutants

    def check(self, setting):
        tried = taken = 0
        killers, mutants = [], self.mutants(setting)
        while batch := list(itertools.islice(mutants, BATCH)):
            tried += len(batch)
            taken += try_batch(setting, batch, killers)
        wrong = [f'host killed by the mutant {keep(mutant)}' for mutant in killers]
        return wrong, f'{tried} mutants, {taken} taken, {tried - taken - len(killers)} refused, hosts killed: {len(killers)}'


def try_batch(setting, batch, killers):
    """How many were taken. Where the host did not answer for all, each half is tried, down to the culprit."""
    taken = list_of(setting, batch)
    if taken is None and len(batch) == 1:
        killers += batch
    if taken is not None or len(batch) == 1:
        return taken or 0
    half = len(batch) // 2
    return try_batch(setting, batch[:half], killers) + try_batch(setting, batch[half:], killers)


def list_of(setting, batch):
    """How many of the plugins are taken; None: the host did not live, or did not say."""
    with tempfile.TemporaryDirectory(dir=setting.root) as folder:
        for i, mutant in enumerate(batch):
            with open(f'{folder}/m{i}.so', 'wb') as f:
                f.write(mutant)
        o = setting.shell(folder, ['plugin', 'list', '--json', '--verbose'], env={'ELBO_PLUGIN_PATH': folder}, limit=600)
        if len(batch) == 1 and o.status == 5 and o.err.startswith('elbo: '):
            return 0  # a second one of its name, where only the tables of a debugger were cut off
        try:
            found = json.loads(o.out) if o.status == 0 else {}
        except ValueError:
            return None
        mine = [[p for p in found.get(k, ()) if p['path'].startswith(folder + '/')] for k in ('plugins', 'refused')]
        return len(mine[0]) if len(mine[0]) + len(mine[1]) == len(batch) else None


def keep(mutant):
    """A finding is left where it can be looked at."""
    with tempfile.NamedTemporaryFile(prefix='elbo-mutant-', suffix='.so', delete=False) as f:
        f.write(mutant)
    return f.name


def renamed(raw, i):
    """Its own name for each, as two of one name are refused together."""
    return raw.replace(b'\0laplace\0', b'\0m%06d\0' % i)


def four_bytes(count):
    """The same mutants every time: four bytes changed, of the first page in two of three, else anywhere."""
    def mutants(setting):
        draw = random.Random(4)
        with open(path_of(setting, 'laplace'), 'rb') as f:
            raw = f.read()
        for i in range(count):
            mutant = bytearray(renamed(raw, i))
            for _ in range(4):
                mutant[draw.randrange(4096 if i % 3 else len(raw))] = draw.randrange(256)
            yield bytes(mutant)
    return mutants


def cut_short(setting):
    """All installed plugins, cut at every 4 KB."""
    path_of(setting, 'laplace')
    for path in sorted(setting.plugins.values()):
        with open(path, 'rb') as f:
            raw = f.read()
        yield from (raw[:n] for n in range(4096, len(raw), 4096))


def file_row(name, make, says, command=('plugin', 'list', '--plugin', 'odd.so')):
    return Row('plugin file', name, list(command), 5, says, {} if make is None else {'odd.so': make})


ODD = TINY.replace('family: bernoulli', 'family: odd').replace(', binarize: dynamic', '')


def at_work(name, body, says, status=6):
    """One density of one row in one step is not what it should be; the state is kept."""
    source = HEAD.replace('{ (void)c; if', '{ (void)c; static long n; if (++n == 100000) { %s } if' % body) + table() + ENTRY
    row = Row('plugin at work', name, ['train', 'e.yaml', '-o', 'run', '-q', '--plugin', 'odd.so', '--threads', '1'], status, says,
              {'e.yaml': ODD}, prepare=functools.partial(build, source), changes=['run'],
              then=lambda s, f, o: '' if os.path.exists(f + '/run/checkpoint.safetensors.failed') else 'no state was kept')
    return row


def crashes(name, body, says):
    """At the 100 000th density; the checkpoint of the steps before stands and, with the plugin mended, goes on."""
    def act(setting, folder):
        source = HEAD.replace('{ (void)c; if', '{ (void)c; static long n; if (++n == 100000) { %s } if' % body) + table() + ENTRY
        build(source, setting, folder)
        with open(os.path.join(folder, 'e.yaml'), 'w') as f:
            f.write(ODD.replace('batch_size: 50', 'batch_size: 50, checkpoint_every: 1'))
        words = ['train', 'e.yaml', '-o', 'run', '-q', '--plugin', 'odd.so', '--threads', '2']
        o = setting.shell(folder, words)
        wrong = [] if o.status == 5 else [f'C1: status {o.status}: {o.err.strip()}']
        wrong += [f'C2: does not say {w!r}: {o.err.strip()}' for w in ('elbo: node', 'plugin odd', 'op log_prob', 'step ', '--resume', *says) if w not in o.err]
        build(HEAD + table() + ENTRY, setting, folder)
        again = setting.shell(folder, [*words, '--resume'])
        return wrong + ([f'C6: then status {again.status}: {again.err.strip()}'] if again.status else [])
    return Scene('plugin at work', name, act)


def never_returns(setting, folder):
    """A line after the time of the watchdog; the first interrupt waits for the step, the second ends it."""
    source = HEAD.replace('{ (void)c; if', '{ (void)c; static long n; if (++n == 100000) for (volatile int i = 0;; i++) {} if') + table() + ENTRY
    build(source, setting, folder)
    with open(os.path.join(folder, 'e.yaml'), 'w') as f:
        f.write(ODD)
    words = ['train', 'e.yaml', '-o', 'run', '-q', '--plugin', 'odd.so', '--threads', '2', '--watchdog', '1']
    with open(os.path.join(folder, 'err'), 'w+') as err:
        p = subprocess.Popen([setting.elbo, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        deadline = time.monotonic() + 20
        while not os.path.getsize(err.name) and time.monotonic() < deadline:
            time.sleep(0.05)
        p.send_signal(signal.SIGINT)
        time.sleep(0.3)
        wrong = ['the first interrupt did not wait'] if p.poll() is not None else []
        p.send_signal(signal.SIGINT)
        found, _ = wait(p, time.monotonic() + 5)
        err.seek(0)
        said = err.read()
    wrong += [] if found == 130 else [f'C1: status {found}, expected 130']
    return wrong + [f'does not say {w!r}: {said.strip()}' for w in ('no end after 1 s', 'plugin odd', 'op log_prob', 'step ') if w not in said]


KERNEL = r'''
static elbo_rc kernel(const elbo_call *c, size_t n, size_t d, elbo_rows x, const elbo_rows *w, float *value, float *dx, float *const *dw)
{
  for (size_t i = 0; i < n; i++) {
    value[i] = 0;
    for (size_t j = 0; j < d; j++) {
      float r = x.at[i * x.stride + j] - w[0].at[i * w[0].stride + j];
      value[i] -= 0.5f * r * r;
      if (dx) dx[i * d + j] = -r, dw[0][i * d + j] = r;
    }
  }
  %s
  return ELBO_OK;
}
static elbo_rc draw(const elbo_call *c, elbo_noise *e, const double *w, double *x) { x[0] = w[0] + c->host->normal(e); %s; return ELBO_OK; }
static elbo_rc pull(const elbo_call *c, const double *x, const double *w, const double *dx, double *dw) { dw[0] = dx[0]; %s; return ELBO_OK; }
'''
ROAD = ', .reparam = "composition", .noise_per_event = 1, .draw = draw, .pull = pull'


def beside(name, says, density='', kernel='', draw='', pull='', words=('train', 'e.yaml', '-o', 'run', '-q')):
    """What a function writes beside its memory passes unseen without --check-plugins, and is named with it."""
    def act(setting, folder):
        more = ROAD + (', .log_prob_f32 = { kernel }' if kernel else '')
        source = HEAD.replace('{ (void)c; if', '{ (void)c; %s if' % density) + KERNEL % (kernel, draw, pull) + table(more=more) + ENTRY
        build(source, setting, folder)
        with open(os.path.join(folder, 'e.yaml'), 'w') as f:
            f.write(ODD.replace('z: {family: normal, given', 'z: {family: odd, given').replace('sgvb_b', 'sgvb_a'))
        plain = setting.shell(folder, ['train', 'e.yaml', '-o', 'run', '-q', '--plugin', 'odd.so'])
        wrong = [] if plain.status == 0 else [f'without the option: {plain.status}: {plain.err.strip()}']
        if words[0] == 'train':
            words_now = [*words[:3], 'run2', *words[4:]]
        else:
            words_now = list(words)
        o = setting.shell(folder, [*words_now, '--plugin', 'odd.so', '--check-plugins'])
        wrong += [] if o.status == 5 else [f'C1: status {o.status}: {o.err.strip()}']
        said = ('elbo: node', 'plugin odd', 'op ', 'step ', says)
        return wrong + [f'C2: does not say {w!r}: {o.err.strip()}' for w in said if w not in o.err]
    return Scene('plugin at work', 'checked: ' + name, act)


def checked_same(setting, folder):
    """The shipped plugins pass, and the numbers are those of an unchecked run."""
    with open(os.path.join(folder, 'e.yaml'), 'w') as f:
        f.write(TINY)
    found = []
    for out, more in ('a', ()), ('b', ('--check-plugins',)):
        o = setting.shell(folder, ['train', 'e.yaml', '-o', out, '-q', *more])
        o2 = setting.shell(folder, ['evaluate', out, '--samples', '5', '--json', *more])
        if o.status or o2.status:
            return [f'{out}: {o.status}, {o2.status}: {o.err.strip()} {o2.err.strip()}']
        with open(os.path.join(folder, out, 'metrics.jsonl')) as f:
            losses = [json.loads(line).get('elbo') for line in f]
        found.append((losses, json.loads(o2.out)['elbo']))
    return [] if found[0] == found[1] else ['other numbers']


def replaced(setting, folder):
    """The file is written over while a run uses it: the run has a copy of its own."""
    build(HEAD + table() + ENTRY, setting, folder)
    with open(os.path.join(folder, 'e.yaml'), 'w') as f:
        f.write(ODD)
    words = ['train', 'e.yaml', '-o', 'run', '-q', '--plugin', 'odd.so', '--epochs', '1000000']
    p = subprocess.Popen([setting.elbo, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    until_saved(folder)
    with open(os.path.join(folder, 'odd.so'), 'r+b') as f:
        size = os.path.getsize(f.name)
        f.write(b'\0' * size)
        f.truncate(0)
    time.sleep(0.5)
    alive = p.poll() is None
    p.send_signal(signal.SIGINT)
    found, _ = wait(p, time.monotonic() + 20)
    said = p.stderr.read().decode()
    p.stderr.close()
    return [] if alive and found == 130 else [f'status {found}: {said.strip()}']


def until_saved(folder, seconds=20):
    deadline = time.monotonic() + seconds
    while not os.path.exists(folder + '/run/checkpoint.safetensors') and time.monotonic() < deadline:
        time.sleep(0.005)


ROWS = [
    file_row('missing', None, ('odd.so', 'opened')),
    file_row('empty', b'', ('odd.so', 'empty')),
    file_row('a folder', os.mkdir, ('odd.so', 'regular')),
    file_row('a FIFO', os.mkfifo, ('odd.so', 'regular')),
    Row('plugin file', 'text', ['plugin', 'list', '--plugin', 'odd.so'], 5, 'odd.so', {'odd.so': 'hello\n'}),
    bytes_row('32 bit', lambda raw: raw[:4] + b'\1' + raw[5:], 'ELF'),
    bytes_row('another processor', lambda raw: raw[:18] + b'\xb7\0' + raw[20:], 'opened'),
    bytes_row('two of one name', lambda raw: raw, ('two plugins')),
    Swarm('cut short at every 4 KB', cut_short),
    Swarm('four bytes changed, 60 mutants', four_bytes(60)),
    built('no entry', HEAD + 'ELBO_EXPORT int none;\n', 'elbo_plugin_entry'),
    built('undefined symbol', HEAD + 'extern void nowhere(void);\n' + table() + ENTRY + 'void go(void) { nowhere(); }\n', 'nowhere'),
    built('wrong magic', HEAD + table() + entry(magic='"elbo/plugout"'), 'magic'),
    built('other ABI', HEAD + table() + entry(major=2), ('2.0', '1.0')),
    built('other size of the entry', HEAD + table() + entry(size='12'), '12 bytes'),
    built('unknown kind', HEAD + table() + entry(kind='9'), 'kind'),
    built('other size of the table', HEAD + table(more=', .size = 8') + ENTRY, 'size'),
    built('required slot NULL', HEAD + table(more=', .log_prob = NULL') + ENTRY, 'log_prob'),
    built('slot that points nowhere', HEAD + table(more=', .params = (const void *)16') + ENTRY, 'signal 11'),
    built('name empty', HEAD + table('""') + ENTRY, 'name'),
    built('name NULL', HEAD + table('0') + ENTRY, 'name'),
    built('name of 10 MB', HEAD + 'static char name[10000000] = "x";\n__attribute__((constructor)) static void start(void) '
          '{ for (int i = 0; i < 9999999; i++) name[i] = 97; }\n' + table('name') + ENTRY, 'name'),
    built('name with control characters', HEAD + table(r'"a\033[2Jb\n"') + ENTRY, 'name'),
    built('10^6 parameters', HEAD + table(more=', .n_params = 1000000') + ENTRY, '1000000'),
    built('writable by everyone', HEAD + table() + ENTRY, ('writable by everyone', 'chmod'), mode=0o777),
    built('constructor exits', at_start('exit(0);'), 'exit'),
    built('constructor ends at once', at_start('_Exit(0);'), 'ended'),
    built('constructor aborts', at_start('abort();'), 'signal 6'),
    built('constructor faults', at_start('*(volatile int *)8 = 1;'), 'signal 11'),
    built('constructor loops', at_start('for (volatile int i = 0;; i++) {}'), 'longer'),
    built('constructor changes rounding', at_start('fesetround(FE_UPWARD);'), 'rounding'),
    built('constructor changes the locale', at_start('setlocale(LC_ALL, "C.UTF-8");'), 'locale'),
    built('constructor changes signal handlers', at_start('signal(SIGINT, SIG_IGN);'), 'signal handlers'),
    built('constructor closes descriptors', at_start('fcloseall(); for (int i = 0; i < 100; i++) close(i);'), 'ended'),
    built('a good one is taken', HEAD + table() + ENTRY, (), status=0),
    at_work('the density is NaN at one row', 'return NAN;', ('odd', 'x', 'step', 'seed')),
    crashes('SIGSEGV at step n', '*(volatile int *)8 = 1;', ('SIGSEGV',)),
    crashes('SIGFPE at step n', 'volatile int none = 0, some = 100; none = some / none;', ('SIGFPE',)),
    Scene('plugin at work', 'never returns: a line, and an interrupt works', never_returns),
    beside('a density writes past its output', 'wrote past the end of its output dw in log_prob', density='if (dw) ((volatile double *)dw)[1] = 1;'),
    beside('a density writes into its input', 'wrote into its input w in log_prob', density='((volatile double *)w)[0] = w[0];'),
    beside('a density writes into its input, evaluate', 'wrote into its input x in log_prob', density='((volatile double *)x)[0] = x[0];',
           words=('evaluate', 'run', '--samples', '2')),
    beside('a kernel writes past its output', 'wrote past the end of its output dw in log_prob_f32',
           kernel='if (dx) { volatile float *more = dw[0] + n * d; float was = *more; *more = was; }'),
    beside('a kernel writes into its input', 'wrote into its input x in log_prob_f32', kernel='*(volatile float *)x.at = x.at[0];'),
    beside('a draw writes past its output', 'wrote past the end of its output x in forward', draw='((volatile double *)x)[1] = 1'),
    beside('a pull writes into its input', 'wrote into its input dx in backward', pull='((volatile double *)dx)[0] = dx[0]'),
    Scene('plugin at work', 'checked: the shipped plugins, to the same bits', checked_same),
    Scene('plugin at work', 'the file is replaced while it runs', replaced),
    at_work('the density is infinite', 'return INFINITY;', ('odd', 'x', 'step')),
    at_work('the gradient is NaN', 'if (dw) dw[0] = NAN; return -1;', ('odd', 'x', 'step')),
]
