# SPDX-License-Identifier: BSD-3-Clause
"""symbols.py SHARED STATIC: what the library exports, and that none of its objects has constructors or mutable globals."""
import re
import sys

import tree

# Section, symbol: with the reason. Nothing else may be writable.
ALLOWED = {
    # A thread is registered with RCU or it is not: the state of the thread, not of a manager.
    ('.tbss', 'registered'),
    # libpci's error callback gets no context, and must not return.
    ('.tbss', 'escape'),
    # What a thread holds; only in debug builds.
    ('.tbss', 'held'),
    # Only with -Dyield_points=true: the schedule fuzzer's place in its sequence, whom a test has called at a thread's yield and fault
    # points, and what the thread cleared.
    ('.tbss', 'sequence'),
    ('.tbss', 'call'),
    ('.tbss', 'ask_fault'),
    ('.tbss', 'uncovered'),
}
WRITABLE = re.compile(r'^\.(data|bss|tdata|tbss|ldata|lbss)(?!\.rel\.ro)|^\*COM\*')
CONSTRUCTORS = re.compile(r'^ *\d+ (\.(?:preinit_array|init_array|fini_array|ctors|dtors)\S*)')


def exported(shared, problems):
    count = 0
    for line in tree.run(['nm', '-D', '--defined-only', shared]).stdout.splitlines():
        name = line.split()[-1].split('@')[0]
        count += 1
        if not name.startswith('piommu_') and name != 'PIOMMU_0':
            problems.append(f'exported: {name} does not begin with piommu_')
    if not count:
        problems.append(f'{shared}: exports nothing')
    return count


def objects(static, problems):
    """Reads section headers, and symbols: value, seven flags, section, size, name."""
    member, count = '', 0
    for line in tree.run(['objdump', '-ht', static]).stdout.splitlines():
        if line.endswith(('elf64-x86-64', 'elf64-littleaarch64')):
            member, count = line.split(':')[0], count + 1
        if CONSTRUCTORS.match(line):
            problems.append(f'{member}: {CONSTRUCTORS.match(line).group(1)}: a constructor or destructor')
        found = re.match(r'[0-9a-f]+ .{7} (\S+)\t([0-9a-f]+)\s+(?:\.hidden )?(.*)', line)
        if not found:
            continue
        section, size, name = found.groups()
        if WRITABLE.match(section) and int(size, 16) and (section, name) not in ALLOWED:
            problems.append(f'{member}: {name} in {section}: a mutable global')
    if not count:
        problems.append(f'{static}: no objects')
    return count


def main(shared, static):
    problems = []
    tree.finish(problems, f'{exported(shared, problems)} exported symbols, {objects(static, problems)} objects')


main(sys.argv[1], sys.argv[2])
