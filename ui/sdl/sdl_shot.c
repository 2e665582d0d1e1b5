/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key for a picture of the screen: a PNG file with the time in its name, in the user's folder of pictures; without one, in the
 * folder where the program was started.  Nothing is overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ui/sdl/sdl.h"

enum { MOST_A_SECOND = 100 };

static char *file_name(const SdlDisplay *d, unsigned number)
{
    const char *folder = g_get_user_special_dir(G_USER_DIRECTORY_PICTURES);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
    g_autofree char *more = number ? g_strdup_printf("-%u", number + 1) : g_strdup("");
    g_autofree char *name =
        g_strdup_printf("lyrebird%s%s-%s%s.png", d->name ? "-" : "", d->name ? d->name : "", time, more);
    return g_build_filename(folder ? folder : ".", g_strdelimit(name, "/", '_'), NULL);
}

static int open_new(const SdlDisplay *d, char **name)
{
    int fd = -1;
    for (unsigned n = 0; fd < 0 && n < MOST_A_SECOND; n++) {
        g_free(*name);
        *name = file_name(d, n);
        fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    return fd;
}

static bool write_all(int fd, GBytes *bytes)
{
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    for (gsize done = 0; done < size;) {
        ssize_t n = write(fd, data + done, size - done);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += (gsize)MAX(n, 0);
    }
    return true;
}

void sdl_window_shoot(const SdlWindow *w)
{
    const Picture *p = &w->shadow.picture;
    g_autofree char *name = NULL;
    if (!p->width || !p->height) {
        log_report("there is no picture of the screen: it shows nothing yet");
        return;
    }
    int fd = open_new(w->d, &name);
    g_autoptr(GBytes) bytes = fd < 0 ? NULL : picture_encode(p, PICTURE_PNG);
    bool ok = fd >= 0 && write_all(fd, bytes);
    int why = errno;
    if (fd >= 0 && close(fd) < 0 && ok) {
        ok = false;
        why = errno;
    }
    if (fd >= 0 && !ok) {
        (void)!unlink(name); /* it is new, and not whole */
    }
    if (ok) {
        log_report("a picture of the screen is in %s", name);
    } else {
        log_report(
            "a picture of the screen cannot be written to %s: %s; use the monitor's screendump with another name, or "
            "-sandbox dir= for its folder",
            name, g_strerror(why));
    }
}
