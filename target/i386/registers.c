/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers for gdb and the monitor.
 * Spec: gdb's i386 features (org.gnu.gdb.i386.core, .sse, .avx, .segments): names, order, numbers, types. */
#include "target/i386/registers.h"

#include <string.h>

#include "target/i386/cr.h"
#include "target/i386/seg.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/bytes.h"

typedef enum Kind { GPR, IP, FLAGS, SEGMENT, ST, FPU, XMM, MXCSR, YMMH, BASE, CONTROL, KERNEL_GS } Kind;
#define NUMBER(kind, index) ((kind) << 8 | (index))
#define CORE "org.gnu.gdb.i386.core"
#define SSE "org.gnu.gdb.i386.sse"
#define AVX "org.gnu.gdb.i386.avx"
#define SEGMENTS "org.gnu.gdb.i386.segments"
#define SYSTEM "org.lyrebird.i386.system"

/* gdb numbers registers as they come. */
typedef struct Row {
    const char *name, *group, *type;
    uint16_t bits;
    uint8_t kind, index;
    bool wide_only;
} Row;

/* clang-format off */
static const Row gprs64[] = {
    { "rax", CORE, "int64", 64, GPR, 0 }, { "rbx", CORE, "int64", 64, GPR, 3 }, { "rcx", CORE, "int64", 64, GPR, 1 }, { "rdx", CORE, "int64", 64, GPR, 2 },
    { "rsi", CORE, "int64", 64, GPR, 6 }, { "rdi", CORE, "int64", 64, GPR, 7 }, { "rbp", CORE, "data_ptr", 64, GPR, 5 }, { "rsp", CORE, "data_ptr", 64, GPR, 4 },
    { "r8", CORE, "int64", 64, GPR, 8 }, { "r9", CORE, "int64", 64, GPR, 9 }, { "r10", CORE, "int64", 64, GPR, 10 }, { "r11", CORE, "int64", 64, GPR, 11 },
    { "r12", CORE, "int64", 64, GPR, 12 }, { "r13", CORE, "int64", 64, GPR, 13 }, { "r14", CORE, "int64", 64, GPR, 14 }, { "r15", CORE, "int64", 64, GPR, 15 },
    { "rip", CORE, "code_ptr", 64, IP, 0 },
};
static const Row gprs32[] = {
    { "eax", CORE, "int32", 32, GPR, 0 }, { "ecx", CORE, "int32", 32, GPR, 1 }, { "edx", CORE, "int32", 32, GPR, 2 }, { "ebx", CORE, "int32", 32, GPR, 3 },
    { "esp", CORE, "data_ptr", 32, GPR, 4 }, { "ebp", CORE, "data_ptr", 32, GPR, 5 }, { "esi", CORE, "int32", 32, GPR, 6 }, { "edi", CORE, "int32", 32, GPR, 7 },
    { "eip", CORE, "code_ptr", 32, IP, 0 },
};
static const Row core[] = {
    { "eflags", CORE, "i386_eflags", 32, FLAGS, 0 },
    { "cs", CORE, "int32", 32, SEGMENT, SEG_CS }, { "ss", CORE, "int32", 32, SEGMENT, SEG_SS }, { "ds", CORE, "int32", 32, SEGMENT, SEG_DS },
    { "es", CORE, "int32", 32, SEGMENT, SEG_ES }, { "fs", CORE, "int32", 32, SEGMENT, SEG_FS }, { "gs", CORE, "int32", 32, SEGMENT, SEG_GS },
    { "st0", CORE, "i387_ext", 80, ST, 0 }, { "st1", CORE, "i387_ext", 80, ST, 1 }, { "st2", CORE, "i387_ext", 80, ST, 2 }, { "st3", CORE, "i387_ext", 80, ST, 3 },
    { "st4", CORE, "i387_ext", 80, ST, 4 }, { "st5", CORE, "i387_ext", 80, ST, 5 }, { "st6", CORE, "i387_ext", 80, ST, 6 }, { "st7", CORE, "i387_ext", 80, ST, 7 },
    { "fctrl", CORE, "int", 32, FPU, 0 }, { "fstat", CORE, "int", 32, FPU, 1 }, { "ftag", CORE, "int", 32, FPU, 2 }, { "fiseg", CORE, "int", 32, FPU, 3 },
    { "fioff", CORE, "int", 32, FPU, 4 }, { "foseg", CORE, "int", 32, FPU, 5 }, { "fooff", CORE, "int", 32, FPU, 6 }, { "fop", CORE, "int", 32, FPU, 7 },
};
static const Row tail[] = {
    { "fs_base", SEGMENTS, "int", 64, BASE, SEG_FS, true }, { "gs_base", SEGMENTS, "int", 64, BASE, SEG_GS, true },
    { "k_gs_base", SYSTEM, "int", 64, KERNEL_GS, 0, true },
    { "cr0", SYSTEM, "int", 64, CONTROL, 0 }, { "cr2", SYSTEM, "int", 64, CONTROL, 2 }, { "cr3", SYSTEM, "int", 64, CONTROL, 3 }, { "cr4", SYSTEM, "int", 64, CONTROL, 4 },
    { "cr8", SYSTEM, "int", 64, CONTROL, 8 }, { "efer", SYSTEM, "int", 64, CONTROL, 9 },
};

static const char *const xmm_names[] = { "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" };
static const char *const ymmh_names[] = { "ymm0h", "ymm1h", "ymm2h", "ymm3h", "ymm4h", "ymm5h", "ymm6h", "ymm7h", "ymm8h", "ymm9h", "ymm10h", "ymm11h", "ymm12h", "ymm13h", "ymm14h", "ymm15h" };

const CPUGroupTypes x86_gdb_types[] = {
    { CORE, "<flags id=\"i386_eflags\" size=\"4\"><field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
           "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
           "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
           "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
           "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
           "<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
           "<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
           "<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
           "<field name=\"ID\" start=\"21\" end=\"21\"/></flags>" "\n" },
    { SSE, "<flags id=\"i386_mxcsr\" size=\"4\"><field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
           "<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
           "<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
           "<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
           "<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
           "<field name=\"OM\" start=\"10\" end=\"10\"/><field name=\"UM\" start=\"11\" end=\"11\"/>"
           "<field name=\"PM\" start=\"12\" end=\"12\"/><field name=\"FZ\" start=\"15\" end=\"15\"/></flags>"
           "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
           "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
           "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
           "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
           "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
           "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>\n" },
    { NULL, NULL },
};
/* clang-format on */

/* ---- the table, made on demand ------------------------------------------------- */

typedef struct RegisterTable {
    CPURegister regs[17 + G_N_ELEMENTS(core) + 16 + 1 + 16 + G_N_ELEMENTS(tail)];
    unsigned count;
} RegisterTable;

static void add(RegisterTable *t, const Row *row, int gdb_number)
{
    t->regs[t->count++] = (CPURegister){
        row->name, row->group, row->type, row->bits, NUMBER(row->kind, row->index), gdb_number
    };
}

static void add_rows(RegisterTable *t, const Row *rows, unsigned n, bool wide)
{
    for (unsigned i = 0; i < n; i++) {
        if (wide || !rows[i].wide_only) {
            add(t, &rows[i], -1);
        }
    }
}

static void add_vectors(RegisterTable *t, const X86CPU *x, bool wide)
{
    unsigned n = wide ? 16 : 8;
    for (unsigned i = 0; x86_has(x, X86_SSE) && i < n; i++) {
        add(t, &(Row){ xmm_names[i], SSE, "vec128", 128, XMM, i }, -1);
    }
    if (x86_has(x, X86_SSE)) {
        add(t, &(Row){ "mxcsr", SSE, "i386_mxcsr", 32, MXCSR, 0 }, -1);
    }
    for (unsigned i = 0; x86_has(x, X86_AVX) && i < n; i++) {
        add(t, &(Row){ ymmh_names[i], AVX, "uint128", 128, YMMH, i }, -1);
    }
}

const CPURegister *x86_registers(CPU *cpu, unsigned *count)
{
    X86CPU *x = x86_cpu(cpu);
    bool wide = x86_has(x, X86_LM);
    RegisterTable *t = x->register_table;
    if (!t) {
        t = x->register_table = g_new0(RegisterTable, 1);
        add_rows(t, wide ? gprs64 : gprs32, wide ? G_N_ELEMENTS(gprs64) : G_N_ELEMENTS(gprs32), wide);
        add_rows(t, core, G_N_ELEMENTS(core), wide);
        add_vectors(t, x, wide);
        add_rows(t, tail, G_N_ELEMENTS(tail), wide);
    }
    *count = t->count;
    return t->regs;
}

/* ---- x87 -------------------------------------------------------------------------- */

static uint32_t get_fpu(const X87 *f, unsigned index)
{
    const uint32_t values[] = { f->fcw, x87_status_word(f), x87_tag_word(f), f->fcs, f->fip, f->fds, f->fdp,
                                f->fop };
    return values[index];
}

static void set_fpu(X87 *f, unsigned index, uint32_t value)
{
    switch (index) {
    case 0: x87_set_control_word(f, value); break;
    case 1: x87_set_status_word(f, value); break;
    case 2: x87_set_tag_word(f, value); break;
    case 3: f->fcs = value; break;
    case 4: f->fip = value; break;
    case 5: f->fds = value; break;
    case 6: f->fdp = value; break;
    default: f->fop = value & FOP_BITS; break;
    }
}

static X86Fpr *st_of(X86CPU *x, unsigned i)
{
    return x87_st(&x->s.x87, i);
}

/* ---- values ------------------------------------------------------------------------ */

static uint64_t get_control(const X86CPU *x, unsigned n)
{
    const uint64_t values[] = { x->s.cr0, 0, x->s.cr2, x->s.cr3, x->s.cr4, 0, 0, 0, x->s.cr8, x->s.efer };
    return values[n];
}

static uint64_t get_value(X86CPU *x, Kind kind, unsigned index)
{
    switch (kind) {
    case GPR: return x->s.gpr[index];
    case IP: return x86_ip(x);
    case FLAGS: return x86_flags(x);
    case SEGMENT: return x->s.seg[index].selector;
    case FPU: return get_fpu(&x->s.x87, index);
    case MXCSR: return x->s.mxcsr;
    case BASE: return x->s.seg[index].base;
    case KERNEL_GS: return x->s.msr.kernel_gs_base;
    default: return get_control(x, index);
    }
}

void x86_get_register(CPU *cpu, const CPURegister *reg, void *bytes)
{
    X86CPU *x = x86_cpu(cpu);
    Kind kind = reg->number >> 8;
    unsigned index = reg->number & 255;
    char *p = bytes;
    if (kind == ST) {
        store_le(p, 8, st_of(x, index)->mantissa);
        store_le(p + 8, 2, st_of(x, index)->exponent);
    } else if (kind == XMM || kind == YMMH) {
        const uint64_t *half = &x->s.ymm[index][kind == XMM ? 0 : 2];
        store_le(p, 8, half[0]);
        store_le(p + 8, 8, half[1]);
    } else {
        store_le(p, reg->bits / 8, get_value(x, kind, index));
    }
}

static bool set_control(X86CPU *x, unsigned n, uint64_t value)
{
    X86Fault f = { 0 };
    switch (n) {
    case 0: return x86_write_cr0(x, value, &f);
    case 2: x->s.cr2 = value; return true;
    case 3: return x86_write_cr3(x, value, &f);
    case 4: return x86_write_cr4(x, value, &f);
    case 8: return x86_write_cr8(x, value, &f);
    default: return x86_write_efer(x, value, &f);
    }
}

/* As MOV would; CS, which no MOV loads, only where a selector is all that it has. */
static bool set_segment(X86CPU *x, X86SegId seg, uint16_t selector)
{
    X86Fault f = { 0 };
    if (seg == SEG_CS) {
        uint64_t ip = x86_ip(x);
        if (x86_protected(x)) {
            return selector == x->s.seg[SEG_CS].selector;
        }
        (x86_v86(x) ? x86_seg_load_v86 : x86_seg_load_real)(x, SEG_CS, selector);
        x86_set_ip(x, ip);
        return true;
    }
    return selector == x->s.seg[seg].selector || x86_seg_move(x, seg, selector, &f);
}

/* VM and the privilege that goes with it are not the debugger's to change. */
static bool set_flags(X86CPU *x, uint32_t value)
{
    if ((value ^ x->s.eflags) & EFL_VM) {
        return false;
    }
    x86_set_flags(x, value);
    return true;
}

static bool set_base(X86CPU *x, unsigned seg, uint64_t value)
{
    if (!x86_canonical_64(x, value)) {
        return false;
    }
    x->s.seg[seg].base = value;
    return true;
}

static bool set_value(X86CPU *x, Kind kind, unsigned index, uint64_t value)
{
    switch (kind) {
    case GPR: x->s.gpr[index] = value; return true;
    case IP: x86_set_ip(x, value); return true;
    case FLAGS: return set_flags(x, value);
    case SEGMENT: return set_segment(x, index, value);
    case FPU: set_fpu(&x->s.x87, index, value); return true;
    case MXCSR: x->s.mxcsr = value & 0xffff; return true;
    case BASE: return set_base(x, index, value);
    case KERNEL_GS: x->s.msr.kernel_gs_base = value; return true;
    default: return set_control(x, index, value);
    }
}

bool x86_set_register(CPU *cpu, const CPURegister *reg, const void *bytes)
{
    X86CPU *x = x86_cpu(cpu);
    Kind kind = reg->number >> 8;
    unsigned index = reg->number & 255;
    const char *p = bytes;
    bool ok = true;
    if (kind == ST) {
        *st_of(x, index) = (X86Fpr){ load_le(p, 8), load_le(p + 8, 2) };
    } else if (kind == XMM || kind == YMMH) {
        uint64_t *half = &x->s.ymm[index][kind == XMM ? 0 : 2];
        half[0] = load_le(p, 8);
        half[1] = load_le(p + 8, 8);
    } else {
        ok = set_value(x, kind, index, load_le(p, reg->bits / 8));
    }
    x86_vectors_changed(x);
    return ok;
}
