/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the control protocol (QMP), one row each: the human monitor, introspection and docs/qmp.md come from the
 * same rows.
 *
 * A row's function gets its arguments as a struct and fills one: it never sees JSON.  It runs in the machine's loop
 * while vCPUs run, takes the locks of what it looks at, and waits for nothing but vCPUs (cpu_run). */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#include "base/props.h"

typedef struct Machine Machine;
typedef struct Monitors Monitors;
typedef struct QmpSession QmpSession;

/* The slow end of a command that returns nothing. */
typedef struct CommandWork {
    /* In a thread of its own: it touches nothing but its data and files.  It may wait, and looks every 100 ms at *given_up
     * (atomic) then, which says that the machine ends; NULL: it does not wait. */
    bool (*work)(void *data, const gint *given_up, GError **err);
    void (*free)(void *data);
    void *data; /* NULL: there is no such end */
} CommandWork;

/* Who asks for a command. */
typedef struct Control {
    Machine *machine;
    Monitors *monitors;  /* NULL: of a test */
    QmpSession *session; /* NULL: the human monitor */
    CommandWork
        *later; /* it waits for work that is put here; NULL: it cannot, so command_work does it at once */
} Control;

enum { COMMAND_OOB = 1 /* exec-oob may run it: it waits for nobody */ };

typedef struct Command {
    const char *name;
    const char *help;    /* what it does, or gives */
    const Shape *args;   /* NULL: none */
    const Prop *returns; /* what kind of value, see RETURNS_*; NULL: nothing */
    unsigned flags;      /* COMMAND_* */
    /* result: of a struct the struct itself, zero but for its defaults; else a field of the kind.  The strings
     * and lists put there are freed by the caller, also after a failure. */
    bool (*run)(Control *c, const void *args, void *result, GError **err);
} Command;

/* For Command.returns. */
#define RETURNS_STRUCT(shape)                                                                                \
    &(const Prop)                                                                                            \
    {                                                                                                        \
        "return", PROP_STRUCT, .of = &(shape)                                                                \
    }
#define RETURNS_LIST(shape)                                                                                  \
    &(const Prop)                                                                                            \
    {                                                                                                        \
        "return", PROP_STRUCT, .of = &(shape), .list = true                                                  \
    }
#define RETURNS_STRING                                                                                       \
    &(const Prop)                                                                                            \
    {                                                                                                        \
        "return", PROP_STRING                                                                                \
    }
#define RETURNS_ENUMS(table)                                                                                 \
    &(const Prop)                                                                                            \
    {                                                                                                        \
        "return", PROP_ENUM, .names = (table), .list = true                                                  \
    }
#define RETURNS_ANY                                                                                          \
    &(const Prop)                                                                                            \
    {                                                                                                        \
        "return", PROP_ANY                                                                                   \
    }

/* A member that is always there, of a shape whose struct is T in the file of the table. */
#define ALWAYS(member) offsetof(T, member), .required = true
/* One that is there when it is not NULL, or has_MEMBER is set. */
#define MAYBE(member) offsetof(T, member)
#define MAYBE_HAS(member) offsetof(T, member), .has = offsetof(T, has_##member)

/* Every table ends with a NULL name; the list of them, and that of all events, with NULL (qmp_table.c). */
extern const Command *const command_tables[];
extern const struct Event *const command_events[];
extern const Command commands_run[], commands_info[], commands_device[], commands_block[],
    commands_throttle[], commands_probe[], commands_qom[], commands_fds[], commands_schema[],
    commands_session[], commands_blockstats[], commands_pci[], commands_net[], commands_chardev[],
    commands_chardev_add[], commands_absent[], commands_memory[], commands_migrate[], commands_trace[],
    commands_classes[], commands_screen[], commands_input[], commands_vnc[], commands_job[],
    commands_block_job[], commands_live[], commands_create[], commands_bitmap[], commands_export[];

const Command *command_find(const char *name); /* NULL: there is none */
/* All of them in the order of their names: of Command, the caller's. */
GPtrArray *command_list(void);
/* args: an object, or NULL; typed: from JSON, else words of a line.  *result: the caller's; an empty object where the row
 * returns nothing. */
bool command_run(const Command *cmd, Control *c, json_object *args, bool typed, json_object **result,
                 GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The same for who wants the struct: shown() gets what run() has filled. */
bool command_show(const Command *cmd, Control *c, json_object *args,
                  void (*show)(const void *result, GString *out), GString *out,
                  GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* The last thing that a command does, which may take long: the machine's loop runs on, the reply waits.  The data are taken. */
bool command_work(Control *c, const CommandWork *w, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Can it be done now?  Asked before anything is changed for it. */
bool command_work_room(const Control *c, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* Arguments of commands that take the id of something. */
typedef struct IdArgument {
    char *id;
} IdArgument;
extern const Shape command_id_shape;

/* ---- files that commands write (file.c) ---- */

typedef struct MonitorFile {
    int fd;
    bool made; /* it was not there before: it goes again if it is not written whole */
    char *name;
} MonitorFile;

/* Made or cut to nothing, or a member of a set; false: *err, and there is nothing to close.  A pipe that nobody reads is an
 * error. */
bool monitor_file_open(MonitorFile *f, const char *name, GError **err);
/* given_up: as CommandWork has it. */
bool monitor_file_write(const MonitorFile *f, const void *data, size_t size, const gint *given_up,
                        GError **err);
/* ok: whether all went well so far; the result with the closing.  NULL for the error: nobody asks. */
bool monitor_file_close(MonitorFile *f, bool ok, GError **err);

/* ---- errors ---- */

/* What programs branch on; every other error is a GenericError, whoever has set it. */
typedef enum CommandErrorClass {
    ERROR_GENERIC,
    ERROR_COMMAND_NOT_FOUND,
    ERROR_DEVICE_NOT_FOUND,
    ERROR_DEVICE_NOT_ACTIVE,
} CommandErrorClass;
/* Sets the error; returns false. */
bool command_error(GError **err, CommandErrorClass class, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
bool command_no_device(GError **err, const char *id); /* "Device 'x' not found" */
const char *command_error_class(const GError *err);   /* "GenericError" */
