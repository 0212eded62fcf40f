# SPDX-License-Identifier: BSD-3-Clause
"""
analyse.py TOOL ROOT BUILD: an analyser over lib/, drivers/ and app/, with the flags of the build.
TOOL: locks (clang's thread-safety analysis), tidy (clang-tidy, profile .clang-tidy) or cppcheck.
"""
import concurrent.futures
import json
import os
import shlex
import sys

import tree

# Where it is wrong: an output parameter read nowhere; memory whose address is stored by memcpy.
CPPCHECK_WRONG = ('ctuuninitvar', 'memleak:*/lib/fw/fw_build.c')
PARTS = ('lib', 'drivers', 'app')


def sources(root, build):
    """Each source once, with the -I, -isystem, -D and -std of its compilation."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    found = {}
    for entry in commands:
        path = os.path.realpath(os.path.join(entry['directory'], entry['file']))
        if not path.startswith(tuple(os.path.join(os.path.realpath(root), part) + os.sep for part in PARTS)):
            continue
        flags = [flag for flag in shlex.split(entry['command']) if flag.startswith(('-I', '-isystem', '-D', '-std=', '-march='))]
        found[path] = (flags, entry['directory'])
    return found


def command(tool, path, flags):
    if tool == 'locks':
        return ['clang', '-fsyntax-only', '-Wno-everything', '-Wthread-safety', '-Wthread-safety-beta', '-Werror', *flags, path]
    if tool == 'tidy':
        return ['clang-tidy', '--quiet', '--warnings-as-errors=*', path, '--', *flags, '-Wno-everything']
    # It reads no system headers: enough for what it is good at, and quick.
    return ['cppcheck', '--quiet', '--error-exitcode=1', '--std=c11', '--enable=warning,performance,portability',
            '--suppress=missingInclude', *[f'--suppress={what}' for what in CPPCHECK_WRONG],
            *[flag for flag in flags if flag.startswith(('-I', '-D'))], path]


def main(tool, root, build):
    program = {'locks': 'clang', 'tidy': 'clang-tidy', 'cppcheck': 'cppcheck'}[tool]
    if not tree.have(program):
        tree.skip(f'no {program}')
    found = sources(root, build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda item: tree.run(command(tool, item[0], item[1][0]), cwd=item[1][1]), found.items()))
    problems = [result.stdout for result in results if result.returncode]
    if not found:
        problems.append('no sources found')
    tree.finish(problems, f'{len(found)} files')


main(*sys.argv[1:])
