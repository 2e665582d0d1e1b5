/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x, xp and print: guest memory and values in gdb's formats.
 *
 * /fmt is a count, a format (x d u o c i s) and a size (b h w g), in this order or the
 * last two the other way round.  Layout of the lines: as QEMU prints them.
 * A device's registers are read as a guest would, by accesses of the size in /fmt. */
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "target/cpu.h"

enum { DUMP_MAX_COUNT = 1 << 16, DUMP_MAX_STRING = 4096, DUMP_MAX_CHARS = 1 << 18, INSN_MAX = 16 };

typedef struct Format {
    unsigned count, size;
    char format;
} Format;

static unsigned size_of(char c)
{
    return c == 'b' ? 1 : c == 'h' ? 2 : c == 'w' ? 4 : c == 'g' ? 8 : 0;
}

/* "/8xb "; moves *at past it and the blanks. */
static bool parse_format(const char **at, Format *f, GError **err)
{
    const char *p = *at;
    if (*p++ != '/') {
        return true;
    }
    if (g_ascii_isdigit(*p)) {
        f->count = 0;
        for (; g_ascii_isdigit(*p); p++) {
            f->count = MIN(f->count * 10 + (*p - '0'), DUMP_MAX_COUNT + 1);
        }
    }
    for (; *p && !g_ascii_isspace(*p); p++) {
        if (size_of(*p)) {
            f->size = size_of(*p);
        } else if (strchr("xduocis", *p)) {
            f->format = *p;
        } else {
            return monitor_syntax_error(err, "invalid char in format: '%c'", *p);
        }
    }
    if (f->count > DUMP_MAX_COUNT) {
        return monitor_syntax_error(err, "count in format is larger than %d", DUMP_MAX_COUNT);
    }
    while (g_ascii_isspace(*p)) {
        p++;
    }
    *at = p;
    return true;
}

static void append_char(GString *out, uint8_t c)
{
    static const char from[] = "\a\b\f\n\r\t\v\\'\"", to[] = "abfnrtv\\'\"";
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        g_string_append_printf(out, "\\%c", to[known - from]);
    } else if (g_ascii_isprint(c)) {
        g_string_append_c(out, c);
    } else {
        g_string_append_printf(out, "\\x%02x", c);
    }
}

/* ---- reading ---- */

typedef struct Dump {
    Machine *m;
    CPU *cpu; /* virtual addresses of this one; NULL: physical */
    GString *out;
    Format f;
    uint64_t addr;
} Dump;

/* One unit, which may be a device's register. */
static bool dump_read(Dump *d, uint64_t addr, void *buf, unsigned size)
{
    return d->cpu ? cpu_debug_read(d->cpu, addr, buf, size)
                  : memory_debug_read(d->m->memory, addr, buf, size) == BUS_OK;
}

static void append_value(GString *out, const Format *f, uint64_t v)
{
    int bits = f->size * 8;
    switch (f->format) {
    case 'o': g_string_append_printf(out, " %#*" PRIo64, (bits + 2) / 3, v); break;
    case 'x': g_string_append_printf(out, " 0x%0*" PRIx64, bits / 4, v); break;
    case 'u': g_string_append_printf(out, " %*" PRIu64, (bits * 10 + 32) / 33, v); break;
    case 'd':
        g_string_append_printf(out, " %*" PRId64, (bits * 10 + 32) / 33,
                               (int64_t)(v << (64 - bits)) >> (64 - bits));
        break;
    default:
        g_string_append(out, " '");
        append_char(out, v);
        g_string_append_c(out, '\'');
        break;
    }
}

static void dump_values(Dump *d)
{
    unsigned per_line = d->f.size == 1 ? 8 : 16 / d->f.size;
    for (unsigned i = 0; i < d->f.count; i++) {
        uint64_t value = 0, addr = d->addr + (uint64_t)i * d->f.size;
        if (i % per_line == 0) {
            g_string_append_printf(d->out, "%s%016" PRIx64 ":", i ? "\n" : "", addr);
        }
        if (!dump_read(d, addr, &value, d->f.size)) {
            g_string_append(d->out, " Cannot access memory");
            break;
        }
        append_value(d->out, &d->f, GUINT64_FROM_LE(value));
    }
    g_string_append_c(d->out, '\n');
}

static void dump_strings(Dump *d)
{
    uint64_t addr = d->addr;
    for (unsigned i = 0; i < d->f.count; i++) {
        uint8_t c = 0;
        if (addr - d->addr > DUMP_MAX_CHARS) {
            g_string_append_printf(d->out, "(more than %d characters: the rest is left out)\n",
                                   DUMP_MAX_CHARS);
            return;
        }
        g_string_append_printf(d->out, "%016" PRIx64 ": \"", addr);
        for (unsigned n = 0; n < DUMP_MAX_STRING; n++) {
            if (!dump_read(d, addr++, &c, 1)) {
                g_string_append(d->out, "\" Cannot access memory\n");
                return;
            }
            if (!c) {
                break;
            }
            append_char(d->out, c);
        }
        g_string_append(d->out, "\"\n");
    }
}

/* How much can be read at addr, at most INSN_MAX. */
static unsigned read_some(Dump *d, uint64_t addr, uint8_t *buf)
{
    unsigned n = 0;
    while (n < INSN_MAX && dump_read(d, addr + n, buf + n, 2)) {
        n += 2;
    }
    return n;
}

static void dump_instructions(Dump *d)
{
    CPU *cpu = monitor_cpu(d->m);
    const CPUArch *arch = cpu->arch;
    uint32_t mode = cpu_code_mode(cpu);
    uint64_t addr = d->addr;
    for (unsigned i = 0; i < d->f.count; i++) {
        uint8_t bytes[INSN_MAX];
        unsigned have = read_some(d, addr, bytes);
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned len = have ? arch->disassemble(mode, addr, bytes, have, text) : 0;
        g_string_append_printf(d->out, "0x%016" PRIx64 ":  ", addr);
        if (!len || len > have) {
            g_string_append(d->out, "Cannot access memory\n");
            return;
        }
        for (unsigned k = len; k-- > 0;) {
            g_string_append_printf(d->out, "%02x", bytes[k]);
        }
        g_string_append_printf(d->out, "%*s%s\n", len < 9 ? 18 - 2 * (int)len : 1, "", text->str);
        addr += len;
    }
}

static void dump_run(CPU *cpu, void *opaque)
{
    Dump *d = opaque;
    if (d->f.format == 'i') {
        dump_instructions(d);
    } else if (d->f.format == 's') {
        dump_strings(d);
    } else {
        dump_values(d);
    }
}

static bool no_more(const char *at, const char *name, GError **err)
{
    while (g_ascii_isspace(*at)) {
        at++;
    }
    return !*at || monitor_syntax_error(err, "%s: extraneous characters at the end of line", name);
}

/* The whole of `x`: the address may name registers, and these and the page tables
 * must be of one moment. */
typedef struct Examine {
    Dump dump;
    const char *args;
    GError **err;
    bool ok;
} Examine;

static void examine(CPU *cpu, void *opaque)
{
    Examine *e = opaque;
    Dump *d = &e->dump;
    e->ok = parse_format(&e->args, &d->f, e->err) && monitor_expr(d->m, &e->args, &d->addr, e->err) &&
            no_more(e->args, "x", e->err);
    if (e->ok) {
        dump_run(cpu, d);
    }
}

bool monitor_cmd_x(Machine *m, const char *args, GString *out, GError **err)
{
    CPU *cpu = monitor_cpu(m);
    Examine e = { .dump = { .m = m, .cpu = cpu, .out = out, .f = { 1, 4, 'x' } }, .args = args, .err = err };
    if (!cpu) {
        return monitor_error(err, "No CPU");
    }
    cpu_run(cpu, examine, &e);
    return e.ok;
}

bool monitor_cmd_xp(Machine *m, const char *args, GString *out, GError **err)
{
    Dump d = { .m = m, .out = out, .f = { 1, 4, 'x' } };
    if (!parse_format(&args, &d.f, err) || !monitor_expr(m, &args, &d.addr, err) ||
        !no_more(args, "xp", err)) {
        return false;
    }
    if (d.f.format == 'i' && !monitor_cpu(m)) {
        return monitor_error(err, "No CPU");
    }
    accel_catch_up(m->accel);
    dump_run(NULL, &d);
    return true;
}

bool monitor_cmd_print(Machine *m, const char *args, GString *out, GError **err)
{
    Format f = { 1, 8, 'x' };
    uint64_t v;
    if (!parse_format(&args, &f, err) || !monitor_expr(m, &args, &v, err) || !no_more(args, "print|p", err)) {
        return false;
    }
    /* clang-format off */
    switch (f.format) {
    case 'o': g_string_append_printf(out, "%#" PRIo64 "\n", v); break;
    case 'u': g_string_append_printf(out, "%" PRIu64 "\n", v); break;
    case 'd': g_string_append_printf(out, "%" PRId64 "\n", v); break;
    case 'c':
        g_string_append_c(out, '\'');
        append_char(out, v);
        g_string_append(out, "'\n");
        break;
    default: g_string_append_printf(out, "%#" PRIx64 "\n", v); break;
    }
    /* clang-format on */
    return true;
}
