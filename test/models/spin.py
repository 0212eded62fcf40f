# SPDX-License-Identifier: BSD-3-Clause
"""What the model checks share: one search by spin, and what counts as an answer."""
import os
import re
import subprocess

# A search is complete only if pan says none of these.
TRUNCATED = ('max search depth too small', 'Search not completed', 'out of memory', 'VECTORSZ', 'hash factor')


def run(where, *command, limit=300):
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
    return done.returncode, done.stdout


def write(where, name, text):
    with open(os.path.join(where, name), 'w', encoding='utf-8') as file:
        file.write(text)


def search(where, name, flags=(), optimize='-O1'):
    """What pan says about all reachable states of the model `name` in `where`."""
    code, said = run(where, 'spin', *flags, '-a', name)
    if not code and 'rror' not in said:
        code, said = run(where, 'cc', optimize, '-w', '-DSAFETY', '-DMEMLIM=2000', '-o', 'pan', 'pan.c')
    if code or 'rror' in said:
        raise SystemExit(f'FAIL: {name} {" ".join(flags)} does not build:\n{said}')
    return run(where, './pan', '-m100000')[1]


def errors(said):
    """The number of errors; None if pan ended without a result."""
    found = re.search(r'errors: (\d+)', said)
    return int(found.group(1)) if found else None


def cut_short(said):
    """Why a search that found nothing says nothing; empty if it is complete."""
    if errors(said) is None:
        return 'pan ended without a result:\n' + said
    return next((f'the search was cut short: "{words}"' for words in TRUNCATED if words in said), '')
