# SPDX-License-Identifier: BSD-3-Clause
"""
pt_objects.py ROOT SOURCE..: compiles each page-table format optimised, with every compiler there is, and reads the machine
code: the format's functions must have folded into the walkers (no indirect call), and the only locked instruction is the
compare-and-swap that installs a table.
"""
import os
import platform
import re
import sys
import tempfile

import tree

# Where an indirect call is meant: the platform's write-back.
MAY_CALL = re.compile(r'pt_writeback(_wait)?_call(\.|$)')
FUNCTION = re.compile(r'^[0-9a-f]+ <([^>]+)>:')
INDIRECT = re.compile(r'\b(call|jmp)\w*\s+\*')
LOCKED = re.compile(r'\block\s+(?!cmpxchg)|\bxchg\w*\s[^#]*\(|\b[ml]fence\b')


def disassemble(compiler, root, source):
    dirs = [f'-I{os.path.join(root, "lib", part)}' for part in ('base', 'env', 'inv', 'pt')]
    with tempfile.TemporaryDirectory() as where:
        target = os.path.join(where, 'format.o')
        made = tree.run([compiler, '-std=c11', '-O2', '-DNDEBUG', '-fPIC', '-fcf-protection=none', *dirs, '-c', source, '-o', target])
        if made.returncode:
            return made.stdout, ''
        return '', tree.run(['objdump', '-d', '--no-show-raw-insn', target]).stdout


def check(compiler, root, source, problems):
    error, listing = disassemble(compiler, root, source)
    if error:
        problems.append(f'{compiler}: {source}: {error}')
    function, functions = '', 0
    for line in listing.splitlines():
        start = FUNCTION.match(line)
        if start:
            function, functions = start.group(1), functions + 1
        elif INDIRECT.search(line) and not MAY_CALL.match(function):
            problems.append(f'{compiler}: {source}: {function}: indirect: {line.strip()}')
        elif LOCKED.search(line):
            problems.append(f'{compiler}: {source}: {function}: locked: {line.strip()}')
    if not functions and not error:
        problems.append(f'{compiler}: {source}: no code')
    return functions


def main(root, sources):
    if platform.machine() != 'x86_64':
        tree.skip('knows the instructions of x86-64 only')
    problems = []
    count = sum(check(compiler, root, source, problems) for compiler in tree.have('gcc', 'clang') for source in sources)
    tree.finish(problems, f'{count} functions')


main(sys.argv[1], sys.argv[2:])
