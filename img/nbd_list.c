/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-nbd --list: what a server has. */
#include <stdio.h>
#include <stdlib.h>

#include "img/nbd.h"
#include "img/program.h"
#include "util/text.h"

/* By bit. */
static const char *const flag_names[16] = {
    NULL,     "readonly", "flush", "fua",    "rotational", "trim",
    "zeroes", "df",       "multi", "resize", "cache",      "fast-zero"
};

static void print_text(const char *what, const char *text, const char *quote)
{
    g_autofree char *shown = text_escaped(text);
    printf("%s%s%s%s\n", what, quote, shown, quote);
}

static void print_export(const NbdListed *l)
{
    const NbdAgreed *a = &l->agreed;
    print_text(" export: ", l->name, "'");
    if (l->description && l->description[0]) {
        print_text("  description: ", l->description, "");
    }
    printf("  size:  %" G_GUINT64_FORMAT "\n  flags: 0x%x (", a->size, a->flags);
    for (unsigned i = 1; i < G_N_ELEMENTS(flag_names); i++) {
        if (a->flags >> i & 1 && flag_names[i]) {
            printf(" %s", flag_names[i]);
        }
    }
    printf(" )\n");
    if (a->min_block) {
        printf("  min block: %u\n  opt block: %u\n  max block: %u\n", a->min_block, a->pref_block,
               a->max_block);
    }
    if (l->contexts->len) {
        printf("  available meta contexts: %u\n", l->contexts->len);
    }
    for (guint i = 0; i < l->contexts->len; i++) {
        print_text("   ", g_ptr_array_index(l->contexts, i), "");
    }
}

int nbd_tool_list(const NbdAddress *a, const NbdName *how)
{
    g_autoptr(GError) err = NULL;
    Channel *c = nbd_connect(a, &err);
    GPtrArray *all = c ? nbd_list(c, how, &err) : NULL;
    channel_free(c);
    if (!all) {
        img_error("%s", err->message);
        return EXIT_FAILURE;
    }
    printf("exports available: %u\n", all->len);
    for (guint i = 0; i < all->len; i++) {
        print_export(g_ptr_array_index(all, i));
    }
    g_ptr_array_unref(all);
    return EXIT_SUCCESS;
}
