# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# The unit taken from the kernel and driven by us, host half.
modules='e1000e uio_pdrv_genirq'

run_scenario() {
	iasl -p "$out/vtd-uio" "$scenario/vtd-uio.dsl" >"$out/iasl.log" 2>&1 || {
		cat "$out/iasl.log"
		fail 'iasl refuses vtd-uio.dsl'
	}
	machine="-M q35,kernel-irqchip=split -device intel-iommu,aw-bits=48 -acpitable file=$out/vtd-uio.aml
		-device edu,dma_mask=0xffffffffffffffff -netdev user,id=n0 -device e1000e,netdev=n0,romfile="

	# A slot with a second edu, and a serial port through which the guest talks to QEMU's monitor: both ends of a socket are here.
	slot="-device pcie-root-port,id=rp1,chassis=1 -device edu,id=edu1,bus=rp1,dma_mask=0xffffffffffffffff
		-chardev socket,id=port,path=piommu-guest-$$,abstract=on,server=on,wait=off -serial chardev:port
		-chardev socket,id=monitor,path=piommu-guest-$$,abstract=on -mon monitor"

	# shellcheck disable=SC2086 # words
	boot ours 'intel_iommu=off intremap=off' $machine $slot
	expect 'dmar0: .*uio_pdrv_genirq.*linux:devmem' # no way to the registers: both are named
	expect 'piommu: error: .*root'
	expect 'piommu: error: .*[hH]ugepages'
	expect 'another manager, process [0-9]+, has this unit'
	expect '^event: dmar0: 0000:00:0[0-9]\.0 .*read of iova 0x40000000.*reason 0x06'
	expect '^event: dmar0: 0000:00:0[0-9]\.0 .*write of iova 0x40400000.*reason 0x05'
	expect '^ok    unit +dmar0 at 0xfed90000: free, registers through uio0'
	expect '^ok uio$'
	expect '^ok devmem$'
	expect '^event of what is gone: dmar0: 0000:00:0[0-9]\.0 .*write of iova 0x40000000 blocked'
	expect '^ok removed and rescanned$'
	expect '^ok nothing is left of it$'
	expect '^ok out of its slot and in again$'
	expect '^ok pings$'
	expect 'dmar0: somebody drives it .* translation'
	expect '^ok a killed manager left it on$'

	boot_kernels kernels ''
	boot_kernels remapping 'intel_iommu=off'
}

# boot_kernels NAME KERNEL-ARGUMENTS: a boot in which the kernel keeps the unit.
boot_kernels() {
	# shellcheck disable=SC2086 # words
	boot "$1" "$2" $machine
	expect '^fail  unit +dmar0 at 0xfed90000: the kernel drives it'
	expect 'dmar0: the kernel drives this unit.*intel_iommu=off intremap=off'
	expect '^ok the kernel drives it, through UIO$'
	expect '^ok the kernel drives it, through /dev/mem$'
}
