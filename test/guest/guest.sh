# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# Functions for tests that boot a whole guest: a stock Debian kernel fetched as packages, one in-tree module that Debian
# leaves out built against it, an initramfs with our programs, QEMU without KVM. Sourced by run-guest.sh; nothing here
# knows a scenario. Nothing is installed and nothing but the cache directory is written; root is not needed.
#
# Set by run-guest.sh: here (this directory), out (scratch of this run), cache (kept between runs).

# Directories of kernel/ whose modules guests may load.
module_dirs='drivers/net/ethernet/intel/e1000e drivers/ptp drivers/pps drivers/uio'

say() { echo "guest: $*"; }
skip() { echo "skipped: $*"; exit 77; }
fail() { echo "guest: FAILED: $*" >&2; exit 1; }

# need TOOL PACKAGE: skips where a tool is missing, and names the package that has it.
need() { command -v "$1" >/dev/null || skip "$1 is missing (Debian package $2)"; }

# ---- Packages ----------------------------------------------------------------------------------------------------------

depends() { LC_ALL=C apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Depends: //p'; }

# download PACKAGE[=VERSION]...: the .deb files, into the current directory.
download() {
	local sandbox=''

	[ "$(id -u)" != 0 ] || sandbox='-o APT::Sandbox::User=root'
	# shellcheck disable=SC2086 # two words, or none
	apt-get -q $sandbox download "$@" >apt.log 2>&1 || {
		sed 's/^/guest: apt: /' apt.log
		skip "apt-get download $* failed: no network, or package lists out of date (apt-get update)"
	}
}

# choose_kernel: sets image (its package) and version: the machine's 6.12 if its archives have one, else its default.
choose_kernel() {
	local meta

	for meta in linux-image-6.12-amd64 linux-image-amd64; do
		# shellcheck disable=SC2046 # two words
		set -- $(depends "$meta" | sed -n 's/.*\(linux-image-[0-9][^ ,]*\) (= \([^)]*\)).*/\1 \2/p')
		if [ $# = 2 ]; then
			image=$1 version=$2
			return
		fi
	done
	skip "no linux-image-6.12-amd64 or linux-image-amd64 in this machine's package lists (apt-get update)"
}

# uio_source: the package that holds a uio_pdrv_genirq.c which knows ACPI devices (6.1's does not) and fits the kernel.
uio_source() {
	local series=${image#linux-image-}

	series=$(echo "$series" | cut -d. -f1,2)
	if [ "$series" = 6.1 ]; then
		echo linux-source-6.12
	else
		echo "linux-source-$series=$version"
	fi
}

# ---- Kernel and module: built once, kept in the cache -----------------------------------------------------------------------

unpack_image() {
	local dir patterns=('./boot/vmlinuz-*' '*/modules.builtin*' '*/modules.order')

	for dir in $module_dirs; do
		patterns+=("*/kernel/$dir/*")
	done
	mkdir root
	dpkg-deb --fsys-tarfile "$image"_*.deb | tar -x -C root --wildcards "${patterns[@]}"
	[ -d root/lib/modules ] || ln -s usr/lib root/lib
	mv root/boot/vmlinuz-* vmlinuz
	find root/lib/modules/ -name '*.ko.xz' -exec xz -d {} +
}

# One file out of a source tarball that is never unpacked whole.
unpack_uio() {
	dpkg-deb --fsys-tarfile linux-source-*.deb 2>/dev/null |
		tar -xO --occurrence=1 --wildcards './usr/src/linux-source-*.tar.xz' 2>/dev/null |
		xz -dc 2>/dev/null |
		tar -x --occurrence=1 --strip-components=3 -C "$1" --wildcards '*/drivers/uio/uio_pdrv_genirq.c' || true
	[ -s "$1/uio_pdrv_genirq.c" ] || fail 'uio_pdrv_genirq.c is not where linux-source should have it'
}

build_uio() {
	local headers log=$PWD/module.log

	mkdir headers uio
	for deb in linux-headers-*.deb linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" headers
	done
	headers=$PWD/headers/usr/src/linux-headers-$release
	sed -i "s,/usr/src/,$PWD/headers/usr/src/," "$headers/Makefile"
	unpack_uio uio
	echo 'obj-m := uio_pdrv_genirq.o' >uio/Makefile
	# Without type information: it would need pahole, and nobody reads it.
	make -C "$headers" "M=$PWD/uio" CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$log" 2>&1 || {
		cat "$log"
		fail 'uio_pdrv_genirq does not build against the Debian headers'
	}
	mkdir -p "root/lib/modules/$release/extra"
	strip -g -o "root/lib/modules/$release/extra/uio_pdrv_genirq.ko" uio/uio_pdrv_genirq.ko
}

# prepare_kernel: fills $cache with vmlinuz, release and root/lib/modules, unless an earlier run did.
prepare_kernel() {
	local tmp=$cache.tmp start headers

	if [ -e "$cache/release" ]; then
		release=$(cat "$cache/release")
		return
	fi
	need apt-get apt; need dpkg-deb dpkg; need make make; need gcc gcc; need xz xz-utils; need depmod kmod
	PATH=$PATH:/sbin:/usr/sbin
	choose_kernel
	release=${image#linux-image-}
	headers=$(depends "linux-headers-$release" | grep -oE 'linux-(headers|kbuild)-[^ ,]+') || skip "no linux-headers-$release"
	start=$(date +%s)
	rm -rf "$tmp" "$cache"
	mkdir -p "$tmp"
	cd "$tmp" || exit 1
	# shellcheck disable=SC2086 # a list
	download "$image=$version" "linux-headers-$release" $headers "$(uio_source)"
	say "fetched $image $version in $(($(date +%s) - start)) s"
	unpack_image
	build_uio
	depmod -b root "$release" 2>/dev/null
	rm -rf ./*.deb headers uio
	echo "$release" >release
	cd "$here" || exit 1
	mv "$tmp" "$cache"
	say "kernel $release and its module are ready after $(($(date +%s) - start)) s"
}

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

# boot NAME KERNEL-ARGUMENTS QEMU-ARGUMENTS...: runs a guest until it powers off. Its console is $out/NAME.log.
boot() {
	local name=$1 append=$2 start rc=0

	shift 2
	log=$out/$name.log
	start=$(date +%s)
	timeout "${GUEST_TIMEOUT:-240}" qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 1024 -nodefaults -display none -no-reboot \
		-monitor none -serial "file:$log" -kernel "$cache/vmlinuz" -initrd "$out/initramfs" \
		-append "console=ttyS0 quiet panic=-1 guest.boot=$name $append" "$@" \
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
