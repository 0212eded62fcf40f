# SPDX-License-Identifier: BSD-3-Clause
"""What the style checks share: the files of the tree, their text without comments, and one way to say what is wrong."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

CODE_DIRS = ('lib', 'drivers', 'app', 'examples', 'test')


def files(root, dirs=CODE_DIRS, suffixes=('.c', '.h')):
    """Paths below root, sorted, with '/' between parts."""
    found = []
    for top in dirs:
        for where, _, names in os.walk(os.path.join(root, top)):
            found += [os.path.relpath(os.path.join(where, name), root) for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as file:
        return file.read()


TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """The text without comments and with empty literals; lines keep their numbers. #include lines keep their names."""
    def blank(match):
        start = text.rfind('\n', 0, match.start()) + 1
        if match.group()[0] == '"' and text[start:match.start()].lstrip().startswith('#'):
            return match.group()
        return '""' if match.group()[0] in '"\'' else '\n' * match.group().count('\n')
    return TOKENS.sub(blank, text)


def compiled(root, build, parts):
    """Each source of these parts once: its path, the -I, -isystem, -D and -std of its compilation, and where that ran."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    found = {}
    for entry in commands:
        path = os.path.realpath(os.path.join(entry['directory'], entry['file']))
        if not path.startswith(tuple(os.path.join(os.path.realpath(root), part) + os.sep for part in parts)):
            continue
        flags = [flag for flag in shlex.split(entry['command']) if flag.startswith(('-I', '-isystem', '-D', '-std=', '-march='))]
        found[path] = (flags, entry['directory'])
    return [(path, *how) for path, how in found.items()]


def finish(problems, what):
    """Prints the problems, or what was looked at, and ends the program."""
    for problem in problems:
        print(problem)
    print(f'{len(problems)} problems' if problems else f'fine: {what}')
    sys.exit(bool(problems))


def skip(why):
    print(f'skipped: {why}')
    sys.exit(77)


def have(*programs):
    return [program for program in programs if shutil.which(program)]


def run(command, **kwargs):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **kwargs)
