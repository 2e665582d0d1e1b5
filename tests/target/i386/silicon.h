/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short pieces of code that run on the host's processor and on ours, from the same registers, segments and memory:
 * what both worlds have in common.
 *
 * Code runs at level 3.  Linear memory: a page of code at SILICON_CODE, at SILICON_DATA a page to read and write and
 * behind it one to read; else nothing up to 4 GiB, but at SILICON_EXIT
 * what takes the host's processor out of 64-bit code. */
#pragma once
#include "coverage.h"
#include "guest.h"
#include "target/i386/decode.h"

#define SILICON_CODE 0x30000000u
#define SILICON_DATA 0x12000000u
#define SILICON_EXIT 0x2d5a7000u /* where 64-bit code leaves: nothing computes it by chance */
#define SILICON_GS64 0x1000u     /* the base of GS in 64-bit code */

enum { SILICON_PAGE = 4096, SILICON_BYTES = 144 /* of code */, SILICON_BATCH = 256 };

/* Flags that are compared.  RF: as the frame of the exception shows it. */
enum { SILICON_FLAGS = EFL_ARITH | EFL_DF | EFL_RF | EFL_AC };

/* What a segment register may hold: an index of silicon_segments.  From SILICON_LDT on they are descriptors of the LDT,
 * in this order. */
typedef enum SiliconSeg {
    SILICON_NULL,
    SILICON_FLAT,
    SILICON_CODE32, /* the kernel's, flat */
    SILICON_CODE64,
    SILICON_LDT,
    SILICON_LDT_CODE16 = SILICON_LDT, /* these two from SILICON_CODE on */
    SILICON_LDT_CODE32,
    SILICON_LDT_DATA16, /* these so that SILICON_DATA is at offset 8000h */
    SILICON_LDT_DATA32,
    SILICON_LDT_SMALL,
    SILICON_LDT_DOWN16,
    SILICON_LDT_DOWN32,
    SILICON_LDT_READ,
    SILICON_LDT_TEXT, /* code that may be read */
    SILICON_SEGS
} SiliconSeg;

typedef struct SiliconSegment {
    uint16_t selector;
    uint32_t base, limit; /* limit: as the descriptor has it */
    uint32_t attr;        /* ATTR_* */
} SiliconSegment;
extern const SiliconSegment silicon_segments[SILICON_SEGS];

typedef struct SiliconVectors {
    uint64_t ymm[16][4]; /* outside of 64-bit code the first 8 */
    uint32_t mxcsr;
    X87 x87; /* its selectors are 0 before, and not known behind */
} SiliconVectors;

typedef struct SiliconState {
    uint64_t gpr[16], flags;      /* outside of 64-bit code the low halves of the first 8 */
    uint16_t selectors[X86_SEGS]; /* in a result; FS is 0 */
    SiliconVectors v;
} SiliconState;

typedef struct SiliconResult {
    SiliconState s;
    uint64_t ip;      /* from the start of the code */
    uint64_t address; /* of #PF */
    uint32_t error;
    uint8_t
        vector; /* #BP behind the end when all went well, which is also told of a way out by SILICON_EXIT */
    uint8_t data[SILICON_PAGE];
} SiliconResult;

/* Where a trial runs on ours; the host's processor runs those of level 3 alone. */
typedef enum SiliconWorld {
    SILICON_LEVEL3, /* below a kernel in long mode */
    SILICON_V86,    /* 16-bit code, without paging; its level for I/O is 3 half of the time */
    SILICON_REAL,
} SiliconWorld;

typedef struct SiliconTrial {
    SiliconWorld world;          /* given to silicon_make() */
    uint8_t code[SILICON_BYTES]; /* ends with INT3; of random 64-bit pieces with a jump to SILICON_EXIT */
    unsigned length;             /* bytes before that */
    bool again;                  /* the code and segments of the trial before, from other registers */
    uint8_t starts[9], count;    /* of its instructions, and their end */
    bool loops;                  /* its RCX counts */
    uint8_t size;                /* of the code: 2, 4, 8 */
    uint8_t seg[X86_SEGS];       /* SiliconSeg; FS stays what it is */
    bool zen5;                   /* other chips are not asked */
    uint32_t cr0, cr4, xcr0;     /* of ours alone: bits that are not as usual */
    SiliconState before;
    SiliconResult after; /* on the host */
    bool strayed;        /* it ended the child that ran it, or went astray: there is no result */
    bool hung;           /* ... and so do other runs of its code, each for a long time */
    bool leads_away;     /* its last instruction, at `last`, jumps to anywhere */
    unsigned last;
} SiliconTrial;

typedef struct SiliconBatch {
    unsigned count, at;
    uint8_t data[SILICON_PAGE]; /* before each trial */
    SiliconTrial trials[SILICON_BATCH];
} SiliconBatch;

/* ---- silicon-native.c ---- */
SiliconBatch *silicon_native_open(void); /* shared with the children that run it */
/* The sizes of code that this host runs: of 2, 4 and 8, a sum.  Asked first when the batch is empty. */
unsigned silicon_native_sizes(void);
void silicon_native_run(SiliconBatch *b);
/* One of them once more. */
void silicon_native_rerun(SiliconBatch *b, unsigned n);
/* The children end (the next run makes others): their processor time counts from now on. */
void silicon_native_end(void);

/* ---- silicon-guest.c ---- */
typedef struct SiliconGuest SiliconGuest;
SiliconGuest *silicon_guest_new(GuestEngine engine);
void silicon_guest_free(SiliconGuest *g);
void silicon_guest_run(SiliconGuest *g, const SiliconBatch *b, const SiliconTrial *t, SiliconResult *r);
bool silicon_guest_gave_up(const SiliconGuest *g); /* in its last run, by guest_give_up() */
/* Its last instruction, which leads away, leads into the midst of the piece: from there on anything may be run, what the
 * table calls undefined among it. */
bool silicon_guest_strays(SiliconGuest *g, const SiliconBatch *b, const SiliconTrial *t);
X86CPU *silicon_guest_cpu(SiliconGuest *g);
/* Processor time of translating one instruction, in ns, and how many there were. */
double silicon_guest_translation_ns(const SiliconGuest *g, uint64_t *insns);

/* ---- silicon-rows.c ---- */
typedef struct SiliconHost {
    uint64_t isa; /* of X86_ISA_* */
    uint32_t xcr0;
    bool amd, fsgsbase;
    bool
        zen5; /* or later: some order and some flags were measured on it alone, and are not asked of other chips */
} SiliconHost;
const SiliconHost *silicon_host(void);
void silicon_host_set_own_descriptors(void); /* this host's are not the usual ones of Linux */
bool silicon_host_has_descriptor(unsigned segment);
X86DecodeMode silicon_mode(unsigned size);
/* Why a row is left out; NULL: it is tested. */
const char *silicon_leaves_out(unsigned row);
bool silicon_tests(unsigned row);
/* The same of a world: in real mode what level 0 alone may do is left out, as it leads out of it. */
bool silicon_tests_in(SiliconWorld world, unsigned row);
/* Mostly, or always, it comes to an exception here. */
bool silicon_must_fault(const X86Row *row);

/* ---- silicon-make.c ---- */
/* Random code that begins with the row; false: there is none for this code size. */
bool silicon_make(SiliconTrial *t, unsigned row, unsigned size, uint64_t *random);
/* The same code from other numbers. */
void silicon_make_again(SiliconTrial *t, const SiliconTrial *piece, uint64_t *random);
/* A number that often has something to do with carries, signs, zeroes. */
uint64_t silicon_value(uint64_t *random);
/* Numbers for all vectors, in floating point many of them; and indices that do not lead far. */
void silicon_make_vectors(SiliconVectors *v, uint64_t *random);
void silicon_make_indices(uint64_t ymm[4], uint64_t *random);
/* Flags that say nothing behind the instructions before an offset: what the table calls undefined. */
uint32_t silicon_undefined(const SiliconTrial *t, uint64_t before_ip);

/* ---- silicon-x87.c ---- */
enum {
    SILICON_AREA = 1024
}; /* from one multiple of it in the data page to the next there is room for XSAVE */
uint32_t silicon_area(uint64_t *random);
/* Random bytes, numbers of the x87, and areas that XRSTOR may take. */
void silicon_make_data(uint8_t data[SILICON_PAGE], uint64_t *random);
void silicon_make_x87(X87 *f, const uint64_t mm[8], uint64_t *random);

/* ---- silicon-report.c ---- */
/* How a result differs from t->after, in `what`. */
void silicon_report(const SiliconBatch *b, const SiliconTrial *t, const SiliconResult *got, const char *what,
                    const char *engine);
/* Instructions that were run, up to the one that faulted; that one, if there is nothing else that it could do.  Of a piece
 * that is run again, when it comes further than before. */
void silicon_mark(X86Coverage *c, const SiliconTrial *t);
/* Tell which forms were not met; enough pieces were to meet 98 % of those that are tested. */
void silicon_check_coverage(const X86Coverage *c, bool enough);
double silicon_seconds(void); /* processor time of this program and of children that have ended */

/* ---- silicon-cases.c ---- */
/* A piece that is always run, and what it shows; NULL: there are no more. */
const char *silicon_case(SiliconTrial *t, unsigned n);
