/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder against the host's own processor, in 64-, 32- and 16-bit code: random encodings of every row, half of
 * them changed in a bit, run natively with breakpoints behind them.  The trap tells the length, #UD that there is no
 * such instruction, any other fault that there is one.
 *
 *   test-silicon-decode [COUNT [SEED]]   COUNT encodings a row */
#include "host-isa.h"
#include "maker.h"
#include "native.h"
#include "target/i386/disas.h"
#include "target/i386/translators.h"

#include <stdlib.h>
#include <string.h>

static X86DecodeMode mode;
static NativeTrial *trials;
static unsigned count, judged;
static unsigned per_row = 24;
static uint64_t seed = 1;

/* Rows that would lead the child elsewhere, or change what it stands on. */
static bool is_safe(unsigned row)
{
    switch (x86_rows[row].translator) {
    case X86_TR_SYSCALL:
    case X86_TR_INT:
    case X86_TR_NEAR:
    case X86_TR_FAR:
    case X86_TR_JCC:
    case X86_TR_LOOP:
    case X86_TR_JCXZ:
    case X86_TR_RET:
    case X86_TR_LRET:
    case X86_TR_IRET:
    case X86_TR_POPF:
    case X86_TR_MOV_TO_SEG:
    case X86_TR_POP_SEG:
    case X86_TR_LSEG:
    case X86_TR_FSGSBASE:
    case X86_TR_PKRU:
    case X86_TR_XSAVE:
    case X86_TR_STORE_TABLE: /* the kernel emulates them (UMIP), and writes through CS */
    case X86_TR_UD: return false;
    default: return true;
    }
}

/* Instructions that are #UD where CPL is not 0, or outside of system management mode. */
static bool is_undefined_for_users(const X86Row *row)
{
    return row->attrs & X86_ATTR_CPL0UD || row->translator == X86_TR_RSM;
}

/* Where the opcode begins. */
static const uint8_t *skip_prefixes(const uint8_t *bytes)
{
    while (bytes[0] == 0x66 || bytes[0] == 0x67 || (bytes[0] & 0xfe) == 0xf2 || (bytes[0] & 0xf0) == 0x40 ||
           (bytes[0] & 0xe7) == 0x26 || (bytes[0] & 0xfe) == 0x64) {
        bytes++;
    }
    return bytes;
}

/* What AMD's processors (up to Zen 5) have and we have not. */
static bool is_left_out_amd(const uint8_t *bytes)
{
    const uint8_t *op = skip_prefixes(bytes);

    if (op[0] == 0x0f && op[1] == 0x01) { /* VMCALL, SVM, MONITORX, MWAITX, CLZERO, RDPRU, INVLPGB, TLBSYNC */
        return op[2] == 0xc1 || (op[2] >= 0xd8 && op[2] <= 0xdf) || op[2] >= 0xfa;
    }
    if (op[0] == 0xc4 && (op[1] & 0x1f) == 2 && op[3] >= 0x50 && op[3] <= 0x53) { /* AVX-VNNI, of Zen 5 */
        return true;
    }
    if (op[0] == 0xc4) { /* VPERMQ and VPERMPD, which are said to need W, do without */
        return (op[1] & 0x1f) == 3 && (op[2] & 0x80) == 0 && op[3] <= 1;
    }
    if (op[0] == 0x0f && op[1] == 0x38 &&
        (op[2] == 0xf8 || op[2] == 0xf9)) { /* MOVDIR64B, MOVDIRI, of Zen 5 */
        return true;
    }
    return op[0] == 0x8f ||
           (op[0] == 0x0f && (op[1] == 0x2b || op[1] == 0x78 || op[1] == 0x79)); /* XOP, SSE4A */
}

/* What Intel's have, by the first bytes: too much to name each. */
static bool is_left_out_intel(const uint8_t *bytes)
{
    const uint8_t *op = skip_prefixes(bytes);
    const uint8_t groups[] = {
        0x01, 0x38, 0x3a, 0x78, 0x79, 0xae, 0xc7
    }; /* VMX, CET, WAITPKG, UINTR, PTWRITE ... */

    return op[0] == 0x62 || (op[0] & 0xfe) == 0xc4 ||
           (op[0] & 0xfe) == 0xc6 || /* EVEX, mask registers, TSX */
           (op[0] == 0x0f && memchr(groups, op[1], sizeof(groups)));
}

static bool is_left_out(const uint8_t *bytes)
{
    return mode.amd ? is_left_out_amd(bytes) : is_left_out_intel(bytes);
}

/* Flags before the trials of the batch. */
static uint32_t flags_before(const NativeTrial *t)
{
    return (t - trials) % 2 ? NATIVE_FLAGS : 0;
}

/* What no row names stays, what is said to become 0 or 1 does. */
static const char *judge_flags(const NativeTrial *t, const X86Row *row)
{
    const X86FlagFacts *f = &row->flags;
    uint32_t kept = NATIVE_FLAGS & ~(f->written | f->may_write | f->undefined);

    if ((t->flags ^ flags_before(t)) & kept) {
        return "the processor changes other flags";
    }
    uint32_t always = ~f->may_write & NATIVE_FLAGS;
    return t->flags & f->zero & always || ~t->flags & f->one & always ? "a flag is not what the table says"
                                                                      : NULL;
}

/* A text of what is wrong, or NULL. */
static const char *judge(const NativeTrial *t, uint64_t isa)
{
    X86Insn insn;
    X86DecodeResult result = x86_decode(&insn, mode, t->bytes, 16);
    bool exists = result == X86_DECODE_OK && x86_row_for(&insn, isa) != 0;

    if (t->outcome == NATIVE_STRAYED || result == X86_DECODE_TOO_LONG ||
        (result == X86_DECODE_OK && !exists)) {
        return NULL;
    }
    judged++;
    if (!exists) {
        return t->outcome == NATIVE_UNDEFINED || is_left_out(t->bytes) ? NULL : "the processor has it";
    }
    if (t->outcome == NATIVE_UNDEFINED) {
        return is_undefined_for_users(&x86_rows[insn.row]) ? NULL : "the processor has no such instruction";
    }
    if (t->outcome != NATIVE_RAN) {
        return NULL;
    }
    return t->length != insn.length ? "the processor finds another length"
                                    : judge_flags(t, &x86_rows[insn.row]);
}

static void report(const char *what, const NativeTrial *t)
{
    g_autoptr(GString) text = g_string_new(NULL);

    x86_disassemble(mode, X86_SYNTAX_INTEL, 0, t->bytes, 16, text);
    g_string_append(text, "  |");
    for (unsigned i = 0; i < 12; i++) {
        g_string_append_printf(text, " %02x", t->bytes[i]);
    }
    g_test_message("%s (%u): %s", what, t->length, text->str);
}

/* Run what has gathered; how many are wrong. */
static unsigned run_batch(void)
{
    uint64_t isa = x86_host_isa();
    unsigned wrong = 0;

    if (!native_run(mode.size, count)) {
        g_test_skip("this kernel has no segments for such code");
        count = 0;
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *what = judge(&trials[i], isa);
        if (what) {
            report(what, &trials[i]);
            wrong++;
        }
    }
    count = 0;
    return wrong;
}

static void test_size(gconstpointer size)
{
    uint64_t random = seed;
    unsigned wrong = 0;

    mode.size = GPOINTER_TO_UINT(size);
    count = judged = 0;
    for (unsigned row = 1; row < x86_row_count; row++) {
        for (unsigned i = 0; i < per_row; i++) {
            X86MakeRules rules = { .mode = mode,
                                   .registers = 0xffff,
                                   .redundant_rate = 24,
                                   .lock_rate = 48,
                                   .repeat_rate = 64,
                                   .illegal_rate = i % 2 ? 255 : 0 };
            NativeTrial *t = &trials[count];
            X86Insn insn;
            if (!is_safe(row) || !x86_make(&rules, row, &random, t->bytes)) {
                break;
            }
            x86_decode(&insn, mode, t->bytes, 16);
            t->length = insn.row ? insn.length : 16; /* what is no instruction may have any length */
            t->flags = flags_before(t);
            count += is_safe(insn.row); /* a changed one may be another row's */
            wrong += count == NATIVE_BATCH ? run_batch() : 0;
        }
    }
    wrong += run_batch();
    g_test_message("%u encodings judged", judged);
    g_assert_cmpuint(wrong, ==, 0);
    if (!judged) { /* all strayed */
        g_test_skip("code of this size does not run here");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    per_row = argc > 1 ? (unsigned)atoi(argv[1]) : per_row;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    mode.amd = __builtin_cpu_is("amd");
    trials = native_open();
    g_test_add_data_func("/x86/silicon/decode/64", GUINT_TO_POINTER(8), test_size);
    g_test_add_data_func("/x86/silicon/decode/32", GUINT_TO_POINTER(4), test_size);
    g_test_add_data_func("/x86/silicon/decode/16", GUINT_TO_POINTER(2), test_size);
    return g_test_run();
}
