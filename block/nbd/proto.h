/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the NBD protocol. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "block/nbd_server.h"

#define NBD_MAGIC UINT64_C(0x4e42444d41474943)
#define NBD_OPTION_MAGIC UINT64_C(0x49484156454f5054)
#define NBD_OPTION_REPLY_MAGIC UINT64_C(0x3e889045565a9)
#define NBD_REQUEST_MAGIC 0x25609513u
#define NBD_SIMPLE_REPLY_MAGIC 0x67446698u
#define NBD_STRUCTURED_REPLY_MAGIC 0x668e33efu

enum { NBD_FIXED_NEWSTYLE = 1 << 0, NBD_NO_ZEROES = 1 << 1 }; /* flags of the handshake, of both sides */

enum {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT,
    NBD_OPT_LIST,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO,
    NBD_OPT_GO,
    NBD_OPT_STRUCTURED_REPLY,
    NBD_OPT_LIST_META_CONTEXT,
    NBD_OPT_SET_META_CONTEXT,
};

#define NBD_REP_ERROR 0x80000000u
enum { NBD_REP_ACK = 1, NBD_REP_SERVER, NBD_REP_INFO, NBD_REP_META_CONTEXT };
#define NBD_REP_ERR_UNSUP (NBD_REP_ERROR + 1)
#define NBD_REP_ERR_POLICY (NBD_REP_ERROR + 2)
#define NBD_REP_ERR_INVALID (NBD_REP_ERROR + 3)
#define NBD_REP_ERR_TLS_REQD (NBD_REP_ERROR + 5)
#define NBD_REP_ERR_UNKNOWN (NBD_REP_ERROR + 6)
#define NBD_REP_ERR_TOO_BIG (NBD_REP_ERROR + 9)

enum { NBD_INFO_EXPORT, NBD_INFO_NAME, NBD_INFO_DESCRIPTION, NBD_INFO_BLOCK_SIZE };

enum { /* flags of an export */
       NBD_FLAG_HAS_FLAGS = 1 << 0,
       NBD_FLAG_READ_ONLY = 1 << 1,
       NBD_FLAG_FLUSH = 1 << 2,
       NBD_FLAG_FUA = 1 << 3,
       NBD_FLAG_TRIM = 1 << 5,
       NBD_FLAG_WRITE_ZEROES = 1 << 6,
       NBD_FLAG_DF = 1 << 7,
       NBD_FLAG_MULTI_CONN = 1 << 8,
       NBD_FLAG_CACHE = 1 << 10,
       NBD_FLAG_FAST_ZERO = 1 << 11,
};

enum {
    NBD_CMD_READ,
    NBD_CMD_WRITE,
    NBD_CMD_DISC,
    NBD_CMD_FLUSH,
    NBD_CMD_TRIM,
    NBD_CMD_CACHE,
    NBD_CMD_WRITE_ZEROES,
    NBD_CMD_BLOCK_STATUS,
};
enum {
    NBD_CMD_FUA = 1 << 0,
    NBD_CMD_NO_HOLE = 1 << 1,
    NBD_CMD_DF = 1 << 2,
    NBD_CMD_REQ_ONE = 1 << 3,
    NBD_CMD_FAST_ZERO = 1 << 4
};

enum { NBD_REPLY_DONE = 1 << 0 };
enum {
    NBD_REPLY_NONE = 0,
    NBD_REPLY_OFFSET_DATA = 1,
    NBD_REPLY_OFFSET_HOLE = 2,
    NBD_REPLY_BLOCK_STATUS = 5,
    NBD_REPLY_ERROR = (1 << 15) + 1,
    NBD_REPLY_ERROR_OFFSET = (1 << 15) + 2,
};
enum { NBD_STATE_HOLE = 1 << 0, NBD_STATE_ZERO = 1 << 1 }; /* of base:allocation */

enum {
    NBD_MAX_PAYLOAD = 32 << 20, /* of a request */
    NBD_MAX_NAME = 4096,
    NBD_MAX_OPTION = 64 << 10, /* bytes of an option that are read into memory */
    NBD_REQUEST_BYTES = 28,
};
enum { NBD_CONTEXT_ALLOCATION }; /* number of a context; on the wire with the base added */
enum { NBD_CONTEXT_BASE = 1, NBD_STATE_DIRTY = 1 };
#define NBD_CONTEXT_NAME "base:allocation"
#define NBD_CONTEXT_DEPTH                                                                                    \
    "qemu:allocation-depth" /* its states: 0: nowhere, 1: the image itself, 2: the one below */
#define NBD_CONTEXT_BITMAP "qemu:dirty-bitmap:"
#define NBD_DEFAULT_PORT "10809"

uint32_t nbd_error(int e);          /* of -errno, as the protocol has it */
int nbd_error_to_errno(uint32_t e); /* -errno */

/* Of a client, until it has an export: of silence; all together, once it is connected. */
enum { NBD_CONNECT_S = 10, NBD_AGREE_S = 30 };
