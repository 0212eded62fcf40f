# SPDX-License-Identifier: BSD-3-Clause
"""
locks_selftest.py ROOT: the lock checks can fail. Each kind of violation is planted alone, in a tree of one file, and must be
reported with the words that belong to it and no others; what keeps the rules must pass.
"""
import concurrent.futures
import json
import os
import sys
import tempfile

import tree

HERE = os.path.dirname(os.path.abspath(__file__))
BOX = '''
#include "lock.h"
struct inside {
	struct mutex mutex RANKED(LOCK_LEAF);
};
struct box {
	int n GUARDED_BY(mutex);
	int *p POINTEE_GUARDED_BY(mutex);
	struct mutex probe RANKED(LOCK_PROBE);
	struct mutex mutex RANKED(LOCK_GROUP);
	struct cond changed;
	struct inside *inside;
};
void need(struct box *box) REQUIRES(box->mutex);
void must_not(struct box *box) EXCLUDES(box->mutex);
void take(struct box *box) ACQUIRES(box->mutex);
int f(struct box *box, struct box *other, int c);
'''
F = BOX + 'int f(struct box *box, struct box *other, int c)\n{\n\t(void)other;\n\t%s;\n\treturn c;\n}\n'
LOCK, UNLOCK = 'mutex_lock(&box->mutex); ', 'mutex_unlock(&box->mutex)'
HELD = LOCK + '%s; ' + UNLOCK

# What clang must say of each body of f(); None: nothing.
ANALYSIS = [
    (HELD % 'box->n = c; *box->p = box->n; need(box)', None),
    ('must_not(box); take(box); box->n = c; ' + UNLOCK, None),
    ('mutex_assert_held(&box->mutex); need(box)', None),
    ('mutex_assert_unshared(&box->mutex); box->n = c', None),
    (HELD % 'while (!box->n) cond_wait(&box->changed, &box->mutex)', None),
    ('mutex_lock(&box->probe); ' + HELD % 'mutex_lock(&box->inside->mutex); mutex_unlock(&box->inside->mutex)' +
     '; mutex_unlock(&box->probe)', None),
    # a guarded member
    ('c = box->n', "reading variable 'n' requires holding mutex"),
    ('box->n = c', "writing variable 'n' requires holding mutex"),
    ('c = *box->p', "reading the value pointed to by 'p' requires holding mutex"),
    ('*box->p = c', "writing the value pointed to by 'p' requires holding mutex"),
    (HELD % 'c = 1' + '; box->n = c', "writing variable 'n' requires holding mutex"),
    ('mutex_lock(&box->probe); box->n = c; mutex_unlock(&box->probe)', "writing variable 'n' requires holding mutex"),
    # a function that needs it, or must not have it
    ('need(box)', "calling function 'need' requires holding mutex 'box->mutex'"),
    (HELD % 'need(other)', "calling function 'need' requires holding mutex 'other->mutex'"),
    (HELD % 'must_not(box)', "cannot call function 'must_not' while mutex 'box->mutex' is held"),
    ('cond_wait(&box->changed, &box->mutex)', "calling function 'cond_wait' requires holding mutex 'box->mutex'"),
    # taken and released in pairs, on every path
    (LOCK, "mutex 'box->mutex' is still held at the end of function"),
    ('take(box)', "mutex 'box->mutex' is still held at the end of function"),
    (LOCK + 'if (c) return 0; ' + UNLOCK, "mutex 'box->mutex' is not held on every path through here"),
    ('while (c--) ' + LOCK, "expecting mutex 'box->mutex' to be held at start of each loop"),
    (HELD % 'mutex_lock(&box->mutex)', "acquiring mutex 'box->mutex' that is already held"),
    (HELD % 'take(box)', "acquiring mutex 'box->mutex' that is already held"),
    (UNLOCK, "releasing mutex 'box->mutex' that was not held"),
    (HELD % UNLOCK, "releasing mutex 'box->mutex' that was not held"),
    # the order of ranks, between members of one structure and of two
    (HELD % 'mutex_lock(&box->probe); mutex_unlock(&box->probe)', "mutex 'probe' must be acquired before 'mutex'"),
    ('mutex_lock(&box->inside->mutex); ' + HELD % 'c = 1' + '; mutex_unlock(&box->inside->mutex)',
     "mutex 'mutex' must be acquired before 'mutex'"),
]
# The same for whole files.
FILES = [
    # A definition that keeps its prototype's promise, and one that breaks it.
    (BOX + 'void take(struct box *box)\n{\n\tmutex_lock(&box->mutex);\n}\n', None),
    (BOX + 'void take(struct box *box)\n{\n\t(void)box;\n}\n', "expecting mutex 'box->mutex' to be held at the end of function"),
    (BOX + 'void need(struct box *box)\n{\n\tmutex_unlock(&box->mutex);\n}\n',
     "expecting mutex 'box->mutex' to be held at the end of function"),
    (BOX + 'void must_not(struct box *box)\n{\n\tneed(box);\n}\n', "calling function 'need' requires holding mutex 'box->mutex'"),
    # An annotation that means nothing is no annotation.
    (BOX.replace('GUARDED_BY(mutex)', 'GUARDED_BY(nothing)', 1), "use of undeclared identifier 'nothing'"),
    (BOX.replace('GUARDED_BY(mutex)', 'GUARDED_BY(inside)', 1), "'guarded_by' attribute requires arguments whose type is annotated"),
    (BOX.replace('RANKED(LOCK_GROUP)', 'RANKED(LOCK_GROUPS)'), "LOCK_GROUPS'; did you mean"),
    (BOX + 'void other(struct box *box) TSA(needs_capability);\n', "unknown attribute 'needs_capability' ignored"),
]
HEADER = 'struct box {\n\tstruct mutex mutex RANKED(LOCK_UNIT);\n};\nstruct lid {\n\tstruct box *box;\n};\n' \
         'void f(struct lid *lid)%s;\nvoid g(struct box *b)%s;\n'
TAKES = 'void g(struct box *box)\n{\n\tmutex_lock(&box->mutex);\n\tmutex_unlock(&box->mutex);\n}\n'
CALLS = 'void f(struct lid *lid)\n{\n\tg(lid->box);\n}\n'
ASSERTS = 'void g(struct box *box)\n{\n\tmutex_assert_held(&box->mutex);\n}\n'
ANNOTATED = 'void g(struct box *box) REQUIRES(box->mutex)\n{\n\t(void)box;\n}\n'
MAKES = 'void g(struct box *box)\n{\n\tmutex_init(&box->mutex, %s);\n}\n'
# Header, source, what lock_prototypes.py must say of them.
PROTOTYPES = [
    (HEADER % (' EXCLUDES(lid->box->mutex)', ' EXCLUDES(b->mutex)'), TAKES + CALLS, None),
    (HEADER % ('', ' REQUIRES(b->mutex)'), ASSERTS, None),
    (HEADER % ('', ' REQUIRES(b->mutex)'), ANNOTATED, None),
    (HEADER % ('', ''), TAKES.replace('void', 'static void'), None),
    ('struct box;\nvoid g(struct box *b);\n', HEADER % ('', '') + TAKES, None),  # the type is not seen in the header
    (HEADER % ('', ''), TAKES, 'g() wants EXCLUDES(b->mutex) here: see lib/a.c:1'),
    (HEADER % ('', ' EXCLUDES(b->mutex)'), CALLS + TAKES, 'f() wants EXCLUDES(lid->box->mutex) here: see lib/a.c:1'),
    (HEADER % ('', ''), ASSERTS, 'g() wants REQUIRES(b->mutex) here'),
    (HEADER % ('', ' EXCLUDES(b->mutex)'), ASSERTS, 'g() wants REQUIRES(b->mutex) here'),
    (HEADER % ('', ''), ANNOTATED, 'g() wants REQUIRES(b->mutex) here'),
    (HEADER % ('', ''), 'void g(struct box *box) NO_THREAD_SAFETY_ANALYSIS\n{\n}\n', 'the lock analysis is switched off'),
    (HEADER % ('', ''), MAKES % 'LOCK_UNIT', None),
    (HEADER % ('', ''), MAKES % 'LOCK_LEAF', 'mutex mutex is made with LOCK_LEAF, and states LOCK_UNIT'),
    (HEADER.replace(' RANKED(LOCK_UNIT)', '') % ('', ''), '', 'struct mutex mutex states no rank'),
    ('struct box {\n\tpthread_mutex_t m;\n};\n', '', 'a lock that no check knows'),
]


def plant(where, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(where, path)), exist_ok=True)
        with open(os.path.join(where, path), 'w', encoding='utf-8') as file:
            file.write(text)


def analyse(root, text):
    with tempfile.TemporaryDirectory() as where:
        entry = {'directory': where, 'file': 'lib/a.c', 'command': f'cc -D_GNU_SOURCE -I{root}/lib/base -std=c11 -c lib/a.c'}
        plant(where, {'lib/a.c': text, 'compile_commands.json': json.dumps([entry])})
        return tree.run([sys.executable, os.path.join(HERE, 'locks.py'), where, where])


def prototypes(header, source):
    with tempfile.TemporaryDirectory() as where:
        plant(where, {'lib/a.h': header, 'lib/a.c': source})
        return tree.run([sys.executable, os.path.join(HERE, 'lock_prototypes.py'), where])


def wrong(result, says):
    """It fails exactly if it should, and each error is the one that is meant."""
    errors = [line for line in result.stdout.splitlines() if ' error: ' in line or line.startswith('lib/')]
    if says is None:
        return result.returncode != 0
    return result.returncode != 1 or not errors or any(says not in line for line in errors)


def main(root):
    problems = []
    for header, source, says in PROTOTYPES:
        result = prototypes(header, source)
        if wrong(result, says):
            problems.append(f'wanted {says or "a pass"} of\n{header}{source}got {result.returncode}:\n{result.stdout}')
    cases = [(F % body, says) for body, says in ANALYSIS] + FILES
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: analyse(root, case[0]), cases))
    for (text, says), result in zip(cases, results):
        if result.returncode == 77:
            if not problems:
                tree.skip(result.stdout.strip().removeprefix('skipped: '))
            break
        if wrong(result, says):
            problems.append(f'wanted {says or "a pass"} of\n{text[len(BOX):] or text}got {result.returncode}:\n{result.stdout}')
    tree.finish(problems, f'{len(cases) + len(PROTOTYPES)} cases')


main(os.path.realpath(sys.argv[1]))
