/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: what there is, and what may be asked of one, by its id (job-*), or as one of a disk (block-job-*); snapshots of the machine as jobs.
 * Names and errors: QEMU's QMP reference, "Background jobs", "Block jobs", "VM Snapshots". */
#include <errno.h>

#include "block/job.h"
#include "hw/board.h"
#include "hw/snapshot.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"

static const char *const io_statuses[] = { "ok", "failed", "nospace", NULL };

typedef struct JobInfo {
    char *id, *error;
    int type, status;
    int64_t done, total;
} JobInfo;
typedef struct BlockJobInfo {
    char *device, *error;
    int type, status, io_status;
    int64_t total, done, speed;
    bool busy, paused, ready, auto_finalize, auto_dismiss;
} BlockJobInfo;
typedef struct DeviceArgument {
    char *device;
    bool force, has_force;
    int64_t speed;
} DeviceArgument;

#define T JobInfo
static const Prop job_props[] = {
    { "id", PROP_STRING, ALWAYS(id) },
    { "type", PROP_ENUM, ALWAYS(type), .names = job_type_names },
    { "status", PROP_ENUM, ALWAYS(status), .names = job_status_names },
    { "current-progress", PROP_I64, ALWAYS(done), .help = "bytes" },
    { "total-progress", PROP_I64, ALWAYS(total), .help = "bytes" },
    { "error", PROP_STRING, MAYBE(error), .help = "why it failed" },
    { NULL },
};
#undef T
static const Shape job_shape = { "JobInfo", sizeof(JobInfo), job_props };
#define T BlockJobInfo
static const Prop block_job_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = job_type_names },
    { "device", PROP_STRING, ALWAYS(device), .help = "the job's id" },
    { "len", PROP_I64, ALWAYS(total), .help = "bytes" },
    { "offset", PROP_I64, ALWAYS(done), .help = "bytes that are done" },
    { "busy", PROP_BOOL, ALWAYS(busy) },
    { "paused", PROP_BOOL, ALWAYS(paused) },
    { "speed", PROP_I64, ALWAYS(speed), .help = "bytes a second; 0: no limit" },
    { "io-status", PROP_ENUM, ALWAYS(io_status), .names = io_statuses },
    { "ready", PROP_BOOL, ALWAYS(ready) },
    { "status", PROP_ENUM, ALWAYS(status), .names = job_status_names },
    { "auto-finalize", PROP_BOOL, ALWAYS(auto_finalize) },
    { "auto-dismiss", PROP_BOOL, ALWAYS(auto_dismiss) },
    { "error", PROP_STRING, MAYBE(error), .help = "why it failed" },
    { NULL },
};
#undef T
static const Shape block_job_shape = { "BlockJobInfo", sizeof(BlockJobInfo), block_job_props };
#define T DeviceArgument
static const Prop device_props[] = { { "device", PROP_STRING, ALWAYS(device), .help = "the job" }, { NULL } };
static const Prop cancel_props[] = {
    { "device", PROP_STRING, ALWAYS(device), .help = "the job" },
    { "force", PROP_BOOL, MAYBE_HAS(force), .help = "at once, also if it is ready" },
    { NULL },
};
static const Prop speed_props[] = {
    { "device", PROP_STRING, ALWAYS(device), .help = "the job" },
    { "speed", PROP_I64, ALWAYS(speed), .help = "bytes a second; 0: no limit" },
    { NULL },
};
#undef T
static const Shape argument_shape = { "BlockJobArgument", sizeof(DeviceArgument), device_props };
static const Shape cancel_shape = { "BlockJobCancel", sizeof(DeviceArgument), cancel_props };
static const Shape speed_shape = { "BlockJobSpeed", sizeof(DeviceArgument), speed_props };

/* ---- lists ----------------------------------------------------------------------- */

static void add_job(const JobState *s, void *list)
{
    JobInfo *i = prop_list_add(list, &job_shape);
    *i = (JobInfo){ g_strdup(s->id), g_strdup(s->error), s->type, s->status, s->done, s->total };
}

static void add_block_job(const JobState *s, void *list)
{
    if (!s->on_disk) {
        return;
    }
    BlockJobInfo *i = prop_list_add(list, &block_job_shape);
    *i = (BlockJobInfo){ .device = g_strdup(s->id),
                         .error = g_strdup(s->error),
                         .type = s->type,
                         .status = s->status,
                         .total = s->total,
                         .done = s->done,
                         .speed = s->speed,
                         .busy = s->busy,
                         .paused = s->paused,
                         .io_status = s->io_error == ENOSPC ? 2 : s->io_error != 0,
                         .ready = s->ready,
                         .auto_finalize = s->auto_finalize,
                         .auto_dismiss = s->auto_dismiss };
}

static bool run_query_jobs(Control *c, const void *args, void *result, GError **err)
{
    jobs_foreach(c->machine->drives, add_job, result);
    return true;
}

static bool run_query_block_jobs(Control *c, const void *args, void *result, GError **err)
{
    jobs_foreach(c->machine->drives, add_block_job, result);
    return true;
}

/* What QEMU's monitor prints. */
void monitor_show_block_jobs(const void *result, GString *out)
{
    const PropList *list = result;
    BlockJobInfo *const *jobs = list->items;
    if (!list->count) {
        g_string_append(out, "No active jobs\n");
    }
    for (size_t i = 0; i < list->count; i++) {
        const BlockJobInfo *j = jobs[i];
        bool stream = j->type == JOB_STREAM;
        g_string_append_printf(out,
                               "%s%s%s%s: Completed %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                               " bytes, speed limit %" G_GINT64_FORMAT " bytes/s\n",
                               stream ? "Streaming device " : "Type ", stream ? "" : job_type_names[j->type],
                               stream ? "" : ", device ", j->device, j->done, j->total, j->speed);
    }
}

/* ---- of one ------------------------------------------------------------------------ */

static Job *by_id(Control *c, const void *args, GError **err)
{
    const IdArgument *a = args;
    Job *j = job_find(c->machine->drives, a->id);
    if (!j) {
        command_error(err, ERROR_GENERIC, "Job not found");
    }
    return j;
}

static Job *by_device(Control *c, const char *device, GError **err)
{
    Job *j = job_find(c->machine->drives, device);
    if (!j || !job_state(j).on_disk) {
        command_error(err, ERROR_DEVICE_NOT_ACTIVE, "Block job '%s' not found", device);
        return NULL;
    }
    return j;
}

typedef bool JobVerb(Job *j, GError **err);

static bool ask(Control *c, const void *args, JobVerb *verb, GError **err)
{
    Job *j = by_id(c, args, err);
    return j && verb(j, err);
}

static bool ask_of_disk(Control *c, const char *id, JobVerb *verb, GError **err)
{
    Job *j = by_device(c, id, err);
    return j && verb(j, err);
}

static bool run_job_pause(Control *c, const void *args, void *result, GError **err)
{
    return ask(c, args, job_pause, err);
}

static bool run_job_resume(Control *c, const void *args, void *result, GError **err)
{
    return ask(c, args, job_resume, err);
}

static bool run_job_complete(Control *c, const void *args, void *result, GError **err)
{
    return ask(c, args, job_complete, err);
}

static bool run_job_finalize(Control *c, const void *args, void *result, GError **err)
{
    return ask(c, args, job_finalize, err);
}

static bool run_job_dismiss(Control *c, const void *args, void *result, GError **err)
{
    return ask(c, args, job_dismiss, err);
}

static bool run_job_cancel(Control *c, const void *args, void *result, GError **err)
{
    Job *j = by_id(c, args, err);
    return j && job_cancel(j, true, err);
}

static bool run_block_job_pause(Control *c, const void *args, void *result, GError **err)
{
    return ask_of_disk(c, ((const DeviceArgument *)args)->device, job_pause, err);
}

static bool run_block_job_resume(Control *c, const void *args, void *result, GError **err)
{
    return ask_of_disk(c, ((const DeviceArgument *)args)->device, job_resume, err);
}

static bool run_block_job_complete(Control *c, const void *args, void *result, GError **err)
{
    return ask_of_disk(c, ((const DeviceArgument *)args)->device, job_complete, err);
}

/* These two take the id by its name. */
static bool run_block_job_finalize(Control *c, const void *args, void *result, GError **err)
{
    return ask_of_disk(c, ((const IdArgument *)args)->id, job_finalize, err);
}

static bool run_block_job_dismiss(Control *c, const void *args, void *result, GError **err)
{
    return ask_of_disk(c, ((const IdArgument *)args)->id, job_dismiss, err);
}

static bool run_block_job_cancel(Control *c, const void *args, void *result, GError **err)
{
    const DeviceArgument *a = args;
    Job *j = by_device(c, a->device, err);
    return j && job_cancel(j, a->force, err);
}

static bool run_block_job_speed(Control *c, const void *args, void *result, GError **err)
{
    const DeviceArgument *a = args;
    Job *j = by_device(c, a->device, err);
    if (a->speed < 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'speed' expects a non-negative value");
    }
    return j && job_set_speed(j, (uint64_t)a->speed, err);
}

/* ---- snapshots of the machine --------------------------------------------------------- */

typedef struct SnapshotArguments {
    char *job, *tag, *state;
    PropList devices;
} SnapshotArguments;

#define T SnapshotArguments
static const Prop snapshot_props[] = {
    { "job-id", PROP_STRING, ALWAYS(job) },
    { "tag", PROP_STRING, ALWAYS(tag), .help = "its name" },
    { "vmstate", PROP_STRING, ALWAYS(state), .help = "node of the disk that keeps the machine's state" },
    { "devices", PROP_STRING, ALWAYS(devices), .list = true, .help = "nodes of the disks" },
    { NULL },
};
static const Prop snapshot_delete_props[] = {
    { "job-id", PROP_STRING, ALWAYS(job) },
    { "tag", PROP_STRING, ALWAYS(tag), .help = "its name" },
    { "devices", PROP_STRING, ALWAYS(devices), .list = true, .help = "nodes of the disks" },
    { NULL },
};
#undef T
static const Shape snapshot_shape = { "SnapshotArguments", sizeof(SnapshotArguments), snapshot_props };
static const Shape snapshot_delete_shape = { "SnapshotDelete", sizeof(SnapshotArguments),
                                             snapshot_delete_props };

typedef struct SnapshotCall {
    Machine *machine;
    char *tag, *state;
    char **devices;
} SnapshotCall;

static void call_free(void *opaque)
{
    SnapshotCall *call = opaque;
    g_free(call->tag);
    g_free(call->state);
    g_strfreev(call->devices);
    g_free(call);
}

static SnapshotDisks disks_of(const SnapshotCall *call)
{
    return (SnapshotDisks){ (const char *const *)call->devices, call->state };
}

static bool call_save(void *opaque, GError **err)
{
    const SnapshotCall *call = opaque;
    SnapshotDisks disks = disks_of(call);
    return machine_snapshot_save(call->machine, call->tag, &disks, false, err);
}

static bool call_load(void *opaque, GError **err)
{
    const SnapshotCall *call = opaque;
    SnapshotDisks disks = disks_of(call);
    return machine_snapshot_load(call->machine, call->tag, &disks, err);
}

static bool call_delete(void *opaque, GError **err)
{
    const SnapshotCall *call = opaque;
    SnapshotDisks disks = disks_of(call);
    return machine_snapshot_delete(call->machine, call->tag, &disks, err);
}

static bool start_call(Control *c, const SnapshotArguments *a, JobType type, bool (*fn)(void *, GError **),
                       GError **err)
{
    SnapshotCall *call = g_new0(SnapshotCall, 1);
    *call = (SnapshotCall){ c->machine, g_strdup(a->tag), g_strdup(a->state), g_strdupv(a->devices.items) };
    call->devices = call->devices ? call->devices : g_new0(char *, 1);
    return job_call(c->machine->drives, a->job, type, fn, call, call_free, err);
}

static bool run_snapshot_save(Control *c, const void *args, void *result, GError **err)
{
    return start_call(c, args, JOB_SNAPSHOT_SAVE, call_save, err);
}

static bool run_snapshot_load(Control *c, const void *args, void *result, GError **err)
{
    return start_call(c, args, JOB_SNAPSHOT_LOAD, call_load, err);
}

static bool run_snapshot_delete(Control *c, const void *args, void *result, GError **err)
{
    return start_call(c, args, JOB_SNAPSHOT_DELETE, call_delete, err);
}

/* clang-format off */
const Command commands_job[] = {
    { "query-jobs", "all jobs", NULL, RETURNS_LIST(job_shape), 0, run_query_jobs },
    { "query-block-jobs", "jobs on disks", NULL, RETURNS_LIST(block_job_shape), 0, run_query_block_jobs },
    { "job-pause", "let a job stand", &command_id_shape, NULL, 0, run_job_pause },
    { "job-resume", "let it go on", &command_id_shape, NULL, 0, run_job_resume },
    { "job-cancel", "end a job at once, undone", &command_id_shape, NULL, 0, run_job_cancel },
    { "job-complete", "end a job that is ready", &command_id_shape, NULL, 0, run_job_complete },
    { "job-finalize", "let a job that is pending make its change", &command_id_shape, NULL, 0, run_job_finalize },
    { "job-dismiss", "forget a job that is concluded", &command_id_shape, NULL, 0, run_job_dismiss },
    { "block-job-pause", "let a job on a disk stand", &argument_shape, NULL, 0, run_block_job_pause },
    { "block-job-resume", "let it go on", &argument_shape, NULL, 0, run_block_job_resume },
    { "block-job-cancel", "end a job on a disk", &cancel_shape, NULL, 0, run_block_job_cancel },
    { "block-job-complete", "end one that is ready", &argument_shape, NULL, 0, run_block_job_complete },
    { "block-job-finalize", "let one that is pending make its change", &command_id_shape, NULL, 0, run_block_job_finalize },
    { "block-job-dismiss", "forget one that is concluded", &command_id_shape, NULL, 0, run_block_job_dismiss },
    { "block-job-set-speed", "limit its speed", &speed_shape, NULL, 0, run_block_job_speed },
    { "snapshot-save", "take a snapshot of the machine and its disks, as a job", &snapshot_shape, NULL, 0, run_snapshot_save },
    { "snapshot-load", "go back to one, as a job", &snapshot_shape, NULL, 0, run_snapshot_load },
    { "snapshot-delete", "delete one, as a job", &snapshot_delete_shape, NULL, 0, run_snapshot_delete },
    { NULL },
};
/* clang-format on */
