# SPDX-License-Identifier: BSD-3-Clause
"""lengths.py ROOT: no file above 600 lines, no function above 70. Aim for 500 and 60."""
import sys

import tree

FILE_MAX = 600
FUNCTION_MAX = 70
ALLOWED = {}  # path or (path, line of the function's name): why


def functions(text):
    """First and last line of each body: braces in column 0, which clang-format sees to."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('{'):
            start = number
        elif line.startswith('}') and start:
            yield start, number
            start = None


def main(root):
    problems, count = [], 0
    paths = tree.files(root, suffixes=('.c', '.h', '.py', '.sh'))
    for path in paths:
        text = tree.read(root, path)
        lines = text.count('\n')
        if lines > FILE_MAX and path not in ALLOWED:
            problems.append(f'{path}: {lines} lines (at most {FILE_MAX}): what is its second subject?')
        if not path.endswith(('.c', '.h')):
            continue
        for first, last in functions(tree.code_only(text)):
            count += 1
            if last - first + 1 > FUNCTION_MAX and (path, first) not in ALLOWED:
                problems.append(f'{path}:{first}: a function of {last - first + 1} lines (at most {FUNCTION_MAX}): what is its second job?')
    tree.finish(problems, f'{len(paths)} files, {count} functions')


main(sys.argv[1])
