/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -readconfig FILE: options in a file, as if they stood in its place on the command line.
 *
 *     # a comment
 *     [machine]
 *       type = "virt"
 *     [device "net0"]
 *       driver = "virtio-net-pci"
 *
 * A group is an option that takes keys; its name in quotes is the key "id"; a value is what stands between the
 * quotes, as it is (no escapes, no doubled commas).
 * Interface: the QEMU manual, "invocation", -readconfig; the form as Incus writes it.
 *
 * Not modelled: groups of options that are not built (refused as these are). */
#include <json-c/json.h>
#include <string.h>

#include "system/cmdline.h"
#include "util/file.h"
#include "util/keyval.h"

enum { CONFIG_MAX_BYTES = 16 << 20 };

/* Groups that have another name than their option. */
static const struct {
    const char *group, *option;
} aliases[] = {
    { "smp-opts", "smp" },
    { "memory", "m" },
    { "boot-opts", "boot" },
};

typedef struct Config {
    CmdLine *c;
    const char *path;
    unsigned line;
    json_object *group; /* the values of the one that is being read; the item's */
} Config;

static bool fail_at(const Config *f, GError **err, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static bool fail_at(const Config *f, GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return cmdline_fail(err, "-readconfig %s:%u: %s", f->path, f->line, text);
}

/* `"text"` and nothing behind it: the text, within the line; NULL: it is none. */
static char *unquote(char *text)
{
    size_t n = strlen(text);
    if (n < 2 || text[0] != '"' || text[n - 1] != '"') {
        return NULL;
    }
    text[n - 1] = 0;
    return strchr(text + 1, '"') ? NULL : text + 1;
}

/* [group] or [group "id"]; line begins with '[' */
static bool begin_group(Config *f, char *line, GError **err)
{
    size_t n = strlen(line);
    if (line[n - 1] != ']') {
        return fail_at(f, err, "a group begins with [NAME] or [NAME \"ID\"], not '%s'", line);
    }
    line[n - 1] = 0;
    char *name = g_strstrip(line + 1), *blank = strpbrk(name, " \t");
    char *id = NULL;
    if (blank) {
        *blank = 0;
        id = unquote(g_strchug(blank + 1));
        if (!id) {
            return fail_at(f, err, "the id of group '%s' stands in quotes: [%s \"ID\"]", name, name);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        name = g_str_equal(name, aliases[i].group) ? (char *)aliases[i].option : name;
    }
    g_autofree char *where = g_strdup_printf("%s:%u", f->path, f->line);
    GError *why = NULL;
    f->group = cmdline_add_group(f->c, name, where, &why);
    if (!f->group) {
        fail_at(f, err, "%s", why->message);
        g_error_free(why);
        return false;
    }
    if (id) {
        keyval_put(f->group, "id", id);
    }
    return true;
}

/* key = "value" */
static bool add_value(Config *f, char *line, GError **err)
{
    char *equals = strchr(line, '=');
    char *value = equals ? unquote(g_strchug(equals + 1)) : NULL;
    if (!value) {
        return fail_at(f, err, "expecting KEY = \"VALUE\", not '%s'", line);
    }
    *equals = 0;
    const char *key = g_strchomp(line);
    if (!*key || !f->group) {
        return fail_at(f, err,
                       *key ? "'%s' stands in no group; begin one with [NAME]" : "no key before '%s='", key);
    }
    keyval_append(f->group, key, value);
    return true;
}

static bool read_line(Config *f, char *line, GError **err)
{
    g_strstrip(line);
    if (!*line || *line == '#') {
        return true;
    }
    return *line == '[' ? begin_group(f, line, err) : add_value(f, line, err);
}

bool cmdline_read_config(CmdLine *c, const char *path, GError **err)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GByteArray) data = file_read(path, CONFIG_MAX_BYTES, &why);
    if (!data) {
        return cmdline_fail(err, "-readconfig %s: %s", path, why->message);
    }
    const char *text = (const char *)data->data;
    if (!g_utf8_validate_len(text, data->len, NULL)) {
        return cmdline_fail(err, "-readconfig %s: it is no text in UTF-8", path);
    }
    Config f = { .c = c, .path = path };
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        f.line++;
        if (!read_line(&f, *line, err)) {
            return false;
        }
    }
    return true;
}
