# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh disable=SC2154
# The unit taken from the kernel and driven by us, guest half. `boot` says who has the unit: "ours",
# "kernels", or "remapping": the kernel has it for interrupt remapping alone.

uio=PRP0001:00 # the platform device of vtd-uio.dsl

# find_edu BUS: its address there.
find_edu() {
	for dev in /sys/bus/pci/devices/0000:"$1":*; do
		[ "$(cat "$dev/vendor")$(cat "$dev/device")" != 0x12340x11e8 ] || basename "$dev"
	done
}

bind_uio() {
	echo uio_pdrv_genirq >/sys/bus/platform/devices/$uio/driver_override
	echo $uio >/sys/bus/platform/drivers/uio_pdrv_genirq/bind
	echo "uio map0: $(cat /sys/class/uio/uio0/maps/map0/addr) $(cat /sys/class/uio/uio0/maps/map0/size)"
}

# Every request was answered, but perhaps the one that the end of ping cut off.
judge_pings() {
	awk '/ seq=/ { split($5, s, "="); if (s[2] != n) bad = 1; n++ }
		/packets transmitted/ { if ($1 - $4 > 1) bad = 1; seen = 1 }
		END { exit bad || !seen || n < 5 }' /run/ping
}

# refuse WHAT COMMAND...: the command, which checks a refusal, has it.
refuse() {
	echo "# refused: $1"
	what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what"; fi
}

# What a person sees who only looks.
look() {
	for command in units groups doctor; do
		echo "# piommu-ctl $command"
		piommu-ctl $command
		echo "exit code $?"
	done
}

# The lock goes with its holder, but the unit stays on: the next manager sees that, and does not drive it from unknown tables.
kill_a_manager() {
	takeover hold linux:devmem >/run/hold &
	holder=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		! grep -q holding /run/hold || break
		sleep 1
	done
	kill -KILL $holder
	wait $holder
	refuse 'a killed manager left it on' takeover refused linux:devmem EBUSY
}

# Removed by the kernel's own hand, and in earnest: out of its slot through QEMU's monitor, which is at the other end of ttyS1.
come_and_go() {
	echo '# removed and rescanned'
	replug linux:devmem "$edu" "echo 1 >/sys/bus/pci/devices/$edu/remove" 'echo 1 >/sys/bus/pci/rescan' &&
		ok removed and rescanned
	echo '# out of its slot and in again'
	stty -F /dev/ttyS1 raw -echo
	cat /dev/ttyS1 >/run/monitor &
	listener=$!
	printf '\n\n' >/dev/ttyS1 # what was echoed of its greeting is no command
	replug linux:devmem "$(find_edu 01)" 'echo device_del edu1 >/dev/ttyS1' \
		'echo device_add edu,id=edu1,bus=rp1,dma_mask=0xffffffffffffffff >/dev/ttyS1' &&
		ok out of its slot and in again
	kill $listener 2>/dev/null
	cat /run/monitor
}

ours() {
	edu=$(find_edu 00)
	network_up || not_ok "network before the take-over"
	ping -i 0.2 10.0.2.2 >/run/ping 2>&1 &
	pinger=$!
	refuse 'no way to the registers' takeover refused linux ENOENT
	refuse 'no rights' start-stop-daemon -S -c nobody -x /bin/takeover -- refused linux:devmem EACCES
	echo 0 >/proc/sys/vm/nr_hugepages
	refuse 'no hugepages' takeover refused linux:devmem ENOMEM
	echo 96 >/proc/sys/vm/nr_hugepages
	bind_uio
	look
	echo '# through UIO'
	takeover run linux "$edu" && ok uio
	echo $uio >/sys/bus/platform/drivers/uio_pdrv_genirq/unbind
	echo '# through /dev/mem'
	takeover run linux:devmem "$edu" && ok devmem
	come_and_go
	kill -INT $pinger
	wait $pinger
	tail -3 /run/ping
	if judge_pings; then
		ok pings
	else
		cat /run/ping
		not_ok pings
	fi
	kill_a_manager
}

kernels() {
	bind_uio
	look
	refuse 'the kernel drives it, through UIO' takeover refused linux EBUSY
	refuse 'the kernel drives it, through /dev/mem' takeover refused linux:devmem EBUSY
}

remapping() { kernels; }

"$boot"
