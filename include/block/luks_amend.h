/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords of LUKS headers are added and erased.
 * Options: QEMU's manual, "QMP reference", QCryptoBlockAmendOptionsLUKS. */
#pragma once
#include "base/props.h"
#include "block/image.h"

typedef struct LuksAmend {
    int state;
    char *new_secret, *old_secret; /* ids; NULL: not given */
    uint8_t slot;
    uint32_t time; /* ms */
    bool has_state, has_slot, has_time;
} LuksAmend;

extern const char *const luks_state_names[];

/* Rows of options for a LuksAmend at this place of a struct. */
#define LUKS_AMEND_ROWS(at, prefix)                                                                          \
    { prefix "state",                                                                                        \
      PROP_ENUM,                                                                                             \
      (at) + offsetof(LuksAmend, state),                                                                     \
      "of the key slots that change",                                                                        \
      .names = luks_state_names,                                                                             \
      .has = (at) + offsetof(LuksAmend, has_state) },                                                        \
        { prefix "new-secret", PROP_STRING, (at) + offsetof(LuksAmend, new_secret),                          \
          "id of the secret that has the password of a slot that becomes active" },                          \
        { prefix "old-secret", PROP_STRING, (at) + offsetof(LuksAmend, old_secret),                          \
          "id of the secret whose slots are erased" },                                                       \
        { prefix "keyslot", PROP_U8, (at) + offsetof(LuksAmend, slot), "number of the slot",                 \
          .has = (at) + offsetof(LuksAmend, has_slot) },                                                     \
    {                                                                                                        \
        prefix "iter-time", PROP_U32, (at) + offsetof(LuksAmend, time),                                      \
            "milliseconds that a try of the new password takes", .def = 2000, .min = 1, .max = 60000,        \
                                                                 .has = (at) + offsetof(LuksAmend, has_time) \
    }

/* The node has the header (of an encrypted qcow2 image: qcow2_encryption), and was opened with a password.  force: the last
 * password may be erased, and an active slot written over.  Stable. */
bool luks_amend(BlockNode *n, const LuksAmend *a, const Secrets *secrets, bool force,
                GError **err) G_GNUC_WARN_UNUSED_RESULT;
