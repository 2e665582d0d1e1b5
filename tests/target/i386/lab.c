/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See lab.h. */
#include "lab.h"

#include <cpuid.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>

#include "target/i386/translate.h"
#include "tcg/backend.h"
#include "util/bytes.h"

uint8_t *lab_data, *lab_code;
static X86CPU *cpu;
static IrBlock *block;
static jmp_buf leave;

/* ---- the run time ------------------------------------------------------------- */

void cpu_restore_pc(CPU *c)
{
}
void cpu_loop_exit(CPU *c)
{
    longjmp(leave, 1);
}
bool cpu_phys_load(CPU *c, uint64_t phys, MemOp mop, uint64_t *value)
{
    return false;
}
bool cpu_phys_cas(CPU *c, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped)
{
    return false;
}
unsigned translate_fetch(TranslateCtx *t, uint64_t vaddr, void *buf, unsigned n)
{
    return 0;
}
void translate_fetch_fault(TranslateCtx *t, uint64_t vaddr)
{
    g_error("nothing is fetched beyond the page");
}
void cpu_give_way(CPU *c)
{
}
void translate_breakpoint(TranslateCtx *t, uint64_t vaddr)
{
}
uint64_t cpu_load(CPU *c, uint64_t vaddr, MemOp mop)
{
    g_assert(vaddr >= LAB_DATA_AT && vaddr <= LAB_DATA_AT + LAB_PAGE - memop_bytes(mop));
    return memop_extend(mop, load_le(lab_data + (vaddr - LAB_DATA_AT), memop_bytes(mop)));
}
void cpu_store(CPU *c, uint64_t vaddr, MemOp mop, uint64_t value)
{
    g_assert(vaddr >= LAB_DATA_AT && vaddr <= LAB_DATA_AT + LAB_PAGE - memop_bytes(mop));
    store_le(lab_data + (vaddr - LAB_DATA_AT), memop_bytes(mop), value);
}
void cpu_probe(CPU *c, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
}
uint64_t cpu_atomic(CPU *c, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    g_assert_not_reached();
}
void *cpu_atomic_host(CPU *c, uint64_t vaddr, unsigned bytes, bool reads)
{
    g_assert_not_reached();
}
void *cpu_direct_host(CPU *c, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    return NULL;
}

static X86Vendor host_vendor(void)
{
    unsigned eax, ebx, ecx, edx;
    __cpuid(0, eax, ebx, ecx, edx);
    return ebx == signature_AMD_ebx ? VENDOR_AMD : VENDOR_INTEL;
}

static void set_mode(void)
{
    memset(cpu->feature, 0xff, sizeof(cpu->feature));
    cpu->vendor = host_vendor();
    if (cpu->vendor == VENDOR_INTEL) {
        cpu->feature[X86_MISALIGNSSE / 32] &= ~(1u << X86_MISALIGNSSE % 32);
    }
    cpu->phys_bits = 40;
    cpu->s.efer = EFER_LME | EFER_LMA | EFER_SCE;
    cpu->s.cr0 = CR0_PE | CR0_PG | CR0_NE;
    cpu->s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXSAVE;
    cpu->s.cpl = 3;
    __asm__("mov %%cs, %0" : "=r"(cpu->s.seg[SEG_CS].selector));
    __asm__("mov %%ds, %0" : "=r"(cpu->s.seg[SEG_DS].selector));
    __asm__("mov %%ss, %0" : "=r"(cpu->s.seg[SEG_SS].selector));
    cpu->s.seg[SEG_CS].attr = ATTR_L | ATTR_P | ATTR_S | ATTR_CODE;
    cpu->s.events.shutdown = false;
}

X86CPU *lab_cpu(void)
{
    set_mode();
    return cpu;
}

bool lab_interpret_mode(uint32_t mode, uint64_t pc, unsigned count)
{
    const IrRuntime run = { cpu_load, cpu_store, cpu_atomic, offsetof(CPU, exit_request) };
    TranslateCtx ctx = { .cpu = &cpu->cpu,
                         .ir = block,
                         .pc = pc,
                         .max_insns = count,
                         .page = lab_code,
                         .page_start = LAB_CODE_AT,
                         .page_bytes = LAB_PAGE };
    ctx.key.mode = mode;
    ir_block_reset(block, ctx.pc);
    x86_translate_block(&ctx);
    block->verify = true;
    ir_verify_pass(block, "translate");
    ir_optimize(block);
    if (_setjmp(leave)) {
        return false;
    }
    ir_interpret(block, &cpu->cpu, &run);
    return !cpu->s.events.shutdown;
}

bool lab_interpret(unsigned offset, unsigned count)
{
    const uint32_t mode =
        2 | 3 << X86_MODE_CPL_SHIFT | X86_MODE_PE | X86_MODE_SS32 | X86_MODE_SSE | X86_MODE_AVX;
    return lab_interpret_mode(mode, LAB_CODE_AT + offset, count);
}

static void *map(uint64_t at, int prot)
{
    void *p = mmap((void *)at, LAB_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    g_assert(p == (void *)at);
    return p;
}

void lab_open(void)
{
    lab_data = map(LAB_DATA_AT, PROT_READ | PROT_WRITE);
    lab_code = map(LAB_CODE_AT, PROT_READ | PROT_WRITE | PROT_EXEC);
    cpu = g_new0(X86CPU, 1);
    cpu->cpu.ops = &vcpu_ops_none;
    block = ir_block_new(&x86_ir_guest);
}
