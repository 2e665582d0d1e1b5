/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "talk.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 10000 };

void fuzz_talk(int fd, const uint8_t *data, size_t size)
{
    static uint8_t answer[65536];
    bool sent = false, open = true;
    for (size_t done = 0; open;) {
        if (done == size && !sent) {
            shutdown(fd, SHUT_WR);
            sent = true;
        }
        struct pollfd p = { fd, (short)(POLLIN | (done < size ? POLLOUT : 0)), 0 };
        int ready = poll(&p, 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR) {
            continue; /* libFuzzer's clock */
        }
        g_assert_cmpint(ready, >, 0); /* else it hangs */
        if (p.revents & POLLOUT) {
            ssize_t n = send(fd, data + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            done = n > 0 ? done + (size_t)n : errno == EAGAIN ? done : size;
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            open = recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0 ||
                   (errno == EAGAIN && !(p.revents & POLLHUP));
        }
    }
}
