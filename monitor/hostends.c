/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on the host ends of networks and serial lines.
 *
 * Names, arguments and output: QEMU's manual, "QEMU Monitor". */
#include <string.h>

#include "chardev/chardev.h"
#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "net/net.h"
#include "util/keyval.h"

/* ---- port forwarding of user networks ---- */

static void first_user_network(NetClient *nc, void *opaque)
{
    NetClient **found = opaque;
    g_autofree char *info = net_user_info(nc);
    *found = !*found && info ? nc : *found;
}

/* "[netdev] rule": the network, by default the first of its kind; *rule points into args. */
static NetClient *forwarding_network(const Nets *nets, const char *command, const char *args,
                                     const char **rule, GError **err)
{
    const char *blank = strpbrk(args, " \t");
    g_autofree char *id = blank ? g_strndup(args, blank - args) : NULL;
    NetClient *nc = NULL;
    *rule = blank ? blank + strspn(blank, " \t") : args;
    if (!**rule) {
        monitor_syntax_error(err, "%s: argument expected", command);
        return NULL;
    }
    if (id) {
        nc = net_find(nets, id);
    } else {
        net_foreach(nets, first_user_network, &nc);
    }
    if (!nc) {
        monitor_error(err, "there is no %s%s; `info network` lists them", id ? "netdev " : "user network",
                      id ? id : "");
    }
    return nc;
}

bool monitor_cmd_hostfwd_add(Machine *m, const char *args, GString *out, GError **err)
{
    const char *rule;
    NetClient *nc = forwarding_network(m->nets, "hostfwd_add", args, &rule, err);
    return nc && net_user_hostfwd_add(nc, rule, err);
}

bool monitor_cmd_hostfwd_remove(Machine *m, const char *args, GString *out, GError **err)
{
    const char *rule;
    NetClient *nc = forwarding_network(m->nets, "hostfwd_remove", args, &rule, err);
    if (!nc || !net_user_hostfwd_remove(nc, rule, err)) {
        return false;
    }
    g_string_append_printf(out, "host forwarding rule for %s removed\n", rule);
    return true;
}

/* ---- ring buffers ---- */

/* Text as it is, but what a terminal would obey as \uXXXX and \ doubled. */
static void append_visibly(GString *out, const char *text, gsize len)
{
    for (gsize i = 0; i < len; i++) {
        unsigned char c = text[i];
        if (c == '\\') {
            g_string_append(out, "\\\\");
        } else if (g_ascii_iscntrl(c) && c != '\n' && c != '\t') {
            g_string_append_printf(out, "\\u%04X", c);
        } else {
            g_string_append_c(out, c);
        }
    }
}

bool monitor_cmd_ringbuf_read(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", 2);
    uint64_t size;
    if (!words[0] || !words[1] || !keyval_size(g_strstrip(words[1]), 1, &size) || !size) {
        return monitor_syntax_error(err, "ringbuf_read: write ringbuf_read DEVICE SIZE, in bytes");
    }
    Chardev *chr = chardev_find(m->chardevs, words[0]);
    if (!chr) {
        return monitor_error(err, "Device '%s' not found; `info chardev` lists them", words[0]);
    }
    GBytes *bytes = chardev_ringbuf_read(chr, size, err);
    if (!bytes) {
        return false;
    }
    gsize len;
    const char *text = g_bytes_get_data(bytes, &len);
    append_visibly(out, text, len);
    g_string_append(out, len && text[len - 1] == '\n' ? "" : "\n");
    g_bytes_unref(bytes);
    return true;
}
