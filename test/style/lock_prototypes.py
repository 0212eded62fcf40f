# SPDX-License-Identifier: BSD-3-Clause
"""
lock_prototypes.py ROOT: what clang's thread-safety analysis relies on and cannot see itself.

It checks a caller against the prototype it has read. So an annotation belongs there, and a function that takes the mutex of
a parameter, itself or further down, says so: EXCLUDES(), or ACQUIRES() where it returns with it. Installed headers are left
out: their types are opaque, and a comment states the thread rule. The rank that a member states for clang is the one that it is
made with for the asserts. Nor may the analysis be switched off, or a lock be used that it knows nothing of.
"""
import re
import sys

import tree

PARTS = ('lib', 'drivers', 'app')
# The probe lock may be taken again by its holder, which the analysis has no word for.
HOME = ('lib/base/lock.h', 'lib/base/lock.c', 'lib/core/probe_lock.c')
OWN_LOCKS = ('drivers/platform/sim/',)  # the hardware of a simulated machine: not code of the library
FUNCTION = re.compile(r'^(?!#)[A-Za-z_][\w \t*]*?\b(\w+)\(', re.M)
ANNOTATION = re.compile(r'\b(REQUIRES|ACQUIRES|RELEASES|EXCLUDES)\(')
STRUCT = re.compile(r'^struct (?:CAPABILITY\(""\) )?(\w+) \{\n(.*?)^\}', re.M | re.S)
MEMBER = re.compile(r'^\tstruct (\w+) \*?(?:const )?(\w+)\b', re.M)
CALL = re.compile(r'\b([a-z]\w*)\(')
MUTEX = re.compile(r'^\tstruct mutex (\w+)(?: RANKED\((\w+)\))?', re.M)
INIT = re.compile(r'\bmutex_init\(&[\w>.-]*?(\w+), (\w+)\)')
PLACE = r'\(&(\w+(?:->\w+)+)\)'


def balanced(text, start):
    """From an opening parenthesis to behind the closing one."""
    depth = 0
    for at in range(start, len(text)):
        depth += {'(': 1, ')': -1}.get(text[at], 0)
        if not depth:
            return at + 1
    return len(text)


class Function:
    """A prototype (body None) or a definition."""

    def __init__(self, path, text, match):
        end = balanced(text, match.end() - 1)
        stop = re.compile(r'[;{]').search(text, end)
        self.path, self.name = path, match.group(1)
        self.line = text.count('\n', 0, match.start()) + 1
        self.static = text[match.start():].startswith('static')
        self.params = self.parse_params(text[match.end():end - 1])
        self.annotations = self.parse_annotations(text[end:stop.start() if stop else end])
        self.body = None
        if stop and stop.group() == '{':
            self.body = text[stop.start():text.find('\n}', stop.start())]

    @staticmethod
    def parse_params(text):
        """Name and structure of each, in order."""
        params = []
        for param in text.split(','):
            words = re.findall(r'\w+', param)
            struct = re.search(r'struct (\w+) \*(?:const )?(\w+)$', ' '.join(param.split()))
            params.append((words[-1] if words else '', struct.group(1) if struct else None))
        return params

    def parse_annotations(self, text):
        """Pairs such as ('REQUIRES', '0->mutex'): parameters by number, since each declaration may call them as it likes."""
        pairs = set()
        for match in ANNOTATION.finditer(text):
            for place in text[match.end():balanced(text, match.end() - 1) - 1].split(','):
                pairs.add((match.group(1), self.numbered(place.strip())))
        return pairs

    def numbered(self, place):
        names = [name for name, _ in self.params]
        first = re.match(r'\w*', place).group()
        return f'{names.index(first)}{place[len(first):]}' if first and first in names else place

    def named(self, place):
        first = re.match(r'\d*', place).group()
        return self.params[int(first)][0] + place[len(first):] if first else place


def functions(path, text):
    return [Function(path, text, match) for match in FUNCTION.finditer(text)]


def structures(text):
    """Name of each structure: its members that are structures, or point to one."""
    return {name: {member: struct for struct, member in MEMBER.findall(body)} for name, body in STRUCT.findall(text)}


def is_mutex(function, place, structs):
    """Whether everything on the way to it is in a header, so that a prototype could say it."""
    first, *way = place.split('->')
    struct = dict(function.params).get(first)
    for member in way:
        struct = structs.get(struct, {}).get(member)
    return struct == 'mutex'


def calls(body):
    """Name and arguments of each call; arguments with parentheses in them are of no use here."""
    for match in CALL.finditer(body):
        inside = body[match.end():balanced(body, match.end() - 1) - 1]
        yield match.group(1), [argument.strip() for argument in re.sub(r'\([^()]*\)', '()', inside).split(',')]


class Takes:
    """The mutexes that each function takes, by way of its parameters: itself, or what it calls."""

    def __init__(self, definitions, structs):
        self.structs = structs
        self.taken = {}
        self.by_name = {f.name: f for f in definitions if not f.static or f.path.endswith('.h')}
        self.by_file = {(f.path, f.name): f for f in definitions}
        before = None
        while before != self.taken:
            before = dict(self.taken)
            for function in definitions:
                self.taken[function] = frozenset(self.of_body(function))

    def of_body(self, function):
        for name, arguments in calls(function.body):
            callee = self.by_file.get((function.path, name)) or self.by_name.get(name)
            if name == 'mutex_lock':
                places = {'0'}
            else:
                places = self.taken.get(callee, ())
            for place in places:
                number = re.match(r'\d*', place).group()
                if number and int(number) < len(arguments):
                    whole = arguments[int(number)].lstrip('&') + place[len(number):]
                    if is_mutex(function, whole, self.structs):
                        yield function.numbered(whole)


def wanted(function, takes):
    """What its prototype has to say: kinds of which one will do, and where."""
    for kind, place in sorted(function.annotations):
        yield (kind,), place
    for place in sorted(takes.taken[function]):
        yield ('EXCLUDES', 'ACQUIRES', 'REQUIRES'), place
    for place in re.findall(r'\bmutex_assert_held' + PLACE, function.body):
        if is_mutex(function, place, takes.structs):
            yield ('REQUIRES', 'RELEASES'), function.numbered(place)


def check_prototypes(texts, problems):
    structs, prototypes, definitions, count = {}, {}, [], 0
    for path, text in texts.items():
        here = functions(path, text) if path not in HOME else []
        definitions += [function for function in here if function.body is not None]
        if path.endswith('.h') and '/piommu' not in path:
            structs.update(structures(text))
            for function in here:
                # Declared twice, one of them sees what the other must not know.
                if function.body is None and (function.annotations or function.name not in prototypes):
                    prototypes[function.name] = function
    takes = Takes(definitions, structs)
    for function in definitions:
        prototype = prototypes.get(function.name)
        if function.static or not prototype:
            continue
        count += 1
        for kinds, place in wanted(function, takes):
            if not any((kind, place) in prototype.annotations for kind in kinds):
                problems.append(f'{prototype.path}:{prototype.line}: {function.name}() wants {kinds[0]}({prototype.named(place)}) '
                                f'here: see {function.path}:{function.line}')
    return count


def check_ranks(texts, problems):
    """A name stands for the member of its own file's structures, where there is one; else for any in a header."""
    members = {path: MUTEX.findall(text) for path, text in texts.items() if path not in HOME}
    in_headers = [member for path, found in members.items() if path.endswith('.h') for member in found]
    for path, found in members.items():
        problems += [f'{path}: struct mutex {name} states no rank: RANKED(...), please' for name, rank in found if not rank]
        for name, rank in INIT.findall(texts[path]):
            stated = [r for n, r in found if n == name] or [r for n, r in in_headers if n == name]
            if rank not in stated:
                problems.append(f'{path}: mutex {name} is made with {rank}, and states {" or ".join(stated) or "none"}')


def check_words(texts, problems):
    for path, text in texts.items():
        if path in HOME:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r'\b(NO_THREAD_SAFETY_ANALYSIS|no_thread_safety_analysis)\b', line):
                problems.append(f'{path}:{number}: the lock analysis is switched off')
            if re.search(r'\bpthread_(mutex|cond|rwlock|spin)', line) and not path.startswith(OWN_LOCKS):
                problems.append(f'{path}:{number}: a lock that no check knows: struct mutex and struct cond of lock.h, please')


def main(root):
    texts = {path: tree.code_only(tree.read(root, path)) for path in tree.files(root, dirs=PARTS)}
    problems = []
    count = check_prototypes(texts, problems)
    check_ranks(texts, problems)
    check_words(texts, problems)
    tree.finish(problems, f'{count} functions with a prototype in an internal header')


main(sys.argv[1])
