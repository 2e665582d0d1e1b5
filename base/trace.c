/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events are traced: see base/trace.h. */
#include "base/trace.h"

#include <inttypes.h>
#include <string.h>

#include "util/file.h"
#include "util/nearest.h"

const char TRACE_READ[] = "memory_region_ops_read", TRACE_WRITE[] = "memory_region_ops_write";

typedef struct TraceChoice {
    char *text; /* without the minus */
    GPatternSpec *pattern;
    bool wanted;
} TraceChoice;

static GArray *choices; /* of TraceChoice; grows only, before others look */

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

void trace_choose(const char *pattern)
{
    bool wanted = pattern[0] != '-';
    if (!choices) {
        choices = g_array_new(FALSE, FALSE, sizeof(TraceChoice));
    }
    const char *text = wanted ? pattern : pattern + 1;
    TraceChoice c = { .text = g_strdup(text), .pattern = g_pattern_spec_new(text), .wanted = wanted };
    g_array_append_val(choices, c);
    log_items |= LOG_TRACE;
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
        if (**line && **line != '#') {
            trace_choose(*line);
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
    for (guint i = choices ? choices->len : 0; i > 0; i--) {
        const TraceChoice *c = &g_array_index(choices, TraceChoice, i - 1);
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
    for (guint i = 0; choices && i < choices->len; i++) {
        const TraceChoice *c = &g_array_index(choices, TraceChoice, i);
        if (!fits_any(c, names)) {
            g_autofree char *hint = names_hint(c->text, list);
            log_report("-trace %s: nothing in this machine is called so%s; add '-trace help' for a list",
                       c->text, hint);
        }
    }
}
