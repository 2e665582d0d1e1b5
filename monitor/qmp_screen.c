/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about screens. */
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "ui/display.h"
#include "util/keyval.h"

typedef struct Screendump {
    char *filename, *device;
    int64_t head;
    int format; /* PictureForm */
    bool has_head, has_format;
} Screendump;

#define T Screendump
static const Prop screendump_props[] = {
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "device", PROP_STRING, MAYBE(device), .help = "of several, which: id or path" },
    { "head", PROP_I64, MAYBE_HAS(head), .help = "of a device with several" },
    { "format", PROP_ENUM, MAYBE_HAS(format), .names = picture_form_names,
      .help = "else by the name of the file" },
    { NULL },
};
#undef T
static const Shape screendump_shape = { "Screendump", sizeof(Screendump), screendump_props };

static Console *find_console(Machine *m, const char *id, int64_t head, GError **err)
{
    const Device *dev = machine_find_device(m, id);
    Console *c = NULL;
    if (!dev) {
        command_no_device(err, id);
        return NULL;
    }
    if (head >= 0 && head <= UINT_MAX) {
        c = consoles_find(m->consoles, device_user_path(dev), head);
    }
    if (!c) {
        command_error(err, ERROR_GENERIC,
                      "Device %s (head %" G_GINT64_FORMAT ") is not bound to a QemuConsole", id, head);
    }
    return c;
}

static Console *choose_console(Machine *m, const Screendump *a, GError **err)
{
    if (a->device) {
        return find_console(m, a->device, a->head, err);
    }
    if (a->has_head) {
        command_error(err, ERROR_GENERIC, "'head' must be specified together with 'device'");
        return NULL;
    }
    Console *c = consoles_get(m->consoles, 0);
    if (!c) {
        command_error(
            err, ERROR_GENERIC,
            "There is no console to take a screendump from; add one, such as -device virtio-gpu-pci");
    }
    return c;
}

typedef struct Shot {
    Picture picture;
    PictureForm form;
    MonitorFile file;
} Shot;

static bool write_shot(void *data, const gint *given_up, GError **err)
{
    Shot *s = data;
    g_autoptr(GBytes) bytes = picture_encode(&s->picture, s->form);
    bool ok =
        monitor_file_write(&s->file, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), given_up, err);
    return monitor_file_close(&s->file, ok, err);
}

static void shot_free(void *data)
{
    Shot *s = data;
    if (s->file.fd >= 0) { /* the work was not begun */
        monitor_file_close(&s->file, false, NULL);
    }
    picture_clear(&s->picture);
    g_free(s);
}

static bool take_screendump(Control *c, const Screendump *a, GError **err)
{
    Console *console = choose_console(c->machine, a, err);
    MonitorFile file;
    if (!console || !command_work_room(c, err) || !monitor_file_open(&file, a->filename, err)) {
        return false;
    }
    Shot *s = g_new0(Shot, 1);
    s->file = file;
    s->form = a->has_format                           ? (PictureForm)a->format
              : g_str_has_suffix(a->filename, ".png") ? PICTURE_PNG
                                                      : PICTURE_PPM;
    console_snapshot(console, &s->picture);
    return command_work(c, &(CommandWork){ write_shot, shot_free, s }, err);
}

static bool run_screendump(Control *c, const void *args, void *result, GError **err)
{
    return take_screendump(c, args, err);
}

static bool take_format(Screendump *a, const char *word, GError **err)
{
    for (int i = 0; picture_form_names[i]; i++) {
        if (g_str_equal(picture_form_names[i], word)) {
            a->format = i;
            a->has_format = true;
        }
    }
    return a->has_format || monitor_error(err, "invalid parameter value: %s", word);
}

/* filename [-f format] [device [head]] */
bool monitor_cmd_screendump(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    unsigned n = g_strv_length(words), next = 1;
    Screendump a = { .filename = n ? words[0] : NULL };
    uint64_t head;
    if (!n || !*words[0]) {
        return monitor_syntax_error(err, "screendump: a file name is expected");
    }
    if (n > 2 && g_str_equal(words[1], "-f")) {
        if (!take_format(&a, words[2], err)) {
            return false;
        }
        next = 3;
    }
    a.device = next < n ? words[next++] : NULL;
    if (next < n) {
        if (!keyval_uint(words[next++], INT32_MAX, &head)) {
            return monitor_syntax_error(err, "screendump: the head is a number");
        }
        a.head = (int64_t)head;
        a.has_head = true;
    }
    if (next < n) {
        return monitor_syntax_error(err, "screendump: extraneous characters at the end of line");
    }
    return take_screendump(&(Control){ .machine = m }, &a, err);
}

static const Prop display_type_props[] = {
    { "type", PROP_ENUM, offsetof(DisplayOptions, type), .required = true, .names = display_type_names },
    { NULL },
};
static const Shape display_type_shape = { "DisplayOptions", sizeof(DisplayOptions), display_type_props };

static bool run_query_display(Control *c, const void *args, void *result, GError **err)
{
    ((DisplayOptions *)result)->type = c->machine->display;
    return true;
}

const Command commands_screen[] = {
    { "screendump", "what a screen shows, as a picture in a file", &screendump_shape, NULL, 0,
      run_screendump },
    { "query-display-options", "what shows the screens", NULL, RETURNS_STRUCT(display_type_shape), 0,
      run_query_display },
    { NULL },
};
