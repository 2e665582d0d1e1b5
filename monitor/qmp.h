/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control protocol (QMP): sessions, each the conversation with one client. */
#pragma once
#include "base/events.h"
#include "monitor/command.h"
#include "monitor/monitor.h"

typedef struct Chardev Chardev;

/* On a listening socket a session for every client that connects, up to QMP_MAX_CLIENTS; else one on the chardev. */
enum { QMP_MAX_CLIENTS = 128 };
bool qmp_serve(Monitors *all, Chardev *chr, bool pretty, GError **err);

QmpSession *qmp_session_new(Monitors *all, Chardev *chr, bool pretty, bool peer, GError **err);
void qmp_session_free(
    void *session); /* says what is still to be said, if the client reads; ends a peer's chardev */
void qmp_session_tell(QmpSession *s, const EventNote *note);

/* For the commands that belong to a session. */
void qmp_session_negotiate(QmpSession *s, bool oob);
/* The oldest descriptor that came with this command, now the caller's; -1: there is none. */
int qmp_session_take_fd(QmpSession *s);
/* Of getfd: name -> descriptor, as pointer; it owns both. */
GHashTable *qmp_session_named_fds(QmpSession *s);
/* A descriptor that the client has sent, the caller's then; -1: there is none of this name.  s: NULL is fine. */
int qmp_take_named_fd(QmpSession *s, const char *name, GError **err);

/* {"QMP": {"version": ..., "capabilities": ...}}; the caller's. */
json_object *qmp_greeting(void);

/* What a request is: checked all but the arguments of the command. */
typedef struct QmpRequest {
    const Command *command;
    json_object *args; /* of the value, as the id; NULL: none */
    json_object *id;   /* NULL is JSON's null */
    bool has_id;
} QmpRequest;
/* negotiated, oob: what the session has come to.  The id is set even when it fails. */
bool qmp_request_parse(QmpRequest *r, json_object *value, bool negotiated, bool oob, GError **err);
