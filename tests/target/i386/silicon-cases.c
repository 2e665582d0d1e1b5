/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces that once differed from the host's processor: a fault that a random piece showed stays as a row here, in its
 * smallest form. */
#include <string.h>

#include "silicon.h"

typedef struct Case {
    const char *what;
    uint8_t size;
    const char *code;
    unsigned length;
    uint64_t rbx;
    SiliconSeg cs; /* 0: the usual one */
} Case;

#define CODE(text) text, sizeof(text) - 1

/* clang-format off */
static const Case cases[] = {
    /* movups xmm0, [ebx] = 0f 10 03; vmovups ymm0, [ebx] = c5 fc 10 03; cvtsi2sd xmm0, [ebx] = f2 0f 2a 03; fld m80 = db 2b */
    { "16 bytes that go over 4 GiB are outside of a flat segment", 4, CODE("\x0f\x10\x03"), 0xfffffff1 },
    { "... the last 16 are not", 4, CODE("\x0f\x10\x03"), 0xfffffff0 },
    { "... 32 bytes", 4, CODE("\xc5\xfc\x10\x03"), 0xffffffe1 },
    { "... 4 bytes of a vector instruction", 4, CODE("\xf2\x0f\x2a\x03"), 0xfffffffd },
    { "... of the stack's segment", 4, CODE("\x36\x0f\x10\x03"), 0xfffffff8 },
    /* jmp fffh, where there is one byte, a 0 */
    { "code that runs into its limit: #GP before the page's fault", 4, CODE("\xe9\xfa\x0f\x00\x00"), 0, SILICON_LDT_CODE32 },
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
    t->length = c->length;
    memset(t->code, 0xcc, SILICON_BYTES);
    memcpy(t->code, c->code, c->length);
    memset(t->seg, c->size == 2 ? SILICON_LDT_DATA16 : SILICON_FLAT, X86_SEGS);
    t->seg[SEG_CS] = c->cs          ? c->cs
                     : c->size == 8 ? SILICON_CODE64
                     : c->size == 4 ? SILICON_CODE32
                                    : SILICON_LDT_CODE16;
    t->before.flags = EFL_IF;
    t->before.gpr[X86_RBX] = c->rbx;
    t->before.gpr[X86_RSP] = SILICON_DATA + SILICON_PAGE / 2 - silicon_segments[t->seg[SEG_SS]].base;
    t->before.v.mxcsr = 0x1f80;
    return c->what;
}
