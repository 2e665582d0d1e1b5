/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lyrebird ctl`: a client of a control socket (QMP), for people and scripts (docs/ctl.md). */
#pragma once
#include <stdbool.h>

/* Do these words ask for the client, and not for a machine? */
bool ctl_is_meant(int argc, char **argv);
/* The rest of the program: its exit status. */
int ctl_run(int argc, char **argv);
