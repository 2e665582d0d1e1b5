# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes real guests (Debian kernel, initramfs, root file system) for Lyrebird."""
