# SPDX-License-Identifier: BSD-3-Clause
"""dt_decode.py DUMPER DIR...: every device tree below the folders, decoded here and by the library, compared field by field.

This decode shares nothing with the library's: it reads the blob itself, and asks what one id becomes instead of making ranges.
It is written from the bindings (arm,smmu.yaml, arm,smmu-v3.yaml, iommu.txt, pci-iommu.txt, reserved-memory.yaml).
Exits 77 where there are no trees."""
import hashlib
import os
import re
import shlex
import struct
import subprocess
import sys

SMMU = re.compile(rb'arm,smmu-v[123]|arm,mmu-[45]0[01]|cavium,smmu-v2|nvidia,smmu-500|ap806-smmu-500|-smmu-v2|-smmu-500|qcom,smmu')
FLAGS = {'coherent': 1, 'broadcast': 2, 'gpu': 4, 'secure': 8, 'no-prefetch': 16, 'one-page': 32}


class Node:
    def __init__(self, name, parent):
        self.name, self.parent, self.kids, self.props = name, parent, [], {}

    def walk(self):
        yield self
        for kid in self.kids:
            yield from kid.walk()

    def path(self):
        return '/' if not self.parent else (self.parent.path() if self.parent.parent else '') + '/' + self.name

    def cells(self, name):
        value = self.props.get(name, b'')
        return list(struct.unpack('>%dI' % (len(value) // 4), value))

    def cell(self, name, otherwise=None):
        return self.cells(name)[0] if len(self.props.get(name, b'')) == 4 else otherwise

    def strings(self, name):
        value = self.props.get(name, b'')
        return [text.decode('latin-1') for text in value.split(b'\0')[:-1]]

    def enabled(self):
        own = self.strings('status')[:1] in ([], ['okay'], ['ok'])
        return own and (not self.parent or self.parent.enabled())


def read_blob(blob):
    struct_at, strings_at = struct.unpack('>2I', blob[8:16])
    at, node = struct_at, None
    while True:
        token, = struct.unpack('>I', blob[at:at + 4])
        at += 4
        if token == 1:
            end = blob.index(b'\0', at)
            kid = Node(blob[at:end].decode('latin-1'), node)
            if node:
                node.kids.append(kid)
            node, at = kid, end + 4 & ~3
        elif token == 2:
            if not node.parent:
                return node
            node = node.parent
        elif token == 3:
            length, name = struct.unpack('>2I', blob[at:at + 8])
            end = blob.index(b'\0', strings_at + name)
            node.props[blob[strings_at + name:end].decode()] = blob[at + 8:at + 8 + length]
            at = at + 8 + length + 3 & ~3


def number(cells):
    value = 0
    for cell in cells:
        value = value << 32 | cell
    return value & (1 << 64) - 1


def bus_cells(node):
    return node.parent.cell('#address-cells', 2), node.parent.cell('#size-cells', 1)


def cpu_address(node, address):
    """None: a bus does not map it."""
    bus = node.parent
    if not bus.parent:
        return address
    if 'ranges' not in bus.props:
        return None
    ranges = bus.cells('ranges')
    if ranges:
        (na, ns), (up, _) = bus_cells(node), bus_cells(bus)
        for at in range(0, len(ranges), na + up + ns):
            entry = ranges[at:at + na + up + ns]
            start, size = number(entry[:na]), number(entry[na + up:])
            if start <= address < start + size:
                address = number(entry[na:na + up]) + address - start
                break
        else:
            return None
    return cpu_address(bus, address)


def registers(node):
    na, ns = bus_cells(node)
    reg = node.cells('reg')
    return [(cpu_address(node, number(reg[at:at + na])), number(reg[at + na:at + na + ns])) for at in range(0, len(reg), na + ns)]


class Tree:
    def __init__(self, blob):
        self.root = read_blob(blob)
        self.nodes = list(self.root.walk())
        self.by_phandle = {}
        for node in self.nodes:
            if node.cell('phandle', node.cell('linux,phandle')):
                self.by_phandle[node.cell('phandle', node.cell('linux,phandle'))] = node
        self.units = [node for node in self.nodes if self.kind(node) and node.enabled()]

    @staticmethod
    def kind(node):
        """(family, version, model) of an SMMU, or None."""
        names = node.strings('compatible')
        model = version = None
        for name in names:
            facts = {'arm,smmu-v3': (3, 'generic'), 'arm,smmu-v2': (2, 'generic'), 'arm,smmu-v1': (1, 'generic'),
                     'arm,mmu-400': (1, 'mmu-400'), 'arm,mmu-401': (1, 'mmu-401'), 'arm,mmu-500': (2, 'mmu-500'),
                     'cavium,smmu-v2': (2, 'cavium-v2'), 'nvidia,smmu-500': (2, 'nvidia-500'),
                     'marvell,ap806-smmu-500': (2, 'marvell-500')}.get(name)
            if re.fullmatch('qcom,(.+-)?smmu-v2', name):
                facts = (2, 'qcom-v2')
            if re.fullmatch('qcom,(.+-)?smmu-500', name):
                facts = (2, 'qcom-500')
            if facts:
                version = version or facts[0]
                model = facts[1] if model in (None, 'generic') else model
        return version and ('smmuv3' if version == 3 else 'smmuv2', version, model)

    # ---- units ----

    def controller(self, node):
        while node and 'interrupt-parent' not in node.props:
            node = node.parent
        return node and self.by_phandle.get(node.cell('interrupt-parent'))

    def interrupts(self, node):
        family = self.kind(node)[0]
        names = node.strings('interrupt-names')
        cells, found = node.cells('interrupts-extended') or node.cells('interrupts'), []
        controller = self.controller(node)
        nglobal = node.cell('#global-interrupts', 1)
        while cells:
            if 'interrupts-extended' in node.props:
                controller, cells = self.by_phandle[cells[0]], cells[1:]
            width = controller.cell('#interrupt-cells')
            one, cells = cells[:width], cells[width:]
            gic = any(re.match(r'arm,(gic-|.*-gic$)', name) for name in controller.strings('compatible'))
            if family == 'smmuv3':
                order = ['event', 'pri', 'sync', 'error']
                kind = {'eventq': 'event', 'priq': 'pri', 'cmdq-sync': 'sync', 'gerror': 'error',
                        'combined': 'combined'}[names[len(found)]] if names else order[len(found)]
            else:
                kind = 'global' if len(found) < nglobal else 'context'
            wired = gic and width >= 3 and one[0] < 2
            found.append([kind, one[1] + (16 if one[0] else 32) if wired else None, bool(wired and one[2] & 3)])
        return found

    def unit(self, node):
        family, version, model = self.kind(node)
        regs = registers(node)
        flags = 0
        for prop, flag in (('calxeda,smmu-secure-config-access', 'secure'),
                           ('hisilicon,broken-prefetch-cmd', 'no-prefetch'), ('cavium,cn9900-broken-page1-regspace', 'one-page')):
            flags |= FLAGS[flag] if prop in node.props else 0
        flags |= FLAGS['coherent'] if coherent(node) else 0
        flags |= FLAGS['gpu'] if 'qcom,adreno-smmu' in node.strings('compatible') else 0
        return {'path': node.path(), 'family': family, 'version': version, 'model': model, 'flags': flags,
                'base': regs[0][0], 'len': regs[0][1], 'irqs': self.interrupts(node),
                'mirrors': [reg[0] for reg in regs[1:3]] if model == 'nvidia-500' else [],
                'numa_node': node.cell('numa-node-id', -1)}

    # ---- what is in front of them ----

    def specifier(self, unit, cells):
        """What an id and its mask are at a unit."""
        mask = cells[1] if len(cells) > 1 else unit.cell('stream-match-mask', 0)
        return [cells[0], mask & 0xffff if self.kind(unit)[0] == 'smmuv2' else 0]

    def device_ids(self, node):
        cells, found = node.cells('iommus'), []
        while cells:
            target = self.by_phandle[cells[0]]
            width = target.cell('#iommu-cells')
            if target in self.units:
                found.append(self.specifier(target, cells[1:1 + width] or [0]) + [target.path()])
            cells = cells[1 + width:]
        return found

    def legacy_ids(self, node):
        found = []
        for unit in self.units:
            cells = unit.cells('mmu-masters') if '#iommu-cells' not in unit.props else []
            while cells:
                master = self.by_phandle[cells[0]]
                n = master.cell('#stream-id-cells')
                if master is node:
                    found += [[cell] + [self.specifier(unit, [cell, 0])[1], unit.path()] for cell in cells[1:1 + n]]
                cells = cells[1 + n:]
        return found

    def map_entries(self, node):
        cells = node.cells('iommu-map')
        legacy = len(cells) % 4 == 0 and all(cell == cells[1] for cell in cells[1::4])
        entries = []
        while cells:
            width = 1 if legacy else self.by_phandle[cells[1]].cell('#iommu-cells')
            entries.append((cells[0], self.by_phandle[cells[1]], cells[2:2 + width], cells[2 + width]))
            cells = cells[3 + width:]
        return entries

    def route(self, node, ident):
        """What one id becomes, as an operating system asks."""
        ident &= node.cell('iommu-map-mask', 0xffffffff)
        for first, target, specifier, length in self.map_entries(node):
            if first <= ident < first + length and target in self.units:
                base, mask = self.specifier(target, specifier)
                return [base + ident - first, mask, target.path()]
        return None

    def is_host(self, node):
        def pci(at):
            return at and at.strings('device_type') == ['pci']
        return bool(pci(node) and not pci(node.parent))

    def segments(self):
        unnumbered = [node for node in self.nodes if self.is_host(node) and node.enabled() and 'linux,pci-domain' not in node.props]
        return {node: i for i, node in enumerate(unnumbered)}


def coherent(node):
    while node:
        if 'dma-coherent' in node.props or 'dma-noncoherent' in node.props:
            return 'dma-coherent' in node.props
        node = node.parent
    return False


def through(source, ident):
    """The library's answer for one id."""
    ident &= source['id_mask']
    for first, last, to, mask, unit in source['maps']:
        if first <= ident <= last:
            return [to + ident - first, mask, unit]
    return None


class Differences(list):
    def check(self, what, ours, theirs):
        if ours != theirs:
            self.append(f'{what}: decoded here {ours}, by the library {theirs}')


def compare_map(tree, node, source, wrong, count):
    edges = {0, 0xffff, 0x10000}
    for first, _, _, length in tree.map_entries(node):
        edges |= {first, first - 1, first + length, first + length - 1, first + length // 2, (first + 8) | 0xff0000}
    for ident in sorted(edge for edge in edges if 0 <= edge <= 0xffffffff):
        count['ids'] += 1
        wrong.check(f'{node.path()} id 0x{ident:x}', tree.route(node, ident), through(source, ident))
    wrong.check(node.path() + ' PCI', tree.is_host(node), source['pci'])
    if source['pci']:
        wrong.check(node.path() + ' segment', node.cell('linux,pci-domain', tree.segments().get(node)), source['segment'])
        wrong.check(node.path() + ' buses', node.cells('bus-range') or [0, 255], [source['start_bus'], source['last_bus']])


def compare(tree, said, count):
    wrong = Differences()
    units = {unit['path']: unit for unit in said['units']}
    wrong.check('units', [node.path() for node in tree.units], list(units))
    for node in tree.units:
        for key, value in tree.unit(node).items():
            wrong.check(f'{node.path()} {key}', value, units.get(node.path(), {}).get(key))
    devices = {source['name']: source for source in said['sources'] if not source['pci']}
    maps = {source['name']: source for source in said['sources']}
    expected = set()
    for node in tree.nodes:
        if not node.enabled():
            continue
        ids = tree.device_ids(node) + tree.legacy_ids(node)
        if ids:
            expected.add(node.path())
            source = devices.get(node.path(), {'maps': [], 'flags': 0})
            wrong.check(node.path() + ' ids', ids, [entry[2:5] for entry in source['maps']])
            wrong.check(node.path() + ' coherent', coherent(node), bool(source['flags'] & 1))
            count['devices'] += 1
        if any(target in tree.units and length for _, target, _, length in tree.map_entries(node)):
            expected.add(node.path())
            count['maps'] += 1
            compare_map(tree, node, maps.get(node.path(), {'id_mask': 0, 'maps': [], 'pci': None}), wrong, count)
    wrong.check('sources', sorted(expected), sorted({source['name'] for source in said['sources']}))
    uses = sum(1 for node in tree.nodes if 'iommu-addresses' in node.props)
    wrong.check('reserved', bool(uses), bool(said['reserved'] or said['carveouts']))
    count['units'] += len(tree.units)
    return wrong


def trees_below(folders):
    """Each content once."""
    seen = {}
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in sorted(names):
                if name.endswith('.dtb'):
                    with open(os.path.join(path, name), 'rb') as file:
                        blob = file.read()
                    seen.setdefault(hashlib.sha256(blob).digest(), (os.path.join(path, name), blob))
    return sorted(seen.values())


def main(dumper, folders):
    trees = trees_below(folders)
    if not trees:
        print('skipped: no device trees below ' + ' '.join(folders) + ' (.ci/fetch-dtbs gets those of Debian\'s arm64 kernels)')
        return 77
    count = {'trees': 0, 'with': 0, 'units': 0, 'devices': 0, 'maps': 0, 'ids': 0, 'refused': 0, 'warned': 0}
    bad = 0
    # An emulator, where the build is for another machine.
    wrapper = shlex.split(os.environ.get('MESON_EXE_WRAPPER', ''))
    with subprocess.Popen(wrapper + [dumper], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        import json
        for path, blob in trees:
            child.stdin.write(path + '\n')
            child.stdin.flush()
            said = json.loads(child.stdout.readline())
            count['trees'] += 1
            if 'refused' in said:
                count['refused'] += 1
                print(f'refused: {os.path.basename(path)}: {said["refused"]}')
                bad += 1
                continue
            if not SMMU.search(blob):
                wrong = Differences()
                wrong.check('a tree without SMMUs', [], said['units'] + said['sources'] + said['warnings'])
            else:
                wrong = compare(Tree(blob), said, count)
                count['with'] += bool(said['units'])
                count['warned'] += bool(said['warnings'])
            for line in wrong:
                print(f'{os.path.basename(path)}: {line}')
            bad += bool(wrong)
        child.stdin.close()
    print('{trees} trees, {with} of them with SMMUs: {units} units, {devices} devices and {maps} maps in front of them, {ids} ids; '
          '{refused} refused, {warned} with warnings'.format(**count))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
