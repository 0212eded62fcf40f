#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs the build into an empty tree and uses it as a stranger would: pkg-config, one compiler call, run. Each installed
# header also compiles alone there, as C and as C++. Usage: test_install.sh BUILD_DIR SOURCE_DIR
set -eu
build=$1
source=$2
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT

meson install -C "$build" --destdir "$dest" --no-rebuild --quiet
pc=$(find "$dest" -name piommu.pc)
[ -n "$pc" ] || { echo "FAIL: no piommu.pc was installed"; exit 1; }
lib=$(dirname "$(find "$dest" -name libpiommu.so)")
for file in libpiommu.so libpiommu.so.0 libpiommu.a; do
	[ -e "$lib/$file" ] || { echo "FAIL: $file was not installed"; exit 1; }
done
for tool in piommu-ctl piommu-bench; do
	[ -x "$(find "$dest" -path "*/bin/$tool")" ] || { echo "FAIL: $tool was not installed"; exit 1; }
done

export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$dest"
for header in piommu.h piommu_driver.h piommu_sim.h; do
	for lang in c c++; do
		echo "#include <$header>" |
			cc -x $lang -fsyntax-only $(pkg-config --cflags piommu) - ||
			{ echo "FAIL: installed $header does not compile alone as $lang"; exit 1; }
	done
done

for example in hello_map hotplug; do
	cc -std=c11 -Wall -Wextra -Werror -o "$dest/$example" "$source/examples/$example.c" $(pkg-config --cflags --libs piommu)
	for family in vtd smmuv3 smmuv2; do
		LD_LIBRARY_PATH=$lib "$dest/$example" "sim:$family"
	done
done
readelf -d "$lib/libpiommu.so" | grep -q 'SONAME.*libpiommu.so.0' || { echo "FAIL: no soname"; exit 1; }
echo "installed copy: the examples build with pkg-config and run"
