/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -chardev, -serial, -monitor, -qmp, -mon, -gdb, -display and what they default to.
 *
 * Defaults (none with -nodefaults), as QEMU with -nographic:
 *   no -serial, no monitor    serial port 0 and monitor share the terminal
 *   no -serial                serial port 0 on the terminal
 *   no monitor                monitor on the terminal unless something else has it
 * This is also what happens without -display: a window shows screens, and the terminal stays the serial line's.  With a
 * -display that shows text consoles, monitor and serial port 0 are such (vc), as QEMU's.  With -display none, or in the
 * background, nothing is connected by default. */
#include <glib.h>
#include <string.h>

#include "chardev/chardev.h"
#include "gdbstub/gdbstub.h"
#include "monitor/monitor.h"
#include "system/cmdline.h"
#include "ui/display.h"
#include "ui/text_console.h"
#include "ui/vnc.h"
#include "util/keyval.h"

/* ---- -display, -vga, -parallel ---- */

static bool check_text(const CmdLine *c, OptionKind kind, const char *what, const char *const *valid,
                       GError **err)
{
    const CmdItem *item = cmdline_last(c, kind);
    if (!item || g_strv_contains(valid, item->text)) {
        return true;
    }
    cmdline_error_choice(err, what, item->text, valid);
    return cmdline_blame(err, item);
}

/* ---- who has the terminal ---- */

static bool is_stdio(const char *text)
{
    text += g_str_has_prefix(text, "mon:") ? 4 : 0;
    return g_str_equal(text, "stdio") || g_str_has_prefix(text, "stdio,");
}

static bool any_text(const CmdLine *c, OptionKind kind, bool (*test)(const char *text))
{
    for (unsigned i = 0; i < cmdline_count(c, kind); i++) {
        if (test(cmdline_item(c, kind, i)->text)) {
            return true;
        }
    }
    return false;
}

static bool any_chardev_is_stdio(const CmdLine *c)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_CHARDEV); i++) {
        const char *backend = keyval_text(cmdline_item(c, OPT_CHARDEV, i)->values, "backend");
        if (backend && g_str_equal(backend, "stdio")) {
            return true;
        }
    }
    return false;
}

static bool stdio_is_taken(const CmdLine *c)
{
    return any_text(c, OPT_SERIAL, is_stdio) || any_text(c, OPT_MONITOR, is_stdio) ||
           any_chardev_is_stdio(c) || any_text(c, OPT_GDB, is_stdio) || any_text(c, OPT_QMP, is_stdio) ||
           any_text(c, OPT_QMP_PRETTY, is_stdio);
}

static bool is_mon(const char *text)
{
    return g_str_has_prefix(text, "mon:");
}

static bool monitor_is_given(const CmdLine *c)
{
    return cmdline_has(c, OPT_MONITOR) || cmdline_has(c, OPT_MON) || cmdline_has(c, OPT_QMP) ||
           cmdline_has(c, OPT_QMP_PRETTY) || any_text(c, OPT_SERIAL, is_mon);
}

/* -nographic puts on the terminal what nothing else takes; a daemon has none.  As QEMU counts. */
static bool check_terminal(const CmdLine *c, GError **err)
{
    bool all_taken = cmdline_has(c, OPT_NODEFAULTS) ||
                     (cmdline_has(c, OPT_SERIAL) && cmdline_has(c, OPT_PARALLEL) && monitor_is_given(c));
    if (!cmdline_has(c, OPT_NOGRAPHIC) || !cmdline_has(c, OPT_DAEMONIZE) || all_taken) {
        return true;
    }
    return cmdline_fail(
        err, "-nographic cannot be used with -daemonize: it puts the serial line and the monitor on "
             "the terminal; use -display none, or -nodefaults");
}

static bool check_display(const CmdLine *c, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_DISPLAY);
    DisplayOptions *o = item ? cmdline_shape(item, &display_shape, err) : NULL;
    bool ok = !item || o;
    if (o && o->type != DISPLAY_NONE && cmdline_has(c, OPT_DAEMONIZE)) {
        ok = cmdline_fail(err, "a window goes with its terminal, which -daemonize leaves; give one of them");
    }
    if (o && o->type == DISPLAY_CURSES && !cmdline_has(c, OPT_NOGRAPHIC)) {
        ok = !stdio_is_taken(c) ||
             cmdline_fail(err, "-display curses has the terminal, and something else has stdio; put that "
                               "elsewhere: vc, pty, a socket or a file");
    }
    shape_free(&display_shape, o);
    return ok;
}

static bool check_vnc(const CmdLine *c, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_VNC);
    VncOptions *o = item ? cmdline_shape(item, &vnc_shape, err) : NULL;
    bool ok = !item || o;
    shape_free(&vnc_shape, o);
    return ok || cmdline_blame(err, item);
}

DisplayOptions *cmdline_display(const CmdLine *c, const Machine *m, bool *asked, GError **err)
{
    const CmdItem *item = cmdline_has(c, OPT_NOGRAPHIC) ? NULL : cmdline_last(c, OPT_DISPLAY);
    *asked = item;
    if (item) {
        return cmdline_shape(item, &display_shape, err);
    }
    bool window = !cmdline_has(c, OPT_VNC) && !cmdline_has(c, OPT_NOGRAPHIC) &&
                  !cmdline_has(c, OPT_DAEMONIZE) && consoles_count(m->consoles) && display_has_server();
    return shape_parse(&display_shape, window ? "type=sdl" : "type=none", NULL, err);
}

bool cmdline_check_display(const CmdLine *c, GError **err)
{
    static const char *const none[] = { "none", NULL };
    static const char *const nowhere[] = { "none", "null", NULL };
    return check_terminal(c, err) &&
           (check_display(c, err) || cmdline_blame(err, cmdline_last(c, OPT_DISPLAY))) && check_vnc(c, err) &&
           check_text(
               c, OPT_VGA,
               "display adapter: no board has one by itself; say -device VGA, isa-vga, bochs-display or virtio-gpu-pci",
               none, err) &&
           check_text(c, OPT_PARALLEL, "parallel port: boards here have none", nowhere, err);
}

/* ---- chardevs, serial ports ---- */

/* Where what no option places goes. */
typedef enum Preset { PRESET_NOWHERE, PRESET_TERMINAL, PRESET_VC } Preset;

static Preset preset_of(const CmdLine *c, const MachineConfig *config)
{
    const CmdItem *item = cmdline_last(c, OPT_DISPLAY);
    if (config->nodefaults || cmdline_has(c, OPT_DAEMONIZE)) {
        return PRESET_NOWHERE;
    }
    if (cmdline_has(c, OPT_NOGRAPHIC) || !item) {
        return PRESET_TERMINAL;
    }
    DisplayOptions *o = cmdline_shape(item, &display_shape, NULL);
    bool shown = o && o->type != DISPLAY_NONE && text_console_is_possible();
    shape_free(&display_shape, o);
    return shown ? PRESET_VC : PRESET_NOWHERE;
}

static bool set_escape(const CmdLine *c, Machine *m, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_ECHR);
    uint64_t value;
    if (!item) {
        return true;
    }
    if (!keyval_uint(item->text, 255, &value)) {
        cmdline_fail(err, "Bad argument to echr: a number from 0 to 255 (1 is Ctrl-A)");
        return cmdline_blame(err, item);
    }
    chardevs_set_escape(m->chardevs, value);
    return true;
}

/* Connect one short form; *chr stays NULL for "none". */
static bool connect_short(const CmdLine *c, Machine *m, const char *label, const char *text, Chardev **chr,
                          GError **err)
{
    GError *why = NULL;
    bool with_monitor = false;
    if (cmdline_has(c, OPT_DAEMONIZE) && is_stdio(text)) {
        return cmdline_fail(err, "cannot use stdio with -daemonize; use a file, a socket or none");
    }
    *chr = chardev_new_from_short(m->chardevs, label, text, &with_monitor, &why);
    if (why) {
        g_propagate_error(err, why);
        return false;
    }
    if (with_monitor && *chr) {
        g_ptr_array_add(c->monitors, *chr);
    }
    return true;
}

static bool connect_serials(const CmdLine *c, Machine *m, MachineConfig *config, Preset preset, GError **err)
{
    unsigned count = cmdline_count(c, OPT_SERIAL);
    for (unsigned i = 0; i < count; i++) {
        const CmdItem *item = cmdline_item(c, OPT_SERIAL, i);
        g_autofree char *label = g_strdup_printf("serial%u", i);
        Chardev *chr = NULL;
        if (i >= MACHINE_MAX_SERIALS) {
            cmdline_fail(err, "there are at most %d serial ports", MACHINE_MAX_SERIALS);
            return cmdline_blame(err, item);
        }
        if (!connect_short(c, m, label, item->text, &chr, err)) {
            return cmdline_blame(err, item);
        }
        config->serial[i] = chr;
    }
    if (!count && preset == PRESET_VC) {
        return connect_short(c, m, "serial0", "vc:80Cx24C", &config->serial[0], err);
    }
    if (count || preset != PRESET_TERMINAL || stdio_is_taken(c)) {
        return true;
    }
    return connect_short(c, m, "serial0", monitor_is_given(c) ? "stdio" : "mon:stdio", &config->serial[0],
                         err);
}

static bool add_monitor(const CmdLine *c, Machine *m, const char *text, GError **err)
{
    Chardev *chr = NULL;
    if (!connect_short(c, m, "compat_monitor0", text, &chr, err)) {
        return false;
    }
    g_ptr_array_add(c->monitors, chr);
    return true;
}

static bool connect_monitors(const CmdLine *c, Machine *m, Preset preset, GError **err)
{
    unsigned count = cmdline_count(c, OPT_MONITOR);
    for (unsigned i = 0; i < count; i++) {
        const CmdItem *item = cmdline_item(c, OPT_MONITOR, i);
        g_autofree char *label = g_strdup_printf("compat_monitor%u", i);
        Chardev *chr = NULL;
        if (!connect_short(c, m, label, item->text, &chr, err)) {
            return cmdline_blame(err, item);
        }
        if (chr && !g_ptr_array_find(c->monitors, chr, NULL)) {
            g_ptr_array_add(c->monitors, chr);
        }
    }
    bool rest = cmdline_has(c, OPT_SERIAL) && !stdio_is_taken(c); /* else the serial port shares it */
    return preset != PRESET_TERMINAL || !rest || monitor_is_given(c) || add_monitor(c, m, "stdio", err);
}

/* -qmp DEV, -qmp-pretty DEV; *number: of the monitors that have no name. */
static bool connect_controls(const CmdLine *c, Machine *m, OptionKind kind, unsigned *number, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, kind); i++) {
        const CmdItem *item = cmdline_item(c, kind, i);
        g_autofree char *label = g_strdup_printf("compat_monitor%u", (*number)++);
        Chardev *chr = NULL;
        if (!connect_short(c, m, label, item->text, &chr, err)) {
            return cmdline_blame(err, item);
        }
        if (!chr) {
            cmdline_fail(err, "'none' is no place for a monitor; leave the option out");
            return cmdline_blame(err, item);
        }
        g_ptr_array_add(kind == OPT_QMP ? c->controls : c->pretty_controls, chr);
    }
    return true;
}

typedef struct MonOptions {
    char *chardev, *id;
    int mode;
    bool pretty;
} MonOptions;

enum { MON_READLINE, MON_CONTROL };
static const char *const mon_modes[] = { [MON_READLINE] = "readline", [MON_CONTROL] = "control", NULL };
static const Prop mon_props[] = {
    { "chardev", PROP_STRING, offsetof(MonOptions, chardev), "id of a -chardev", .required = true },
    { "mode", PROP_ENUM, offsetof(MonOptions, mode), "whom it is for", .names = mon_modes },
    { "pretty", PROP_BOOL, offsetof(MonOptions, pretty), "JSON over several lines" },
    { "id", PROP_STRING, offsetof(MonOptions, id), "name of the monitor" },
    { NULL },
};
const Shape cmdline_mon_shape = { "MonitorOptions", sizeof(MonOptions), mon_props };

/* -mon [chardev=]ID[,mode=readline|control][,pretty=on|off] */
static bool take_mon(const CmdLine *c, const Machine *m, const MonOptions *o, GError **err)
{
    if (o->pretty && o->mode != MON_CONTROL) {
        return cmdline_fail(err, "pretty=on is for JSON, and this monitor is for people; add mode=control");
    }
    Chardev *chr = chardev_find(m->chardevs, o->chardev);
    if (!chr) {
        return cmdline_fail(err, "chardev \"%s\" not found; make it with -chardev BACKEND,id=%s", o->chardev,
                            o->chardev);
    }
    GPtrArray *control = o->pretty ? c->pretty_controls : c->controls;
    g_ptr_array_add(o->mode == MON_CONTROL ? control : c->monitors, chr);
    return true;
}

static bool add_chardev(Machine *m, const CmdItem *item, GError **err)
{
    ChardevOptions *o = cmdline_shape(item, &chardev_shape, err);
    bool ok = o && chardev_new(m->chardevs, o, err);
    shape_free(&chardev_shape, o);
    return ok;
}

bool cmdline_chardevs(const CmdLine *c, Machine *m, MachineConfig *config, GError **err)
{
    Preset preset = preset_of(c, config);
    if (!set_escape(c, m, err)) {
        return false;
    }
    for (unsigned i = 0; i < cmdline_count(c, OPT_CHARDEV); i++) {
        const CmdItem *item = cmdline_item(c, OPT_CHARDEV, i);
        if (!add_chardev(m, item, err)) {
            return cmdline_blame(err, item);
        }
    }
    if (preset == PRESET_VC && !monitor_is_given(c) && !add_monitor(c, m, "vc:80Cx24C", err)) {
        return false; /* the second console, before the serial line's */
    }
    unsigned number = cmdline_count(c, OPT_MONITOR);
    if (!connect_serials(c, m, config, preset, err) || !connect_monitors(c, m, preset, err) ||
        !connect_controls(c, m, OPT_QMP, &number, err) ||
        !connect_controls(c, m, OPT_QMP_PRETTY, &number, err)) {
        return false;
    }
    for (unsigned i = 0; i < cmdline_count(c, OPT_MON); i++) {
        const CmdItem *item = cmdline_item(c, OPT_MON, i);
        MonOptions *o = cmdline_shape(item, &cmdline_mon_shape, err);
        bool ok = o && take_mon(c, m, o, err);
        shape_free(&cmdline_mon_shape, o);
        if (!ok) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}

/* ---- when the machine is complete ---- */

static bool start_controls(const GPtrArray *chardevs, Monitors *monitors, bool pretty, GError **err)
{
    for (guint i = 0; i < chardevs->len; i++) {
        if (!monitor_new_control(monitors, chardevs->pdata[i], pretty, err)) {
            return false;
        }
    }
    return true;
}

bool cmdline_monitors(const CmdLine *c, Monitors *monitors, GError **err)
{
    for (guint i = 0; i < c->monitors->len; i++) {
        if (!monitor_new(monitors, c->monitors->pdata[i], err)) {
            return false;
        }
    }
    return start_controls(c->controls, monitors, false, err) &&
           start_controls(c->pretty_controls, monitors, true, err);
}

bool cmdline_gdb(const CmdLine *c, GdbServer *gdb, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_GDB);
    if (!item && cmdline_has(c, OPT_GDB_SHORT)) {
        item = cmdline_last(c, OPT_GDB_SHORT);
    }
    if (!item) {
        return true;
    }
    return gdbserver_start(gdb, item->text ? item->text : "tcp::1234", err) || cmdline_blame(err, item);
}
