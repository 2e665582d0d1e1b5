/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library against a RISC-V processor, here an emulated one: argv[1] runs a program of that
 * architecture, argv[2] is riscv-guest.  Extensions F, D and Zfh.
 * Not covered: Zfa and bfloat16, which the oracle test covers.
 * Spec: RISC-V unprivileged ISA, instruction listings of F, D and Zfh. */
#include "ops.h"
#include "riscv-records.h"

#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *runner, *guest, *model;

/* The fmt field, and rs2 where it names a format. */
static const uint32_t format_code[] = { [F16] = 2, [F32] = 0, [F64] = 1 };

enum {
    FA0 = 10,
    FA1 = 11,
    FA2 = 12,
    A0 = 10,
    DYN = 7,
    OP_FP = 0x53,
};

static uint32_t encode_op_fp(uint32_t funct5, uint32_t fmt, uint32_t rs2, uint32_t rm)
{
    return funct5 << 27 | fmt << 25 | rs2 << 20 | FA0 << 15 | rm << 12 | FA0 << 7 | OP_FP;
}

/* 0: the operation has no instruction in F, D, Zfh. */
static uint32_t encode(Op op, Format f)
{
    uint32_t fmt = format_code[f];
    switch (op) {
    case OP_ADD ... OP_DIV: return encode_op_fp(op - OP_ADD, fmt, FA1, DYN);
    case OP_SQRT: return encode_op_fp(0x0b, fmt, 0, DYN);
    case OP_FMADD ... OP_FNMADD:
        return FA2 << 27 | fmt << 25 | FA1 << 20 | FA0 << 15 | DYN << 12 | FA0 << 7 |
               (0x43 + 4 * (op - OP_FMADD));
    case OP_MIN:
    case OP_MAX: return encode_op_fp(0x05, fmt, FA1, op - OP_MIN);
    case OP_EQ ... OP_LE: return encode_op_fp(0x14, fmt, FA1, 2 - (op - OP_EQ));
    case OP_CLASSIFY: return encode_op_fp(0x1c, fmt, 0, 1);
    case OP_TO_I32 ... OP_TO_U64: return encode_op_fp(0x18, fmt, op - OP_TO_I32, DYN);
    case OP_FROM_I32 ... OP_FROM_U64: return encode_op_fp(0x1a, fmt, op - OP_FROM_I32, DYN);
    case OP_TO_F16 ... OP_TO_F64: return encode_op_fp(0x08, format_code[op - OP_TO_F16], fmt, DYN);
    default: return 0;
    }
}

static uint64_t nan_box(Format f, uint64_t bits)
{
    static const uint64_t box[] = { [F16] = ~UINT64_C(0xffff), [F32] = ~UINT64_C(0xffffffff), [F64] = 0 };
    return bits | box[f];
}

static RiscvRecord make_record(Op op, Format f, uint64_t *seed)
{
    RiscvRecord r = { .insn = encode(op, f), .rounding = operand_random(seed) % 5 };
    operand_fill(op, f, seed, r.x);
    for (int i = 0; i < 3 && !(op >= OP_FROM_I32 && op <= OP_FROM_U64); i++) {
        r.x[i] = nan_box(f, r.x[i]);
    }
    return r;
}

static uint64_t unbox(Format f, uint64_t bits)
{
    return bits & ~nan_box(f, 0);
}

static void check_result(Op op, Format f, const RiscvRecord *in, const RiscvResult *out)
{
    FpStatus s = { .rounding = in->rounding, .default_nan = true };
    bool to_x = op >= OP_EQ && op <= OP_TO_U64;
    uint64_t x[3] = { in->x[0], in->x[1], in->x[2] };

    for (int i = 0; i < 3 && !(op >= OP_FROM_I32 && op <= OP_FROM_U64); i++) {
        x[i] = unbox(f, x[i]);
    }
    uint64_t bits = op_run(op, f, x, &s), got = to_x ? out->x : out->f;
    if (op == OP_TO_U32) {
        bits = (int64_t)(int32_t)bits;
    } else if (!to_x) {
        bits = nan_box(op >= OP_TO_F16 ? (Format)(op - OP_TO_F16 + F16) : f, bits);
    }
    if (bits != got || s.flags != out->flags) {
        g_test_message("%s_%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") rounding %d: %#" PRIx64
                       " flags %#x, processor %#" PRIx64 " flags %#" PRIx64,
                       format_names[f], op_names[op], x[0], x[1], x[2], s.rounding, bits, s.flags, got,
                       out->flags);
        g_test_fail();
    }
}

/* Files without names, and no threads of GLib's: the thread sanitizer does not see its locks. */
static bool run_guest(GBytes *input, GBytes **output)
{
    g_autoptr(GError) error = NULL;
    const char *argv[] = { runner, "-cpu", model, guest, NULL };
    gsize size;
    const void *bytes = g_bytes_get_data(input, &size);
    int in = memfd_create("input", MFD_CLOEXEC), out = memfd_create("output", MFD_CLOEXEC), status = -1;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    char *all = NULL;
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", out);
    GPid child;
    g_assert_cmpint(pwrite(in, bytes, size, 0), ==, size);
    g_spawn_async_with_fds(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, in, out,
                           null, &error);
    g_assert_no_error(error);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_file_get_contents(path, &all, &size, &error);
    g_assert_no_error(error);
    *output = g_bytes_new_take(all, size);
    close(in);
    close(out);
    close(null);
    return status == 0;
}

/* The name of a processor with Zfh differs between QEMU's versions. */
static bool choose_model(void)
{
    static const char *const models[] = { "max", "rv64,zfh=true", "rv64,Zfh=true" };
    g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(GBytes) output = NULL;
        model = models[i];
        if (run_guest(nothing, &output)) {
            return true;
        }
    }
    return false;
}

static void test_op(gconstpointer data)
{
    Op op = GPOINTER_TO_INT(data) / FORMAT_COUNT;
    Format f = GPOINTER_TO_INT(data) % FORMAT_COUNT;
    gsize count = g_test_slow() ? 500000 : 20000, size;
    uint64_t seed = GPOINTER_TO_INT(data);
    g_autofree RiscvRecord *records = g_new(RiscvRecord, count);
    g_autoptr(GBytes) output = NULL;

    for (gsize i = 0; i < count; i++) {
        records[i] = make_record(op, f, &seed);
    }
    g_autoptr(GBytes) input = g_bytes_new_static(records, count * sizeof *records);
    g_assert_true(run_guest(input, &output));
    const RiscvResult *results = g_bytes_get_data(output, &size);
    g_assert_cmpuint(size, ==, count * sizeof *results);
    for (gsize i = 0; i < count && !g_test_failed(); i++) {
        check_result(op, f, &records[i], &results[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc != 3) {
        g_printerr("usage: test-fpu-riscv RUNNER riscv-guest\n");
        return 2;
    }
    runner = argv[1];
    guest = argv[2];
    if (!choose_model()) {
        g_print("1..0 # SKIP %s has no processor with Zfh\n", runner);
        return 0;
    }
    for (Op op = 0; op < OP_COUNT; op++) {
        for (Format f = F16; f <= F64; f++) {
            if (encode(op, f) && op_exists(op, f)) {
                g_autofree char *path = g_strdup_printf("/fpu/riscv/%s/%s", format_names[f], op_names[op]);
                g_test_add_data_func(path, GINT_TO_POINTER(op * FORMAT_COUNT + f), test_op);
            }
        }
    }
    return g_test_run();
}
