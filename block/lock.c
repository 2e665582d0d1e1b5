/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image locks: no two programs write one image, none reads what another writes.
 *
 * Open-file-description locks on single bytes of the image, in the places that QEMU uses
 * (seen in /proc/locks): byte 100 + p is read-locked by who uses permission p, byte 200 + p
 * by who does not let others have it (p 0: consistent reading, 1: writing).  So
 * both programs, and their tools, respect each other.
 *
 * The holder is found by looking for the image and a lock on it among the open
 * files of all processes that we may look at. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_priv.h"

enum { BYTE_USED = 100, BYTE_UNSHARED = 200, PERM_READ = 0, PERM_WRITE = 1 };

static bool byte_lock(int fd, off_t byte)
{
    struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool byte_is_taken(int fd, off_t byte)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* Does descriptor `fd` (a name in /proc/PID/fd) of that process hold a lock on the image? */
static bool process_fd_locks(const char *pid, const char *fd, const struct stat *image)
{
    g_autofree char *link = g_strdup_printf("/proc/%s/fd/%s", pid, fd);
    g_autofree char *info = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
    g_autofree char *text = NULL;
    struct stat st;
    return stat(link, &st) == 0 && st.st_dev == image->st_dev && st.st_ino == image->st_ino &&
           g_file_get_contents(info, &text, NULL, NULL) && strstr(text, "OFDLCK");
}

static bool process_locks(const char *pid, const struct stat *image)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
    DIR *d = opendir(path);
    bool found = false;
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        found = g_ascii_isdigit(e->d_name[0]) && process_fd_locks(pid, e->d_name, image);
    }
    if (d) {
        closedir(d);
    }
    return found;
}

/* "process 123 (qemu-system-x86)"; NULL: none that we may look at, or this one. */
static char *find_holder(const struct stat *image)
{
    char *name = NULL;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && !name && (e = readdir(d));) {
        g_autofree char *comm_path = g_strdup_printf("/proc/%s/comm", e->d_name);
        g_autofree char *comm = NULL;
        if (!g_ascii_isdigit(e->d_name[0]) || atol(e->d_name) == getpid() ||
            !process_locks(e->d_name, image)) {
            continue;
        }
        if (!g_file_get_contents(comm_path, &comm, NULL, NULL)) {
            comm = g_strdup("?");
        }
        name = g_strdup_printf("process %s (%s)", e->d_name, g_strstrip(comm));
    }
    if (d) {
        closedir(d);
    }
    return name;
}

/* What another one has; NULL: nothing, and the locks are ours.  *e: there can be no locks. */
static const char *take_locks(int fd, bool write, int *e)
{
    bool ok = byte_lock(fd, BYTE_USED + PERM_READ) && (!write || byte_lock(fd, BYTE_USED + PERM_WRITE)) &&
              byte_lock(fd, BYTE_UNSHARED + PERM_WRITE);
    *e = ok || errno == EAGAIN || errno == EACCES ? 0 : errno;
    if (*e) {
        return NULL;
    }
    if (!ok || (write && byte_is_taken(fd, BYTE_UNSHARED + PERM_WRITE))) {
        return "\"write\"";
    }
    if (byte_is_taken(fd, BYTE_UNSHARED + PERM_READ)) {
        return "\"consistent read\"";
    }
    return byte_is_taken(fd, BYTE_USED + PERM_WRITE) ? "shared \"write\"" : NULL;
}

static void give_up_locks(int fd)
{
    struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
    fcntl(fd, F_OFD_SETLK, &l);
}

/* Locks that no process has are those of one that was killed while its io_uring had requests: the kernel ends that ring in its
 * own time, a moment later. */
static const char *wait_for_ring(int fd, bool write, const char *what, int *e)
{
    enum { TRIES = 50, WAIT_US = 20000 };
    for (unsigned n = 0; what && n < TRIES; n++) {
        g_usleep(WAIT_US);
        what = take_locks(fd, write, e);
        if (what) {
            give_up_locks(fd);
        }
    }
    return what;
}

bool image_lock(int fd, const char *path, bool write, bool must, GError **err)
{
    int e;
    struct stat image;
    g_autofree char *holder = NULL, *self = g_strdup_printf("%d", getpid());
    const char *what = take_locks(fd, write, &e);
    if (what) {
        give_up_locks(fd); /* ours must not be found as the holder's */
        bool known = fstat(fd, &image) == 0;
        holder = known ? find_holder(&image) : NULL;
        if (!holder && known && process_locks(self, &image)) {
            holder = g_strdup_printf("another drive of this process (%s)", self);
        }
        what = holder ? what : wait_for_ring(fd, write, what, &e);
    }
    if (e && must) {
        block_error(err, "'%s': the file system has no locks: %s; use file.locking=auto", path,
                    g_strerror(e));
    }
    if (what) {
        block_error(err,
                    "Failed to get %s lock\nIs another process using the image [%s]?\n%s has it; stop "
                    "it, or open the image with readonly=on in both, or give this one a copy",
                    what, path, holder ? holder : "a process of another user");
    }
    return !what && (!e || !must);
}

bool image_lock_more(int fd, const char *path, GError **err)
{
    if (!byte_is_taken(fd, BYTE_UNSHARED + PERM_WRITE)) {
        return true;
    }
    struct stat image;
    g_autofree char *holder = fstat(fd, &image) == 0 ? find_holder(&image) : NULL;
    block_error(
        err,
        "Failed to get \"write\" lock\nIs another process using the image [%s]?\n%s reads it, and would "
        "see it change",
        path, holder ? holder : "somebody else");
    return false;
}

bool image_lock_again(int fd, bool write)
{
    return byte_lock(fd, BYTE_USED + PERM_READ) && (!write || byte_lock(fd, BYTE_USED + PERM_WRITE)) &&
           byte_lock(fd, BYTE_UNSHARED + PERM_WRITE);
}
