/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executes single floating point instructions on a RISC-V processor, for test-riscv.c: records on
 * standard input, results on standard output.  Freestanding but for the C library. */
#include "riscv-records.h"

#include <stdio.h>
#include <sys/mman.h>

/* run_record(in a0, out a1, code a2); the offsets are those of riscv-records.h. */
void run_record(const RiscvRecord *in, RiscvResult *out, const uint32_t *code);
__asm__(".text\n"
        ".globl run_record\n"
        "run_record:\n"
        "addi sp, sp, -16\n"
        "sd ra, 0(sp)\n"
        "sd a1, 8(sp)\n"
        "fld fa0, 0(a0)\n"
        "fld fa1, 8(a0)\n"
        "fld fa2, 16(a0)\n"
        "ld t0, 24(a0)\n"
        "ld a0, 0(a0)\n"
        "fsrm t0\n"
        "fsflags zero\n"
        "jalr a2\n"
        "frflags t0\n"
        "fsrm zero\n"
        "ld a1, 8(sp)\n"
        "fsd fa0, 0(a1)\n"
        "sd a0, 8(a1)\n"
        "sd t0, 16(a1)\n"
        "ld ra, 0(sp)\n"
        "addi sp, sp, 16\n"
        "ret\n");

int main(void)
{
    enum { RET = 0x00008067 };
    uint32_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    RiscvRecord in;
    if (code == MAP_FAILED) {
        return 1;
    }
    while (fread(&in, sizeof in, 1, stdin) == 1) {
        RiscvResult out;
        if (code[0] != in.insn) {
            code[0] = in.insn;
            code[1] = RET;
            __builtin___clear_cache((char *)code, (char *)(code + 2));
        }
        run_record(&in, &out, code);
        if (fwrite(&out, sizeof out, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
