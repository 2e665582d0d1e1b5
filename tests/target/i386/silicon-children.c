/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See silicon-children.h. */
#include "silicon-children.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "silicon.h"

/* What the child is asked for, a byte each, and how it ends: its keeper makes another one unless there is nobody to ask. */
typedef enum Command { RUN_BATCH, RUN_AGAIN } Command;
enum { BATCHES_A_CHILD = 64 };  /* then another one: a piece that went astray may have changed anything */
enum { NO_MORE = 0, NEXT = 2 }; /* its status; or SILICON_CHILD_DIED */

/* LSL of one of Linux's descriptors tells the processor's number: in the guest's it is 0. */
static void move_to_first_processor(void)
{
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof(first), &first);
}

static uint8_t wait_for_command(int from)
{
    uint8_t command;
    if (TEMP_FAILURE_RETRY(read(from, &command, 1)) != 1) {
        _exit(NO_MORE);
    }
    return command;
}

G_NORETURN static void run_child(const SiliconChild *c, int from, int to)
{
    c->begin();
    for (unsigned n = 0; n < BATCHES_A_CHILD; n++) {
        uint8_t command = wait_for_command(from);
        if (command == RUN_AGAIN) {
            move_to_first_processor();
            n = BATCHES_A_CHILD;
        }
        c->run();
        if (TEMP_FAILURE_RETRY(write(to, &command, 1)) != 1) {
            _exit(NO_MORE);
        }
    }
    _exit(NEXT);
}

/* A process that stays small, for forks are made of it: what a fork shares is copied page by page later on. */
G_NORETURN static void keep_children(const SiliconChild *c, int from, int to)
{
    const uint8_t died = UINT8_MAX;
    int status;
    for (;;) {
        pid_t child = fork();
        if (child < 0) {
            _exit(1); /* the pipe closes, which ends the test with a message */
        }
        if (child == 0) {
            run_child(c, from, to);
        }
        waitpid(child, &status, 0);
        bool ended = WIFEXITED(status) && WEXITSTATUS(status) != SILICON_CHILD_DIED;
        if (ended && WEXITSTATUS(status) == NO_MORE) {
            _exit(0);
        }
        if (!ended && write(to, &died, 1) != 1) {
            _exit(0);
        }
    }
}

static pid_t keeper; /* 0: there is none */
static int to_child, from_child;

static void start_keeper(const SiliconChild *c)
{
    int down[2], up[2];
    if (pipe(down) || pipe(up)) {
        g_error("no pipes for the trials");
    }
    keeper = fork();
    g_assert_cmpint(keeper, >=, 0);
    if (keeper == 0) {
        close(down[1]);
        close(up[0]);
        keep_children(c, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    to_child = down[1];
    from_child = up[0];
}

void silicon_native_end(void)
{
    if (keeper) {
        close(to_child);
        close(from_child);
        waitpid(keeper, NULL, 0);
        keeper = 0;
    }
}

bool silicon_child_runs(const SiliconChild *c, bool alone)
{
    uint8_t answer, command = alone ? RUN_AGAIN : RUN_BATCH;
    if (!keeper) {
        start_keeper(c);
    }
    if (write(to_child, &command, 1) != 1 || TEMP_FAILURE_RETRY(read(from_child, &answer, 1)) != 1) {
        g_error("no process for the trials");
    }
    return answer == command;
}
