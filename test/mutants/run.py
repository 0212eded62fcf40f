#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Applies each mutant of mutants.txt to a copy of the tree, builds the tests it names, and expects them to fail. Prints a
table; exits with 0 when all were killed, 1 when one was not, 2 when a test fails without a mutant, so that nothing can be told.

Killed is a mutant whose named test fails, or whose named test's program crashes while it runs nothing else. One that does not build,
that only another test notices, or that hangs without saying so in its entry is not.
"""
import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the user's tree stays as it is
import mutants  # pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SKIPPED = 77
# What a mutant leaves unused is no error.
SETUP = {
    'plain': [],
    'yield': ['-Dyield_points=true'],
    'asan': ['-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dyield_points=true'],
    'tsan': ['-Db_sanitize=thread', '-Db_lundef=false', '-Dyield_points=true'],
}


class Failed(Exception):
    """Something that is no mutant's doing."""


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- Processes: each in a group of its own, so that nothing outlives us -------------------------------------------------

class Processes:
    def __init__(self):
        self.lock = threading.Lock()
        self.live = set()
        self.stopped = False

    def start(self, command, **kwargs):
        with self.lock:
            if self.stopped:
                raise Failed('stopped')
            process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **kwargs)
            self.live.add(process.pid)
        return process

    def end(self, process):
        """Whatever is left of it, its children too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with self.lock:
            self.live.discard(process.pid)

    def stop(self):
        with self.lock:
            self.stopped = True
            for pid in self.live:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


PROCESSES = Processes()


@dataclasses.dataclass
class Ran:
    status: int  # of the process; None: it took too long
    output: str
    seconds: float


def run(command, limit=None, **kwargs):
    began = time.monotonic()
    # A file and not a pipe: a grandchild that holds it open holds nobody up.
    with tempfile.TemporaryFile() as output:
        process = PROCESSES.start(command, stdout=output, stderr=subprocess.STDOUT, **kwargs)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            PROCESSES.end(process)
        if PROCESSES.stopped:
            raise Failed('stopped')
        output.seek(0)
        return Ran(status, output.read().decode(errors='replace'), time.monotonic() - began)


# ---- The copy -------------------------------------------------------------------------------------------------------------

def tree_files():
    """What git knows or would add: changes that are not committed are part of the tree under test."""
    listed = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listed.returncode == 0:
        paths = [path for path in listed.stdout.decode().split('\0') if path]
    else:
        paths = [os.path.relpath(os.path.join(where, name), ROOT) for where, dirs, names in os.walk(ROOT)
                 if not prune(where, dirs) for name in names]
    return sorted({path for path in paths if os.path.isfile(os.path.join(ROOT, path))})


def prune(where, dirs):
    if where == ROOT:
        dirs[:] = [name for name in dirs if name != '.git' and not name.startswith('build')]


def same(a, b):
    try:
        with open(a, 'rb') as x, open(b, 'rb') as y:
            return x.read() == y.read()
    except FileNotFoundError:
        return False


class Worker:
    """A copy of the tree and its builds."""

    def __init__(self, where):
        self.tree = os.path.join(where, 'tree')
        self.where = where
        self.tests = {}
        self.sync()

    def sync(self):
        """Touches only what differs: a copy of an earlier run is built on."""
        wanted = tree_files()
        for path in wanted:
            source, copy = os.path.join(ROOT, path), os.path.join(self.tree, path)
            if not same(source, copy):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy(source, copy)
        wanted = set(wanted)
        for where, _, names in os.walk(self.tree):
            for name in names:
                path = os.path.join(where, name)
                if os.path.relpath(path, self.tree) not in wanted:
                    os.remove(path)

    def setup(self, build):
        """@return {meson's name of a test: how it is run}"""
        if build in self.tests:
            return self.tests[build]
        path = os.path.join(self.where, build)
        if not os.path.exists(os.path.join(path, 'build.ninja')):
            env = dict(os.environ)
            if build == 'tsan':
                env['CC'] = 'clang'  # gcc's writes small memsets out where it does not see them
            made = run(['meson', 'setup', path, self.tree, '-Dwerror=false', *SETUP[build]], env=env)
        else:
            made = run(['ninja', '-C', path, 'build.ninja'])  # of an earlier run
        if made.status:
            raise Failed(f'meson setup, build {build}:\n{made.output}')
        found = {}
        targets = {target['id']: target['filename'] for target in self.introspect(path, 'targets')}
        for test in self.introspect(path, 'tests'):
            test['files'] = [os.path.relpath(name, path) for id in test['depends'] for name in targets.get(id, [])]
            found[test['name']] = test
        self.tests[build] = found
        return found

    @staticmethod
    def introspect(path, what):
        with open(os.path.join(path, 'meson-info', f'intro-{what}.json'), encoding='utf-8') as file:
            return json.load(file)

    def compile(self, build, kills):
        tests = self.setup(build)
        for kill in kills:
            if kill.test not in tests:
                raise mutants.Bad(f'build {build} has no test "{kill.test}"')
        files = sorted({name for kill in kills for name in tests[kill.test]['files']})
        return run(['ninja', '-C', os.path.join(self.where, build), *files])

    def test(self, build, kill, filtered, limit):
        test = self.tests[build][kill.test]
        halt = 'halt_on_error=1:abort_on_error=1'
        env = dict(os.environ, ASAN_OPTIONS=halt, UBSAN_OPTIONS=halt + ':print_stacktrace=1',
                   TSAN_OPTIONS='suppressions=' + os.path.join(self.tree, 'test/support/tsan.supp'))
        if build in ('plain', 'yield'):
            env['MALLOC_PERTURB_'] = '165'  # what is freed is not what it was
        env.update(test['env'])
        command = test['cmd'] + ([kill.prefix] if filtered and kill.prefix else [])
        return run(command, limit, cwd=test['workdir'] or os.path.join(self.where, build), env=env)


@contextlib.contextmanager
def applied(tree, mutant):
    texts = mutants.mutate(tree, mutant)
    try:
        for path, (_, text) in texts.items():
            write(os.path.join(tree, path), text)
        yield
    finally:
        for path, (text, _) in texts.items():
            write(os.path.join(tree, path), text)


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


# ---- Verdicts ---------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Result:
    mutant: mutants.Mutant
    verdict: str
    by: str
    seconds: float
    output: str = ''

    @property
    def killed(self):
        return self.verdict == 'killed'


def failures(output):
    """Names of the tests that test/support/suite.c says have failed."""
    return re.findall(r'^FAIL (\w+)$', output, re.M)


def why_it_died(ran):
    for line in ran.output.splitlines():
        for sign in ('ERROR: AddressSanitizer', 'WARNING: ThreadSanitizer', 'runtime error', 'Assertion', 'LeakSanitizer'):
            if sign in line:
                return line.strip()[:100]
    return f'signal {-ran.status}' if ran.status < 0 else f'status {ran.status}'


def judge(mutant, kill, ran, filtered):
    """@return (verdict, by) of one run of a named test; verdict None: it passed"""
    failed = failures(ran.output)
    ours = [name for name in failed if name.startswith(kill.prefix)]
    if ran.status is None:
        return ('killed' if mutant.hang else 'HANGS'), f'{kill}: time limit'
    if ran.status == 0:
        return None, ''
    if ran.status == SKIPPED:
        return 'SKIPPED', str(kill)
    if ours:
        return 'killed', f'{kill.test} {ours[0]}'
    if failed:
        return 'OTHER TEST', f'{kill.test} {failed[0]}'
    if filtered or not kill.prefix:
        return 'killed', f'{kill}: {why_it_died(ran)}'
    return 'OTHER TEST', f'{kill.test}: {why_it_died(ran)}'


class Session:
    def __init__(self, data, workers):
        self.data = data
        self.idle = queue.Queue()
        for worker in workers:
            self.idle.put(worker)
        self.usual = {}  # (build, kill): seconds that it takes

    @contextlib.contextmanager
    def worker(self):
        worker = self.idle.get()
        try:
            yield worker
        finally:
            self.idle.put(worker)

    def filtered(self, kill):
        return bool(kill.prefix) and not kill.test.startswith(tuple(self.data.whole))

    def unmutated(self, wanted):
        """Each named test passes on the tree as it is, or its mutants can tell nothing."""
        build, kill = wanted
        with self.worker() as worker:
            try:
                compiled = worker.compile(build, [kill])
            except mutants.Bad as bad:
                say(f'   {bad}')
                return
            if compiled.status:
                say(f'   NO BUILD unmutated: {kill} ({build}):\n{compiled.output[-3000:]}')
                return
            ran = worker.test(build, kill, self.filtered(kill), worker.tests[build][kill.test]['timeout'] * 3)
        if ran.status == 0:
            self.usual[build, str(kill)] = ran.seconds
            say(f'   passes unmutated: {kill} ({build}), {ran.seconds:.1f} s')
        else:
            say(f'   FAILS unmutated: {kill} ({build}):\n{ran.output[-3000:]}')

    def limit(self, mutant, kill):
        # Waits for hardware end within 20 s in the tests; what hangs for good need not be waited for so long.
        return (5 if mutant.hang else 40) + 8 * self.usual[mutant.build, str(kill)]

    def try_kill(self, worker, mutant, kill):
        filtered = self.filtered(kill)
        for _ in range(mutant.tries):
            ran = worker.test(mutant.build, kill, filtered, self.limit(mutant, kill))
            verdict, by = judge(mutant, kill, ran, filtered)
            if verdict:
                return verdict, by, ran.output
        if filtered:  # who else notices?
            ran = worker.test(mutant.build, mutants.Kill(kill.test, ''), False, 60 + self.limit(mutant, kill))
            others = failures(ran.output) or ([why_it_died(ran)] if ran.status else [])
            if ran.status is not None and others:
                return 'OTHER TEST', f'{kill.test} {others[0]}', ran.output
        return 'SURVIVED', str(kill), ran.output

    def kill(self, mutant):
        """Tries to. @return Result"""
        began = time.monotonic()

        def result(verdict, by, output=''):
            return Result(mutant, verdict, by, time.monotonic() - began, output)

        lame = [str(kill) for kill in mutant.kills if (mutant.build, str(kill)) not in self.usual]
        if lame:
            return result('LAME', f'{lame[0]} fails without a mutant')
        with self.worker() as worker:
            try:
                with applied(worker.tree, mutant):
                    compiled = worker.compile(mutant.build, mutant.kills)
                    if compiled.status:
                        errors = [line for line in compiled.output.splitlines() if ' error: ' in line or 'undefined reference' in line]
                        return result('NO BUILD', (errors or ['?'])[0], compiled.output)
                    for kill in mutant.kills:
                        verdict, by, output = self.try_kill(worker, mutant, kill)
                        if verdict != 'killed':
                            return result(verdict, by, output)
                    return result('killed', by, output)
            except mutants.Bad as bad:
                return result('NO MATCH', str(bad))


# ---- What the user sees -----------------------------------------------------------------------------------------------------

def table(rows, file=sys.stdout):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), file=file)


def show(results):
    table([('case', 'mutant', 'verdict', 'by', 'seconds')] +
          [(r.mutant.case, r.mutant.name, r.verdict, r.by[:110], f'{r.seconds:.1f}') for r in results])
    killed = sum(r.killed for r in results)
    print(f'{len(results)} mutants of {len({r.mutant.case for r in results})} cases: {killed} killed, {len(results) - killed} not')


def chosen(data, args):
    cases = {case.lower() for case in args.case or []}
    return [mutant for mutant in data.mutants
            if (not cases or mutant.case.lower() in cases) and (args.only or '') in str(mutant)]


def kill_all(session, wanted, args):
    results = {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        try:
            tests = {(mutant.build, str(kill)): (mutant.build, kill) for mutant in wanted for kill in mutant.kills}
            list(pool.map(session.unmutated, tests.values()))
            futures = {pool.submit(session.kill, mutant): mutant for mutant in wanted}
            for future in concurrent.futures.as_completed(futures):
                result = future.result()
                results[str(result.mutant)] = result
                say(f'[{len(results)}/{len(wanted)}] {result.mutant}: {result.verdict} by {result.by}, {result.seconds:.1f} s')
                if args.verbose and not result.killed:
                    say(result.output[-4000:])
        except BaseException:
            PROCESSES.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return [results[str(mutant)] for mutant in wanted]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.strip().split('\n\n', maxsplit=1)[0])
    parser.add_argument('--case', action='append', metavar='T19', help='only mutants of this case; may be given again')
    parser.add_argument('--only', metavar='TEXT', help='only mutants whose case and name contain TEXT')
    parser.add_argument('--list', action='store_true', help='say what there is, and do nothing')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='copies of the tree that are worked on side by side')
    parser.add_argument('--build-dir', metavar='DIR', help='keep the copies and their builds there, and use them again')
    parser.add_argument('--keep', action='store_true', help='do not remove the copies at the end')
    parser.add_argument('--verbose', action='store_true', help='show the output of a test that did not kill')
    return parser.parse_args()


def terminated(signum, frame):
    raise KeyboardInterrupt


def main():
    args = arguments()
    data = mutants.read(os.path.join(HERE, 'mutants.txt'))
    wanted = chosen(data, args)
    if not wanted:
        raise Failed('no such mutant')
    if args.list:
        table([(m.case, m.name, m.build, ', '.join(str(kill) for kill in m.kills)) for m in wanted])
        return 0
    signal.signal(signal.SIGTERM, terminated)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = os.path.abspath(args.build_dir) if args.build_dir else tempfile.mkdtemp(prefix='piommu-mutants-')
    say(f'{len(wanted)} mutants, in {scratch}')
    try:
        workers = [Worker(os.path.join(scratch, str(n))) for n in range(max(1, min(args.jobs, len(wanted))))]
        results = kill_all(Session(data, workers), wanted, args)
    finally:
        if not args.keep and not args.build_dir:
            shutil.rmtree(scratch, ignore_errors=True)
    show(results)
    if any(result.verdict == 'LAME' for result in results):
        return 2
    return 0 if all(result.killed for result in results) else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (Failed, mutants.Bad) as problem:
        say(f'mutants: {problem}')
        sys.exit(2)
    except KeyboardInterrupt:
        say('mutants: interrupted')
        sys.exit(130)
