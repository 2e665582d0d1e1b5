/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-nbd, also as qemu-nbd: serves an image to NBD clients.
 * Options: QEMU's manual, "qemu-nbd".
 *
 * Not built, and refused by name: what stands in docs/status.md. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block/image.h"
#include "block/secret.h"
#include "img/img.h"
#include "img/nbd.h"

typedef struct Serving {
    NbdAddress address;
    const char *image, *format, *name, *description, *pid_file;
    uint64_t offset, shared;
    const char *snapshot; /* of the image, which is as it was then; NULL: as it is */
    bool depth;
    bool persistent, readonly, list, daemonize, sync, wrote_pid;
    bool cache, discard; /* given */
    int parent;          /* with --fork: to whom a byte says that it is served; else -1 */
    OpenFlags flags;
    const char *bitmaps[NBD_BITMAPS_MAX];
    unsigned bitmap_count;
    ToolOptions tool; /* --object, --image-opts */
    const char *tls_creds, *tls_hostname;
    TlsCreds *tls; /* NULL: plain */
} Serving;

/* ---- serving ----------------------------------------------------------------- */

/* The main thread waits for one of these, which nobody else takes. */
static sigset_t ends(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1); /* of our own: the last client has gone */
    return set;
}

static void last_has_gone(void *opaque)
{
    kill(getpid(), SIGUSR1);
}

static void report_client(const char *text, void *opaque)
{
    img_error("%s", text);
}

static bool write_pid(Serving *s)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());
    if (s->pid_file && !g_file_set_contents(s->pid_file, text, -1, &err)) {
        img_error("cannot create PID file: %s", err->message);
        return false;
    }
    s->wrote_pid = s->pid_file;
    return true;
}

/* The parent leaves when the image is served, with an error if the child ends before. */
static bool go_behind(Serving *s)
{
    int ready[2];
    char byte;
    pid_t child = pipe2(ready, O_CLOEXEC) < 0 ? -1 : fork();
    if (child > 0) {
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    if (child < 0 || setsid() < 0 || !freopen("/dev/null", "r", stdin) ||
        !freopen("/dev/null", "w", stdout)) {
        img_error("Failed to fork: %s", g_strerror(errno));
        return false;
    }
    close(ready[0]);
    s->parent = ready[1];
    return true;
}

/* Who waits for the parent may wait for the end of what it writes, too. */
static bool tell_parent(const Serving *s)
{
    bool told = s->parent < 0 || (freopen("/dev/null", "w", stderr) && write(s->parent, "", 1) == 1);
    if (s->parent >= 0) {
        close(s->parent);
    }
    return told;
}

/* Those that were not stored say nothing. */
static bool find_bitmaps(const Serving *s, BlockNode *n, DirtyBitmap **bitmaps, GError **err)
{
    for (unsigned i = 0; i < s->bitmap_count; i++) {
        bitmaps[i] = node_bitmap_find(n, s->bitmaps[i], err);
        if (!bitmaps[i] || !bitmap_allows(bitmaps[i], BITMAP_CHANGE, err)) {
            return false;
        }
    }
    return true;
}

static int serve(Serving *s, BlockNode *n, int fd)
{
    g_autoptr(GError) err = NULL;
    sigset_t set = ends();
    int signal = 0, status = EXIT_FAILURE;
    NbdServer *server = nbd_server_new(&(NbdServerOptions){ .fd = fd,
                                                            .max_clients = (unsigned)s->shared,
                                                            .handshake_ms = NBD_HANDSHAKE_MS,
                                                            .tls = s->tls,
                                                            .report = report_client,
                                                            .unused = s->persistent ? NULL : last_has_gone },
                                       &err);
    DirtyBitmap *bitmaps[NBD_BITMAPS_MAX];
    NbdExport e = { .name = s->name,
                    .description = s->description,
                    .node = n,
                    .writable = !s->readonly,
                    .writethrough = s->sync,
                    .depth = s->depth,
                    .offset = s->offset,
                    .bitmaps = bitmaps,
                    .bitmap_count = s->bitmap_count };
    if (!server || !find_bitmaps(s, n, bitmaps, &err) || !nbd_server_add(server, &e, &err)) {
        img_error("%s", err->message);
    } else if (write_pid(s) && tell_parent(s)) {
        sigwait(&set, &signal);
        status = EXIT_SUCCESS;
    }
    nbd_server_free(server);
    int flushed = s->readonly ? 0 : node_flush(n);
    if (flushed) {
        img_error("'%s': %s", s->image, g_strerror(-flushed));
        status = EXIT_FAILURE;
    }
    return status;
}

static int run(Serving *s)
{
    g_autoptr(GError) err = NULL;
    const char *found;
    sigset_t set = ends();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->flags.readonly = s->readonly;
    BlockNode *n = tool_open(&s->tool, s->image, s->format, &s->flags, &found, &err);
    if (!n) {
        img_error("Failed to blk_new_open '%s': %s", s->image, err->message);
        return EXIT_FAILURE;
    }
    bool shown = !s->snapshot || img_show_snapshot(n, found, s->snapshot);
    int fd = shown ? nbd_listen(&s->address, &err) : -1;
    if (fd < 0) {
        if (shown) {
            img_error("%s", err->message);
        }
        node_unref(n);
        return EXIT_FAILURE;
    }
    int status = !s->daemonize || go_behind(s) ? serve(s, n, fd) : EXIT_FAILURE;
    if (s->address.path) {
        unlink(s->address.path);
    }
    if (s->wrote_pid) {
        unlink(s->pid_file);
    }
    node_unref(n);
    return status;
}

/* ---- options ------------------------------------------------------------------- */

static const char usage[] =
    "Usage: %s [-p PORT] [-b ADDRESS] [-k PATH] [-e CLIENTS] [-t] [-x NAME] [-D TEXT] [-A] [-B BITMAP] [-o OFFSET] [-f FORMAT] [-l SNAPSHOT] [-r] [-n]\n"
    "       [--cache=MODE] [--discard=ignore|unmap] [--fork] [--pid-file=PATH] [--object=OBJECT] [--tls-creds=ID] FILE\n"
    "  or:  %s ... --image-opts OPTIONS\n"
    "  or:  %s -L [-p PORT] [-b HOST] [-k PATH] [--object=OBJECT] [--tls-creds=ID] [--tls-hostname=NAME]\n";

enum {
    OPTION_CACHE = 256,
    OPTION_DISCARD,
    OPTION_FORK,
    OPTION_PID,
    OPTION_TLS,
    OPTION_HOSTNAME,
    OPTION_AUTHZ
};
static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { "port", required_argument, NULL, 'p' },
    { "bind", required_argument, NULL, 'b' },
    { "socket", required_argument, NULL, 'k' },
    { "shared", required_argument, NULL, 'e' },
    { "persistent", no_argument, NULL, 't' },
    { "export-name", required_argument, NULL, 'x' },
    { "description", required_argument, NULL, 'D' },
    { "allocation-depth", no_argument, NULL, 'A' },
    { "bitmap", required_argument, NULL, 'B' },
    { "load-snapshot", required_argument, NULL, 'l' },
    { "offset", required_argument, NULL, 'o' },
    { "list", no_argument, NULL, 'L' },
    { "format", required_argument, NULL, 'f' },
    { "read-only", no_argument, NULL, 'r' },
    { "nocache", no_argument, NULL, 'n' },
    { "cache", required_argument, NULL, OPTION_CACHE },
    { "discard", required_argument, NULL, OPTION_DISCARD },
    { "fork", no_argument, NULL, OPTION_FORK },
    { "pid-file", required_argument, NULL, OPTION_PID },
    { "tls-creds", required_argument, NULL, OPTION_TLS },
    { "tls-hostname", required_argument, NULL, OPTION_HOSTNAME },
    { "tls-authz", required_argument, NULL, OPTION_AUTHZ },
    { NULL },
};

static bool take_number(const char *what, uint64_t most, uint64_t *value)
{
    bool ok = img_read_size(optarg, value) && *value <= most;
    if (!ok) {
        img_error("Invalid %s '%s'", what, optarg);
    }
    return ok;
}

static bool take_cache(Serving *s, const char *mode)
{
    s->cache = true;
    bool ok = img_cache(mode, &s->flags, &s->sync);
    if (!ok) {
        img_error("Invalid cache mode `%s'", mode);
    }
    return ok;
}

static bool take_option(Serving *s, int c)
{
    switch (c) {
    case 'p': s->address.port = optarg; break;
    case 'b': s->address.host = optarg; break;
    case 'k': s->address.path = optarg; break;
    case 'e': return take_number("shared device number", 1000, &s->shared);
    case 't': s->persistent = true; break;
    case 'x': s->name = optarg; break;
    case 'D': s->description = optarg; break;
    case 'A': s->depth = true; break;
    case 'l':
        s->snapshot = optarg;
        s->readonly = true;
        break;
    case 'B':
        if (s->bitmap_count == NBD_BITMAPS_MAX) {
            img_error("more than %d bitmaps", NBD_BITMAPS_MAX);
            return false;
        }
        s->bitmaps[s->bitmap_count++] = optarg;
        break;
    case 'o': return take_number("offset", INT64_MAX, &s->offset);
    case 'L': s->list = true; break;
    case 'f': s->format = optarg; break;
    case 'r': s->readonly = true; break;
    case 'n': return take_cache(s, "none");
    case OPTION_CACHE: return take_cache(s, optarg);
    case OPTION_DISCARD:
        s->discard = true;
        s->flags.discard = strcmp(optarg, "unmap") == 0 || strcmp(optarg, "on") == 0;
        if (!s->flags.discard && strcmp(optarg, "ignore") != 0 && strcmp(optarg, "off") != 0) {
            img_error("Invalid discard mode `%s'", optarg);
            return false;
        }
        break;
    case OPTION_FORK: s->daemonize = true; break;
    case OPTION_PID: s->pid_file = optarg; break;
    case OPTION_TLS: s->tls_creds = optarg; break;
    case OPTION_HOSTNAME: s->tls_hostname = optarg; break;
    case OPTION_AUTHZ:
        img_error("--tls-authz is not built: whoever has a certificate of the authority may connect");
        return false;
    default: fprintf(stderr, "Try `%s --help' for more information.\n", img_program); return false;
    }
    return true;
}

static bool check_options(const Serving *s, int words)
{
    if (s->address.path && (s->address.host || s->address.port)) {
        img_error("a socket has a path, or an address and a port");
        return false;
    }
    if (s->tool.target_image_opts) {
        img_error("--target-image-opts is of lyrebird-img: this program has one image");
        return false;
    }
    if (s->tool.image_opts && (s->cache || s->discard)) {
        img_error("with --image-opts cache and discard are the image's: cache.direct=on, discard=unmap");
        return false;
    }
    if (s->tls_hostname && (!s->list || !s->tls_creds)) {
        img_error("TLS hostname is of --list with --tls-creds");
        return false;
    }
    if (words != !s->list) {
        img_error(s->list ? "List mode is incompatible with a file name" : "Invalid number of arguments");
        fprintf(stderr, "Try `%s --help' for more information.\n", img_program);
        return false;
    }
    return true;
}

static int list(const Serving *s)
{
    const char *host = s->address.path ? NULL : s->address.host ? s->address.host : "localhost";
    return nbd_tool_list(
        &s->address,
        &(NbdName){ .host = (char *)host, .tls = s->tls, .tls_hostname = (char *)s->tls_hostname });
}

static int start(Serving *s, int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    if (!tool_options_take(&s->tool, &argc, argv)) {
        return EXIT_FAILURE;
    }
    for (int c; (c = getopt_long(argc, argv, "hVp:b:k:e:tx:D:AB:o:Lf:l:rn", long_options, NULL)) != -1;) {
        if (c == 'h') {
            printf(usage, img_program, img_program, img_program);
            return EXIT_SUCCESS;
        }
        if (c == 'V') {
            printf("%s %s (Lyrebird)\n", img_program, LYREBIRD_VERSION);
            return EXIT_SUCCESS;
        }
        if (!take_option(s, c)) {
            return EXIT_FAILURE;
        }
    }
    if (!check_options(s, argc - optind)) {
        return EXIT_FAILURE;
    }
    s->image = argv[optind];
    s->tls = s->tls_creds
                 ? secrets_find_tls(s->tool.secrets, s->tls_creds, s->list ? TLS_CLIENT : TLS_SERVER, &err)
                 : NULL;
    if (s->tls_creds && !s->tls) {
        img_error("%s", err->message);
        return EXIT_FAILURE;
    }
    return s->list ? list(s) : run(s);
}

int main(int argc, char **argv)
{
    img_program_begin("lyrebird-nbd", "qemu-nbd", argv[0]);
    Serving s = { .name = "", .shared = 1, .parent = -1, .flags = { .locking = true } };
    int status = start(&s, argc, argv);
    tls_creds_unref(s.tls);
    tool_options_clear(&s.tool);
    return status;
}
