# SPDX-License-Identifier: BSD-3-Clause
"""litmus.py FILE|DIRECTORY...: is what each litmus test forbids unreachable, and what it allows reachable?

Each file is in herd7's syntax, and herd7 is asked where it is installed (Debian 12 does not have it). In every case spin is:
a thread becomes a process that carries out any instruction whose predecessors are done, on one memory. What precedes
what is x86's order (all but a store and a later load) or Arm's (dependencies, barriers, acquire and release). On memory that
is the same for all observers this is exact, as long as a thread goes to a location once and writes a register once;
a file in which it does more is refused, as is each word that is not known here. Exits 77 where spin is not installed.
"""
import glob
import os
import re
import shutil
import sys
import tempfile

import spin

FILE = re.compile(r'(?P<arch>X86|AArch64) (?P<name>\S+)\n\(\*.*?\*\)\n"(?P<doc>[^"\n]+)"\n\{(?P<init>[^}]*)\}\n'
                  r'(?P<threads>(?: .*;\n)+)(?P<never>~?)exists \((?P<condition>.*)\)\n')
X86 = ((r'MOV \[(\w+)\],(\$\d+|E\w+)', 'store'), (r'MOV (E\w+),\[(\w+)\]', 'load'), (r'MFENCE', 'full'))
ARM = ((r'STR (W\d+),\[(X\d+)\]', 'store'), (r'STLR (W\d+),\[(X\d+)\]', 'release'), (r'LDR (W\d+),\[(X\d+)(?:,(W\d+),SXTW)?\]', 'load'),
       (r'LDAR (W\d+),\[(X\d+)\]', 'acquire'), (r'MOV (W\d+),#(\d+)', 'set'), (r'EOR (W\d+),(W\d+),(W\d+)', 'xor'),
       (r'DMB ISH', 'full'), (r'DMB ISHST', 'stores'), (r'DMB ISHLD', 'loads'))
STORES, LOADS = ('store', 'release'), ('load', 'acquire')


class Refused(Exception):
    pass


class Instruction:
    """kind; at: its location; reads: registers it uses, of these address; sets: the register it writes; value: an expression."""
    def __init__(self, arch, thread, text, locations):
        table = X86 if arch == 'X86' else ARM
        kind, groups = next(((kind, match.groups()) for pattern, kind in table if (match := re.fullmatch(pattern, text))), (None, ()))
        if not kind:
            raise Refused(f'unknown instruction "{text}"')
        self.text, self.kind, self.at, self.sets, self.value = text, kind, None, None, None
        self.reads, self.address = set(), set()
        if kind in STORES:
            at, source = groups if arch == 'X86' else (locations(thread, groups[1]), groups[0])
            self.at, self.value = at, source.lstrip('$') if source.startswith('$') else self.use(thread, source)
        elif kind in LOADS:
            self.at = groups[1] if arch == 'X86' else locations(thread, groups[1])
            self.sets, self.value = register(thread, groups[0]), f'at_{self.at}'
            if arch != 'X86' and kind == 'load' and groups[2]:
                self.use(thread, groups[2])
                self.address = set(self.reads)
        elif kind == 'set':
            self.sets, self.value = register(thread, groups[0]), groups[1]
        elif kind == 'xor':
            self.sets = register(thread, groups[0])
            self.value = f'{self.use(thread, groups[1])} ^ {self.use(thread, groups[2])}'

    def use(self, thread, name):
        self.reads.add(register(thread, name))
        return register(thread, name)

    def effect(self):
        if self.kind in STORES:
            return f'at_{self.at} = {self.value}'
        return f'{self.sets} = {self.value}' if self.sets else 'skip'


def register(thread, name):
    return f'r{thread}_{name.replace("W", "X")}'


def orders_x86(first, then):
    return not (first.kind == 'store' and then.kind == 'load')


def orders_arm(first, then):
    """Arm's barriers and half barriers; a DMB is an instruction between those it orders."""
    if 'full' in (first.kind, then.kind):
        return True
    if then.kind in ('stores', 'loads'):
        return first.kind in (STORES if then.kind == 'stores' else LOADS)
    if first.kind == 'stores':
        return then.kind in STORES
    return (first.kind in ('loads', 'acquire') and bool(then.at)) or (then.kind == 'release' and bool(first.at)) or \
        (first.kind == 'release' and then.kind == 'acquire')


def predecessors(arch, code, which):
    """The instructions of a thread that are done before number `which` is."""
    then, found = code[which], set()
    for number, first in enumerate(code[:which]):
        if first.sets in then.reads or (orders_x86 if arch == 'X86' else orders_arm)(first, then):
            found.add(number)
        # A store waits until it is known where the accesses before it go.
        elif then.kind in STORES and any(first.sets in access.address for access in code[number + 1:which]):
            found.add(number)
    return found


def check_once(code):
    for what in ('at', 'sets'):
        names = [getattr(one, what) for one in code if getattr(one, what)]
        if len(names) != len(set(names)):
            raise Refused(f'a thread has two of one {"location" if what == "at" else "register"}')


class Litmus:
    def __init__(self, text):
        parsed = FILE.fullmatch(text)
        if not parsed:
            raise Refused('not in the shape of: architecture and name, licence, "what", {locations}, threads, condition')
        self.arch, self.name, self.never = parsed['arch'], parsed['name'], bool(parsed['never'])
        self.pointers = {(int(thread), name): at for thread, name, at in re.findall(r'(\d):(X\d+)=(\w+);', parsed['init'])}
        if re.sub(r'\d:X\d+=\w+;', '', parsed['init']).strip():
            raise Refused('an initial value that is no location')
        rows = [[cell.strip() for cell in row.rstrip(' ;').split('|')] for row in parsed['threads'].splitlines()]
        if any(len(row) != len(rows[0]) for row in rows) or rows[0] != [f'P{n}' for n in range(len(rows[0]))]:
            raise Refused('rows of unequal length, or a first row that is not P0 | P1 ...')
        self.threads = [[Instruction(self.arch, thread, row[thread], self.location) for row in rows[1:] if row[thread]]
                        for thread in range(len(rows[0]))]
        for code in self.threads:
            check_once(code)
        self.condition = self.parse_condition(parsed['condition'])

    def location(self, thread, name):
        if (thread, name) not in self.pointers:
            raise Refused(f'{thread}:{name} points nowhere')
        return self.pointers[thread, name]

    def parse_condition(self, text):
        terms = []
        for term in text.split('/\\'):
            match = re.fullmatch(r'(\d):(\w+)=(\d+)', term.strip())
            if not match:
                raise Refused(f'condition "{term.strip()}"')
            name = register(int(match[1]), match[2])
            if name not in {one.sets for code in self.threads for one in code}:
                raise Refused(f'no thread writes {match[1]}:{match[2]}')
            terms.append(f'{name} == {match[3]}')
        return ' && '.join(terms)

    def promela(self):
        registers = sorted({one.sets for code in self.threads for one in code if one.sets})
        locations = sorted({one.at for code in self.threads for one in code if one.at})
        lines = [f'byte {name};' for name in registers] + [f'byte at_{name};' for name in locations] + ['byte ended;']
        for thread, code in enumerate(self.threads):
            lines += [f'active proctype P{thread}() {{', *(f'bool done_{n};' for n in range(len(code))), 'do']
            for number, one in enumerate(code):
                ready = ''.join(f' && done_{n}' for n in sorted(predecessors(self.arch, code, number)))
                lines.append(f':: atomic {{ !done_{number}{ready} -> {one.effect()}; done_{number} = true }} /* {one.text} */')
            lines += [':: ' + ' && '.join(f'done_{n}' for n in range(len(code))) + ' -> break', 'od; ended++ }']
        lines += ['active proctype judge() {', f'ended == {len(self.threads)};', f'assert(!({self.condition})) }}']
        return '\n'.join(lines) + '\n'


def ask_spin(test):
    """Empty if spin agrees with the test."""
    with tempfile.TemporaryDirectory() as where:
        spin.write(where, 'litmus.pml', test.promela())
        said = spin.search(where, 'litmus.pml', optimize='-O0')
    if not spin.errors(said):
        return spin.cut_short(said) or ('' if test.never else 'is not reachable')
    if 'assertion violated' not in said:
        return 'spin found something else:\n' + said
    return 'is reachable' if test.never else ''


def ask_herd(path, test):
    said = spin.run('.', 'herd7', path)[1]
    seen = re.search(r'^Observation \S+ (\w+)', said, re.M)
    if not seen:
        return 'herd7 does not read it:\n' + said
    return '' if (seen.group(1) == 'Never') == test.never else f'herd7 observes it {seen.group(1).lower()}'


def main(paths):
    if not shutil.which('spin'):
        print('skipped: spin is not installed (Debian package spin): the litmus tests are not checked')
        return 77
    herd = bool(shutil.which('herd7'))
    paths = [one for path in paths for one in (sorted(glob.glob(path + '/*.litmus')) if os.path.isdir(path) else [path])]
    failed = 0
    for path in paths:
        try:
            with open(path, encoding='utf-8') as file:
                test = Litmus(file.read())
            if os.path.basename(path) != f'{test.arch.lower()}-{test.name}.litmus':
                raise Refused(f'its name is {test.arch.lower()}-{test.name}')
            wrong = ask_spin(test) or (ask_herd(path, test) if herd else '')
        except Refused as reason:
            test, wrong = None, str(reason)
        failed += bool(wrong)
        said = wrong or ('forbidden' if test.never else 'allowed')
        print(f'{"FAIL" if wrong else "ok"}: {os.path.basename(path)}: {said}', flush=True)
    print(f'{len(paths)} files, by spin' + (' and by herd7' if herd else '; herd7 is not installed'))
    return 1 if failed or not paths else 0


sys.exit(main(sys.argv[1:]))
