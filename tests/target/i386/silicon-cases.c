/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces that once differed from the host's processor: a fault that a random piece showed stays as a row here, in its
 * smallest form. */
#include <string.h>

#include "silicon.h"
#include "target/i386/x87.h"

typedef struct Case {
    const char *what;
    uint8_t size;
    const char *code;
    unsigned length;
    uint64_t rbx;
    SiliconSeg cs, ds, ss; /* 0: the usual ones */
    uint32_t flags;        /* besides IF */
    bool zen5;             /* measured on it alone */
} Case;

#define AT(offset) (SILICON_DATA + (offset))
#define CODE(text) text, sizeof(text) - 1

/* clang-format off */
static const Case cases[] = {
    /* movups xmm0, [ebx] = 0f 10 03; vmovups ymm0, [ebx] = c5 fc 10 03; cvtsi2sd xmm0, [ebx] = f2 0f 2a 03; fld m80 = db 2b */
    { "16 bytes that go over 4 GiB are outside of a flat segment", 4, CODE("\x0f\x10\x03"), 0xfffffff1 },
    { "... the last 16 are not", 4, CODE("\x0f\x10\x03"), 0xfffffff0 },
    { "... 32 bytes", 4, CODE("\xc5\xfc\x10\x03"), 0xffffffe1 },
    { "... 4 bytes of a vector instruction", 4, CODE("\xf2\x0f\x2a\x03"), 0xfffffffd },
    { "... of the stack's segment", 4, CODE("\x36\x0f\x10\x03"), 0xfffffff8 },
    { "... of a string", 4, CODE("\x89\xde\xa5"), 0xfffffffd }, /* mov esi, ebx; movsd */
    /* pcmpeqd ymm1, ymm1, ymm1; vpslldq ymm1, ymm1, 12; vpmaskmovd ymm0, ymm1, [ebx] */
    { "... but of a masked load each element goes where it goes", 4,
      CODE("\xc5\xf5\x76\xc9\xc5\xf5\x73\xf9\x0c\xc4\xe2\x75\x8c\x03"), 0xfffffff4 },
    { "EMMS: TOP is 0", 8, CODE("\xd9\xf6\x0f\x77"), 0 }, /* fdecstp; emms */
    { "MASKMOVQ writes no register", 8, CODE("\xd9\xe8\x48\x89\xdf\x0f\xf7\xc8"), AT(512) }, /* fld1; mov rdi, rbx; maskmovq mm1, mm0 */
    { "a pending exception of the x87 comes before the limit", 4,
      CODE("\xd9\x75\x00\x83\x65\x00\xc0\xd9\x65\x00\xd9\xee\xd9\xee\xde\xf9\x3e\xd9\x03"), 0x10000, .ds = SILICON_LDT_SMALL },
    { "... and before the alignment", 8,
      CODE("\xd9\x75\x00\x83\x65\x00\xc0\xd9\x65\x00\xd9\xee\xd9\xee\xde\xf9\xd9\x03"), AT(65), .flags = EFL_AC },
    { "an unmasked exception of a store: the operand could be written", 4,
      CODE("\xd9\x75\x00\x83\x65\x00\xc0\xd9\x65\x00\xd9\x1b"), AT(SILICON_PAGE - 2) }, /* fstp of nothing */
    { "FNSTENV: its first field, then its last byte", 8, CODE("\xd9\x33"), AT(SILICON_PAGE - 16) },
    { "... its first field", 8, CODE("\xd9\x33"), AT(SILICON_PAGE - 3) },
    { "FLDENV", 8, CODE("\xd9\x23"), AT(2 * SILICON_PAGE - 16) },
    { "... in a segment that ends before the last byte", 4, CODE("\xd9\x23"), 0xffffffe6, .ds = SILICON_LDT_DOWN32 },
    { "FXSAVE at no canonical address of the stack, not aligned: #SS", 8, CODE("\x36\x0f\xae\x03"), UINT64_C(1) << 60 | 1 },
    { "FXSAVE: its last byte", 8, CODE("\x0f\xae\x03"), AT(SILICON_PAGE - 256) },
    /* words: FCW 37eh, FSW 1 (pending, so that the pointers are told), bits 48 on of FIP; MXCSR; fxrstor64 [rbx] */
    { "FXRSTOR64 makes pointers canonical", 8,
      CODE("\xc7\x03\x7e\x03\x01\x00\x66\xc7\x43\x0e\x34\x12\xc7\x43\x18\x80\x1f\x00\x00\x48\x0f\xae\x0b"), AT(512) },
    { "XRSTOR: the first byte", 8, CODE("\x0f\xae\x2b"), 0 },
    { "XSAVE is aligned before it is in its segment", 4, CODE("\x36\x0f\xae\x23"), 0xfffffff1, .ss = SILICON_LDT_DATA32 },
    /* mov dword [rbx], 40000000h; mov dword [rbx + 4], 33h; rex.w lcall [rbx] */
    { "a far call of REX.W: 4 bytes of offset, pushes of 8, on AMD's", 8,
      CODE("\xc7\x03\x00\x00\x00\x40\xc7\x43\x04\x33\x00\x00\x00\x48\xff\x1b"), AT(512) },
    /* push 33h; push 40000000h in the stack's segment, whose base is not 0: lcall [esp] */
    { "a far call from compatibility mode to 64-bit code: the stack has no base", 4,
      CODE("\x6a\x33\x68\x00\x00\x00\x40\xff\x1c\x24"), 0, .ss = SILICON_LDT_DATA32 },
    { "IRET of 2 bytes: the flags are read first", 8, CODE("\x48\x89\xdc\x66\xcf"), AT(2 * SILICON_PAGE - 3) }, /* mov rsp, rbx */
    { "RETF: CS is read first", 8, CODE("\x48\x89\xdc\xcb"), AT(2 * SILICON_PAGE - 3) },
    /* mov qword [rbx + 8], 1230h; mov rsp, rbx; retf n */
    { "RETF to another level: the outer stack is read before CS is looked at, its SS first", 8,
      CODE("\x48\xc7\x43\x08\x30\x12\x00\x00\x48\x89\xdc\x48\xca\x00\x00"), AT(SILICON_PAGE - 16 - 8), .zen5 = true },
    { "... and is aligned", 8, CODE("\x48\xc7\x43\x08\x30\x12\x00\x00\x48\x89\xdc\x48\xca\x01\x00"), AT(512), .flags = EFL_AC, .zen5 = true },
    { "... of the same level there is none", 8, CODE("\x48\xc7\x43\x08\x33\x12\x00\x00\x48\x89\xdc\x48\xca\x01\x00"), AT(512), .flags = EFL_AC, .zen5 = true },
    /* mov rdi, rbx; maskmovdqu xmm0, xmm0 */
    { "MASKMOVDQU is aligned to 8 bytes: it is", 8, CODE("\x48\x89\xdf\x66\x0f\xf7\xc0"), AT(520), .flags = EFL_AC, .zen5 = true },
    { "... and is not", 8, CODE("\x48\x89\xdf\x66\x0f\xf7\xc0"), AT(516), .flags = EFL_AC, .zen5 = true },
    { "MOVSXD of 2 bytes reads 4 on AMD's, aligned", 8, CODE("\x66\x63\x03"), AT(514), .flags = EFL_AC, .zen5 = true }, /* movsxd ax, [rbx] */
    /* ldmxcsr of [rbx]; numbers to [rbx + 16] and [rbx + 32], from there to xmm0 and xmm1; dpps or dppd */
    { "DPPS: an overflow of a sum leaves flags of the products", 8,
      CODE("\xc7\x03\x80\x1b\x00\x00\x0f\xae\x13\xc7\x43\x10\xe6\xb1\x61\x7f\xc7\x43\x14\xe6\xb1\x61\x7f\xc7\x43\x18\xcd\xcc\x8c\x3f\xc7\x43\x1c\xcd\xcc\x8c\x3f\xc7\x43\x20\x00\x00\x80\x3f\xc7\x43\x24\x00\x00\x80\x3f\xc7\x43\x28\xcd\xcc\x8c\x3f\xc7\x43\x2c\xcd\xcc\x8c\x3f\x0f\x10\x43\x10\x0f\x10\x4b\x20\x66\x0f\x3a\x40\xc1\xff"), AT(512), .zen5 = true },
    { "... and an invalid sum does", 8,
      CODE("\xc7\x03\x00\x1f\x00\x00\x0f\xae\x13\xc7\x43\x10\x00\x00\x80\x7f\xc7\x43\x14\x00\x00\x80\xff\xc7\x43\x18\xcd\xcc\x8c\x3f\xc7\x43\x1c\xcd\xcc\x8c\x3f\xc7\x43\x20\x00\x00\x80\x3f\xc7\x43\x24\x00\x00\x80\x3f\xc7\x43\x28\xcd\xcc\x8c\x3f\xc7\x43\x2c\xcd\xcc\x8c\x3f\x0f\x10\x43\x10\x0f\x10\x4b\x20\x66\x0f\x3a\x40\xc1\xff"), AT(512), .zen5 = true },
    { "... products that are left out have none", 8,
      CODE("\xc7\x03\x00\x1f\x00\x00\x0f\xae\x13\xc7\x43\x10\x00\x00\x80\x7f\xc7\x43\x14\x00\x00\x80\xff\xc7\x43\x18\xcd\xcc\x8c\x3f\xc7\x43\x1c\xcd\xcc\x8c\x3f\xc7\x43\x20\x00\x00\x80\x3f\xc7\x43\x24\x00\x00\x80\x3f\xc7\x43\x28\xcd\xcc\x8c\x3f\xc7\x43\x2c\xcd\xcc\x8c\x3f\x0f\x10\x43\x10\x0f\x10\x4b\x20\x66\x0f\x3a\x40\xc1\x3f"), AT(512), .zen5 = true },
    { "... an inexact product stops it", 8,
      CODE("\xc7\x03\x80\x0f\x00\x00\x0f\xae\x13\xc7\x43\x10\xe6\xb1\x61\x7f\xc7\x43\x14\xe6\xb1\x61\x7f\xc7\x43\x18\xcd\xcc\x8c\x3f\xc7\x43\x1c\xcd\xcc\x8c\x3f\xc7\x43\x20\x00\x00\x80\x3f\xc7\x43\x24\x00\x00\x80\x3f\xc7\x43\x28\xcd\xcc\x8c\x3f\xc7\x43\x2c\xcd\xcc\x8c\x3f\x0f\x10\x43\x10\x0f\x10\x4b\x20\x66\x0f\x3a\x40\xc1\xff"), AT(512), .zen5 = true },
    { "DPPD: an invalid sum leaves flags of the products", 8,
      CODE("\xc7\x03\x00\x1f\x00\x00\x0f\xae\x13\xc7\x43\x10\xa0\xc8\xeb\x85\xc7\x43\x14\xf3\xcc\xe1\x7f\xc7\x43\x18\x00\x00\x00\x00\xc7\x43\x1c\x00\x00\xf0\xff\xc7\x43\x20\x00\x00\x00\x20\xc7\x43\x24\x5f\xa0\x02\x42\xc7\x43\x28\x00\x00\x00\x00\xc7\x43\x2c\x00\x00\xf0\x3f\x0f\x10\x43\x10\x0f\x10\x4b\x20\x66\x0f\x3a\x41\xc1\x33"), AT(512), .zen5 = true },
    /* indices 0, 4, 2000h, 12 to [rbx], from there to xmm1; a mask of ones in xmm2; push 302h; popf; vpgatherdd xmm0, [rbx + xmm1], xmm2 */
    { "a step in a gather: it comes before the fault of a later element", 8,
      CODE("\xc7\x03\x00\x00\x00\x00\xc7\x43\x04\x04\x00\x00\x00\xc7\x43\x08\x00\x20\x00\x00\xc7\x43\x0c\x0c\x00\x00\x00"
           "\xc5\xfa\x6f\x0b\xc5\xe9\x76\xd2\x68\x02\x03\x00\x00\x9d\xc4\xe2\x69\x90\x04\x0b"), AT(512), .zen5 = true },
    { "... but not before that of the first", 8,
      CODE("\xc7\x03\x00\x20\x00\x00\xc7\x43\x04\x04\x00\x00\x00\xc7\x43\x08\x00\x20\x00\x00\xc7\x43\x0c\x0c\x00\x00\x00"
           "\xc5\xfa\x6f\x0b\xc5\xe9\x76\xd2\x68\x02\x03\x00\x00\x9d\xc4\xe2\x69\x90\x04\x0b"), AT(512), .zen5 = true },
    /* mov eax, ebx; jmp ffeh, where zeroes are: add [eax], al */
    { "code that runs into its limit at the end of a page", 4, CODE("\x89\xd8\xe9\xf7\x0f\x00\x00"), AT(64), .cs = SILICON_LDT_CODE32 },
    /* jmp fffh, where there is one byte, a 0 */
    { "code that runs into its limit: #GP before the page's fault", 4, CODE("\xe9\xfa\x0f\x00\x00"), 0, .cs = SILICON_LDT_CODE32 },
};
/* clang-format on */

const char *silicon_case(SiliconTrial *t, unsigned n)
{
    if (n >= G_N_ELEMENTS(cases)) {
        return NULL;
    }
    const Case *c = &cases[n];
    memset(t, 0, sizeof(*t));
    t->size = c->size;
    t->zen5 = c->zen5;
    t->length = c->length;
    memset(t->code, 0xcc, SILICON_BYTES);
    memcpy(t->code, c->code, c->length);
    memset(t->seg, c->size == 2 ? SILICON_LDT_DATA16 : SILICON_FLAT, X86_SEGS);
    t->seg[SEG_CS] = c->cs          ? c->cs
                     : c->size == 8 ? SILICON_CODE64
                     : c->size == 4 ? SILICON_CODE32
                                    : SILICON_LDT_CODE16;
    t->seg[SEG_DS] = c->ds ? c->ds : t->seg[SEG_DS];
    t->seg[SEG_SS] = c->ss ? c->ss : t->seg[SEG_SS];
    t->before.flags = EFL_IF | c->flags;
    t->before.gpr[X86_RBX] = c->rbx;
    t->before.gpr[X86_RBP] = SILICON_DATA + SILICON_PAGE / 4 - silicon_segments[t->seg[SEG_SS]].base;
    t->before.gpr[X86_RDI] = SILICON_DATA + SILICON_PAGE / 4 - silicon_segments[t->seg[SEG_ES]].base;
    t->before.gpr[X86_RSP] = SILICON_DATA + SILICON_PAGE / 2 - silicon_segments[t->seg[SEG_SS]].base;
    t->before.v.mxcsr = 0x1f80;
    x87_init(&t->before.v.x87);
    return c->what;
}
