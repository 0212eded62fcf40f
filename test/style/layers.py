# SPDX-License-Identifier: BSD-3-Clause
"""layers.py ROOT [RULES]: what the #include lines and the identifiers of each part may name. Rules: layers.txt."""
import os
import re
import sys

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
IDENTIFIER = re.compile(r'[A-Za-z_]\w*')
WORD = re.compile(r'[a-z0-9]+(?:-[a-z0-9]+)*') # of lower case, also within an identifier


def read_rules(path):
    rules = {'may': {}, 'only': {}, 'words': {}, 'terms': {}, 'except': {}}
    with open(path, encoding='utf-8') as file:
        for line in file:
            words = line.split('#')[0].split()
            if words:
                rules[words[0]][words[1]] = words[2:]
    return rules


def within(path, place):
    return path == place or path.startswith(place + '/')


def most_particular(path, places):
    return max((place for place in places if within(path, place)), key=len, default=None)


def check_includes(root, paths, rules, problems):
    """Returns the graph of our own headers."""
    by_name, graph = {}, {}
    for path in paths:
        if path.endswith('.h'):
            by_name.setdefault(os.path.basename(path), []).append(path)
    for name, where in by_name.items():
        if len([path for path in where if not within(path, 'test')]) > 1:
            problems.append(f'{where[0]}: another header is called {name}: {where[1]}')
    for path in paths:
        graph[path] = []
        place = most_particular(path, rules['may'])
        for kind, name in INCLUDE.findall(tree.code_only(tree.read(root, path))):
            for prefix, allowed in rules['only'].items():
                if kind == '<' and name.startswith(prefix) and not any(within(path, a) for a in allowed + ['test']):
                    problems.append(f'{path}: <{name}> belongs to {" ".join(allowed)} alone')
            if kind == '"' and '/' in name:
                problems.append(f'{path}: #include "{name}": the bare file name, please')
            target = by_name.get(os.path.basename(name), [None])[0]
            if target is None:
                continue
            graph[path].append(target)
            if place is None or os.path.dirname(target) == os.path.dirname(path):
                continue
            if not any(within(target, allowed) for allowed in rules['may'][place]):
                problems.append(f'{path}: may not include {target} (rule for {place})')
    return graph


def check_cycles(graph, problems):
    done = set()

    def visit(path, trail):
        if path in trail:
            problems.append('a cycle: ' + ' -> '.join(trail[trail.index(path):] + [path]))
        elif path not in done:
            for target in graph.get(path, []):
                visit(target, trail + [path])
            done.add(path)
    for path in graph:
        visit(path, [])


def check_words(root, paths, rules, problems):
    for place, words in rules['words'].items():
        excepted = rules['except'].get(place, [])
        for path in paths:
            if not within(path, place) or path in excepted:
                continue
            for number, line in enumerate(tree.code_only(tree.read(root, path)).splitlines(), 1):
                for name in IDENTIFIER.findall(line):
                    parts = set() if name.startswith(tuple(excepted)) else set(name.lower().split('_'))
                    for word in sorted(parts & set(words)):
                        problems.append(f'{path}:{number}: "{name}": {place} does not know "{word}"')


def check_terms(root, paths, rules, problems):
    """Comments and messages, too; "SMMUs" is "smmu", and so is the last part of "arm-smmu"."""
    for places, terms in rules['terms'].items():
        for path in paths:
            place = next((place for place in places.split(',') if within(path, place)), None)
            if not place:
                continue
            for number, line in enumerate(tree.read(root, path).lower().splitlines(), 1):
                found = {part for word in WORD.findall(line) for part in (word, *word.split('-'))}
                for term in sorted((found | {word[:-1] for word in found if word.endswith('s')}) & set(terms)):
                    problems.append(f'{path}:{number}: {place} does not know "{term}", nor do its comments')


def main(root, rules_path):
    rules, problems = read_rules(rules_path), []
    paths = tree.files(root)
    graph = check_includes(root, paths, rules, problems)
    check_cycles(graph, problems)
    check_words(root, paths, rules, problems)
    check_terms(root, paths, rules, problems)
    for path in paths:
        if path.startswith(('lib/', 'drivers/', 'app/', 'examples/')) and most_particular(path, rules['may']) is None:
            problems.append(f'{path}: no rule says what it may include')
    tree.finish(problems, f'{len(paths)} files')


main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(__file__), 'layers.txt'))
