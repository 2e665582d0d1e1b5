/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program. */
#include "system/startup.h"

int main(int argc, char **argv)
{
    return startup_run(argc, argv);
}
