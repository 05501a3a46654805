/* An SMTP server that takes every mail and keeps none: the far end of the throughput benchmark.
 *
 * It has to cost less than any client, so it is compiled, parses in place, and serves each connection
 * in a thread of its own. It offers PIPELINING, CHUNKING, 8BITMIME and SMTPUTF8, and, given a
 * certificate, STARTTLS and, behind it, AUTH PLAIN and LOGIN for anyone.
 *
 * cc -O2 -o sink sink.c -lssl -lcrypto -lpthread
 * ./sink [--tls CERT KEY] [--no-chunking] [--no-pipelining] [--stamps FILE]
 *
 * Given a file for stamps, it writes a line for each mail: the local part of its last recipient, and the
 * nanoseconds of the monotonic clock at which it was taken.
 *
 * Prints the port it listens on. For each line on standard input it prints the number of mails taken
 * so far, and of their octets; it ends when standard input does.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, REPLIES = 1 << 14 };

static SSL_CTX *tls_context;
static int chunking = 1, pipelining = 1;
static atomic_long mails, octets;
static FILE *stamps;

struct peer {
    int fd;
    SSL *tls;
    char in[BUFFER];
    size_t start, end;
    char out[REPLIES];
    size_t pending;
    char recipient[64];
};

static int flush(struct peer *p) {
    size_t sent = 0;
    while (sent < p->pending) {
        int n = p->tls ? SSL_write(p->tls, p->out + sent, (int)(p->pending - sent))
                       : (int)write(p->fd, p->out + sent, p->pending - sent);
        if (n <= 0) return -1;
        sent += (size_t)n;
    }
    p->pending = 0;
    return 0;
}

static int reply(struct peer *p, const char *text) {
    size_t length = strlen(text);
    if (p->pending + length > REPLIES && flush(p)) return -1;
    memcpy(p->out + p->pending, text, length);
    p->pending += length;
    return 0;
}

/* Replies wait until there is nothing more to read: a batch of commands gets a batch of replies. */
static int fill(struct peer *p) {
    if (flush(p)) return -1;
    if (p->start) {
        memmove(p->in, p->in + p->start, p->end - p->start);
        p->end -= p->start;
        p->start = 0;
    }
    if (p->end == BUFFER) return -1;
    int n = p->tls ? SSL_read(p->tls, p->in + p->end, (int)(BUFFER - p->end))
                   : (int)read(p->fd, p->in + p->end, BUFFER - p->end);
    if (n <= 0) return -1;
    p->end += (size_t)n;
    return 0;
}

static char *line(struct peer *p) {
    size_t seen = p->start;
    for (;;) {
        char *end = memchr(p->in + seen, '\n', p->end - seen);
        if (end) {
            char *begin = p->in + p->start;
            *end = 0;
            p->start = (size_t)(end - p->in) + 1;
            return begin;
        }
        size_t unread = p->end - p->start;
        if (fill(p)) return NULL;
        seen = p->start + unread;
    }
}

static int skip(struct peer *p, size_t count) {
    while (count) {
        size_t there = p->end - p->start;
        if (!there) {
            if (fill(p)) return -1;
            continue;
        }
        size_t step = there < count ? there : count;
        p->start += step;
        count -= step;
    }
    return 0;
}

/* Reads a message that ends with a dot; gives its length, or -1. */
static long content(struct peer *p) {
    long length = 0;
    char *text;
    while ((text = line(p))) {
        if (text[0] == '.' && text[1] == '\r' && text[2] == 0) return length;
        length += p->in + p->start - text;
    }
    return -1;
}

static int greet(struct peer *p) {
    char text[256];
    snprintf(text, sizeof text, "250-sink\r\n%s%s%s%s250-SIZE 52428800\r\n250 8BITMIME\r\n",
             pipelining ? "250-PIPELINING\r\n" : "", chunking ? "250-CHUNKING\r\n" : "",
             tls_context && !p->tls ? "250-STARTTLS\r\n" : "",
             p->tls ? "250-AUTH PLAIN LOGIN\r\n250-SMTPUTF8\r\n" : "250-SMTPUTF8\r\n");
    return reply(p, text);
}

static int start_tls(struct peer *p) {
    if (reply(p, "220 go\r\n") || flush(p)) return -1;
    p->start = p->end = 0;
    p->tls = SSL_new(tls_context);
    SSL_set_fd(p->tls, p->fd);
    return SSL_accept(p->tls) == 1 ? 0 : -1;
}

static int log_in(struct peer *p, const char *command) {
    /* With an initial response there is one question less. */
    int answered = strlen(command) > 11 && command[10] == ' ';
    if (strncasecmp(command, "AUTH LOGIN", 10) == 0) {
        if (!answered && (reply(p, "334 VXNlcm5hbWU6\r\n") || !line(p))) return -1;
        if (reply(p, "334 UGFzc3dvcmQ6\r\n") || !line(p)) return -1;
    } else if (!answered && (reply(p, "334 \r\n") || !line(p))) {
        return -1;
    }
    return reply(p, "235 2.7.0 ok\r\n");
}

static void stamp(struct peer *p) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* One call, so that the lines of two threads do not mix. */
    fprintf(stamps, "%s %lld\n", p->recipient, now.tv_sec * 1000000000LL + now.tv_nsec);
}

static int remember(struct peer *p, const char *command) {
    const char *begin = strchr(command, '<');
    size_t length = begin ? strcspn(begin + 1, "@>") : 0;
    if (length < sizeof p->recipient) {
        if (length) memcpy(p->recipient, begin + 1, length);
        p->recipient[length] = 0;
    }
    return reply(p, "250 2.1.5 ok\r\n");
}

static int taken(struct peer *p, long length) {
    if (length < 0) return -1;
    if (stamps) stamp(p);
    atomic_fetch_add(&mails, 1);
    atomic_fetch_add(&octets, length);
    return reply(p, "250 2.0.0 queued\r\n");
}

static int chunk(struct peer *p, const char *command) {
    char *rest;
    unsigned long length = strtoul(command + 4, &rest, 10);
    if (skip(p, length)) return -1;
    if (!strncasecmp(rest, " LAST", 5)) return taken(p, (long)length);
    char text[64];
    snprintf(text, sizeof text, "250 2.0.0 %lu octets\r\n", length);
    atomic_fetch_add(&octets, (long)length);
    return reply(p, text);
}

static int answer(struct peer *p, char *command) {
    if (!strncasecmp(command, "MAIL", 4)) return reply(p, "250 2.1.0 ok\r\n");
    if (!strncasecmp(command, "RCPT", 4)) return remember(p, command);
    if (!strncasecmp(command, "RSET", 4) || !strncasecmp(command, "NOOP", 4))
        return reply(p, "250 2.0.0 ok\r\n");
    if (!strncasecmp(command, "DATA", 4))
        return reply(p, "354 go\r\n") ? -1 : taken(p, content(p));
    if (!strncasecmp(command, "BDAT", 4)) return chunk(p, command);
    if (!strncasecmp(command, "EHLO", 4) || !strncasecmp(command, "HELO", 4)) return greet(p);
    if (!strncasecmp(command, "STARTTLS", 8) && tls_context) return start_tls(p);
    if (!strncasecmp(command, "AUTH", 4)) return log_in(p, command);
    if (!strncasecmp(command, "QUIT", 4)) {
        reply(p, "221 2.0.0 bye\r\n");
        flush(p);
        return -1;
    }
    return reply(p, "500 5.5.1 unknown\r\n");
}

static void *serve(void *argument) {
    struct peer *p = argument;
    char *command;
    if (!reply(p, "220 sink ESMTP\r\n"))
        while ((command = line(p)) && !answer(p, command)) {}
    if (p->tls) SSL_free(p->tls);
    close(p->fd);
    free(p);
    return NULL;
}

static void *accept_all(void *argument) {
    int listener = *(int *)argument, on = 1;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct peer *p = malloc(sizeof *p);
        p->fd = fd;
        p->tls = NULL;
        p->start = p->end = p->pending = 0;
        p->recipient[0] = 0;
        pthread_t thread;
        if (pthread_create(&thread, &detached, serve, p)) abort();
    }
    return NULL;
}

static void load_certificate(const char *certificate, const char *key) {
    tls_context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls_context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, key, SSL_FILETYPE_PEM) != 1)
        exit(2);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--no-chunking")) chunking = 0;
        else if (!strcmp(argv[i], "--no-pipelining")) pipelining = 0;
        else if (!strcmp(argv[i], "--stamps") && i + 1 < argc) stamps = fopen(argv[++i], "w");
        else if (!strcmp(argv[i], "--tls") && i + 2 < argc) {
            load_certificate(argv[i + 1], argv[i + 2]);
            i += 2;
        } else return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 256)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_t acceptor;
    pthread_create(&acceptor, NULL, accept_all, &listener);
    int c;
    while ((c = getchar()) != EOF)
        if (c == '\n') {
            if (stamps) fflush(stamps);
            printf("%ld %ld\n", atomic_load(&mails), atomic_load(&octets));
            fflush(stdout);
        }
    return 0;
}
