/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the one program that the command line names, as often as it says ("NAME COUNT"), and says its checksum: "E NAME CHECKSUM";
 * of another name nothing, which is how the start is measured.  A kernel with a PVH entry (tests/functional/x86/boot64.S) that ends by isa-debug-exit. */
#include "../../functional/x86/print.h"
#include "bare.h"

#include <string.h>

static const Program *const tables[] = { integer_programs, call_programs,   dispatch_programs,
                                         memory_programs,  float_programs,  atomic_programs,
                                         string_programs,  packed_programs, x87_programs,
                                         machine_programs };

extern uint64_t start_info, last_cr2;

typedef struct Frame { /* as boot64.S makes it */
    uint64_t rax, vector, error, rip;
} Frame;

long trap_taken(const Frame *f);
long trap_taken(const Frame *f)
{
    print("unexpected: vector %u error %x at %X, address %X\n", (uint32_t)f->vector, (uint32_t)f->error,
          f->rip, last_cr2);
    halt();
}

static const Program *find(const char *line, const char **rest)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const Program *p = tables[t]; p->name; p++) {
            size_t n = strlen(p->name);
            if (!strncmp(line, p->name, n) && line[n] == ' ') {
                *rest = line + n;
                return p;
            }
        }
    }
    return NULL;
}

static void run(const char *line)
{
    const Program *p = find(line, &line);
    if (!p) {
        return;
    }
    unsigned count = 0;
    while (*++line >= '0' && *line <= '9') {
        count = count * 10 + *line - '0';
    }
    uint64_t sum = 0;
    while (count--) {
        sum = p->run();
    }
    print("E %s %X\n", p->name, sum);
}

/* ackermann nests deeply. */
static uint8_t stack[4 << 20] __attribute__((aligned(16)));

static void start(void)
{
    const uint64_t *info =
        (const uint64_t *)start_info; /* struct hvm_start_info: the command line's address at 24 */
    run((const char *)info[3]);
    halt();
}

/* SSE on (CR4.OSFXSR, OSXMMEXCPT): nothing before may use it. */
__attribute__((target("general-regs-only"))) int main(void)
{
    uint64_t cr4;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4\n\tfninit" : : "r"(cr4 | 0x600));
    asm volatile("mov %0, %%rsp\n\tcall *%1" : : "r"(stack + sizeof(stack)), "r"(start) : "memory");
    __builtin_unreachable();
}
