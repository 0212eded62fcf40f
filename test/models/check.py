# SPDX-License-Identifier: BSD-3-Clause
"""check.py MODEL.pml [VARIANT]: each variant that the model's first comment lists, searched exhaustively by spin.

A good variant has no error in any reachable state, and no statement that is reached in no good variant. A broken one has a
counterexample to the assertion that names its property; all other assertions are off. With VARIANT, only that one, and the
steps of its counterexample are printed. Exits 77 where spin is not installed.
"""
import os
import re
import shutil
import sys
import tempfile

import spin

VARIANT = re.compile(r'^ \* (good|broken) +(\w+) +((?:-D\w+(?:=\w+)? *)+)(?:: *(\w+))?$', re.M)
LISTED = re.compile(r'^ \* (?:good|broken) ', re.M)
UNREACHED = re.compile(r'\.pml:(\d+), state \d+, "(.*)"')


class Model:
    def __init__(self, path, where):
        self.name, self.where = os.path.basename(path), where
        with open(path, encoding='utf-8') as file:
            self.text = file.read()
        self.lines = self.text.splitlines()

    def variants(self):
        head = self.text[:self.text.index('*/', self.text.index('*/') + 2)]
        found = VARIANT.findall(head)
        if len(found) != len(LISTED.findall(head)) or any((kind == 'broken') != bool(word) for kind, _, _, word in found):
            raise SystemExit(f'FAIL: {self.name}: a variant is "good NAME -D..." or "broken NAME -D... : PROPERTY"')
        return found

    def search(self, flags, only):
        """All reachable states of a copy for spin, line by line; with only the assertions of that property, where one is given."""
        lines = [line if not only or only in line else line.replace('assert(', 'assert(true || ') for line in self.lines]
        if only and not any('assert(' in line and only in line for line in lines):
            raise SystemExit(f'FAIL: {self.name}: no assertion names {only}')
        spin.write(self.where, self.name, '\n'.join(lines) + '\n')
        # Most of a short search is the compiler's time.
        return spin.search(self.where, self.name, flags.split(), '-O0' if only else '-O1')

    def counterexample(self, flags):
        """The steps, to the last one."""
        return spin.run(self.where, 'spin', *flags.split(), '-t', '-p', '-g', self.name)[1]

    def unreached(self, said):
        """Statements no execution came to; the end of a process that has none, and what must not be reached, are no news."""
        return {(int(line), what) for line, what in UNREACHED.findall(said)
                if what != '-end-' and '/* unreached */' not in self.lines[int(line) - 1]}


def judge_good(said):
    return 'pan found an error:\n' + said if spin.errors(said) else spin.cut_short(said)


def judge_broken(model, said, flags, show):
    if not spin.errors(said):
        return spin.cut_short(said) or 'no counterexample: the model does not notice what is missing'
    steps = model.counterexample(flags)
    if show:
        print(steps)
    return '' if 'Error: assertion violated' in steps else 'what was found breaks no assertion:\n' + said


def summary(said):
    states = re.search(r'(\S+) states, stored', said)
    seconds = re.search(r'elapsed time (\S+)', said)
    return f'{states.group(1) if states else "?"} states, {seconds.group(1) if seconds else "0"} s'


def main(path, only):
    if not shutil.which('spin'):
        print('skipped: spin is not installed (Debian package spin): the models are not checked')
        return 77
    failed, count, unreached = 0, 0, None
    with tempfile.TemporaryDirectory() as where:
        model = Model(path, where)
        for kind, name, flags, word in model.variants():
            if only and name != only:
                continue
            said = model.search(flags, word)
            if kind == 'good':
                wrong = judge_good(said)
                seen = model.unreached(said)
                unreached = seen if unreached is None else unreached & seen
            else:
                wrong = judge_broken(model, said, flags, show=bool(only))
            count += 1
            failed += bool(wrong)
            print(f'{"FAIL" if wrong else "ok"}: {model.name}: {kind} {name}: {summary(said)}' + (f': {wrong}' if wrong else ''),
                  flush=True)
        for line, what in sorted(unreached or ()) if not only else ():
            failed += 1
            print(f'FAIL: {model.name}:{line}: reached in no good variant, so it shows nothing: {what}')
    if not count:
        print(f'FAIL: {path}: no variant' + (f' {only}' if only else ''))
    return 1 if failed or not count else 0


sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
