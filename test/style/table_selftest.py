# SPDX-License-Identifier: BSD-3-Clause
"""table_selftest.py ROOT: .ci/table says of made-up logs of tests what is in them."""
import json
import os
import subprocess
import sys
import tempfile


def result(suite, name, verdict, program, said=''):
    return {'name': f'piommu:{suite} / {name}', 'result': verdict, 'command': [program, 'x'], 'stdout': said}


def write(build, results, name='testlog'):
    os.makedirs(os.path.join(build, 'meson-logs'), exist_ok=True)
    with open(os.path.join(build, 'meson-logs', name + '.json'), 'w') as log:
        for one in results:
            log.write(json.dumps(one) + '\n')


def main():
    with tempfile.TemporaryDirectory(prefix='smmuv3') as where:
        native, arm64 = os.path.join(where, 'build'), os.path.join(where, 'build-arm64')
        write(native, [
            result('unit', 'iova', 'OK', native + '/test/lib/iova/test_iova'),
            result('unit', 'entry', 'OK', native + '/test/drivers/iommu/vtd/test_entry'),
            result('model+slow', 'driver-sim-smmuv2_', 'FAIL', native + '/t'),
            result('qemu', 'driver-qemu-smmuv3_stage=2', 'SKIP', native + '/t', 'ok\nskipped: too old\n'),
            result('stress', 't29-vtd_units=4', 'OK', native + '/t'),
            result('guest', 'guest-vtd-takeover', 'OK', '/bin/guest.sh'),
            result('style', 'style_text', 'OK', '/usr/bin/python3')])
        write(native, [result('qemu', 'driver-qemu-vtd_', 'OK', native + '/t')], 'testlog-qemu-release')
        write(arm64, [result('unit', 'iova', 'SKIP', 'qemu-aarch64-static', 'skipped: no clock\n')])
        os.makedirs(os.path.join(arm64, 'meson-info'))
        with open(os.path.join(arm64, 'meson-info/intro-tests.json'), 'w') as tests:
            json.dump([{'name': name, 'suite': ['piommu:' + suite]} for name, suite in
                       (('iova', 'unit'), ('t9', 'unit'), ('ctl', 'model'), ('t29', 'stress'))], tests)
        said = subprocess.run([os.path.join(sys.argv[1], '.ci/table'), native, arm64], check=True, capture_output=True, text=True).stdout
        unsaid = subprocess.run([os.path.join(sys.argv[1], '.ci/table'), '--without', 'arm64', 'no room',
                                 '--without', 'QEMU of Debian 12', 'no debs', native], check=True,
                                capture_output=True, text=True).stdout
    rows = [' '.join(line.split()) for line in (said + unsaid).splitlines()]
    for want in ('family sim QEMU QEMU of Debian 12 arm64', 'vtd 2 passed 1 passed 1 passed -', 'vtd 2 passed 1 passed - -',
                 'smmuv2 0 passed, 1 failed - - -', 'smmuv3 - 0 passed, 1 skipped - -',
                 'none 1 passed - - 0 passed, 1 skipped', 'none 1 passed - - -', 'skipped (QEMU): driver-qemu-smmuv3_stage=2: too old',
                 'skipped (arm64): iova: no clock', 'not there (QEMU): smmuv2: QEMU models no SMMUv2', 'not run (arm64): no room',
                 'not run (QEMU of Debian 12): no debs', 'left out (arm64), they take minutes there: 2 tests: ctl, t9'):
        if want not in rows:
            print(f'missing: {want}\nin:\n{said}{unsaid}')
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
