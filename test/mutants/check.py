# SPDX-License-Identifier: BSD-3-Clause
"""check.py ROOT BUILD: mutants.txt fits the tree: each hunk matches once, each test exists, each case with a test has a mutant."""
import json
import os
import re
import sys

import mutants

HERE = os.path.dirname(os.path.abspath(__file__))
TEST_FUNCTION = re.compile(r'^static void (t(\d+b?)_\w+)\(void\)', re.M)


def test_functions(root):
    """{name: case} of the tests that carry a case's number."""
    found = {}
    for where, _, names in os.walk(os.path.join(root, 'test')):
        for name in names:
            if name.endswith('.c'):
                with open(os.path.join(where, name), encoding='utf-8') as file:
                    found.update({test: 'T' + case for test, case in TEST_FUNCTION.findall(file.read())})
    return found


def problems_of(mutant, root, meson_tests, functions):
    try:
        mutants.mutate(root, mutant)
    except mutants.Bad as bad:
        yield str(bad)
    for kill in mutant.kills:
        if kill.test not in meson_tests:
            yield f'{mutant.line}: {mutant}: meson has no test "{kill.test}"'
        if re.match(r't\d', kill.prefix) and not any(name.startswith(kill.prefix) for name in functions):
            yield f'{mutant.line}: {mutant}: no test is called {kill.prefix}...'


def by_number(case):
    return int(re.sub(r'\D', '', case)), case


def main(root, build):
    path = os.path.join(HERE, 'mutants.txt')
    with open(os.path.join(build, 'meson-info', 'intro-tests.json'), encoding='utf-8') as file:
        meson_tests = {test['name'] for test in json.load(file)}
    functions = test_functions(root)
    try:
        data = mutants.read(path)
    except mutants.Bad as bad:
        sys.exit(f'mutants.txt:{bad}')
    problems = [problem for mutant in data.mutants for problem in problems_of(mutant, root, meson_tests, functions)]
    have = {mutant.case for mutant in data.mutants}
    for case in sorted(set(functions.values()) - have, key=by_number):
        tests = ', '.join(sorted(name for name, of in functions.items() if of == case))
        if case in data.waiting:
            print(f'waiting: {case} has no mutant yet ({tests})')
        else:
            problems.append(f'{case} has a test and no mutant ({tests}): add one, see README.md')
    problems += [f'{line}: {case} waits no longer' for case, line in data.waiting.items() if case in have]
    for problem in problems:
        print(f'mutants.txt:{problem}')
    print(f'{len(problems)} problems' if problems else f'fine: {len(data.mutants)} mutants, {len(have)} cases')
    sys.exit(bool(problems))


main(*sys.argv[1:])
