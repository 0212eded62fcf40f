# SPDX-License-Identifier: BSD-3-Clause
"""selftest.py ROOT: each style check fails on a planted violation, with the words it should say, and passes without it."""
import json
import os
import sys
import tempfile

import tree

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = '/* SPDX-License-Identifier: BSD-3-Clause */\n'
GOOD = SPDX + 'int piommu_good(void);\n\nint piommu_good(void)\n{\n\treturn 0;\n}\n'
FORMAT = '#include "pt_map.h"\n%sint f(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf);\n' \
         'int f(const struct piommu_pt *pt, uint64_t iova, struct piommu_pt_leaf *leaf)\n{\n%s\treturn pt_lookup(&fmt, pt, iova, leaf);\n}\n'

# Check, files of a tree, what it must say. None: it must pass.
CASES = [
    ('layers', {'lib/base/a.c': GOOD}, None),
    ('layers', {'lib/base/a.c': '#include "b.h"\n', 'lib/env/b.h': ''}, 'may not include lib/env/b.h'),
    ('layers', {'lib/fw/a.c': '#include "b.h"\n', 'lib/topo/b.h': ''}, 'may not include lib/topo/b.h'),
    ('layers', {'drivers/iommu/vtd/a.c': '#include "b.h"\n', 'lib/env/b.h': ''}, 'may not include lib/env/b.h'),
    ('layers', {'lib/fw/a.c': '#include <rte_eal.h>\n'}, '<rte_eal.h> belongs to lib/env'),
    ('layers', {'lib/fw/a.h': '#include "b.h"\n', 'lib/fw/b.h': '#include "a.h"\n'}, 'a cycle'),
    ('layers', {'lib/core/a.c': 'int vtd_thing;\n'}, 'does not know "vtd"'),
    ('layers', {'lib/topo/a.c': '/* vtd_thing */\n'}, None),
    ('layers', {'lib/core/a.c': '/* vtd_thing */\n'}, 'does not know "vtd", nor do its comments'),
    ('layers', {'lib/inv/a.c': '/* of all SMMUs */\n'}, 'does not know "smmu"'),
    ('layers', {'lib/driver/a.h': '/* an x86 machine */\n'}, 'does not know "x86"'),
    ('layers', {'lib/rcu/a.c': 'const char *a = "VT-d";\n'}, 'does not know "vt-d"'),
    ('layers', {'lib/iova/a.c': '/* armed, and a step */\n'}, None),
    ('layers', {'lib/new/a.c': ''}, 'no rule'),
    ('headers', {'lib/base/piommu_a.h': '#include <stdint.h>\nextern const uint32_t piommu_a;\n'}, None),
    ('headers', {'lib/base/piommu_a.h': 'extern const uint32_t piommu_a;\n'}, 'uint32_t'),
    ('headers', {'lib/base/piommu_a.h': 'int piommu_f(int class);\n'}, 'class'),
    ('headers', {'lib/base/piommu_a.h': 'struct piommu_a {\n\tint n;\n};\n'}, 'piommu_a'),
    ('symbols', {'a.c': GOOD}, None),
    ('symbols', {'a.c': 'int other(void);\nint other(void)\n{\n\treturn 0;\n}\n'}, 'other does not begin'),
    ('symbols', {'a.c': GOOD + 'int piommu_n = 1;\n'}, 'piommu_n in .data: a mutable global'),
    ('symbols', {'a.c': GOOD + 'static int n;\nint *piommu_n(void);\nint *piommu_n(void)\n{\n\treturn &n;\n}\n'}, 'a mutable global'),
    ('symbols', {'a.c': GOOD + '__attribute__((constructor)) static void go(void)\n{\n}\n'}, 'a constructor'),
    ('symbols', {'a.c': GOOD + 'extern int (*const piommu_f)(void);\nint (*const piommu_f)(void) = piommu_good;\n'}, None),
    ('pt_objects', {'a.c': FORMAT % ('extern const struct pt_format fmt;\n', '')}, 'indirect'),
    ('pt_objects', {'a.c': FORMAT % ('extern const struct pt_format fmt;\n', '\t__atomic_fetch_add(pt->root, 1, 5);\n')}, 'locked'),
    ('format', {'lib/a.c': GOOD}, None),
    ('format', {'lib/a.c': GOOD.replace('\t', '  ')}, 'lib/a.c'),
    ('lengths', {'lib/a.c': 'void f(void)\n{\n' + '\tf();\n' * 68 + '}\n'}, None),
    ('lengths', {'lib/a.c': 'void f(void)\n{\n' + '\tf();\n' * 69 + '}\n'}, 'a function of 71 lines'),
    ('lengths', {'lib/a.c': '\n' * 601}, '601 lines'),
    ('text', {'lib/base/piommu_a.h': SPDX + '/** Does it. */\nint piommu_f(void);\nint piommu_g(void);\n'}, None),
    ('text', {'lib/a.c': '/* SPDX-License-Identifier: MIT */\n'}, 'no "SPDX'),
    ('text', {'lib/base/piommu_a.h': SPDX + '/** Does it. */\nint piommu_f(void);\n\nint piommu_g(void);\n'}, 'piommu_g() has no comment'),
    ('tidy', {'lib/a.c': GOOD}, None),
    ('tidy', {'lib/a.c': 'int f(int a);\nint f(int a)\n{\n\tif (a == 1 && a == 1)\n\t\treturn 1;\n\treturn 0;\n}\n'}, 'misc-redundant'),
    ('cppcheck', {'lib/a.c': GOOD}, None),
    ('cppcheck', {'lib/a.c': 'int f(void);\nint f(void)\n{\n\tint a[2] = { 0, 0 };\n\n\treturn a[2];\n}\n'}, 'out of bounds'),
]


def plant(where, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(where, path)), exist_ok=True)
        with open(os.path.join(where, path), 'w', encoding='utf-8') as file:
            file.write(text if text.startswith('#ifndef') or not path.endswith('.h') else guarded(path, text))


def guarded(path, text):
    name = os.path.basename(path).upper().replace('.', '_')
    if 'struct piommu_a {' in text:  # the case without a guard
        return text
    return f'{SPDX}#ifndef {name}\n#define {name}\n{text.replace(SPDX, "")}#endif\n'


def command(check, root, where):
    script = [sys.executable, os.path.join(HERE, check + '.py')]
    if check == 'symbols':
        for made in (['gcc', '-fPIC', '-c', 'a.c'], ['gcc', '-shared', '-o', 'a.so', 'a.o'], ['ar', 'rc', 'a.a', 'a.o']):
            tree.run(made, cwd=where)
        return script + [f'{where}/a.so', f'{where}/a.a']
    if check == 'pt_objects':
        return script + [root, f'{where}/a.c']
    if check in ('tidy', 'cppcheck'):
        tree.run(['cp', f'{root}/.clang-tidy', where])
        entry = {'directory': where, 'file': 'lib/a.c', 'command': f'cc -D_GNU_SOURCE -I{root}/lib/base -std=c11 -c lib/a.c'}
        plant(where, {'compile_commands.json': json.dumps([entry])})
        return [sys.executable, os.path.join(HERE, 'analyse.py'), check, where, where]
    if check == 'format':
        tree.run(['cp', f'{root}/.clang-format', where])
    return script + [where]


def main(root):
    problems, skipped = [], 0
    for check, files, says in CASES:
        with tempfile.TemporaryDirectory() as where:
            plant(where, files)
            result = tree.run(command(check, root, where))
        if result.returncode == 77:
            skipped += 1
        elif result.returncode != (says is not None) or (says or '') not in result.stdout:
            problems.append(f'{check}: wanted {says or "a pass"} of {files}, got {result.returncode}:\n{result.stdout}')
    tree.finish(problems, f'{len(CASES) - skipped} cases, {skipped} skipped')


main(sys.argv[1])
