/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All commands and events that there are. */
#include "block/exports.h"
#include "block/job.h"
#include "hw/events.h"
#include "hw/migration.h"
#include "monitor/command.h"
#include "ui/vnc.h"

/* clang-format off */
const Command *const command_tables[] = {
    commands_session,
    commands_schema,
    commands_run,
    commands_info,
    commands_device,
    commands_chardev,
    commands_chardev_add,
    commands_net,
    commands_bitmap,
    commands_block,
    commands_throttle,
    commands_blockstats,
    commands_job,
    commands_block_job,
    commands_live,
    commands_create,
    commands_pci,
    commands_export,
    commands_fds,
    commands_qom,
    commands_classes,
    commands_probe,
    commands_screen,
    commands_vnc,
    commands_input,
    commands_absent,
    commands_memory,
    commands_migrate,
    commands_trace,
    NULL,
};
/* clang-format on */

const Event *const command_events[] = {
    &event_balloon_change,
    &event_block_export_deleted,
    &event_block_io_error,
    &event_block_job_cancelled,
    &event_block_job_completed,
    &event_block_job_error,
    &event_block_job_pending,
    &event_block_job_ready,
    &event_device_deleted,
    &event_migration,
    &event_nic_rx_filter_changed,
    &event_guest_crashloaded,
    &event_guest_panicked,
    &event_guest_pvshutdown,
    &event_job_status_change,
    &event_powerdown,
    &event_reset,
    &event_resume,
    &event_rtc_change,
    &event_shutdown,
    &event_stop,
    &event_vnc_connected,
    &event_vnc_disconnected,
    &event_vnc_initialized,
    &event_vserport_change,
    NULL,
};
