/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -object makes: a named thing that devices and boards refer to by its id
 * (PROP_LINK, -machine memory-backend=ID).
 *
 * Types: rng-random (a host file), rng-builtin (the host kernel's generator),
 * memory-backend-ram and memory-backend-memfd (a size; with share=on the machine's RAM is a memfd of
 * its own), memory-backend-file (RAM is that file), iothread (a thread that serves disks: hw/iothread.h), secret (passwords of disks), tls-creds-anon,
 * -psk and -x509 (who this end of a connection is), throttle-group. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/props.h"

typedef struct Drives Drives;
typedef struct IoThread IoThread;
typedef struct Object Object;
typedef struct Objects Objects; /* of one machine */

Objects *objects_new(Drives *drives /* that have throttle groups */);
void objects_free(Objects *all); /* NULL is fine */

/* What -object takes; a union by qom-type.  Its struct is made by shape_new.  Main loop only. */
typedef struct ObjectOptions ObjectOptions;
extern const Shape object_shape;
/* running: the machine has begun, and does not wait for what a pipe has to say. */
bool object_new(Objects *all, const ObjectOptions *o, bool running, GError **err) G_GNUC_WARN_UNUSED_RESULT;
Object *object_find(const Objects *all, const char *id);
void objects_foreach(const Objects *all, void (*fn)(const Object *o, void *opaque), void *opaque);
const char *object_id(const Object *o);
const char *object_type(const Object *o);

/* One that no device has; false: another one has it.  held: what is no device has it (RAM), to the end. */
bool object_del(Objects *all, Object *o, GError **err);
void object_hold(Object *o);
bool object_is_held(const Object *o);

/* Random bytes from an rng object; NULL means rng-builtin.  Never blocks for
 * long: returns how many bytes it could get now (0..len), -1 when the object is no
 * rng or its file is broken. */
int object_rng_read(Object *o, void *buf, size_t len);
IoThread *object_iothread(const Object *o); /* NULL: it is no iothread */
bool object_is_rng(const Object *o);
/* Bytes of a memory backend, 0 when the object is none. */
uint64_t object_memory_size(const Object *o);
bool object_memory_file(const Object *o,
                        RamFile *file);        /* false: it has none; the descriptor is the object's */
bool object_memory_is_shared(const Object *o); /* share= */
bool object_memory_is_dumped(const Object *o); /* dump=, on unless given */
