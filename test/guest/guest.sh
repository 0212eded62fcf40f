# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# Functions for tests that boot a whole guest: an initramfs with our programs, QEMU without KVM, a log to judge. Sourced by
# run-guest.sh; nothing here knows a scenario. Root is not needed.
#
# Set by run-guest.sh: here (this directory), scenario, programs, out (scratch of this run), cache (kept between runs),
# and by kernel.sh: release.

say() { echo "guest: $*"; }
skip() { echo "skipped: $*"; exit 77; }
fail() { echo "guest: FAILED: $*" >&2; exit 1; }

# need TOOL PACKAGE: skips where a tool is missing, and names the package that has it.
need() { command -v "$1" >/dev/null || skip "$1 is missing (Debian package $2)"; }

# ---- The initramfs ---------------------------------------------------------------------------------------------------------------

# install_program FILE: into the guest's /bin, with every shared library at the path where the host has it.
install_program() {
	local lib

	cp "$1" "$root/bin/"
	# libgcc_s is loaded at run time, by pthread_cancel.
	for lib in $(ldd "$1" | grep -oE '/[^ ]+') $(gcc -print-file-name=libgcc_s.so.1); do
		[ -e "$root$lib" ] || install -D -m 755 "$lib" "$root$lib"
	done
}

# install_modules NAME...: in load order, as a list that the guest's init reads.
install_modules() {
	local name path

	for name in "$@"; do
		modprobe -d "$cache/root" -S "$release" --show-depends "$name" || fail "no module $name in kernel $release"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
		cp "$path" "$root/modules/"
		basename "$path" >>"$root/modules/order"
	done
}

# make_initramfs FILE: of this run's programs and the scenario's guest half.
make_initramfs() {
	local busybox program

	busybox=$(command -v busybox)
	! ldd "$busybox" >/dev/null 2>&1 || skip "$busybox is not static (Debian package busybox-static)"
	root=$out/root
	rm -rf "$root"
	mkdir -p "$root"/bin "$root"/modules "$root"/proc "$root"/sys "$root"/dev "$root"/run "$root"/tmp
	cp "$busybox" "$root/bin/busybox"
	cp "$here/init" "$root/init"
	chmod 755 "$root/init"
	cp "$scenario/guest.sh" "$root/scenario.sh"
	for program in $programs; do
		install_program "$program"
	done
	# shellcheck disable=SC2086 # the scenario's list
	install_modules $modules
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$1"
}

# ---- Booting and judging ------------------------------------------------------------------------------------------------------------

# boot NAME KERNEL-ARGUMENTS QEMU-ARGUMENTS...: runs a guest until it powers off. Its console is $out/NAME.log. The kernel's own
# check that timer interrupts come in time panics on a machine that has something else to do.
boot() {
	local name=$1 append=$2 start rc=0

	shift 2
	log=$out/$name.log
	start=$(date +%s)
	timeout "${GUEST_TIMEOUT:-240}" qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 1024 -nodefaults -display none -no-reboot \
		-monitor none -serial "file:$log" -kernel "$cache/vmlinuz" -initrd "$out/initramfs" \
		-append "console=ttyS0 quiet panic=-1 no_timer_check guest.boot=$name $append" "$@" \
		</dev/null >"$out/$name.qemu" 2>&1 || rc=$?
	sed 's/\x1b[^a-zA-Z]*[a-zA-Z]//g; s/\r//g' "$log" >"$log.plain" && mv "$log.plain" "$log" # the firmware clears the screen
	say "boot '$name' took $(($(date +%s) - start)) s"
	[ "$rc" = 0 ] || log_and_fail "QEMU ended with $rc (124: it ran out of time)"
	grep -q '^guest: done$' "$log" || log_and_fail 'the guest did not come to its end'
	! grep -q '^not ok ' "$log" || log_and_fail "$(grep '^not ok ' "$log" | head -1)"
}

log_and_fail() {
	echo "---- $log ----"
	cat "$log"
	echo "---- QEMU said ----"
	head -40 "${log%.log}.qemu"
	fail "$1"
}

# expect REGEX: some line of the last boot's log matches.
expect() { grep -Eq -- "$1" "$log" || log_and_fail "no line matches: $1"; }
