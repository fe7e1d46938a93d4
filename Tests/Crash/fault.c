// Preloaded into the server, it does harm at one chosen system call that changes a file.
//
// Calls that write, cut, sync or remove a file whose path holds $STRANDLINE_FAULT_FILE are counted. At call number
// $STRANDLINE_FAULT_AT the process is killed before the call ("kill"), or half of the bytes are written first
// ("torn"), or the call fails with EIO once ("eio") or with ENOSPC from then on ("enospc"). The count so far is kept
// in the file $STRANDLINE_FAULT_COUNT, one byte a call.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault { NONE, KILL, TORN, FAIL_IO, FAIL_FULL };

static const char *watched, *mode;
static long chosen;
static int counter = -1;
static atomic_long calls;

__attribute__((constructor)) static void start(void) {
    watched = getenv("STRANDLINE_FAULT_FILE");
    mode = getenv("STRANDLINE_FAULT_MODE");
    const char *at = getenv("STRANDLINE_FAULT_AT");
    chosen = at ? atol(at) : 0;
    const char *count = getenv("STRANDLINE_FAULT_COUNT");
    if (count) counter = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_watched(const char *path) { return watched && path && strstr(path, watched) != NULL; }

static int is_watched_file(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

static enum fault next(void) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (counter >= 0) syscall(SYS_write, counter, ".", 1);
    if (!mode || !chosen) return NONE;
    if (!strcmp(mode, "enospc")) return number >= chosen ? FAIL_FULL : NONE;
    if (number != chosen) return NONE;
    return !strcmp(mode, "kill") ? KILL : !strcmp(mode, "torn") ? TORN : !strcmp(mode, "eio") ? FAIL_IO : NONE;
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t harm_write(int file, const void *bytes, size_t count, off_t offset) {
    enum fault fault = is_watched_file(file) ? next() : NONE;
    if (fault == TORN) { syscall(SYS_pwrite64, file, bytes, count / 2, offset); die(); }
    if (fault == KILL) die();
    if (fault == FAIL_IO) { errno = EIO; return -1; }
    if (fault == FAIL_FULL) { errno = ENOSPC; return -1; }
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) { return harm_write(file, bytes, count, offset); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) { return harm_write(file, bytes, count, offset); }

static int harm_other(int watched_here) {
    enum fault fault = watched_here ? next() : NONE;
    if (fault == KILL || fault == TORN) die();
    if (fault == FAIL_IO) { errno = EIO; return -1; }
    return 0; // a full disk does not keep a file from being cut, synced or removed
}

int fdatasync(int file) { return harm_other(is_watched_file(file)) ? -1 : ORIGINAL(fdatasync)(file); }
int fsync(int file) { return harm_other(is_watched_file(file)) ? -1 : ORIGINAL(fsync)(file); }
int ftruncate64(int file, off_t length) { return harm_other(is_watched_file(file)) ? -1 : (int)syscall(SYS_ftruncate, file, length); }
int ftruncate(int file, off_t length) { return harm_other(is_watched_file(file)) ? -1 : (int)syscall(SYS_ftruncate, file, length); }
int unlink(const char *path) { return harm_other(is_watched(path)) ? -1 : ORIGINAL(unlink)(path); }
