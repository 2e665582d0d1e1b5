/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: the control word, and the environment in memory.
 * Source: Intel SDM volume 1, "Saving the x87 FPU's State" and the four formats there. */
#include "target/i386/helpers-x87.h"

#include <string.h>

#include "target/i386/x87-memory.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/bytes.h"

enum { X87_HELPER = IRH_FAULT | IRH_REPEAT };

static void helper_init(CPU *cpu)
{
    x87_need(cpu);
    x87_init(&x86_cpu(cpu)->s.x87);
}
const IrHelper x87_helper_init = IR_HELPER0("x87_init", helper_init, IRH_REPEAT, VOID);

/* ---- the four formats -------------------------------------------------------------- */

/* Seven fields, of 2 or 4 bytes. */
enum { ENV_CONTROL, ENV_STATUS, ENV_TAGS, ENV_IP, ENV_CS, ENV_DP, ENV_DS, ENV_FIELDS };

static unsigned field_bytes(uint32_t how)
{
    return how & X87_ENV_WIDE ? 4 : 2;
}

/* In real mode pointers are linear, their upper part stands where a selector would. */
static void make_env(const X87 *f, uint32_t how, uint32_t e[ENV_FIELDS])
{
    bool wide = how & X87_ENV_WIDE;
    e[ENV_CONTROL] = f->fcw | 0xffff0000;
    e[ENV_STATUS] = x87_status_word(f) | 0xffff0000;
    e[ENV_TAGS] = x87_tag_word(f) | 0xffff0000;
    if (how & X87_ENV_REAL) {
        uint32_t ip = f->fip + (f->fcs << 4), dp = f->fdp + (f->fds << 4);
        e[ENV_IP] = ip & 0xffff;
        e[ENV_DP] = dp & 0xffff;
        e[ENV_CS] = (ip >> 16 << 12) | f->fop;
        e[ENV_DS] = dp >> 16 << 12;
    } else {
        e[ENV_IP] = f->fip;
        e[ENV_DP] = f->fdp;
        e[ENV_CS] = f->fcs | (wide ? (uint32_t)f->fop << 16 : 0);
        e[ENV_DS] = f->fds | 0xffff0000;
    }
}

static void take_env(X87 *f, uint32_t how, const uint32_t e[ENV_FIELDS])
{
    bool wide = how & X87_ENV_WIDE;
    f->fcw = (e[ENV_CONTROL] & FCW_WRITABLE) | FCW_FIXED;
    x87_set_status_word(f, e[ENV_STATUS]);
    x87_set_tag_word(f, e[ENV_TAGS]);
    if (how & X87_ENV_REAL) {
        uint32_t high = wide ? UINT32_MAX : 0xf0000;
        f->fip = (e[ENV_IP] & 0xffff) | (e[ENV_CS] << 4 & 0xffff0000 & high);
        f->fdp = (e[ENV_DP] & 0xffff) | (e[ENV_DS] << 4 & 0xffff0000 & high);
        f->fcs = f->fds = 0;
        f->fop = e[ENV_CS] & FOP_BITS;
    } else {
        f->fip = e[ENV_IP];
        f->fdp = e[ENV_DP];
        f->fcs = e[ENV_CS];
        f->fds = e[ENV_DS];
        f->fop = wide ? e[ENV_CS] >> 16 & FOP_BITS : 0;
    }
}

/* ---- FNSTENV, FNSAVE, FLDENV, FRSTOR ------------------------------------------------- */

static void helper_touch_env(CPU *cpu, uint64_t at, uint32_t how)
{
    cpu_probe(cpu, at, field_bytes(how), how & X87_ENV_WRITE ? MMU_WRITE : MMU_READ);
}
const IrHelper x87_helper_touch_env =
    IR_HELPER2("x87_touch_env", helper_touch_env, X87_HELPER, VOID, I64, I32);

static unsigned env_bytes(uint32_t how)
{
    return ENV_FIELDS * field_bytes(how) + (how & X87_ENV_REGISTERS ? 80 : 0);
}

static void helper_store_env(CPU *cpu, uint64_t at, uint32_t how)
{
    x87_need(cpu);
    X87 *f = &x86_cpu(cpu)->s.x87;
    uint32_t e[ENV_FIELDS];
    unsigned bytes = field_bytes(how), done = 0;
    make_env(f, how, e);
    x87_probe(cpu, at, bytes, env_bytes(how), MMU_WRITE);
    for (; done < ENV_FIELDS; done++) {
        cpu_store(cpu, x87_linear(cpu, at, done * bytes), bytes == 4 ? MEM_32 : MEM_16, e[done]);
    }
    if (!(how & X87_ENV_REGISTERS)) {
        x87_set_control_word(f, f->fcw | FSW_EXCEPTIONS);
        return;
    }
    for (unsigned i = 0, k = done * bytes; i < 8; i++, k += 10) {
        const X86Fpr *r = x87_st(f, i);
        x87_write(cpu, x87_linear(cpu, at, k), X87_F80, &(X87Operand){ X87_F80, r->mantissa, r->exponent });
    }
    x87_init(f);
}
const IrHelper x87_helper_store_env =
    IR_HELPER2("x87_store_env", helper_store_env, X87_HELPER, VOID, I64, I32);

static void helper_load_env(CPU *cpu, uint64_t at, uint32_t how)
{
    X86CPU *x = x86_cpu(cpu);
    x87_need(cpu);
    x87_wait(x);
    X87 f = x->s.x87;
    uint32_t e[ENV_FIELDS];
    unsigned bytes = field_bytes(how), done = 0;
    x87_probe(cpu, at, bytes, env_bytes(how), MMU_READ);
    for (; done < ENV_FIELDS; done++) {
        e[done] = cpu_load(cpu, x87_linear(cpu, at, done * bytes), bytes == 4 ? MEM_32 : MEM_16);
    }
    take_env(&f, how, e);
    for (unsigned i = 0, k = done * bytes; (how & X87_ENV_REGISTERS) && i < 8; i++, k += 10) {
        X87Operand o = x87_read(cpu, x87_linear(cpu, at, k), X87_F80);
        *x87_st(&f, i) = (X86Fpr){ o.low, o.high };
    }
    x->s.x87 = f;
}
const IrHelper x87_helper_load_env = IR_HELPER2("x87_load_env", helper_load_env, X87_HELPER, VOID, I64, I32);
