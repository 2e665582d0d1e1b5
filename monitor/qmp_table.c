/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All commands and events that there are. */
#include "hw/events.h"
#include "monitor/command.h"

const Command *const command_tables[] = {
    commands_session, commands_schema, commands_run, commands_info, NULL,
};

const Event *const command_events[] = {
    &event_powerdown, &event_reset, &event_resume, &event_shutdown, &event_stop, NULL,
};
