# SPDX-License-Identifier: BSD-3-Clause
"""
locks.py ROOT BUILD: clang's thread-safety analysis over lib/, drivers/ and app/, with the flags of the build.

It takes clang 19 or later: earlier ones cannot name a sibling member in a C struct, so GUARDED_BY() would be nothing.
"""
import concurrent.futures
import os
import re
import sys

import tree

LEAST = 19
PARTS = ('lib', 'drivers', 'app')
# Attributes that clang passes over must not pass as annotations. Asserts are read, too.
FLAGS = ['-fsyntax-only', '-Wno-everything', '-Wthread-safety', '-Wthread-safety-beta', '-Wignored-attributes',
         '-Wunknown-attributes', '-Werror', '-fexperimental-late-parse-attributes', '-DLOCK_ANALYSIS', '-UNDEBUG']


def clangs():
    """Name and major version of each clang on the PATH, the plain one first."""
    names = {name for where in os.get_exec_path() if os.path.isdir(where) for name in os.listdir(where)
             if re.fullmatch(r'clang(-\d+)?', name)}
    for name in sorted(names, key=lambda name: int(name[6:] or 0)):
        version = re.search(r'clang version (\d+)', tree.run([name, '--version']).stdout)
        if version:
            yield name, int(version.group(1))


def main(root, build):
    found = list(clangs())
    clang = next((name for name, major in found if major >= LEAST), None)
    if not clang:
        here = ', '.join(f'{name} is {major}' for name, major in found) or 'no clang'
        tree.skip(f'the lock annotations take clang {LEAST} or later (here: {here})')
    sources = tree.compiled(root, build, PARTS)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda source: tree.run([clang, *source[1], *FLAGS, source[0]], cwd=source[2]), sources))
    problems = [result.stdout for result in results if result.returncode]
    if not sources:
        problems.append('no sources found')
    tree.finish(problems, f'{len(sources)} files, {clang}')


main(*sys.argv[1:])
