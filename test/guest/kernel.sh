# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# The guests' kernel: a stock Debian one, fetched as packages and unpacked, never installed; and uio_pdrv_genirq, an in-tree
# module that Debian leaves out, built against its headers from the same version's source. Built once, kept in $cache:
# vmlinuz, release, root/lib/modules. Sourced by run-guest.sh.

# Directories of kernel/ whose modules guests may load.
module_dirs='drivers/net/ethernet/intel/e1000e drivers/ptp drivers/pps drivers/uio'

user_apt=${APT_CONFIG:-/dev/null}

# ---- Packages ----------------------------------------------------------------------------------------------------------

depends() { LC_ALL=C apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Depends: //p'; }

# choose_kernel: sets image (its package), version and release: 6.12 if the machine's archives have one, else their default.
choose_kernel() {
	local meta

	for meta in linux-image-6.12-amd64 linux-image-amd64; do
		# shellcheck disable=SC2046 # two words
		set -- $(depends "$meta" | sed -n 's/.*\(linux-image-[0-9][^ ,]*\) (= \([^)]*\)).*/\1 \2/p')
		if [ $# = 2 ]; then
			image=$1 version=$2 release=${1#linux-image-}
			return
		fi
	done
	return 1
}

# The package that holds a uio_pdrv_genirq.c which knows ACPI devices (6.1's does not) and fits the kernel.
source_package() {
	local series

	series=$(echo "$release" | cut -d. -f1,2)
	if [ "$series" = 6.1 ]; then
		echo linux-source-6.12
	else
		echo "linux-source-$series=$version"
	fi
}

# download_all: the kernel, what builds modules for it, and the source, into the current directory.
download_all() {
	local build

	choose_kernel || return 1
	build=$(depends "linux-headers-$release" | grep -oE 'linux-(headers|kbuild)-[^ ,]+') || return 1
	# shellcheck disable=SC2086 # a list
	apt-get -q download "$image=$version" "linux-headers-$release" $build "$(source_package)"
}

# own_apt [LISTS]: from here on apt with settings of this run; with LISTS, fresh package lists in that directory.
own_apt() {
	cat "$user_apt" >apt.conf
	[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";' >>apt.conf # apt's own user cannot write here
	export APT_CONFIG=$PWD/apt.conf
	if [ $# = 1 ]; then
		mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
		printf 'Dir::State::lists "%s/lists";\nDir::Cache "%s/cache";\n' "$1" "$1" >>apt.conf
		apt-get -q update
	fi
}

# fetch: where the machine's lists are older than its archives, with fresh lists of our own.
fetch() {
	{ own_apt && download_all; } >apt.log 2>&1 && return
	{ own_apt "$PWD/apt" && download_all; } >>apt.log 2>&1 && return
	sed 's/^/guest: apt: /' apt.log
	skip 'cannot fetch a kernel: the archives of this machine have none, or there is no network (apt-get, above)'
}

# ---- Kernel and module ---------------------------------------------------------------------------------------------------

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

# build_kernel: all of it, in the current directory.
build_kernel() {
	local start

	start=$(date +%s)
	fetch
	say "fetched $image $version in $(($(date +%s) - start)) s"
	unpack_image
	build_uio
	depmod -b root "$release" 2>/dev/null
	rm -rf ./*.deb apt apt.conf headers uio
	echo "$release" >release
	say "kernel $release and its module are ready after $(($(date +%s) - start)) s"
}

# prepare_kernel: fills $cache unless an earlier run did, and sets release.
prepare_kernel() {
	if [ ! -e "$cache/release" ]; then
		need apt-get apt; need dpkg-deb dpkg; need make make; need gcc gcc; need strip binutils
		need xz xz-utils; need depmod kmod
		rm -rf "$cache.tmp" "$cache"
		mkdir -p "$cache.tmp"
		(cd "$cache.tmp" && build_kernel)
		mv "$cache.tmp" "$cache"
	fi
	release=$(cat "$cache/release")
}
