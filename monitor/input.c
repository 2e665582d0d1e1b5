/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers, as the human monitor has them. */
#include "ui/input.h"

#include <inttypes.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_input.h"
#include "util/keyval.h"

static bool press_line(Machine *m, const char *keys, int64_t ms, GError **err)
{
    g_auto(GStrv) names = g_strsplit(keys, "-", -1);
    uint16_t codes[INPUT_CHORD];
    unsigned count = g_strv_length(names);
    if (count > INPUT_CHORD) {
        return monitor_error(err, "too many keys: at most %d at once", INPUT_CHORD);
    }
    for (unsigned i = 0; i < count; i++) {
        codes[i] = input_key_code(names[i]);
        if (!codes[i]) {
            return monitor_error(err, "invalid parameter: %s", names[i]);
        }
    }
    return monitor_press_keys(m, codes, count, ms, err);
}

/* keys [hold_ms] */
bool monitor_cmd_sendkey(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    uint64_t ms = KEY_HOLD_MS;
    if (!*args) {
        return monitor_syntax_error(err, "sendkey: string expected");
    }
    if (words[1] && (words[2] || !keyval_uint(words[1], KEY_HOLD_MAX, &ms))) {
        return monitor_syntax_error(
            err, "sendkey: after the keys a number of milliseconds is expected, at most %d", KEY_HOLD_MAX);
    }
    return press_line(m, words[0], (int64_t)ms, err);
}

static bool read_step(const char *word, int32_t *step)
{
    char *end;
    gint64 v = g_ascii_strtoll(word, &end, 0);
    *step = CLAMP(v, INT32_MIN, INT32_MAX);
    return *word && !*end;
}

/* dx dy [dz]; dz turns the wheel: down is positive, as other monitors have it */
bool monitor_cmd_mouse_move(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    unsigned n = g_strv_length(words);
    int32_t step[3] = { 0 };
    bool ok = n == 2 || n == 3;
    for (unsigned i = 0; ok && i < n; i++) {
        ok = read_step(words[i], &step[i]);
    }
    if (!ok) {
        return monitor_syntax_error(err, "mouse_move: two or three numbers are expected");
    }
    input_send(m->inputs, &(InputEvent){ INPUT_MOVE, 0, step[0], step[1] });
    if (step[2]) {
        input_send(m->inputs, &(InputEvent){ INPUT_WHEEL, 0, 0, step[2] > 0 ? -1 : 1 });
    }
    return true;
}

bool monitor_cmd_mouse_button(Machine *m, const char *args, GString *out, GError **err)
{
    static const uint16_t codes[] = { BTN_LEFT, BTN_RIGHT, BTN_MIDDLE };
    uint64_t state;
    if (!keyval_uint(args, 7, &state)) {
        return monitor_syntax_error(err, "mouse_button: a number is expected, a sum of 1 (L), 2 (R), 4 (M)");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        input_button(m->inputs, codes[i], state >> i & 1);
    }
    return true;
}

bool monitor_cmd_mouse_set(Machine *m, const char *args, GString *out, GError **err)
{
    uint64_t number;
    if (!keyval_uint(args, UINT32_MAX, &number)) {
        return monitor_syntax_error(err, "mouse_set: a number of info mice is expected");
    }
    return input_choose_pointer(m->inputs, number) ||
           monitor_error(err, "Mouse at index '%" PRIu64 "' not found", number);
}
