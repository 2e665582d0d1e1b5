/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers: the target description that gdb reads, and their values.
 *
 * Numbers in the description are explicit, from the architecture's table.  The g
 * packet holds the first group only (the general registers): gdb asks for the others
 * one by one, so that a stop does not cost reading every control register. */
#include <string.h>

#include "gdbstub/stub.h"

typedef struct RegisterWalk {
    const CPURegister *regs;
    unsigned count, next;
} RegisterWalk;

static RegisterWalk registers_of(CPU *cpu)
{
    RegisterWalk w = { 0 };
    w.regs = cpu->arch->registers(cpu, &w.count);
    return w;
}

/* gdb's number of the i-th register; call for i = 0, 1, 2... in order. */
static unsigned register_number(RegisterWalk *w, unsigned i)
{
    unsigned n = w->regs[i].gdb_number >= 0 ? (unsigned)w->regs[i].gdb_number : w->next;
    w->next = n + 1;
    return n;
}

static void append_types(GString *xml, const CPUArch *arch, const char *group)
{
    for (const CPUGroupTypes *t = arch->gdb_types; t && t->group; t++) {
        if (g_str_equal(t->group, group)) {
            g_string_append(xml, t->xml);
        }
    }
}

/* One feature: the registers of a group, wherever in the table they are. */
static void append_feature(GString *xml, CPU *cpu, const char *group)
{
    RegisterWalk w = registers_of(cpu);
    g_string_append_printf(xml, "<feature name=\"%s\">\n", group);
    append_types(xml, cpu->arch, group);
    for (unsigned i = 0; i < w.count; i++) {
        const CPURegister *r = &w.regs[i];
        unsigned number = register_number(&w, i);
        if (g_str_equal(r->group, group)) {
            g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"/>\n",
                                   r->name, r->bits, number, r->type);
        }
    }
    g_string_append(xml, "</feature>\n");
}

const char *gdb_target_xml(GdbStub *s)
{
    if (s->xml) {
        return s->xml->str;
    }
    CPU *cpu = s->machine->cpus[0];
    RegisterWalk w = registers_of(cpu);
    g_autoptr(GPtrArray) groups = g_ptr_array_new();
    s->xml = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n");
    if (cpu->arch->gdb_name) {
        g_string_append_printf(s->xml, "<architecture>%s</architecture>\n", cpu->arch->gdb_name);
    }
    for (unsigned i = 0; i < w.count; i++) {
        const char *group = w.regs[i].group;
        if (!g_ptr_array_find_with_equal_func(groups, group, g_str_equal, NULL)) {
            g_ptr_array_add(groups, (void *)group);
            append_feature(s->xml, cpu, group);
        }
    }
    g_string_append(s->xml, "</target>\n");
    return s->xml->str;
}

/* ---- values ---- */

static unsigned register_bytes(const CPURegister *r)
{
    return (r->bits + 7) / 8;
}

static void append_register(CPU *cpu, const CPURegister *r, GString *out)
{
    uint8_t bytes[CPU_REGISTER_BYTES];
    cpu_read_register(cpu, r, bytes);
    gdb_append_hex(out, bytes, register_bytes(r));
}

static bool set_register(CPU *cpu, const CPURegister *r, const char *hex)
{
    uint8_t bytes[CPU_REGISTER_BYTES];
    return gdb_decode_hex(hex, bytes, register_bytes(r)) && cpu_write_register(cpu, r, bytes);
}

static bool in_g_packet(const RegisterWalk *w, unsigned i)
{
    return w->regs[i].group == w->regs[0].group || g_str_equal(w->regs[i].group, w->regs[0].group);
}

void gdb_read_registers(GdbStub *s, GString *out)
{
    CPU *cpu = gdb_general_cpu(s);
    RegisterWalk w = registers_of(cpu);
    for (unsigned i = 0; i < w.count; i++) {
        if (in_g_packet(&w, i)) {
            append_register(cpu, &w.regs[i], out);
        }
    }
}

bool gdb_write_registers(GdbStub *s, const char *hex)
{
    CPU *cpu = gdb_general_cpu(s);
    RegisterWalk w = registers_of(cpu);
    size_t left = strlen(hex);
    for (unsigned i = 0; i < w.count; i++) {
        size_t digits = 2 * register_bytes(&w.regs[i]);
        if (!in_g_packet(&w, i)) {
            continue;
        }
        if (left < digits) {
            return left == 0;
        }
        set_register(cpu, &w.regs[i], hex); /* x0 and the like refuse: as on hardware */
        hex += digits;
        left -= digits;
    }
    return true;
}

static const CPURegister *find_register(CPU *cpu, unsigned number)
{
    RegisterWalk w = registers_of(cpu);
    for (unsigned i = 0; i < w.count; i++) {
        if (register_number(&w, i) == number) {
            return &w.regs[i];
        }
    }
    return NULL;
}

bool gdb_read_register(GdbStub *s, unsigned number, GString *out)
{
    CPU *cpu = gdb_general_cpu(s);
    const CPURegister *r = find_register(cpu, number);
    if (r) {
        append_register(cpu, r, out);
    }
    return r;
}

bool gdb_write_register(GdbStub *s, unsigned number, const char *hex)
{
    CPU *cpu = gdb_general_cpu(s);
    const CPURegister *r = find_register(cpu, number);
    return r && set_register(cpu, r, hex);
}
