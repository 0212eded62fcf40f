#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run-guest.sh SCENARIO BUILD-DIRECTORY PROGRAM...
# Boots the guest(s) of scenarios/SCENARIO with these programs in /bin. 0 passed, 1 failed, 77 skipped with the reason.
# A scenario has a host half (host.sh: `modules`, run_scenario) and a guest half (guest.sh, sourced by init).
# GUEST_CACHE: where the kernel is kept between runs (default: in the build directory).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC1091
. "$here/guest.sh"
# shellcheck disable=SC1091
. "$here/kernel.sh"

scenario=$here/scenarios/$1
mkdir -p "$2"
out=$(realpath "$2")/guest-$1
cache=${GUEST_CACHE:-$(realpath "$2")/guest-kernel}
shift 2
# shellcheck disable=SC2034 # read by make_initramfs
programs=$(realpath "$@")
PATH=$PATH:/sbin:/usr/sbin

[ "$(uname -m)" = x86_64 ] || skip "these guests run programs of an x86-64 build"
need qemu-system-x86_64 qemu-system-x86; need busybox busybox-static; need cpio cpio; need iasl acpica-tools; need modprobe kmod
mkdir -p "$out" "$(dirname "$cache")"
exec 8>"$cache.lock"
flock 8
prepare_kernel
# shellcheck disable=SC1091
. "$scenario/host.sh"
make_initramfs "$out/initramfs"
run_scenario
say "passed"
