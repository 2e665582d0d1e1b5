/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lyrebird ctl [--json] SOCKET [COMMAND [KEY=VALUE...]]`: the program around the parts in monitor/ctl_priv.h.
 *
 * Exit status: 0; 1: the machine refused the command; 2: it was not asked (usage, no connection). */
#include "monitor/ctl.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "monitor/ctl_priv.h"
#include "util/nearest.h"

enum { DONE, FAILED, NOT_ASKED };

static const char usage[] =
    "usage: lyrebird ctl [--json] SOCKET [COMMAND [KEY=VALUE...]]\n"
    "\n"
    "Asks a machine that was started with -qmp unix:SOCKET,server=on,wait=off.\n"
    "SOCKET is a path, unix:PATH or tcp:HOST:PORT.\n"
    "  (no command)         list the commands\n"
    "  help COMMAND         what a command takes and gives\n"
    "  events [NAME...]     print what happens, until interrupted\n"
    "  COMMAND KEY=VALUE    members of objects with dots: addr.type=inet addr.port=1\n"
    "  --json               print the reply as it came\n"
    "Exit status: 0; 1 when the machine refuses; 2 when it was not asked (usage, no connection).\n";

typedef struct Ctl {
    bool json, complete;
    const char *socket;
    char **words; /* behind it */
    CtlClient *client;
    CtlSchema *schema;
} Ctl;

static int complain(const char *what, const char *why, int status)
{
    g_autofree char *text = g_strdup_printf("%s%s%s", what ? what : "", what ? ": " : "", why);
    g_autofree char *clean = ctl_clean(text);
    fprintf(stderr, "lyrebird ctl: %s\n", clean);
    return status;
}

static int print(const GString *out)
{
    g_autofree char *clean = ctl_clean(out->str);
    bool ok = fputs(clean, stdout) >= 0 && fflush(stdout) == 0;
    return ok ? DONE
              : complain(NULL, "cannot write to standard output; send it to a reader that stays", NOT_ASKED);
}

/* ---- commands ------------------------------------------------------------ */

static bool is_there(const Ctl *ctl, const char *name, const char *meta, const char *more)
{
    if (ctl_schema_find(ctl->schema, name, meta)) {
        return true;
    }
    g_autoptr(GPtrArray) names = ctl_schema_names(ctl->schema, meta);
    g_autofree char *hint = names_hint(name, names_of(names));
    g_autofree char *why = g_strdup_printf("the machine has no %s of this name%s%s", meta, hint, more);
    complain(name, why, NOT_ASKED);
    return false;
}

static bool is_command(const Ctl *ctl, const char *name)
{
    return is_there(ctl, name, "command", "; without a command all are listed");
}

/* What the machine says, behind the name of the command. */
static int refused(const char *command, json_object *error)
{
    const char *desc = ctl_text(error, "desc"), *class = ctl_text(error, "class");
    g_autofree char *more =
        class && !g_str_equal(class, "GenericError") ? g_strdup_printf(" (%s)", class) : g_strdup("");
    g_autofree char *why = g_strconcat(desc ? desc : "no reason is given", more, NULL);
    return complain(command, why, FAILED);
}

static int show_reply(const Ctl *ctl, const char *command, json_object *reply)
{
    json_object *result = NULL, *error = NULL;
    bool failed = json_object_object_get_ex(reply, "error", &error);
    json_object_object_get_ex(reply, "return", &result);
    g_autoptr(GString) out = g_string_new(NULL);
    if (ctl->json) {
        ctl_show_json(failed ? error : result, out);
        return print(out) || failed;
    }
    if (failed) {
        return refused(command, error);
    }
    ctl_show(result, out);
    return print(out);
}

static int run_command(const Ctl *ctl)
{
    g_autoptr(GError) err = NULL;
    const char *command = ctl->words[0];
    if (!is_command(ctl, command)) {
        return NOT_ASKED;
    }
    json_object *args = ctl_args_new(ctl->client, ctl->schema, command, ctl->words + 1, &err);
    if (!args) {
        g_autofree char *why =
            g_strdup_printf("%s; see lyrebird ctl %s help %s", err->message, ctl->socket, command);
        return complain(command, why, NOT_ASKED);
    }
    json_object *reply = ctl_ask(ctl->client, command, args, &err);
    json_object_put(args);
    if (!reply) {
        return complain(command, err->message, NOT_ASKED);
    }
    int status = show_reply(ctl, command, reply);
    json_object_put(reply);
    return status;
}

/* ---- our own ------------------------------------------------------------- */

static int run_help(const Ctl *ctl)
{
    g_autoptr(GString) out = g_string_new(NULL);
    const char *command = ctl->words[0] ? ctl->words[1] : NULL;
    if (command && ctl->words[2]) {
        return complain("help", "takes the name of one command", NOT_ASKED);
    }
    if (command && !is_command(ctl, command)) {
        return NOT_ASKED;
    }
    if (command) {
        ctl_help_command(ctl->schema, command, out);
    } else {
        ctl_help_list(ctl->schema, out);
    }
    return print(out);
}

static bool is_wanted(const Ctl *ctl, json_object *event)
{
    const char *name = ctl_text(event, "event");
    return name && (!ctl->words[1] || g_strv_contains((const char *const *)ctl->words + 1, name));
}

static int run_events(const Ctl *ctl)
{
    g_autoptr(GError) err = NULL;
    json_object *event;
    int status = DONE;
    for (unsigned i = 1; ctl->words[i]; i++) {
        if (!is_there(ctl, ctl->words[i], "event", "")) {
            return NOT_ASKED;
        }
    }
    while (status == DONE && (event = ctl_next_event(ctl->client, &err))) {
        g_autoptr(GString) out = g_string_new(NULL);
        if (is_wanted(ctl, event)) {
            (ctl->json ? ctl_show_json : ctl_show_event)(event, out);
            status = print(out);
        }
        json_object_put(event);
    }
    return err ? complain("events", err->message, NOT_ASKED) : status;
}

static int run_completion(const Ctl *ctl)
{
    g_autoptr(GString) out = g_string_new(NULL);
    ctl_complete(ctl->schema, ctl->words, out);
    return print(out);
}

/* ---- the program --------------------------------------------------------- */

static bool learn_schema(Ctl *ctl, GError **err)
{
    json_object *reply = ctl_ask(ctl->client, "query-qmp-schema", NULL, err), *infos;
    if (!reply) {
        return false;
    }
    if (json_object_object_get_ex(reply, "return", &infos)) {
        ctl->schema = ctl_schema_new(json_object_get(infos));
    } else {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "the machine does not tell its commands (query-qmp-schema)");
    }
    json_object_put(reply);
    return ctl->schema != NULL;
}

static int run(const Ctl *ctl)
{
    const char *word = ctl->words[0];
    if (ctl->complete) {
        return run_completion(ctl);
    }
    if (word && *word == '-') {
        return complain(word, "options stand before the socket: lyrebird ctl --json SOCKET ...", NOT_ASKED);
    }
    if (!word || g_str_equal(word, "help")) {
        return run_help(ctl);
    }
    return g_str_equal(word, "events") ? run_events(ctl) : run_command(ctl);
}

bool ctl_is_meant(int argc, char **argv)
{
    if (argc < 2 || !g_str_equal(argv[1], "ctl")) {
        return false;
    }
    g_autofree char *program = g_path_get_basename(argv[0]);
    return !g_str_has_prefix(program, "qemu-system-"); /* there it is a disk image */
}

/* *word: behind the options. */
static bool take_options(Ctl *ctl, char **argv, char ***word)
{
    for (*word = argv + 2; **word && g_str_has_prefix(**word, "-"); (*word)++) {
        ctl->json |= g_str_equal(**word, "--json");
        ctl->complete |= g_str_equal(**word, "--complete"); /* scripts/bash-completion */
        if (!g_str_equal(**word, "--json") && !g_str_equal(**word, "--complete")) {
            return false;
        }
    }
    return **word != NULL;
}

int ctl_run(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    Ctl ctl = { 0 };
    char **word;
    if (argc == 3 && (g_str_equal(argv[2], "--help") || g_str_equal(argv[2], "-h"))) {
        return fputs(usage, stdout) < 0 ? NOT_ASKED : DONE;
    }
    if (!take_options(&ctl, argv, &word)) {
        fputs(usage, stderr);
        return NOT_ASKED;
    }
    ctl.socket = *word;
    ctl.words = word + 1;
    ctl.client = ctl_connect(ctl.socket, &err);
    int status = NOT_ASKED;
    if (ctl.client && learn_schema(&ctl, &err)) {
        status = run(&ctl);
    } else if (!ctl.complete) {
        complain(NULL, err->message, NOT_ASKED);
    }
    ctl_schema_free(ctl.schema);
    ctl_close(ctl.client);
    return status;
}
