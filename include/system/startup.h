/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of the process: from argv to the exit status. */
#pragma once

int startup_run(int argc, char **argv);
