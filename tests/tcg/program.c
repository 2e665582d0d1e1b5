/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader and runner of test programs (program.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct Runner {
    const TestEngine *engine;
    const char *path;
    unsigned line;
    char *name; /* of the program under way */
    GString *text;
    IrBlock *b; /* parsed; NULL before the first run line */
    ToyCPU *toy;
} Runner;

/* ---- named places ------------------------------------------------------------ */

/* "m32[0x10000]", "r3", "pc" ...: where it is and how many bytes. */
static void *find_place(Runner *r, ToyCPU *toy, uint8_t *ram, const char *name, unsigned *bytes)
{
    unsigned n, bits;
    unsigned long at;
    *bytes = 8;
    if (sscanf(name, "r%u", &n) == 1 && n < TOY_REGS) {
        return &toy->r[n];
    }
    if (strcmp(name, "pc") == 0 || strcmp(name, "calls") == 0 || strcmp(name, "fault") == 0) {
        return name[0] == 'p' ? &toy->pc : name[0] == 'c' ? &toy->calls : &toy->fault;
    }
    unsigned word;
    if (sscanf(name, "v%u.%u", &n, &word) == 2 && n < TOY_VECTORS && word < 4) {
        return &toy->v[n][word];
    }
    if (sscanf(name, "m%u", &n) == 1 && n < TOY_NARROW && !strchr(name, '[')) {
        return &toy->m[n];
    }
    if (strcmp(name, "mxcsr") == 0) {
        return &toy->mxcsr;
    }
    if (strcmp(name, "exit") == 0) {
        *bytes = 4;
        return &toy->cpu.exit_request;
    }
    if (sscanf(name + 1, "%u[%li]", &bits, (long *)&at) == 2) {
        *bytes = bits / 8;
        if (name[0] == 'e' && at + *bytes <= sizeof toy->scratch) {
            return toy->scratch + at;
        }
        if (name[0] == 'm' && at >= TOY_RAM && at + *bytes <= TOY_RAM + TOY_RAM_SIZE) {
            return ram + (at - TOY_RAM);
        }
    }
    g_error("%s:%u: no place named %s", r->path, r->line, name);
}

static void assign(Runner *r, ToyCPU *toy, uint8_t *ram, const char *word)
{
    const char *eq = strchr(word, '=');
    if (!eq) {
        g_error("%s:%u: NAME=VALUE expected: %s", r->path, r->line, word);
    }
    g_autofree char *name = g_strndup(word, eq - word);
    unsigned bytes;
    void *place = find_place(r, toy, ram, name, &bytes);
    char *end;
    uint64_t value = eq[1] == '-' ? -g_ascii_strtoull(eq + 2, &end, 0) : g_ascii_strtoull(eq + 1, &end, 0);
    g_assert(*end == 0);
    memcpy(place, &value, bytes);
}

/* ---- one run ------------------------------------------------------------------- */

void program_fill_pattern(ToyCPU *toy, uint8_t *ram)
{
    toy->calls = toy->fault = toy->cpu.exit_request = 0;
    toy->pc = 0xdead;
    toy->mxcsr = 0x1f80;
    for (unsigned i = 0; i < TOY_VECTORS * 4; i++) {
        toy->v[i / 4][i % 4] = UINT64_C(0x3ff0000000000000) + UINT64_C(0x123456789) * i;
    }
    for (unsigned i = 0; i < TOY_NARROW; i++) {
        toy->m[i] = UINT64_C(0x0123456789abcdef) << i;
    }
    for (unsigned i = 0; i < TOY_REGS; i++) {
        toy->r[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    }
    for (unsigned i = 0; i < sizeof toy->scratch; i++) {
        toy->scratch[i] = 0x81 + 37 * i;
    }
    for (unsigned i = 0; i < TOY_RAM_SIZE; i++) {
        ram[i] = 0x5a + 13 * i;
    }
}

static void enter(void *opaque)
{
    Runner *r = opaque;
    r->engine->run(r->b, &r->toy->cpu);
}

GString *program_compare(const ToyCPU *toy, const uint8_t *ram, const ToyCPU *want, const uint8_t *want_ram)
{
    GString *diff = g_string_new(NULL);
    for (unsigned i = 0; i < TOY_REGS; i++) {
        if (toy->r[i] != want->r[i]) {
            g_string_append_printf(diff, " r%u=0x%lx, expected 0x%lx;", i, toy->r[i], want->r[i]);
        }
    }
    for (unsigned i = 0; i < TOY_VECTORS * 4; i++) {
        if (toy->v[i / 4][i % 4] != want->v[i / 4][i % 4]) {
            g_string_append_printf(diff, " v%u.%u=0x%lx, expected 0x%lx;", i / 4, i % 4, toy->v[i / 4][i % 4],
                                   want->v[i / 4][i % 4]);
        }
    }
    for (unsigned i = 0; i < TOY_NARROW; i++) {
        if (toy->m[i] != want->m[i]) {
            g_string_append_printf(diff, " m%u=0x%lx, expected 0x%lx;", i, toy->m[i], want->m[i]);
        }
    }
    if (toy->mxcsr != want->mxcsr) {
        g_string_append_printf(diff, " mxcsr=0x%lx, expected 0x%lx;", toy->mxcsr, want->mxcsr);
    }
    if (toy->pc != want->pc || toy->calls != want->calls || toy->fault != want->fault) {
        g_string_append_printf(diff, " pc=0x%lx calls=%lu fault=0x%lx, expected 0x%lx %lu 0x%lx;", toy->pc,
                               toy->calls, toy->fault, want->pc, want->calls, want->fault);
    }
    for (unsigned i = 0; i < sizeof toy->scratch; i++) {
        if (toy->scratch[i] != want->scratch[i]) {
            g_string_append_printf(diff, " e8[%u]=0x%x;", i, toy->scratch[i]);
        }
    }
    for (unsigned i = 0; i < TOY_RAM_SIZE; i++) {
        if (ram[i] != want_ram[i]) {
            g_string_append_printf(diff, " m8[0x%x]=0x%x;", TOY_RAM + i, ram[i]);
        }
    }
    return diff;
}

static void run_row(Runner *r, const char *row)
{
    static uint8_t want_ram[TOY_RAM_SIZE];
    ToyCPU *want = g_memdup2(r->toy, sizeof *r->toy);
    g_auto(GStrv) words = g_strsplit_set(row, " \t", -1);
    bool after = false;
    program_fill_pattern(r->toy, toy_ram);
    program_fill_pattern(want, want_ram);
    want->pc = UINT64_MAX;
    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], "->") == 0) {
            after = true;
        } else if (*words[i]) {
            if (!after) {
                assign(r, r->toy, toy_ram, words[i]);
            }
            assign(r, want, want_ram, words[i]);
        }
    }
    g_assert(after);
    toy_catch(r->toy, enter, r);
    g_autoptr(GString) diff = program_compare(r->toy, toy_ram, want, want_ram);
    if (diff->len) {
        g_test_message("%s:%u: %s on %s:%s", r->path, r->line, r->name, r->engine->name, diff->str);
        g_test_fail();
    }
    g_free(want);
}

/* ---- the file -------------------------------------------------------------------- */

static void parse_program(Runner *r)
{
    g_autoptr(GError) err = NULL;
    GString *text = g_string_new(r->text->str);
    /* `scratch+8`: an offset in the CPU struct */
    for (char *at; (at = strstr(text->str, "scratch+"));) {
        size_t pos = at - text->str;
        char *end;
        unsigned long offset = strtoul(at + 8, &end, 0) + offsetof(ToyCPU, scratch);
        g_string_erase(text, pos, end - at);
        g_autofree char *digits = g_strdup_printf("%lu", offset);
        g_string_insert(text, pos, digits);
    }
    r->b = ir_block_new(&toy_guest);
    if (!ir_parse(r->b, text->str, toy_helpers, &err) || !ir_verify(r->b, &err)) {
        g_error("%s:%u: %s: %s", r->path, r->line, r->name, err->message);
    }
    if (r->engine->optimize) {
        ir_optimize(r->b);
        if (!ir_verify(r->b, &err)) {
            g_error("%s:%u: %s, optimized: %s", r->path, r->line, r->name, err->message);
        }
    }
    g_string_free(text, TRUE);
}

static void end_program(Runner *r)
{
    ir_block_free(r->b);
    g_free(r->name);
    r->b = NULL;
    r->name = NULL;
    g_string_truncate(r->text, 0);
}

static void read_line(Runner *r, char *line)
{
    char *s = g_strstrip(line);
    char *comment = strchr(s, '#');
    if (comment) {
        *comment = 0;
    }
    if (g_str_has_prefix(s, "program ")) {
        end_program(r);
        r->name = g_strdup(g_strstrip(s + 8));
    } else if (g_str_has_prefix(s, "run ")) {
        g_assert(r->name);
        if (!r->b) {
            parse_program(r);
        }
        run_row(r, s + 4);
    } else {
        g_assert(!r->b || !*s); /* operations behind a run line: `program` is missing */
        g_string_append_printf(r->text, "%s\n", s);
    }
}

void program_file_run(const char *path, const TestEngine *engine)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    if (!g_file_get_contents(path, &text, NULL, &err)) {
        g_error("%s", err->message);
    }
    Runner r = { .engine = engine, .path = path, .text = g_string_new(NULL), .toy = toy_ram_init() };
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        r.line = i + 1;
        read_line(&r, lines[i]);
    }
    end_program(&r);
    g_string_free(r.text, TRUE);
}
