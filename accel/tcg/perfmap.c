/* SPDX-License-Identifier: GPL-2.0-or-later */
/* perfmap=on: /tmp/perf-PID.map, where perf finds the names of code in anonymous memory.
 *
 * Format: tools/perf/Documentation/jit-interface.txt of Linux: start and size in hexadecimal
 * and a name, a line each.  A place that is used again after an eviction gets a second line. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "accel/tcg/state.h"

/* The folder is everybody's: what another user has put there under this name is not followed. */
bool tcg_perf_map_open(TcgState *s, GError **err)
{
    g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map", getpid());
    if (unlink(path) == 0 || errno == ENOENT) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        s->perf_map = fd < 0 ? NULL : fdopen(fd, "w");
    }
    if (!s->perf_map) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "perfmap=on: cannot make %s, where perf looks for names: %s\n"
                    "  do:  remove what is there, or leave perfmap away",
                    path, g_strerror(errno));
        return false;
    }
    setvbuf(s->perf_map, NULL, _IOLBF, 0); /* complete whenever the process ends */
    return true;
}

void tcg_perf_map_add(TcgState *s, const void *code, unsigned size, const char *name, uint64_t pc)
{
    if (s->perf_map) {
        fprintf(s->perf_map, "%" PRIxPTR " %x %s_%" PRIx64 "\n", (uintptr_t)code, size, name, pc);
    }
}

void tcg_perf_map_close(TcgState *s)
{
    if (s->perf_map) {
        fclose(s->perf_map);
    }
}
