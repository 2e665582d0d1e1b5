/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network whose other end is the test: the netdev "n0". */
#pragma once
#include "net/net.h"

typedef struct FakeNet {
    const NetFrontend *fe;
    void *opaque;
    Lock *lock;
    NetNic *nic;
    unsigned sent, accepts;
    bool down, echo;
    size_t len; /* of the last frame sent */
    uint8_t frame[NET_MAX_FRAME];
} FakeNet;

extern FakeNet fake_net;
bool fake_net_deliver(const uint8_t *frame, size_t len);
