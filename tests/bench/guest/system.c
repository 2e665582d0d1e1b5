/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operating system: calls, processes, page faults, pipes, signals, files, a shell. */
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t syscalls(void)
{
    uint64_t sum = 0;
    long parent = getppid();
    for (int i = 0; i < 300000; i++) {
        sum += syscall(SYS_getppid) == parent;
    }
    return sum;
}

static uint64_t wait_for(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static uint64_t fork_only(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(i & 63);
        }
        sum += wait_for(child);
    }
    return sum;
}

static uint64_t fork_exec(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 70; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(bench_self, bench_self, "true", (char *)NULL);
            _exit(99);
        }
        sum += wait_for(child) == 0;
    }
    return sum;
}

static uint64_t page_faults(void)
{
    enum { PAGES = 1024 };
    uint64_t sum = 0;
    for (int i = 0; i < 14; i++) {
        unsigned char *p =
            mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int k = 0; k < PAGES; k++) {
            p[k * 4096] = k;
        }
        sum += p[(PAGES - 1) * 4096];
        munmap(p, PAGES * 4096);
    }
    return sum;
}

/* Two processes hand one byte back and forth: two switches a round. */
static uint64_t ping_pong(void)
{
    int there[2], back[2];
    uint64_t sum = 0;
    if (pipe(there) < 0 || pipe(back) < 0) {
        return 0;
    }
    pid_t child = fork();
    unsigned char c = 0;
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1) {
            c++;
            if (write(back[1], &c, 1) != 1) {
                break;
            }
        }
        _exit(0);
    }
    close(there[0]);
    for (int i = 0; i < 4000; i++) {
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) {
            break;
        }
        sum += c;
    }
    close(there[1]);
    wait_for(child);
    close(back[0]);
    close(back[1]);
    return sum;
}

static uint64_t yields(void)
{
    pid_t child = fork();
    for (int i = 0; i < 10000; i++) {
        sched_yield();
    }
    if (child == 0) {
        _exit(7);
    }
    return wait_for(child);
}

static volatile uint64_t signal_count;

static void on_signal(int number)
{
    signal_count += number;
}

static uint64_t signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &action, NULL);
    signal_count = 0;
    for (int i = 0; i < 5000; i++) {
        raise(SIGUSR1);
    }
    return signal_count;
}

static uint64_t files(void)
{
    char block[4096] = { 1 };
    uint64_t sum = 0;
    for (int i = 0; i < 400; i++) {
        int fd = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
        for (int k = 0; k < 8; k++) {
            sum += write(fd, block, sizeof(block));
        }
        lseek(fd, 0, SEEK_SET);
        for (int k = 0; k < 8; k++) {
            sum += read(fd, block, sizeof(block));
        }
        close(fd);
        unlink("/tmp/bench-file");
    }
    return sum;
}

static uint64_t shell(void)
{
    static const char script[] = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); x=$(echo word$i | cut -c1-5); "
                                 "case $x in word*) ;; *) exit 1;; esac; done; exit 5";
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(99);
    }
    return wait_for(child);
}

const Program system_programs[] = {
    { "system", "syscall", syscalls },   { "system", "fork", fork_only },
    { "system", "forkexec", fork_exec }, { "system", "fault", page_faults },
    { "system", "pipe", ping_pong },     { "system", "yield", yields },
    { "system", "signal", signals },     { "system", "file", files },
    { "system", "shell", shell },        { NULL, NULL, NULL },
};
