// A plain libmicrohttpd server that answers every request with the same bytes: what the library alone can do.
//   plain THREADS HEADERS BODY    serves the two files, prints its port, and ends with its standard input
// HEADERS holds lines "Name: value"; the library adds Date, Content-Length and Connection as it does for anybody.
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct { char *name, *value; } fields[64];
static int field_count;
static char *body;
static size_t body_size;

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(2); }
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, (1 << 20) - 1, file);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

static void read_fields(char *text) {
    for (char *line = strtok(text, "\r\n"); line && field_count < 64; line = strtok(NULL, "\r\n")) {
        char *colon = strstr(line, ": ");
        if (!colon) continue;
        *colon = 0;
        fields[field_count].name = line;
        fields[field_count++].value = colon + 2;
    }
}

// A request is answered in the second call for it, as Strandline does: in the first one the body may be still to come.
static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *target, const char *method,
                             const char *version, const char *data, size_t *size, void **request) {
    (void) context, (void) target, (void) method, (void) version, (void) data;
    if (!*request) {
        *request = &field_count;
        return MHD_YES;
    }
    *size = 0;
    struct MHD_Response *response = MHD_create_response_from_buffer(body_size, body, MHD_RESPMEM_MUST_COPY);
    for (int place = 0; place < field_count; place++)
        MHD_add_response_header(response, fields[place].name, fields[place].value);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

int main(int count, char **words) {
    if (count != 4) return fprintf(stderr, "usage: plain THREADS HEADERS BODY\n"), 2;
    size_t size;
    read_fields(read_file(words[2], &size));
    body = read_file(words[3], &body_size);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, serve, NULL,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE, (unsigned) atoi(words[1]),
        MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_CONNECTION_TIMEOUT, 60u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 16 << 10, MHD_OPTION_END);
    if (!daemon) return fprintf(stderr, "the server did not start\n"), 1;
    printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
    MHD_stop_daemon(daemon);
    return 0;
}
