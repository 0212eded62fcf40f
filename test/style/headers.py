# SPDX-License-Identifier: BSD-3-Clause
"""headers.py ROOT: each header compiles alone; the installed ones (piommu_*.h, piommu.h) also pedantically and as C++."""
import concurrent.futures
import os
import sys

import tree

C_FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Wundef', '-Wstrict-prototypes']
CXX_FLAGS = ['-std=c++17', '-Wall', '-Wextra', '-Wconversion', '-Wundef']  # no -Wshadow: a function may be named as its struct


def is_public(path):
    return path.startswith(('lib/', 'drivers/')) and os.path.basename(path).startswith('piommu')


def command(compiler, root, path, dirs):
    language = 'c++' if compiler.endswith('++') else 'c'
    flags = (CXX_FLAGS if language == 'c++' else C_FLAGS) + (['-Wpedantic'] if is_public(path) else [])
    if compiler == 'clang++':
        flags = flags + ['-Wno-c99-extensions']  # it ignores __extension__ before a flexible array member; g++ does not
    # Twice: the second time the guard must leave nothing.
    include = os.path.join(root, path)
    return [compiler, '-x', language, '-fsyntax-only', '-Werror', *flags, *[f'-I{d}' for d in dirs],
            '-include', include, '-include', include, os.devnull]


def main(root):
    paths = tree.files(root, suffixes=('.h',))
    # Internal headers only see what a source file of theirs would see, so every directory of headers is given.
    dirs = sorted({os.path.join(root, os.path.dirname(path)) for path in paths})
    jobs = [command(compiler, root, path, dirs) for compiler in tree.have('gcc', 'clang', 'g++', 'clang++')
            for path in paths if is_public(path) or not compiler.endswith('++')]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(tree.run, jobs))
    problems = [f'{" ".join(result.args[:3])} {result.args[-2]}:\n{result.stdout}' for result in results if result.returncode]
    tree.finish(problems, f'{len(paths)} headers, {len(jobs)} compilations')


main(sys.argv[1])
