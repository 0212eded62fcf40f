// SPDX-License-Identifier: BSD-3-Clause
// A device for the remapping unit's registers, so that uio_pdrv_genirq has something to bind to: firmware describes the
// unit in the DMAR table only. ReadOnly, because the driver offers plain memory resources only and the interpreter marks
// ReadWrite ones otherwise; the mapping is writable all the same.
DefinitionBlock ("", "SSDT", 2, "PIOMMU", "VTDUIO", 1)
{
    Scope (\_SB)
    {
        Device (VTD0)
        {
            Name (_HID, "PRP0001")
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED90000, 0x1000)
            })
            Name (_DSD, Package ()
            {
                ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
                Package ()
                {
                    Package () { "compatible", "generic-uio" },
                    Package () { "linux,uio-name", "vtd-dmar0" }
                }
            })
        }
    }
}
