/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host that no back end is built for: blocks are interpreted. */
#include "tcg/backend.h"

const JitBackend *const jit_backend = NULL;
