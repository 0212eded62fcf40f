# SPDX-License-Identifier: BSD-3-Clause
"""
analyse.py TOOL ROOT BUILD: an analyser over lib/, drivers/ and app/, with the flags of the build.
TOOL: tidy (clang-tidy, profile .clang-tidy) or cppcheck.
"""
import concurrent.futures
import os
import sys

import tree

# Where it is wrong: an output parameter read nowhere; memory whose address is stored by memcpy.
CPPCHECK_WRONG = ('ctuuninitvar', 'memleak:*/lib/fw/fw_build.c')
PARTS = ('lib', 'drivers', 'app')


def command(tool, path, flags):
    if tool == 'tidy':
        return ['clang-tidy', '--quiet', '--warnings-as-errors=*', path, '--', *flags, '-Wno-everything']
    # It reads no system headers: enough for what it is good at, and quick.
    return ['cppcheck', '--quiet', '--error-exitcode=1', '--std=c11', '--enable=warning,performance,portability',
            '--suppress=missingInclude', *[f'--suppress={what}' for what in CPPCHECK_WRONG],
            *[flag for flag in flags if flag.startswith(('-I', '-D'))], path]


def main(tool, root, build):
    program = {'tidy': 'clang-tidy', 'cppcheck': 'cppcheck'}[tool]
    if not tree.have(program):
        tree.skip(f'no {program}')
    found = tree.compiled(root, build, PARTS)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda source: tree.run(command(tool, source[0], source[1]), cwd=source[2]), found))
    problems = [result.stdout for result in results if result.returncode]
    if not found:
        problems.append('no sources found')
    tree.finish(problems, f'{len(found)} files')


main(*sys.argv[1:])
