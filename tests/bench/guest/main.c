/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the chosen programs and reports on standard output, one line before and one after each:
 *   B NAME
 *   E NAME NANOSECONDS CHECKSUM
 * Times are of the guest's monotonic clock; the host compares them with its own.
 *   bench list | true | run REPETITIONS [NAME|GROUP]... */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *bench_self = "/bench";

static const Program *const tables[] = { integer_programs, call_programs,  dispatch_programs,
                                         memory_programs,  float_programs, atomic_programs,
                                         system_programs,  disk_programs };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static int is_chosen(const Program *p, int argc, char **argv)
{
    if (argc == 0) {
        return strcmp(p->group, "disk") != 0; /* for which a boot must have disks */
    }
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], p->name) || !strcmp(argv[i], p->group)) {
            return 1;
        }
    }
    return 0;
}

static void run_program(const Program *p)
{
    printf("B %s\n", p->name);
    uint64_t start = now_ns();
    uint64_t sum = p->run();
    uint64_t took = now_ns() - start;
    printf("E %s %llu %llx\n", p->name, (unsigned long long)took, (unsigned long long)sum);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 2 && !strcmp(argv[1], "true")) {
        return 0;
    }
    int list = argc >= 2 && !strcmp(argv[1], "list");
    if (!list && (argc < 3 || strcmp(argv[1], "run"))) {
        fprintf(stderr, "usage: bench list | true | run REPETITIONS [NAME|GROUP]...\n");
        return 1;
    }
    int repetitions = list ? 1 : atoi(argv[2]);
    for (int r = 0; r < repetitions; r++) {
        for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
            for (const Program *p = tables[t]; p->name; p++) {
                if (list) {
                    printf("%s %s\n", p->group, p->name);
                } else if (is_chosen(p, argc - 3, argv + 3)) {
                    run_program(p);
                }
            }
        }
    }
    return 0;
}
