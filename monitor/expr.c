/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of the monitor: 64-bit arithmetic on numbers, characters and registers.
 *
 *   expr := bits { (+ -) bits }      bits := prod { (& | ^) prod }
 *   prod := unary { (* / %) unary }  unary := (+ - ~) unary | ( expr ) | 'c' | $reg | number
 *
 * As QEMU's: left to right; + and - bind least, then & | ^, all three alike; division has a sign. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "target/cpu.h"
#include "util/bytes.h"

enum { EXPR_MAX_DEPTH = 64 };

typedef struct Parser {
    Machine *m;
    const char *at;
    unsigned depth;
    GError **err;
} Parser;

static bool parse_expr(Parser *p, uint64_t *v);

static char peek(Parser *p)
{
    while (g_ascii_isspace(*p->at)) {
        p->at++;
    }
    return *p->at;
}

typedef struct RegisterRead {
    const char *name;
    bool found;
    uint64_t value; /* of a wide one the low half, as of a narrow one all */
} RegisterRead;

static void read_register(CPU *cpu, void *opaque)
{
    RegisterRead *r = opaque;
    uint8_t bytes[CPU_REGISTER_BYTES] = { 0 };
    const CPURegister *reg = cpu_find_register(cpu, r->name);
    if (reg) {
        cpu_read_register(cpu, reg, bytes);
        r->value = load_le(bytes, sizeof(r->value));
        r->found = true;
    }
}

static bool parse_register(Parser *p, uint64_t *v)
{
    const char *start = ++p->at;
    while (g_ascii_isalnum(*p->at) || *p->at == '_' || *p->at == '.') {
        p->at++;
    }
    g_autofree char *name = g_strndup(start, p->at - start);
    RegisterRead r = { .name = name };
    CPU *cpu = monitor_cpu(p->m);
    if (cpu) {
        cpu_run(cpu, read_register, &r);
    }
    *v = r.value;
    return r.found || monitor_syntax_error(p->err, "unknown register '$%s'", name);
}

static bool parse_number(Parser *p, uint64_t *v)
{
    char *end;
    if (!*p->at) {
        return monitor_syntax_error(p->err, "unexpected end of expression");
    }
    if (!g_ascii_isdigit(*p->at)) {
        return monitor_syntax_error(p->err, "invalid char '%c' in expression", *p->at);
    }
    errno = 0;
    *v = strtoull(p->at, &end, 0);
    if (errno == ERANGE) {
        return monitor_syntax_error(p->err, "number too large");
    }
    p->at = end;
    return true;
}

static bool parse_group(Parser *p, uint64_t *v)
{
    p->at++;
    if (!parse_expr(p, v)) {
        return false;
    }
    if (peek(p) != ')') {
        return monitor_syntax_error(p->err, "')' expected");
    }
    p->at++;
    return true;
}

static bool parse_char(Parser *p, uint64_t *v)
{
    if (!p->at[1] || p->at[2] != '\'') {
        return monitor_syntax_error(p->err, "missing terminating ' character");
    }
    *v = (uint8_t)p->at[1];
    p->at += 3;
    return true;
}

static bool parse_unary(Parser *p, uint64_t *v)
{
    char c = peek(p);
    if (++p->depth > EXPR_MAX_DEPTH) {
        return monitor_syntax_error(p->err, "expression is nested too deeply");
    }
    bool ok;
    if (c == '+' || c == '-' || c == '~') {
        p->at++;
        ok = parse_unary(p, v);
        *v = c == '-' ? -*v : c == '~' ? ~*v : *v;
    } else if (c == '(') {
        ok = parse_group(p, v);
    } else if (c == '\'') {
        ok = parse_char(p, v);
    } else if (c == '$') {
        ok = parse_register(p, v);
    } else {
        ok = parse_number(p, v);
    }
    p->depth--;
    return ok;
}

/* The host traps where the quotient does not fit. */
static int64_t divide(int64_t a, int64_t b, bool remainder)
{
    if (b == -1) {
        return remainder ? 0 : (int64_t)(0 - (uint64_t)a);
    }
    return remainder ? a % b : a / b;
}

static bool parse_product(Parser *p, uint64_t *v)
{
    if (!parse_unary(p, v)) {
        return false;
    }
    for (char c = peek(p); c == '*' || c == '/' || c == '%'; c = peek(p)) {
        uint64_t right = 0;
        p->at++;
        if (!parse_unary(p, &right)) {
            return false;
        }
        if (c != '*' && !right) {
            return monitor_syntax_error(p->err, "division by zero");
        }
        *v = c == '*' ? *v * right : (uint64_t)divide(*v, right, c == '%');
    }
    return true;
}

static bool parse_bits(Parser *p, uint64_t *v)
{
    if (!parse_product(p, v)) {
        return false;
    }
    for (char c = peek(p); c == '&' || c == '|' || c == '^'; c = peek(p)) {
        uint64_t right = 0;
        p->at++;
        if (!parse_product(p, &right)) {
            return false;
        }
        *v = c == '&' ? *v & right : c == '|' ? *v | right : *v ^ right;
    }
    return true;
}

static bool parse_expr(Parser *p, uint64_t *v)
{
    if (!parse_bits(p, v)) {
        return false;
    }
    for (char c = peek(p); c == '+' || c == '-'; c = peek(p)) {
        uint64_t right = 0;
        p->at++;
        if (!parse_bits(p, &right)) {
            return false;
        }
        *v = c == '+' ? *v + right : *v - right;
    }
    return true;
}

bool monitor_expr(Machine *m, const char **at, uint64_t *value, GError **err)
{
    Parser p = { .m = m, .at = *at, .err = err };
    *value = 0;
    bool ok = parse_expr(&p, value);
    *at = p.at;
    return ok;
}
