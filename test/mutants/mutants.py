# SPDX-License-Identifier: BSD-3-Clause
"""The mutants of mutants.txt: what they are, how they are read, how they are applied. The format: README.md."""
import dataclasses
import os
import re

BUILDS = ('plain', 'yield', 'asan', 'tsan')
CASE = re.compile(r'(T\d+b?|order|rule)\s+(.+)')


class Bad(Exception):
    """What is wrong with the data, in one line."""


@dataclasses.dataclass
class Edit:
    path: str
    line: int  # in mutants.txt
    old: str = ''
    new: str = ''


@dataclasses.dataclass
class Kill:
    test: str    # as meson calls it
    prefix: str  # of the names of the tests in it that must fail; '': any of them

    def __str__(self):
        return f'{self.test} {self.prefix}'.strip()


@dataclasses.dataclass
class Mutant:
    case: str
    name: str
    line: int
    build: str = 'plain'
    hang: bool = False
    tries: int = 1
    kills: list = dataclasses.field(default_factory=list)
    edits: list = dataclasses.field(default_factory=list)

    def __str__(self):
        return f'{self.case} {self.name}'


@dataclasses.dataclass
class Data:
    mutants: list = dataclasses.field(default_factory=list)
    whole: list = dataclasses.field(default_factory=list)    # beginnings of names of tests that take no filter
    waiting: dict = dataclasses.field(default_factory=dict)  # case: line


class Reader:
    """One line at a time; where it stands is the mutant, the file and the hunk that the next line belongs to."""

    def __init__(self):
        self.data = Data()
        self.mutant = self.path = self.edit = None
        self.blank = 0

    def feed(self, number, line):
        if self.edit and line[:1] in (' ', '-', '+') and line:
            self.hunk(line)
        elif not line.strip():
            self.blank += 1
        elif not line.startswith('#'):
            self.edit = None
            self.word(number, *(line.split(None, 1) + [''])[:2])

    def hunk(self, line):
        text = '\n' * self.blank  # an empty line inside a hunk is context
        self.blank = 0
        if line[0] != '+':
            self.edit.old += text + line[1:] + '\n'
        if line[0] != '-':
            self.edit.new += text + line[1:] + '\n'

    def word(self, number, word, rest):
        line = f'{word} {rest}'
        if CASE.fullmatch(line):
            self.mutant = Mutant(*CASE.fullmatch(line).groups(), number)
            self.path = None
            self.data.mutants.append(self.mutant)
        elif word == 'whole':
            self.data.whole += rest.split()
        elif word == 'waiting':
            self.data.waiting.update(dict.fromkeys(rest.split(), number))
        elif not self.mutant:
            raise Bad(f'{number}: "{line}" belongs to no mutant')
        elif word == 'in':
            self.path = rest
        elif word == 'kill':
            self.mutant.kills.append(Kill(*(rest.split(None, 1) + [''])[:2]))
        elif word == 'build' and rest in BUILDS:
            self.mutant.build = rest
        elif word == 'hang' and not rest:
            self.mutant.hang = True
        elif word == 'tries' and rest.isdigit():
            self.mutant.tries = int(rest)
        elif word == '@@' and self.path:
            self.edit = Edit(self.path, number)
            self.mutant.edits.append(self.edit)
            self.blank = 0
        else:
            raise Bad(f'{number}: "{line}": what is that?')


def read(path):
    """@return Data; raises Bad"""
    reader = Reader()
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            reader.feed(number, line.rstrip('\n'))
    names = set()
    for mutant in reader.data.mutants:
        if not mutant.edits or not mutant.kills:
            raise Bad(f'{mutant.line}: {mutant}: a mutant needs a hunk (in, @@) and a test (kill)')
        if str(mutant) in names:
            raise Bad(f'{mutant.line}: {mutant}: there is one of that name')
        names.add(str(mutant))
    return reader.data


def mutate(root, mutant):
    """@return {path: (text, mutated text)}; raises Bad where a hunk does not match exactly once. Writes nothing."""
    texts = {}
    for edit in mutant.edits:
        if edit.path not in texts:
            try:
                with open(os.path.join(root, edit.path), encoding='utf-8') as file:
                    texts[edit.path] = [file.read()] * 2
            except OSError as error:
                raise Bad(f'{edit.line}: {mutant}: {error.filename}: {error.strerror}') from None
        original, text = texts[edit.path]
        places = ('\n' + text).count('\n' + edit.old)
        if not edit.old or edit.old == edit.new or places != 1:
            why = 'changes nothing' if edit.old == edit.new else f'matches {places} times in {edit.path}'
            raise Bad(f'{edit.line}: {mutant}: this hunk {why}')
        texts[edit.path] = [original, ('\n' + text).replace('\n' + edit.old, '\n' + edit.new)[1:]]
    return texts
