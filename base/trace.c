/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events are traced: see base/trace.h. */
#include "base/trace.h"

#include <inttypes.h>
#include <string.h>

#include "base/readers.h"
#include "util/file.h"
#include "util/nearest.h"

const char TRACE_READ[] = "memory_region_ops_read", TRACE_WRITE[] = "memory_region_ops_write";

typedef struct TraceChoice {
    char *text; /* without the minus */
    GPatternSpec *pattern;
    bool wanted;
} TraceChoice;

enum { CHOICES_MAX = 1024 };

/* Atomic: replaced as a whole, never changed, while others look. */
static GPtrArray *choices; /* of TraceChoice, newest last; NULL: none */

static _Thread_local struct {
    bool known;
    unsigned index;
    uint64_t pc;
} vcpu;

void trace_vcpu_begins(unsigned index, uint64_t pc)
{
    vcpu.known = true;
    vcpu.index = index;
    vcpu.pc = pc;
}

void trace_vcpu_ends(void)
{
    vcpu.known = false;
}

void trace_append_vcpu(GString *line)
{
    if (vcpu.known) {
        g_string_append_printf(line, ", cpu %u, pc 0x%" PRIx64, vcpu.index, vcpu.pc);
    }
}

static void choice_free(void *opaque)
{
    TraceChoice *c = opaque;
    g_free(c->text);
    g_pattern_spec_free(c->pattern);
    g_free(c);
}

static void array_free(void *opaque)
{
    g_ptr_array_unref(opaque);
}

static GPtrArray *choices_now(void)
{
    return __atomic_load_n(&choices, __ATOMIC_ACQUIRE);
}

static void free_later(void *choice, void *unused)
{
    memory_free_later(choice_free, choice);
}

/* Those of `old` that a new choice for `text` leaves something to say go to `kept`: not the same once more, and none before
 * a "*". */
static void sort_out(const GPtrArray *old, const char *text, GPtrArray *kept, GPtrArray *dropped)
{
    for (guint i = 0; old && i < old->len; i++) {
        const TraceChoice *c = old->pdata[i];
        bool covered = g_str_equal(text, "*") || g_str_equal(text, c->text);
        g_ptr_array_add(covered ? dropped : kept, old->pdata[i]);
    }
}

static void publish(GPtrArray *list, GPtrArray *dropped)
{
    GPtrArray *old = choices_now();
    bool any = false;
    for (guint i = 0; i < list->len; i++) {
        const TraceChoice *c = list->pdata[i];
        any |= c->wanted;
    }
    __atomic_store_n(&choices, list, __ATOMIC_RELEASE);
    log_items = any ? log_items | LOG_TRACE : log_items & ~LOG_TRACE;
    g_ptr_array_foreach(dropped, free_later, NULL);
    if (old) {
        memory_free_later(array_free, old);
    }
}

bool trace_choose(const char *pattern)
{
    bool wanted = pattern[0] != '-';
    const char *text = wanted ? pattern : pattern + 1;
    GPtrArray *list = g_ptr_array_new();
    g_autoptr(GPtrArray) dropped = g_ptr_array_new();
    sort_out(choices_now(), text, list, dropped);
    bool room = list->len < CHOICES_MAX;
    if (room) {
        TraceChoice *c = g_new(TraceChoice, 1);
        *c = (TraceChoice){ g_strdup(text), g_pattern_spec_new(text), wanted };
        g_ptr_array_add(list, c);
    }
    publish(list, dropped);
    return room;
}

bool trace_choose_from(const char *path, GError **err)
{
    enum { MAX_BYTES = 1 << 20 };
    g_autoptr(GByteArray) text = file_read(path, MAX_BYTES, err);
    if (!text) {
        g_prefix_error(err, "-trace events=%s: ", path);
        return false;
    }
    g_auto(GStrv) lines = g_strsplit((char *)text->data, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line && **line != '#' && !trace_choose(*line)) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                        "-trace events=%s: more than %d patterns; use fewer, with *", path, CHOICES_MAX);
            return false;
        }
    }
    return true;
}

static bool fits(const TraceChoice *c, const char *name)
{
    return g_pattern_spec_match_string(c->pattern, name);
}

bool trace_wants(const char *const *names)
{
    const GPtrArray *list = choices_now();
    for (guint i = list ? list->len : 0; i > 0; i--) {
        const TraceChoice *c = list->pdata[i - 1];
        for (const char *const *name = names; *name; name++) {
            if (fits(c, *name)) {
                return c->wanted;
            }
        }
    }
    return false;
}

static bool fits_any(const TraceChoice *c, const GPtrArray *names)
{
    for (guint i = 0; i < names->len; i++) {
        if (fits(c, names->pdata[i]) || g_pattern_match_simple(names->pdata[i], c->text)) {
            return true;
        }
    }
    return false;
}

void trace_check(const GPtrArray *names)
{
    g_autofree const char **list = g_new0(const char *, names->len + 1);
    memcpy(list, names->pdata, names->len * sizeof(*list));
    const GPtrArray *chosen = choices_now();
    for (guint i = 0; chosen && i < chosen->len; i++) {
        const TraceChoice *c = chosen->pdata[i];
        if (!fits_any(c, names)) {
            g_autofree char *hint = names_hint(c->text, list);
            log_report("-trace %s: nothing in this machine is called so%s; add '-trace help' for a list",
                       c->text, hint);
        }
    }
}
