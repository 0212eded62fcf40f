# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
# Our groups against those of a kernel that drives the IOMMU, over every kind of bridge that QEMU has.
modules='e1000e'

dev() { machine="$machine -device $1"; }

# Two devices at the end of it, on the same bus.
pair() {
	dev "virtio-rng-pci,bus=$1,addr=$2"
	dev "pci-testdev,bus=$1,addr=$3"
}

make_machine() {
	machine='-M q35,kernel-irqchip=split -device intel-iommu'
	# A root port with ACS and one without, each with a device of one function.
	dev pcie-root-port,id=rp1,chassis=1,addr=4.0,multifunction=on
	dev pcie-root-port,id=rp2,chassis=2,addr=4.1,disable-acs=true
	dev virtio-rng-pci,bus=rp1
	dev virtio-rng-pci,bus=rp2
	# Two ports of one slot without ACS.
	dev pcie-root-port,id=rp3,chassis=3,addr=5.0,multifunction=on,disable-acs=true
	dev pcie-root-port,id=rp4,chassis=4,addr=5.1,disable-acs=true
	dev virtio-rng-pci,bus=rp3
	dev virtio-rng-pci,bus=rp4
	# A device of two functions.
	dev pcie-root-port,id=rp5,chassis=5,addr=6
	dev virtio-rng-pci,bus=rp5,addr=0.0,multifunction=on
	dev virtio-rng-pci,bus=rp5,addr=0.1
	# A switch.
	dev pcie-root-port,id=rp6,chassis=6,addr=7
	dev x3130-upstream,id=up,bus=rp6
	dev xio3130-downstream,id=down1,bus=up,chassis=7,addr=0
	dev xio3130-downstream,id=down2,bus=up,chassis=8,addr=1
	dev virtio-rng-pci,bus=down1
	dev virtio-rng-pci,bus=down2
	# Conventional buses, below a PCI Express bridge and below a conventional one with another one behind it.
	dev pcie-root-port,id=rp7,chassis=9,addr=8
	dev pcie-pci-bridge,id=pci1,bus=rp7
	pair pci1 1 2
	dev i82801b11-bridge,id=pci2,addr=9
	dev pci-bridge,id=pci3,bus=pci2,chassis_nr=10,addr=1
	pair pci2 2 3
	pair pci3 1 2
	# An older root port, and devices on the root bus.
	dev ioh3420,id=rp8,chassis=11,addr=0xa
	dev virtio-rng-pci,bus=rp8
	pair pcie.0 0xb 0xc
}

run_scenario() {
	make_machine
	# shellcheck disable=SC2086 # words
	boot enabled 'intel_iommu=on' $machine
	expect '^ok groups$'
	expect 'acs 2 '
	# The same machine, and the ports told not to redirect.
	# shellcheck disable=SC2086 # words
	boot no-redirect 'intel_iommu=on pci=disable_acs_redir=pci:1b36:000c' $machine
	expect '^ok groups$'
	expect 'acs-bits-clear: .* RR CR'
}
