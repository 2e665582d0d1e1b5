/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: a machine, or `ctl`, which speaks to one. */
#include "monitor/ctl.h"
#include "system/startup.h"

int main(int argc, char **argv)
{
    return ctl_is_meant(argc, argv) ? ctl_run(argc, argv) : startup_run(argc, argv);
}
