/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of kinds and states of jobs, and what is told of them.
 * Names: QEMU's QMP reference, "Background jobs", "Block jobs". */
#include "block/job/job_events.h"

#include "base/events.h"

/* clang-format off */
const char *const job_type_names[] = {
    [JOB_COMMIT] = "commit", [JOB_STREAM] = "stream", [JOB_MIRROR] = "mirror", [JOB_BACKUP] = "backup",
    [JOB_CREATE] = "create", [JOB_AMEND] = "amend", [JOB_SNAPSHOT_LOAD] = "snapshot-load",
    [JOB_SNAPSHOT_SAVE] = "snapshot-save", [JOB_SNAPSHOT_DELETE] = "snapshot-delete", NULL,
};
const char *const job_status_names[] = {
    [JOB_UNDEFINED] = "undefined", [JOB_CREATED] = "created", [JOB_RUNNING] = "running", [JOB_PAUSED] = "paused",
    [JOB_READY] = "ready", [JOB_STANDBY] = "standby", [JOB_WAITING] = "waiting", [JOB_PENDING] = "pending",
    [JOB_ABORTING] = "aborting", [JOB_CONCLUDED] = "concluded", [JOB_NULL] = "null", NULL,
};
/* clang-format on */

typedef struct StatusChange {
    char *id;
    int status;
} StatusChange;
typedef struct BlockJobNote {
    int type;
    char *device, *error;
    int64_t total, done, speed;
} BlockJobNote;
typedef struct PendingNote {
    int type;
    char *id;
} PendingNote;
typedef struct ErrorNote {
    char *device;
    int operation, action;
} ErrorNote;

static const char *const operations[] = { "read", "write", NULL };
static const char *const actions[] = { "ignore", "report", "stop", NULL };

#define AT(field) offsetof(StatusChange, field)
static const Prop status_props[] = {
    { "id", PROP_STRING, AT(id), .required = true },
    { "status", PROP_ENUM, AT(status), .required = true, .names = job_status_names },
    { NULL },
};
#undef AT
static const Shape status_shape = { "JobStatusChange", sizeof(StatusChange), status_props };

#define AT(field) offsetof(BlockJobNote, field)
#define NOTE_PROPS                                                                                           \
    { "type", PROP_ENUM, AT(type), .required = true, .names = job_type_names },                              \
        { "device", PROP_STRING, AT(device), "the job", .required = true },                                  \
        { "len", PROP_I64, AT(total), "bytes in all", .required = true },                                    \
        { "offset", PROP_I64, AT(done), "bytes that are done", .required = true },                           \
    {                                                                                                        \
        "speed", PROP_I64, AT(speed), "bytes a second; 0: no limit", .required = true                        \
    }
static const Prop note_props[] = { NOTE_PROPS, { NULL } };
static const Prop completed_props[] = {
    NOTE_PROPS,
    { "error", PROP_STRING, AT(error), "why it failed" },
    { NULL },
};
#undef AT
static const Shape note_shape = { "BlockJobNote", sizeof(BlockJobNote), note_props };
static const Shape completed_shape = { "BlockJobCompleted", sizeof(BlockJobNote), completed_props };

#define AT(field) offsetof(PendingNote, field)
static const Prop pending_props[] = {
    { "type", PROP_ENUM, AT(type), .required = true, .names = job_type_names },
    { "id", PROP_STRING, AT(id), .required = true },
    { NULL },
};
#undef AT
static const Shape pending_shape = { "BlockJobPending", sizeof(PendingNote), pending_props };

#define AT(field) offsetof(ErrorNote, field)
static const Prop error_props[] = {
    { "device", PROP_STRING, AT(device), "the job", .required = true },
    { "operation", PROP_ENUM, AT(operation), .required = true, .names = operations },
    { "action", PROP_ENUM, AT(action), .required = true, .names = actions },
    { NULL },
};
#undef AT
static const Shape error_shape = { "BlockJobError", sizeof(ErrorNote), error_props };

const Event event_job_status_change = { .name = "JOB_STATUS_CHANGE", .data = &status_shape };
const Event event_block_job_completed = { .name = "BLOCK_JOB_COMPLETED", .data = &completed_shape };
const Event event_block_job_cancelled = { .name = "BLOCK_JOB_CANCELLED", .data = &note_shape };
const Event event_block_job_ready = { .name = "BLOCK_JOB_READY", .data = &note_shape };
const Event event_block_job_pending = { .name = "BLOCK_JOB_PENDING", .data = &pending_shape };
const Event event_block_job_error = { .name = "BLOCK_JOB_ERROR", .data = &error_shape };

void job_tell_status(Job *j)
{
    events_emit(j->all->events, &event_job_status_change, &(StatusChange){ j->id, j->status });
}

void job_tell(Job *j, const Event *event)
{
    JobState s = job_state(j);
    BlockJobNote n = { s.type, (char *)s.id, (char *)s.error, s.total, s.done, s.speed };
    if (s.on_disk) {
        events_emit(j->all->events, event, &n);
    }
}

void job_tell_pending(Job *j)
{
    if (j->disk) {
        events_emit(j->all->events, &event_block_job_pending, &(PendingNote){ j->class->type, j->id });
    }
}

void job_tell_error(Job *j, bool write, bool stops)
{
    enum { REPORT = 1, STOP };
    if (j->disk) {
        events_emit(j->all->events, &event_block_job_error,
                    &(ErrorNote){ j->id, write, stops ? STOP : REPORT });
    }
}
