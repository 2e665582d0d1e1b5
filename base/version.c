/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product's name and version: programs that start qemu-system-* read QEMU's version
 * from -version and from the monitor's banner, people who start lyrebird its own. */
#include "base/version.h"

static bool qemu_name;

void version_set_qemu_name(bool yes)
{
    qemu_name = yes;
}

bool version_is_qemu_name(void)
{
    return qemu_name;
}

const char *version_product(void)
{
    return qemu_name ? "QEMU" : "Lyrebird";
}

const char *version_package(void)
{
    return "Lyrebird " LYREBIRD_VERSION;
}

const char *version_number(void)
{
    return qemu_name ? QEMU_COMPAT_VERSION : LYREBIRD_VERSION;
}
