/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bare-run FILE ACCEL [option=value ...]: run a flat binary and print what it says, and the
 * translator's figures on standard error. */
#include "bare.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

int main(int argc, char **argv)
{
    g_autofree char *code = NULL;
    gsize size;
    if (argc < 3 || !g_file_get_contents(argv[1], &code, &size, NULL) || size > BARE_RAM_SIZE) {
        return 2;
    }
    g_autofree char *options = g_strjoinv(",", argv + 3);
    bool help;
    const char *items = g_getenv("BARE_LOG");
    if (items && !log_set_items(items, &help, NULL)) {
        return 2;
    }
    Bare *b = bare_new(cpu_arch_find("riscv64"), "rv64", argv[2], options);
    memcpy(bare_ram(b), code, size);
    int64_t start = g_get_monotonic_time();
    bare_run(b);
    int64_t us = g_get_monotonic_time() - start;
    g_autoptr(GString) info = g_string_new(NULL);
    tcg_state_info(bare_state(b), info);
    fputs(b->output->str, stdout);
    fprintf(stderr, "%ld us\n%s", (long)us, info->str);
    int code_out = b->finished == 0x5555 ? 0 : b->finished >> 16;
    bare_free(b);
    return code_out;
}
