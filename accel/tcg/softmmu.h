/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory when the inline TLB check missed, and for helpers: see also target/vcpu.h. */
#pragma once
#include "accel/tcg/vcpu.h"

/* Where the code at an address is. */
typedef struct TcgFetch {
    uint64_t code_addr;  /* not RAM: the physical address */
    const uint8_t *page; /* host address of its page; NULL: not RAM */
    unsigned end;        /* offset in the page up to which fetches are allowed alike ... */
    bool split;          /* ... rights change within the page */
} TcgFetch;
/* Translate for a fetch.  Faults leave by cpu_loop_exit. */
void tcg_fetch_page(CPU *cpu, uint64_t vaddr, TcgFetch *f);
/* As above, but tells a fault by false and raises nothing. */
bool tcg_probe_fetch(CPU *cpu, uint64_t vaddr, TcgFetch *f, MmuFault *fault);
