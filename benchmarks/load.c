/* load.c: a closed-loop HTTP/1.1 load generator that knows event streams (one thread, epoll, loopback only).
 *
 * usage: load PORT PATH CONNECTIONS SECONDS BODY [HEADER...]
 *
 * Every connection sends the next request when the last answer is whole. Prints one line: answers with status 200 that
 * came whole, all other ends, seconds, `data:` events an answer, and the median and 99th percentile time in ms. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_ANSWER (1 << 20)
#define MOST_TIMES (1 << 22)

typedef struct {
  int fd;
  double sent_at;
  size_t used;
  char in[MOST_ANSWER];
} Connection;

static int port, poll_fd;
static char *request;
static size_t request_size;
static long good, bad, events_seen, times_used;
static float *times;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_request(Connection *c) {
  c->used = 0;
  c->sent_at = now();
  if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) exit(2);
}

static void open_connection(Connection *c) {
  struct sockaddr_in address = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (void *)&address, sizeof address)) {
    perror("connect");
    exit(2);
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event event = {EPOLLIN, {.ptr = c}};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
  send_request(c);
}

/* Whether the answer in the buffer is whole. */
static int is_whole(Connection *c) {
  c->in[c->used] = 0;
  char *end = strstr(c->in, "\r\n\r\n");
  if (!end) return 0;
  char *length = strcasestr(c->in, "\ncontent-length:");
  if (length && length < end) return c->used >= (size_t)(end + 4 - c->in) + strtoul(length + 16, NULL, 10);
  return c->used >= 5 && !memcmp(c->in + c->used - 5, "0\r\n\r\n", 5);
}

static void finish(Connection *c) {
  if (c->used > 12 && !memcmp(c->in + 9, "200", 3)) {
    good++;
    for (char *at = c->in; (at = strstr(at, "data: ")); at++) events_seen++;
    if (times_used < MOST_TIMES) times[times_used++] = (float)((now() - c->sent_at) * 1e3);
  } else {
    bad++;
  }
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 6) return fputs("usage: load PORT PATH CONNECTIONS SECONDS BODY [HEADER...]\n", stderr), 2;
  signal(SIGPIPE, SIG_IGN);
  port = atoi(argv[1]);
  int count = atoi(argv[3]);
  double seconds = atof(argv[4]);
  char *headers = strdup("");
  for (int i = 6; i < argc; i++) asprintf(&headers, "%s%s\r\n", headers, argv[i]);
  request_size = (size_t)asprintf(&request,
                                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                                  "%sContent-Length: %zu\r\n\r\n%s",
                                  argv[2], port, headers, strlen(argv[5]), argv[5]);
  times = malloc(MOST_TIMES * sizeof *times);
  poll_fd = epoll_create1(0);
  Connection *connections = calloc((size_t)count, sizeof *connections);
  double began = now(), end = began + seconds;
  for (int i = 0; i < count; i++) open_connection(&connections[i]);
  int open = count;
  struct epoll_event events[256];
  while (open && now() < end + 10) {
    int ready = epoll_wait(poll_fd, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      Connection *c = events[i].data.ptr;
      ssize_t got = recv(c->fd, c->in + c->used, MOST_ANSWER - 1 - c->used, 0);
      if (got > 0) {
        c->used += (size_t)got;
        if (!is_whole(c)) continue;
        finish(c);
        if (now() < end) {
          send_request(c);
          continue;
        }
      } else {
        bad++;
      }
      close(c->fd);
      open--;
    }
  }
  qsort(times, (size_t)times_used, sizeof *times, compare);
  printf("%ld %ld %.3f %.2f %.3f %.3f\n", good, bad + open, now() - began, good ? (double)events_seen / (double)good : 0.0,
         times_used ? times[times_used / 2] : 0.0, times_used ? times[times_used * 99 / 100] : 0.0);
  return 0;
}
