/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of lyrebird-io. */
#pragma once
#include "block/image.h"
#include "img/img.h"

typedef struct Io {
    const ToolOptions *tool;
    BlockNode *node; /* NULL: none is open */
    const char *format;
    char *name;      /* of the last that was opened */
    bool by_options; /* that is options of nodes */
    OpenFlags flags; /* of the next to be opened */
    bool sync;       /* each write is durable at once, as write -f */
    const char *wanted_format;
    bool quit;
    GPtrArray *running; /* of GThread: aio_read, aio_write */
} Io;

typedef struct IoCommand {
    const char *name, *other_name, *usage;
    bool needs_image;
    int least, most; /* arguments; most -1: any number */
    int (*run)(Io *io, const struct IoCommand *self, int argc,
               char **argv); /* 0, or -errno after a message */
    bool writes;             /* refused of an image that is only read */
    bool takes_fast;         /* write -n */
} IoCommand;
extern const IoCommand io_commands[]; /* ends with a row of NULL */

void io_close(Io *io);
int io_run_line(Io *io, const char *line); /* 0, or -errno */
int io_usage(const IoCommand *c);

/* ---- io_open.c ---- */
/* A path, or options of nodes; false after a message. */
bool io_open(Io *io, const char *name, bool by_options);
bool io_take_discard(const char *text, OpenFlags *flags); /* unmap or ignore; false after a message */
int io_open_image(Io *io, const IoCommand *self, int argc, char **argv);
int io_reopen(Io *io, const IoCommand *self, int argc, char **argv);

/* ---- io_transfer.c ---- */
int io_read(Io *io, const IoCommand *self, int argc, char **argv);
int io_write(Io *io, const IoCommand *self, int argc, char **argv);
int io_discard(Io *io, const IoCommand *self, int argc, char **argv);
void io_wait(Io *io);                              /* for all that runs */
bool io_number(const char *text, uint64_t *value); /* false after a message */
char *io_size(double bytes);                       /* "759.548 KiB" */
