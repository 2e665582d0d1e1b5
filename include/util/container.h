/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a part to the whole: the object that a struct is a field of. */
#pragma once
#include <stddef.h>

/* The object of type TYPE whose field MEMBER (which may be a path: `v.dev`) is *PTR.  Checked: the
 * compiler takes no pointer of another type than MEMBER's, and what is const stays so.  The first
 * field of NULL is NULL.  Which object it is stays the caller's promise, so a type has one function
 * around it (`virtio_device(dev)`), or a hook that only the right class calls has it in its first
 * line. */
/* clang-format off */
#define container_of(ptr, Type, member)                                                                      \
    _Generic((ptr),                                                                                          \
        __typeof__(((Type *)0)->member) *: (Type *)container_start((ptr), offsetof(Type, member)),           \
        const __typeof__(((Type *)0)->member) *: (const Type *)container_start((ptr), offsetof(Type, member)))
/* clang-format on */

/* The start of an object which has a field OFFSET bytes on, at FIELD. */
static inline void *container_start(const void *field, size_t offset)
{
    return (char *)field - offset;
}
