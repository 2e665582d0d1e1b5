/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the chardev folder: the device, its frontends, and what a backend is.
 *
 * Threads: everything about input, attaching and events belongs to the main loop.
 * write_lock (a leaf but for the log file) guards the way out, which any thread
 * may take: backend write(), own text of the mux, the wish to be called when writable. */
#pragma once
#include "chardev/chardev.h"
#include "base/fdwatch.h"
#include "base/event_loop.h"
#include "util/container.h"

enum {
    CHR_SLOTS = 4,         /* frontends of a mux */
    CHR_MUX_BUFFER = 4096, /* typed ahead for one of them, so that Ctrl-A still gets through */
    CHR_READ_MAX = 4096,   /* bytes read at once */
};

typedef struct ChrSlot {
    const ChardevFrontend *fe; /* NULL: free */
    void *opaque;
    Lock *lock;
    GByteArray *in; /* arrived, not yet taken */
    bool tell_opened;
    unsigned age;                   /* of its attachment: the newest has the greatest */
    void (*writable)(void *opaque); /* under write_lock */
    void *writable_opaque;
} ChrSlot;

typedef struct ChrMux {
    bool escaped; /* the escape character was the last */
    bool stamps;  /* Ctrl-A t */
    bool at_line_start;
    int64_t stamp_zero;
} ChrMux;

typedef enum ChrType {
    CHR_FILE,
    CHR_NULL,
    CHR_PIPE,
    CHR_PTY,
    CHR_RINGBUF,
    CHR_SOCKET,
    CHR_STDIO,
    CHR_VC,
    CHR_VDAGENT,
} ChrType;
extern const char *const chr_type_names[]; /* by ChrType */

/* What every -chardev has; its backend's options come behind. */
struct ChardevOptions {
    int backend; /* ChrType */
    char *id;
    bool mux, logappend;
    char *logfile;
};

typedef struct ChardevBackend {
    size_t size; /* of the struct that begins with Chardev */
    bool (*open)(Chardev *chr, const ChardevOptions *o, GError **err);
    void (*close)(Chardev *chr);
    /* Under write_lock, never blocks; what can go nowhere counts as taken. */
    int (*write)(Chardev *chr, const uint8_t *buf, int len);
    /* Main loop: take up input as room allows; want_write: call chr_writable when it is. */
    void (*refresh)(Chardev *chr, bool want_write);
    /* Under write_lock: the descriptor that a full write waits for, -1 when there is none. */
    int (*write_fd)(Chardev *chr);
    char *(*describe)(const Chardev *chr);
    void (*opened)(Chardev *chr, bool open); /* under write_lock, see chardev_tell_opened; NULL: no matter */
    /* Main loop, each may be NULL: see chardev_serve_peers (false: it does not listen), and chardev_hang_up. */
    bool (*serve_peers)(Chardev *chr, unsigned most, void (*fn)(void *opaque, Chardev *peer), void *opaque);
    void (*hang_up)(Chardev *chr);
    bool stays; /* from the start to the end: it is shown by who does not expect it to go */
} ChardevBackend;

struct Chardevs {
    EventLoop *loop;
    GPtrArray *list;    /* of Chardev, in the order of their making */
    uint8_t escape;     /* see chardevs_set_escape */
    Consoles *consoles; /* see chardevs_set_consoles */
    Clipboard *clipboard;
};

struct Chardev {
    Chardevs *all;
    char *id;
    ChrType type;
    const ChardevBackend *backend;
    bool mux_on;
    bool connected; /* atomic */
    ChrSlot slots[CHR_SLOTS];
    int focus;         /* slot that gets the input */
    unsigned attached; /* frontends so far, for ChrSlot.age */
    ChrMux mux;
    Bh *bh; /* look again at everything: chr_refresh */
    Lock write_lock;
    GByteArray *own; /* text of the mux, goes out before more of the frontends' */
    bool stuck;      /* a blocking write gave up: do not wait again */
    int log_fd;
    bool log_stuck;  /* the log is a pipe that nobody empties: the same */
    Chardev *behind; /* has the host end in its stead (change.c); NULL: nobody */
};

/* ---- core, for backends (main loop) ---- */
int chr_input_room(Chardev *chr); /* bytes that the backend may read now */
void chr_input(Chardev *chr, const uint8_t *buf, int len);
bool chr_takes_fds(const Chardev *chr);
void chr_input_fds(Chardev *chr, const int *fds, unsigned count); /* before the bytes; takes them */
void chr_set_connected(Chardev *chr, bool on);                    /* tells the frontends */
void chr_writable(Chardev *chr);                                  /* the descriptor takes bytes again */
void chr_refresh(void *chr);                                      /* the Bh */
void chr_refresh_later(Chardev *chr);                             /* any thread */

/* One that belongs to whoever is given it: a peer of `listener`, of the same backend.  Not open yet. */
Chardev *chr_new_peer(Chardev *listener);

/* One that only `chr` knows, with its id, opened; and the end of any. */
Chardev *chr_new_behind(Chardevs *all, const ChardevOptions *o, GError **err);
void chr_free(Chardev *chr);

/* ---- core, for the mux ---- */
bool chr_flush_own(Chardev *chr); /* under write_lock: true when nothing is left */
int chr_write_locked(Chardev *chr, const uint8_t *buf, int len);
void chr_write_wait(Chardev *chr, const uint8_t *buf, int len); /* under write_lock */
void chr_event(Chardev *chr, int slot, ChardevEvent event);

/* ---- mux.c ---- */
void mux_input(Chardev *chr, const uint8_t *buf, int len);
int mux_write_locked(Chardev *chr, const uint8_t *buf, int len);
void mux_focus_attached(Chardev *chr, int slot); /* a new frontend: are the keys its own now? */
void mux_focus_detached(Chardev *chr);           /* who has them when the one in focus has gone? */

void chr_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- terminal.c ---- */
bool terminal_raw(int fd, bool signals, GError **err);

extern const ChardevBackend chr_backend_null, chr_backend_ringbuf, chr_backend_file, chr_backend_pipe,
    chr_backend_pty, chr_backend_stdio, chr_backend_socket, chr_backend_vc, chr_backend_vdagent;
extern const Shape chr_file_shape, chr_pipe_shape, chr_pty_shape, chr_ringbuf_shape, chr_socket_shape,
    chr_stdio_shape, chr_vc_shape, chr_vdagent_shape;
