/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of control and status registers: those that csr.c has are in its table, others here.
 *
 * Spec: The RISC-V Instruction Set Manual, volume II, chapter "Control and Status Registers
 * (CSRs)". */
#include "target/riscv/cpu.h"
#include "target/riscv/decode.h"

#include <stdlib.h>

typedef struct CsrName {
    uint16_t number;
    const char *name;
} CsrName;

/* Not modelled; by number. */
/* clang-format off */
static const CsrName names[] = {
    { 0x007, "utvt" }, { 0x008, "vstart" }, { 0x009, "vxsat" }, { 0x00a, "vxrm" }, { 0x00f, "vcsr" },
    { 0x011, "ssp" }, { 0x015, "seed" }, { 0x017, "jvt" }, { 0x045, "unxti" }, { 0x046, "uintstatus" },
    { 0x048, "uscratchcsw" }, { 0x049, "uscratchcswl" }, { 0x107, "stvt" }, { 0x114, "sieh" },
    { 0x120, "scountinhibit" }, { 0x145, "snxti" }, { 0x146, "sintstatus" }, { 0x148, "sscratchcsw" },
    { 0x149, "sscratchcswl" }, { 0x14e, "sctrctl" }, { 0x14f, "sctrstatus" }, { 0x150, "siselect" },
    { 0x151, "sireg" }, { 0x152, "sireg2" }, { 0x153, "sireg3" }, { 0x154, "siph" }, { 0x155, "sireg4" },
    { 0x156, "sireg5" }, { 0x157, "sireg6" }, { 0x15c, "stopei" }, { 0x15f, "sctrdepth" },
    { 0x181, "srmcfg" }, { 0x183, "spmpen" }, { 0x193, "spmpenh" }, { 0x200, "vsstatus" },
    { 0x204, "vsie" }, { 0x205, "vstvec" }, { 0x214, "vsieh" }, { 0x240, "vsscratch" }, { 0x241, "vsepc" },
    { 0x242, "vscause" }, { 0x243, "vstval" }, { 0x244, "vsip" }, { 0x24d, "vstimecmp" },
    { 0x24e, "vsctrctl" }, { 0x250, "vsiselect" }, { 0x251, "vsireg" }, { 0x252, "vsireg2" },
    { 0x253, "vsireg3" }, { 0x254, "vsiph" }, { 0x255, "vsireg4" }, { 0x256, "vsireg5" },
    { 0x257, "vsireg6" }, { 0x25c, "vstopei" }, { 0x25d, "vstimecmph" }, { 0x280, "vsatp" },
    { 0x307, "mtvt" }, { 0x308, "mvien" }, { 0x309, "mvip" }, { 0x313, "midelegh" }, { 0x314, "mieh" },
    { 0x316, "mpmpdeleg" }, { 0x318, "mvienh" }, { 0x319, "mviph" }, { 0x321, "mcyclecfg" },
    { 0x322, "minstretcfg" }, { 0x345, "mnxti" }, { 0x346, "mintstatus" }, { 0x348, "mscratchcsw" },
    { 0x349, "mscratchcswl" }, { 0x34a, "mtinst" }, { 0x34b, "mtval2" }, { 0x34e, "mctrctl" },
    { 0x350, "miselect" }, { 0x351, "mireg" }, { 0x352, "mireg2" }, { 0x353, "mireg3" }, { 0x354, "miph" },
    { 0x355, "mireg4" }, { 0x356, "mireg5" }, { 0x357, "mireg6" }, { 0x35c, "mtopei" },
    { 0x3a4, "pmpcfg4" }, { 0x3a5, "pmpcfg5" }, { 0x3a6, "pmpcfg6" }, { 0x3a7, "pmpcfg7" },
    { 0x3a8, "pmpcfg8" }, { 0x3a9, "pmpcfg9" }, { 0x3aa, "pmpcfg10" }, { 0x3ab, "pmpcfg11" },
    { 0x3ac, "pmpcfg12" }, { 0x3ad, "pmpcfg13" }, { 0x3ae, "pmpcfg14" }, { 0x3af, "pmpcfg15" },
    { 0x3c0, "pmpaddr16" }, { 0x3c1, "pmpaddr17" }, { 0x3c2, "pmpaddr18" }, { 0x3c3, "pmpaddr19" },
    { 0x3c4, "pmpaddr20" }, { 0x3c5, "pmpaddr21" }, { 0x3c6, "pmpaddr22" }, { 0x3c7, "pmpaddr23" },
    { 0x3c8, "pmpaddr24" }, { 0x3c9, "pmpaddr25" }, { 0x3ca, "pmpaddr26" }, { 0x3cb, "pmpaddr27" },
    { 0x3cc, "pmpaddr28" }, { 0x3cd, "pmpaddr29" }, { 0x3ce, "pmpaddr30" }, { 0x3cf, "pmpaddr31" },
    { 0x3d0, "pmpaddr32" }, { 0x3d1, "pmpaddr33" }, { 0x3d2, "pmpaddr34" }, { 0x3d3, "pmpaddr35" },
    { 0x3d4, "pmpaddr36" }, { 0x3d5, "pmpaddr37" }, { 0x3d6, "pmpaddr38" }, { 0x3d7, "pmpaddr39" },
    { 0x3d8, "pmpaddr40" }, { 0x3d9, "pmpaddr41" }, { 0x3da, "pmpaddr42" }, { 0x3db, "pmpaddr43" },
    { 0x3dc, "pmpaddr44" }, { 0x3dd, "pmpaddr45" }, { 0x3de, "pmpaddr46" }, { 0x3df, "pmpaddr47" },
    { 0x3e0, "pmpaddr48" }, { 0x3e1, "pmpaddr49" }, { 0x3e2, "pmpaddr50" }, { 0x3e3, "pmpaddr51" },
    { 0x3e4, "pmpaddr52" }, { 0x3e5, "pmpaddr53" }, { 0x3e6, "pmpaddr54" }, { 0x3e7, "pmpaddr55" },
    { 0x3e8, "pmpaddr56" }, { 0x3e9, "pmpaddr57" }, { 0x3ea, "pmpaddr58" }, { 0x3eb, "pmpaddr59" },
    { 0x3ec, "pmpaddr60" }, { 0x3ed, "pmpaddr61" }, { 0x3ee, "pmpaddr62" }, { 0x3ef, "pmpaddr63" },
    { 0x5a8, "scontext" }, { 0x600, "hstatus" }, { 0x602, "hedeleg" }, { 0x603, "hideleg" },
    { 0x604, "hie" }, { 0x605, "htimedelta" }, { 0x606, "hcounteren" }, { 0x607, "hgeie" },
    { 0x608, "hvien" }, { 0x609, "hvictl" }, { 0x60a, "henvcfg" }, { 0x60c, "hstateen0" },
    { 0x60d, "hstateen1" }, { 0x60e, "hstateen2" }, { 0x60f, "hstateen3" }, { 0x612, "hedelegh" },
    { 0x613, "hidelegh" }, { 0x615, "htimedeltah" }, { 0x618, "hvienh" }, { 0x61a, "henvcfgh" },
    { 0x61c, "hstateen0h" }, { 0x61d, "hstateen1h" }, { 0x61e, "hstateen2h" }, { 0x61f, "hstateen3h" },
    { 0x643, "htval" }, { 0x644, "hip" }, { 0x645, "hvip" }, { 0x646, "hviprio1" }, { 0x647, "hviprio2" },
    { 0x64a, "htinst" }, { 0x655, "hviph" }, { 0x656, "hviprio1h" }, { 0x657, "hviprio2h" },
    { 0x680, "hgatp" }, { 0x6a8, "hcontext" }, { 0x721, "mcyclecfgh" }, { 0x722, "minstretcfgh" },
    { 0x723, "mhpmevent3h" }, { 0x724, "mhpmevent4h" }, { 0x725, "mhpmevent5h" }, { 0x726, "mhpmevent6h" },
    { 0x727, "mhpmevent7h" }, { 0x728, "mhpmevent8h" }, { 0x729, "mhpmevent9h" }, { 0x72a, "mhpmevent10h" },
    { 0x72b, "mhpmevent11h" }, { 0x72c, "mhpmevent12h" }, { 0x72d, "mhpmevent13h" },
    { 0x72e, "mhpmevent14h" }, { 0x72f, "mhpmevent15h" }, { 0x730, "mhpmevent16h" },
    { 0x731, "mhpmevent17h" }, { 0x732, "mhpmevent18h" }, { 0x733, "mhpmevent19h" },
    { 0x734, "mhpmevent20h" }, { 0x735, "mhpmevent21h" }, { 0x736, "mhpmevent22h" },
    { 0x737, "mhpmevent23h" }, { 0x738, "mhpmevent24h" }, { 0x739, "mhpmevent25h" },
    { 0x73a, "mhpmevent26h" }, { 0x73b, "mhpmevent27h" }, { 0x73c, "mhpmevent28h" },
    { 0x73d, "mhpmevent29h" }, { 0x73e, "mhpmevent30h" }, { 0x73f, "mhpmevent31h" }, { 0x740, "mnscratch" },
    { 0x741, "mnepc" }, { 0x742, "mncause" }, { 0x744, "mnstatus" }, { 0x747, "mseccfg" },
    { 0x757, "mseccfgh" }, { 0x7a0, "tselect" }, { 0x7a1, "tdata1" }, { 0x7a2, "tdata2" },
    { 0x7a3, "tdata3" }, { 0x7a4, "tinfo" }, { 0x7a5, "tcontrol" }, { 0x7a8, "mcontext" },
    { 0x7aa, "mscontext" }, { 0x7b0, "dcsr" }, { 0x7b1, "dpc" }, { 0x7b2, "dscratch0" },
    { 0x7b3, "dscratch1" }, { 0xc20, "vl" }, { 0xc21, "vtype" }, { 0xc22, "vlenb" }, { 0xc23, "mtype" },
    { 0xda0, "scountovf" }, { 0xdb0, "stopi" }, { 0xe12, "hgeip" }, { 0xeb0, "vstopi" }, { 0xfb0, "mtopi" },
};
/* clang-format on */

static int compare_number(const void *key, const void *entry)
{
    return (int)*(const unsigned *)key - ((const CsrName *)entry)->number;
}

const char *riscv_disas_csr_name(unsigned number)
{
    const char *modelled = riscv_csr_name(number);
    if (modelled) {
        return modelled;
    }
    const CsrName *n = bsearch(&number, names, G_N_ELEMENTS(names), sizeof(names[0]), compare_number);
    return n ? n->name : NULL;
}
