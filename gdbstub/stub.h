/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger stub without its transport: bytes in, bytes out.
 *
 * Protocol: GDB manual, appendix "Remote Serial Protocol".  All-stop mode; each vCPU is
 * a thread, numbered from 1. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/board.h"
#include "target/cpu.h"

enum { GDB_PACKET_MAX = 16384, GDB_POINTS_MAX = 4096 };

/* gdb's signal numbers. */
enum { GDB_SIGINT = 2, GDB_SIGQUIT = 3, GDB_SIGTRAP = 5, GDB_SIGABRT = 6, GDB_SIGIO = 23 };

/* A breakpoint or watchpoint that gdb has set; kind is the number after Z. */
typedef struct GdbPoint {
    int kind; /* 0 software, 1 hardware, 2 write, 3 read, 4 access */
    uint64_t addr, len;
} GdbPoint;

typedef struct GdbStub {
    Machine *machine;
    void (*write)(void *opaque, const uint8_t *bytes, size_t len);
    void *opaque;
    bool connected;
    bool feeding; /* bytes of the debugger are being handled */
    bool noack;
    bool swbreak, hwbreak;  /* gdb understands these stop reasons */
    bool physical;          /* addresses of memory packets are physical */
    bool waits_for_stop;    /* gdb has continued and expects a stop reply */
    CPU *stopped;           /* the vCPU that stop replies name */
    CPU *general, *control; /* of Hg and Hc; NULL: any */
    unsigned list_at;       /* next thread of qsThreadInfo */
    GArray *points;         /* of GdbPoint */
    GString *xml;           /* target description, made when asked for */
    /* receiving */
    enum { GDB_IDLE, GDB_DATA, GDB_SUM1, GDB_SUM2 } state;
    GString *in; /* data of the packet under way, unescaped */
    bool overflow, escaped;
    uint8_t sum, sum_high;
    GString *last;    /* the last packet sent, framed, for a resend */
    unsigned resends; /* of it */
} GdbStub;

GdbStub *gdb_stub_new(Machine *m, void (*write)(void *opaque, const uint8_t *bytes, size_t len),
                      void *opaque);
void gdb_stub_free(GdbStub *s);       /* removes its breakpoints */
void gdb_stub_connect(GdbStub *s);    /* stops the machine */
void gdb_stub_disconnect(GdbStub *s); /* takes all that it asked for back; its own stop too */
void gdb_stub_feed(GdbStub *s, const uint8_t *bytes, size_t len);
/* A vCPU came to a stop for the debugger, who may have left meanwhile. */
void gdb_stub_debug_event(GdbStub *s, CPU *cpu);
/* The machine stopped for another reason, or the process ends. */
void gdb_stub_machine_stopped(GdbStub *s, int signal);
void gdb_stub_exited(GdbStub *s, int status);

/* ---- between the files of gdbstub/ ---- */
void gdb_send(GdbStub *s, const char *data, size_t len);
void gdb_send_text(GdbStub *s, const char *text);
void gdb_handle(GdbStub *s, const char *packet, size_t len); /* commands.c */
/* A hexadecimal number at *p, moved past it; false when there is none. */
bool gdb_parse_hex(const char **p, uint64_t *value);
void gdb_append_hex(GString *out, const void *bytes, size_t len);
/* Pairs of digits to bytes; false when fewer than `len` pairs are there. */
bool gdb_decode_hex(const char *text, void *bytes, size_t len);
CPU *gdb_general_cpu(GdbStub *s);

/* registers.c */
const char *gdb_target_xml(GdbStub *s);
void gdb_read_registers(GdbStub *s, GString *out);
bool gdb_write_registers(GdbStub *s, const char *hex);
bool gdb_read_register(GdbStub *s, unsigned number, GString *out);
bool gdb_write_register(GdbStub *s, unsigned number, const char *hex);

/* points.c */
bool gdb_point_add(GdbStub *s, int kind, uint64_t addr, uint64_t len);
bool gdb_point_remove(GdbStub *s, int kind, uint64_t addr, uint64_t len);
void gdb_points_clear(GdbStub *s);
bool gdb_point_at(GdbStub *s, int kind, uint64_t addr);

/* run.c */
void gdb_stop_reply(GdbStub *s, int signal);
void gdb_continue(GdbStub *s, CPU *step); /* step: this one executes one instruction, the others run */
void gdb_handle_vcont(GdbStub *s, const char *actions);
void gdb_interrupt(GdbStub *s); /* Ctrl-C */
void gdb_let_go(GdbStub *s);    /* the debugger leaves: no points, no steps, nothing held, the machine runs */
bool gdb_parse_thread(GdbStub *s, const char *text, CPU **cpu); /* 0 and -1: NULL */
