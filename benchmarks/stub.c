/* stub.c: a very cheap OpenAI-compatible provider for measurements (one thread, epoll, loopback only).
 *
 * usage: stub [CHUNKS=50]; prints its port.
 *
 * Answers every POST at once: a JSON completion, or with "stream":true an event stream of CHUNKS chunks in one write.
 * Usage is always 12 tokens in and CHUNKS out; in a stream it comes in a chunk of its own. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CONNECTIONS 4096
#define MOST_REQUEST 65536

typedef struct {
  size_t used;
  char in[MOST_REQUEST];
} Connection;

static Connection *connections[MOST_CONNECTIONS];
static char *json_answer, *stream_answer;
static size_t json_size, stream_size;

static void append(char **at, const char *data) {
  size_t size = strlen(data);
  *at += sprintf(*at, "%zx\r\n", size);
  memcpy(*at, data, size);
  *at += size;
  memcpy(*at, "\r\n", 2);
  *at += 2;
}

static void prepare(int chunks) {
  char event[512], usage[128];
  sprintf(usage, "{\"prompt_tokens\":12,\"completion_tokens\":%d,\"total_tokens\":%d}", chunks, 12 + chunks);

  char *body = malloc(1024 + (size_t)chunks * 8), *text = malloc((size_t)chunks * 8 + 1);
  text[0] = 0;
  for (int i = 0; i < chunks; i++) strcat(text, " word");
  int size = sprintf(body,
                     "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"stub\","
                     "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},"
                     "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":%s}",
                     text, usage);
  json_answer = malloc((size_t)size + 256);
  json_size = (size_t)sprintf(json_answer,
                              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size,
                              body);

  stream_answer = malloc(4096 + (size_t)chunks * 512);
  char *at = stream_answer;
  at += sprintf(at, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  const char *head = "data: {\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,"
                     "\"model\":\"stub\",\"choices\":[";
  for (int i = 0; i < chunks; i++) {
    sprintf(event, "%s{\"index\":0,\"delta\":{%s\"content\":\" word\"},\"finish_reason\":null}]}\n\n", head,
            i ? "" : "\"role\":\"assistant\",");
    append(&at, event);
  }
  sprintf(event, "%s{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", head);
  append(&at, event);
  sprintf(event, "%s],\"usage\":%s}\n\n", head, usage);
  append(&at, event);
  append(&at, "data: [DONE]\n\n");
  at += sprintf(at, "0\r\n\r\n");
  stream_size = (size_t)(at - stream_answer);
}

static int is_true(const char *body, const char *name) {
  const char *at = strstr(body, name);
  if (!at) return 0;
  at += strlen(name);
  while (*at == ' ' || *at == ':') at++;
  return !strncmp(at, "true", 4);
}

static void drop(int fd) {
  close(fd);
  free(connections[fd]);
  connections[fd] = NULL;
}

static int send_all(int fd, const char *data, size_t size) {
  while (size) {
    /* Answers are far smaller than a loopback socket's buffer; a full one is a client that does not read. */
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    data += sent;
    size -= (size_t)sent;
  }
  return 0;
}

/* Answers the requests that are complete; -1 when the connection is of no use any more. */
static int answer(int fd) {
  Connection *c = connections[fd];
  for (;;) {
    c->in[c->used] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(c->in, "\ncontent-length:");
    size_t need = (size_t)(end + 4 - c->in) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
    if (need >= MOST_REQUEST) return -1;
    if (c->used < need) return 0;
    char after = c->in[need];
    c->in[need] = 0;
    int stream = is_true(end, "\"stream\"");
    c->in[need] = after;
    if (send_all(fd, stream ? stream_answer : json_answer, stream ? stream_size : json_size)) return -1;
    c->used -= need;
    memmove(c->in, c->in + need, c->used);
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  prepare(argc > 1 ? atoi(argv[1]) : 50);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  if (bind(listener, (void *)&address, size) || listen(listener, 1024)) return perror("bind"), 1;
  getsockname(listener, (void *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int poll = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {.fd = listener}}, events[256];
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        while ((fd = accept4(listener, NULL, NULL, 0)) >= 0) {
          if (fd >= MOST_CONNECTIONS) {
            close(fd);
            continue;
          }
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          connections[fd] = calloc(1, sizeof(Connection));
          event = (struct epoll_event){EPOLLIN, {.fd = fd}};
          epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        }
        continue;
      }
      Connection *c = connections[fd];
      ssize_t got = recv(fd, c->in + c->used, MOST_REQUEST - 1 - c->used, 0);
      if (got <= 0) {
        drop(fd);
        continue;
      }
      c->used += (size_t)got;
      if (answer(fd)) drop(fd);
    }
  }
}
