/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of options themselves: every row of every option, device and machine fits into its struct, has a name of its
 * own and a default that it would take; every name of an enum is taken, and another word is refused in the
 * standard words. */
#include <json-c/json.h>
#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "system/cmdline.h"

static unsigned seen;

static void fail_row(const char *table, const Prop *p, const char *why)
{
    g_error("%s, row '%s': %s", table, p->name, why);
}

static size_t field_size(const Prop *p)
{
    return p->list ? sizeof(PropList) : prop_element_size(p);
}

/* A row that stores its value. */
static void check_field(const char *table, const Prop *p, size_t size)
{
    if (p->offset + field_size(p) > size || p->has >= size) {
        fail_row(table, p, "its field is not in the struct");
    }
    g_autofree char *s = g_malloc0(size);
    prop_set_default(s, p);
    g_autofree char *text = prop_get(s, p, NULL);
    prop_clear(s, p);
}

static void check_enum(const char *table, const Prop *p, size_t size)
{
    const char *const *names = prop_enum_names(p);
    if (!names || p->def >= (int64_t)g_strv_length((char **)names) + (p->required ? 0 : 1)) {
        fail_row(table, p, "its default has no name");
    }
    if (p->only || p->list) {
        return;
    }
    g_autofree char *s = g_malloc0(size);
    const PropContext typed = { .typed = true };
    for (int i = 0; names[i]; i++) {
        json_object *value = json_object_new_string(names[i]);
        g_assert_true(prop_set(s, p, value, &typed, NULL));
        g_assert_cmpint(*(int *)(s + p->offset), ==, i);
        json_object_put(value);
    }
    g_autoptr(GError) err = NULL;
    json_object *zork = json_object_new_string("zork");
    g_assert_false(prop_set(s, p, zork, &typed, &err));
    g_autofree char *want = g_strdup_printf("Parameter '%s' does not accept value 'zork'", p->name);
    g_assert_true(g_str_has_prefix(err->message, want));
    json_object_put(zork);
}

static void check_row(const char *table, const Prop *p, size_t size)
{
    seen++;
    if (p->refused && p->only) {
        fail_row(table, p, "refused or of one value: not both");
    }
    if (p->refused) {
        return;
    }
    if (!p->only) {
        check_field(table, p, size);
    }
    if (p->kind == PROP_ENUM || p->kind == PROP_ON_OFF_AUTO) {
        check_enum(table, p, size);
    }
    if (p->kind == PROP_STRUCT && !p->of) {
        fail_row(table, p, "which struct?");
    }
}

static void check_rows(const char *table, const Prop *props, size_t size, const Prop *beside)
{
    for (const Prop *p = props; p && p->name; p++) {
        for (const Prop *q = props; q != p; q++) {
            if (strcmp(p->name, q->name) == 0) {
                fail_row(table, p, "twice");
            }
        }
        if (props_find(beside, p->name)) {
            fail_row(table, p, "the union has it too");
        }
        if (!p->same_as) {
            check_row(table, p, size);
        } else if (!props_find(props, p->same_as)) {
            fail_row(table, p, "another spelling of what?");
        }
    }
}

static void check_shape(const Shape *s)
{
    check_rows(s->name, s->props, s->size, NULL);
    g_assert_true(!s->implied || props_find(s->props, s->implied));
    g_assert_true(!s->rest || s->rest->kind == PROP_ANY);
    if (!s->tag) {
        return;
    }
    g_assert_true(s->tag->kind == PROP_ENUM && s->tag->required &&
                  props_find(s->props, s->tag->name) == s->tag);
    for (unsigned i = 0; prop_enum_names(s->tag)[i]; i++) {
        const Shape *arm = s->arms[i];
        g_assert_true(!arm || arm->size >= s->size);
        check_rows(arm ? arm->name : s->name, arm ? arm->props : NULL, shape_size(s), s->props);
    }
}

static void test_shapes(void)
{
    for (const Option *o = cmdline_options; o->name; o++) {
        if (o->takes) {
            check_shape(o->takes);
        }
    }
    for (unsigned i = 0; accel_classes[i]; i++) {
        check_shape(accel_classes[i]->options);
    }
    g_assert_cmpuint(seen, >, 100);
}

static void test_machines(void)
{
    check_rows("machine", machine_options, sizeof(Machine), NULL);
    for (unsigned i = 0; board_classes[i]; i++) {
        check_rows(board_classes[i]->name, board_classes[i]->options, MAX(board_classes[i]->board_size, 1),
                   machine_options);
    }
}

static void check_device_row(const Prop *p, void *class)
{
    const DeviceClass *c = class;
    check_row(c->name, p, c->size);
}

static void test_devices(void)
{
    unsigned before = seen;
    for (unsigned i = 0; device_classes[i]; i++) {
        device_class_foreach_prop(device_classes[i], check_device_row, (void *)device_classes[i]);
    }
    g_assert_cmpuint(seen - before, >, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schema/shapes", test_shapes);
    g_test_add_func("/schema/machines", test_machines);
    g_test_add_func("/schema/devices", test_devices);
    return g_test_run();
}
