// Asks for one path again and again over connections that stay open, one request at a time on each.
//   ask PORT PATH CONNECTIONS SECONDS    prints how many requests were answered, and the seconds that took
// Every answer must be of status 200 and have a Content-Length.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 16 };

struct line {
    int socket;
    size_t have, need;
    char bytes[ROOM];
};

static char request[4096];
static size_t request_size;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "ask: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_request(struct line *line) {
    line->have = line->need = 0;
    if (write(line->socket, request, request_size) != (ssize_t) request_size) fail("write");
}

// Whether the answer is whole.
static int take(struct line *line) {
    ssize_t count = read(line->socket, line->bytes + line->have, ROOM - 1 - line->have);
    if (count <= 0) fail("read");
    line->have += (size_t) count;
    if (!line->need) {
        line->bytes[line->have] = 0;
        char *end = strstr(line->bytes, "\r\n\r\n");
        if (!end) return 0;
        if (strncmp(line->bytes, "HTTP/1.1 200 ", 13)) fail("the status is not 200");
        char *length = strcasestr(line->bytes, "\r\nContent-Length: ");
        if (!length || length > end) fail("no Content-Length");
        line->need = (size_t) (end + 4 - line->bytes) + strtoul(length + 18, NULL, 10);
        if (line->need >= ROOM) fail("the answer is too long");
    }
    return line->have >= line->need;
}

int main(int count, char **words) {
    if (count != 5) return fprintf(stderr, "usage: ask PORT PATH CONNECTIONS SECONDS\n"), 2;
    int connections = atoi(words[3]);
    double seconds = atof(words[4]);
    request_size = (size_t) snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", words[2], words[1]);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short) atoi(words[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int poll = epoll_create1(0);
    struct line *lines = calloc((size_t) connections, sizeof *lines);
    for (int place = 0; place < connections; place++) {
        struct line *line = &lines[place];
        line->socket = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(line->socket, (struct sockaddr *) &address, sizeof address)) fail("connect");
        int yes = 1;
        setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, line->socket, &event)) fail("epoll_ctl");
        send_request(line);
    }
    long answers = 0;
    double start = now(), end = start + seconds, time = start;
    while (time < end) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 5000);
        if (ready <= 0) fail("no answer within five seconds");
        for (int place = 0; place < ready; place++) {
            struct line *line = events[place].data.ptr;
            if (!take(line)) continue;
            answers++;
            send_request(line);
        }
        time = now();
    }
    printf("%ld %.6f\n", answers, time - start);
    return 0;
}
