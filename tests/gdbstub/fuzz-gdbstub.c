/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer target: a debugger that sends anything at all.  Checksums are not looked
 * at (no-acknowledgement mode), so mutations reach the handlers. */
#include <stdlib.h>

#include "../fake/machine.h"
#include "gdbstub/stub.h"
#include "hw/runstate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Machine *machine;

static void swallow(void *opaque, const uint8_t *bytes, size_t len)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!machine) {
        machine = fake_machine_new();
    }
    GdbStub *s = gdb_stub_new(machine, swallow, NULL);
    gdb_stub_connect(s);
    s->noack = true;
    gdb_stub_feed(s, data, size);
    gdb_stub_disconnect(s);
    gdb_stub_free(s);
    runstate_stop(machine, RUN_PAUSED);
    return 0;
}
