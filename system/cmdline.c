/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of the command line into a list of items, and look-ups in it.
 *
 * Interface: docs of QEMU, "Invocation"; in detail
 *  - --opt is -opt; an argument is always the next word;
 *  - a bare word is a disk image, as -hda;
 *  - the program's name picks the default guest: qemu-system-riscv64 -> riscv64;
 *  - an unknown option names the nearest known one, and nothing is started.
 *
 * Not modelled: user configuration files. */
#include "system/cmdline.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

#include "base/version.h"
#include "util/json.h"
#include "util/keyval.h"
#include "util/nearest.h"

enum { JSON_DEPTH = 32 };

/* ---- messages ---- */

bool cmdline_blame(GError **err, const CmdItem *item)
{
    if (err && *err && item && (*err)->message[0] != '-') { /* else it names the option itself */
        g_prefix_error(err, "-%s%s%s: ", item->option->name, item->text ? " " : "",
                       item->text ? item->text : "");
    }
    return false;
}

bool cmdline_fail(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, text);
    return false;
}

void cmdline_error_choice(GError **err, const char *what, const char *word, const char *const *valid)
{
    g_autofree char *all = names_join(valid, ", "), *hint = names_hint(word, valid);
    cmdline_fail(err, "'%s' is not a valid %s; valid: %s%s", word, what, *all ? all : "(none)", hint);
}

/* ---- items ---- */

bool cmdline_is_help(const char *word)
{
    return g_str_equal(word, "help") || g_str_equal(word, "?");
}

bool cmdline_wants_help(const CmdItem *item)
{
    const char *comma = item->text ? strrchr(item->text, ',') : NULL;
    return item->text && (cmdline_is_help(item->text) || (comma && cmdline_is_help(comma + 1)));
}

static void item_free(void *opaque)
{
    CmdItem *item = opaque;
    json_object_put(item->values);
    g_free(item->where);
    g_free(item);
}

static bool item_parse_keys(CmdItem *item, GError **err)
{
    const Option *o = item->option;
    if (o->shape != SHAPE_KEYS || cmdline_wants_help(item)) {
        return true;
    }
    item->typed = o->json && item->text[0] == '{';
    item->values = item->typed ? json_read(item->text, strlen(item->text), JSON_DEPTH, err)
                               : keyval_read(item->text, o->implied, err);
    return item->values || cmdline_blame(err, item);
}

static const Option *option_find(const char *name)
{
    for (const Option *o = cmdline_options; o->name; o++) {
        if (g_str_equal(o->name, name)) {
            return o;
        }
    }
    return NULL;
}

static void option_unknown(const char *word, const char *name, GError **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const Option *o = cmdline_options; o->name; o++) {
        if (o->kind != OPT_NONE || o->help) {
            g_ptr_array_add(names, (void *)o->name);
        }
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, names_of(names));
    cmdline_fail(err, "%s: invalid option%s%s%s; -help lists the options", word,
                 near ? "; did you mean -" : "", near ? near : "", near ? "?" : "");
}

/* Does an option that is not built ask for what is so anyway (-audiodev none, -sandbox off)? */
static bool asks_nothing(const Option *o, const char *text)
{
    if (!o->already || o->shape == SHAPE_FLAG || !text) {
        return o->already && o->shape == SHAPE_FLAG;
    }
    json_object *values = text[0] == '{' ? json_read(text, strlen(text), JSON_DEPTH, NULL)
                                         : keyval_read(text, o->implied, NULL);
    const char *value = values ? keyval_text(values, o->implied) : NULL;
    bool on, off = g_str_equal(o->already, "off");
    bool nothing = value && (off ? keyval_bool(value, &on) && !on : g_str_equal(value, o->already));
    json_object_put(values);
    return nothing;
}

static CmdItem *item_new(CmdLine *c, const Option *o, const char *text)
{
    CmdItem *item = g_new0(CmdItem, 1);
    item->option = o;
    item->text = text;
    g_ptr_array_add(c->items, item);
    return item;
}

json_object *cmdline_add_group(CmdLine *c, const char *name, const char *where, GError **err)
{
    const Option *o = option_find(name);
    if (!o || (o->kind != OPT_NONE && o->shape != SHAPE_KEYS)) {
        cmdline_fail(err,
                     "there is no group '%s'; a group is an option that takes keys, such as [device \"ID\"]",
                     name);
        return NULL;
    }
    if (o->kind == OPT_NONE) {
        cmdline_fail(err, "[%s]: %s", name, o->refused);
        return NULL;
    }
    CmdItem *item = item_new(c, o, NULL);
    item->text = item->where = g_strdup(where);
    item->values = json_object_new_object();
    return item->values;
}

/* -display vnc=:1,... is -vnc :1,...; another option or the same, and *text moves past what is said by that.  NULL: *err. */
static const Option *option_meant(const Option *o, const char **text, GError **err)
{
    if (o->kind != OPT_DISPLAY) {
        return o;
    }
    if (g_str_equal(*text, "vnc") || g_str_has_prefix(*text, "vnc,")) {
        cmdline_fail(err, "-display %s: VNC requires a display argument: vnc=:N, vnc=HOST:N or vnc=unix:PATH",
                     *text);
        return NULL;
    }
    if (g_str_has_prefix(*text, "vnc=")) {
        *text += strlen("vnc=");
        return option_find("vnc");
    }
    return o;
}

/* The option of argv[*i], with its argument; *i moves past both. */
static bool parse_word(CmdLine *c, int argc, char **argv, int *i, GError **err)
{
    const char *word = argv[(*i)++];
    bool bare = word[0] != '-' || !word[1];
    const Option *o = bare ? option_find("hda") : option_find(word + (word[1] == '-' ? 2 : 1));
    if (!o) {
        option_unknown(word, word + (word[1] == '-' ? 2 : 1), err);
        return false;
    }
    if (o->kind == OPT_NONE && asks_nothing(o, *i < argc ? argv[*i] : NULL)) {
        *i += o->shape != SHAPE_FLAG;
        return true;
    }
    bool lists = o->list && *i < argc && cmdline_is_help(argv[*i]);
    if (o->kind == OPT_NONE && !lists) {
        cmdline_fail(err, "%s: %s", word, o->refused);
        return false;
    }
    if (!bare && o->shape != SHAPE_FLAG && *i >= argc) {
        cmdline_fail(err, "%s: requires an argument%s%s", word, o->arg ? ": " : "", o->arg ? o->arg : "");
        return false;
    }
    const char *text = bare ? word : o->shape == SHAPE_FLAG ? NULL : argv[(*i)++];
    if (o->kind == OPT_READCONFIG) {
        return cmdline_read_config(c, text, err);
    }
    o = option_meant(o, &text, err);
    return o && item_parse_keys(item_new(c, o, text), err);
}

/* "qemu-system-riscv64" -> "riscv64" */
static void take_program_name(CmdLine *c, const char *argv0)
{
    c->program = g_path_get_basename(argv0 ? argv0 : "lyrebird");
    bool qemu = g_str_has_prefix(c->program, "qemu-system-");
    c->arch = qemu ? c->program + strlen("qemu-system-") : "riscv64";
    c->arch_given = qemu;
    version_set_qemu_name(qemu);
}

CmdLine *cmdline_parse(int argc, char **argv, GError **err)
{
    CmdLine *c = g_new0(CmdLine, 1);
    take_program_name(c, argc ? argv[0] : NULL);
    c->items = g_ptr_array_new_with_free_func(item_free);
    c->monitors = g_ptr_array_new();
    c->controls = g_ptr_array_new();
    c->pretty_controls = g_ptr_array_new();
    c->nics = g_ptr_array_new_with_free_func(keyval_free);
    for (int i = 1; i < argc;) {
        if (!parse_word(c, argc, argv, &i, err)) {
            cmdline_free(c);
            return NULL;
        }
    }
    if (cmdline_has(c, OPT_ARCH)) {
        c->arch = cmdline_text(c, OPT_ARCH);
        c->arch_given = true;
    }
    return c;
}

void cmdline_free(CmdLine *c)
{
    g_ptr_array_unref(c->items);
    g_ptr_array_unref(c->monitors);
    g_ptr_array_unref(c->controls);
    g_ptr_array_unref(c->pretty_controls);
    g_ptr_array_unref(c->nics);
    shape_free(&cmdline_machine_shape, c->machine);
    confinement_free(c->confinement);
    g_free(c->program);
    g_free(c);
}

/* ---- look-ups ---- */

const CmdItem *cmdline_item(const CmdLine *c, OptionKind kind, unsigned i)
{
    for (guint k = 0; k < c->items->len; k++) {
        const CmdItem *item = c->items->pdata[k];
        if (item->option->kind == kind && i-- == 0) {
            return item;
        }
    }
    return NULL;
}

unsigned cmdline_count(const CmdLine *c, OptionKind kind)
{
    unsigned n = 0;
    for (guint k = 0; k < c->items->len; k++) {
        n += ((CmdItem *)c->items->pdata[k])->option->kind == kind;
    }
    return n;
}

const CmdItem *cmdline_last(const CmdLine *c, OptionKind kind)
{
    for (guint k = c->items->len; k-- > 0;) {
        const CmdItem *item = c->items->pdata[k];
        if (item->option->kind == kind) {
            return item;
        }
    }
    return NULL;
}

const char *cmdline_text(const CmdLine *c, OptionKind kind)
{
    const CmdItem *item = cmdline_last(c, kind);
    return item ? item->text : NULL;
}

json_object *cmdline_values(const CmdLine *c, OptionKind kind)
{
    json_object *all = json_object_new_object();
    for (guint k = 0; k < c->items->len; k++) {
        const CmdItem *item = c->items->pdata[k];
        if (item->option->kind == kind && item->values) {
            keyval_merge(all, item->values);
        }
    }
    return all;
}

void *cmdline_shape(const CmdItem *item, const Shape *shape, GError **err)
{
    PropContext c = { .typed = item->typed };
    return shape_new(shape, item->values, &c, err);
}

void *cmdline_merged_shape(const CmdLine *c, OptionKind kind, const Shape *shape, GError **err)
{
    json_object *values = cmdline_values(c, kind);
    void *s = shape_new(shape, values, NULL, err);
    json_object_put(values);
    return s;
}
