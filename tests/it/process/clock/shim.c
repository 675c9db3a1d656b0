/* A wall clock that a test sets: the system's, plus the seconds that the file CLOCK_OFFSET_FILE holds.
 * The monotonic clock is left alone, as it is where somebody sets the clock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("CLOCK_OFFSET_FILE");
    if (failed || clock != CLOCK_REALTIME || !path)
        return failed;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = {0};
    if (file < 0)
        return failed;
    if (read(file, text, sizeof text - 1) > 0)
        time->tv_sec += strtoll(text, NULL, 10);
    close(file);
    return failed;
}
