/* A clock for a real Nagios whose month has to pass in a minute: preloaded into it, and into nothing else.
 *
 * Time stands still while Nagios works. Where it would sleep, the clock goes on to where it would have woken up, after
 * the test was asked over a socket: it answers outstanding checks first, or lets time go on. As long as nothing was
 * written to anybody since, and the test has nothing to do before, it need not be asked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* In the file that both map: nanoseconds since 1970, and whether the clock is asked for at all yet. */
static volatile int64_t *shared;
static pid_t nagios;
static int test = -1;
static int wrote = 1;
static int64_t free_until;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("NAGIOS_CLOCK");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    shared = mapped;
    char line[4096] = {0};
    file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, line, sizeof line - 1);
    close(file);
    /* Its workers sleep in real time. */
    nagios = length > 0 && memmem(line, (size_t)length, "--worker", 8) ? -1 : getpid();
}

static int64_t now(void) {
    if (shared) return shared[0];
    struct timespec real;
    static int (*original)(clockid_t, struct timespec *);
    if (!original) original = dlsym(RTLD_NEXT, "clock_gettime");
    original(CLOCK_REALTIME, &real);
    return (int64_t)real.tv_sec * 1000000000 + real.tv_nsec;
}

time_t time(time_t *at) {
    time_t seconds = now() / 1000000000;
    if (at) *at = seconds;
    return seconds;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    int64_t moment = now();
    at->tv_sec = moment / 1000000000;
    at->tv_usec = moment % 1000000000 / 1000;
    return 0;
}

ssize_t write(int file, const void *bytes, size_t length) {
    static ssize_t (*original)(int, const void *, size_t);
    if (!original) original = dlsym(RTLD_NEXT, "write");
    wrote = 1;
    return original(file, bytes, length);
}

ssize_t send(int file, const void *bytes, size_t length, int flags) {
    static ssize_t (*original)(int, const void *, size_t, int);
    if (!original) original = dlsym(RTLD_NEXT, "send");
    wrote = 1;
    return original(file, bytes, length, flags);
}

static int connected(void) {
    if (test >= 0) return 1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, getenv("NAGIOS_CLOCK_SOCKET"), sizeof address.sun_path - 1);
    test = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return test >= 0 && connect(test, (struct sockaddr *)&address, sizeof address) == 0;
}

/* (time it would wake up) -> (time it is, time up to which it need not ask). */
static int asked(int64_t wanted, int64_t answer[2]) {
    if (!connected() || recv(test, NULL, 0, MSG_DONTWAIT) == 0) return 0;
    static ssize_t (*original)(int, const void *, size_t, int);
    if (!original) original = dlsym(RTLD_NEXT, "send");
    if (original(test, &wanted, sizeof wanted, MSG_NOSIGNAL) != sizeof wanted) return 0;
    return recv(test, answer, 16, MSG_WAITALL) == 16;
}

int epoll_wait(int set, struct epoll_event *events, int most, int milliseconds) {
    static int (*original)(int, struct epoll_event *, int, int);
    if (!original) original = dlsym(RTLD_NEXT, "epoll_wait");
    if (!shared || !shared[1] || getpid() != nagios) return original(set, events, most, milliseconds);
    int found = original(set, events, most, 0);
    if (found || milliseconds == 0) return found;
    int64_t wanted = shared[0] + (int64_t)(milliseconds < 0 ? 1500 : milliseconds) * 1000000;
    if (!wrote && wanted <= free_until) {
        shared[0] = wanted;
        return 0;
    }
    int64_t answer[2];
    wrote = 0;
    if (!asked(wanted, answer)) return original(set, events, most, milliseconds);
    if (answer[0] == shared[0]) wrote = 1;
    shared[0] = answer[0];
    free_until = answer[1];
    return original(set, events, most, 0);
}
