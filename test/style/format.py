# SPDX-License-Identifier: BSD-3-Clause
"""format.py ROOT: clang-format has nothing to change. Versions differ in taste, so only the one the tree was made with counts."""
import sys

import tree

VERSION = 14


def main(root):
    found = tree.have(f'clang-format-{VERSION}', 'clang-format')
    if not found or f'version {VERSION}.' not in tree.run([found[0], '--version']).stdout:
        tree.skip(f'no clang-format {VERSION}')
    paths = tree.files(root)
    result = tree.run([found[0], '--dry-run', '-Werror', *paths], cwd=root)
    problems = [line for line in result.stdout.splitlines() if 'error:' in line]
    if result.returncode and not problems:
        problems.append(result.stdout)
    tree.finish(problems, f'{len(paths)} files')


main(sys.argv[1])
