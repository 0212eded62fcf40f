# SPDX-License-Identifier: BSD-3-Clause
"""text.py ROOT: a licence line in each file, and a comment for each function of the installed headers."""
import os
import re
import sys

import tree

LICENCE = 'SPDX-License-Identifier: BSD-3-Clause'
SUFFIXES = ('.c', '.h', '.py', '.sh', '.S', '.build', '.txt', 'meson_options.txt', '.1', '.3')
ROOT_FILES = ('meson.build', 'meson_options.txt', '.clang-format', '.clang-tidy', 'quickstart', 'check', '.ci/run', 'dependencies.txt')
# A prototype begins in column 0. Small inline functions say what they do by their names.
PROTOTYPE = re.compile(r'^(?!static|typedef|struct \w+ \{|enum \w+ \{|#)[A-Za-z_][\w \t*]*?\b(\w+)\((?!\*)')


def check_licence(root, problems):
    paths = tree.files(root, dirs=tree.CODE_DIRS + ('doc',), suffixes=SUFFIXES)
    paths = [path for path in paths if '/data/' not in path and '/corpus/' not in path]
    paths += [path for path in ROOT_FILES if os.path.exists(os.path.join(root, path))]
    for path in paths:
        if LICENCE not in ''.join(tree.read(root, path).splitlines(True)[:2]):
            problems.append(f'{path}: no "{LICENCE}" in its first lines')
    return len(paths)


def undocumented(text):
    """Names of functions in a paragraph (lines without an empty one) that has no comment above them."""
    covered, in_comment = False, False
    for line in text.splitlines():
        if in_comment or line.startswith('/*'):
            covered, in_comment = True, '*/' not in line
        elif not line.strip():
            covered = False
        elif PROTOTYPE.match(line) and not covered:
            yield PROTOTYPE.match(line).group(1)


def main(root):
    problems = []
    count = check_licence(root, problems)
    for path in tree.files(root, dirs=('lib', 'drivers'), suffixes=('.h',)):
        if os.path.basename(path).startswith('piommu'):
            problems += [f'{path}: {name}() has no comment' for name in undocumented(tree.read(root, path))]
    tree.finish(problems, f'{count} files')


main(sys.argv[1])
