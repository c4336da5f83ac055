// The least that a bus of separate processes costs: messages of two parts (a header, a payload) through HOPS PUSH/PULL
// connections of libzmq over loopback TCP, each end a process of its own, nothing acknowledged, nothing kept. A relay hands
// the payload on without touching it. One line of JSON says what came through.
//
//   raw-hops [--hops 2] [--streams 4] [--bytes 100000] [--rate 0] [--seconds 5] [--warm-up 1]
//
// --rate is frames a second of each stream; 0 is as fast as it goes. Latency is from before the send to after the receive.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { header_bytes = 96, most_hops = 8, most_streams = 1024, high_water_mark = 16 };

struct options {
    int hops, streams;
    size_t bytes;
    double rate, seconds, warm_up;
};

// What the processes tell each other.
struct shared {
    volatile int ports[most_hops];
    volatile int stop;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void check(int status, const char *what) {
    if (status >= 0) return;
    fprintf(stderr, "raw-hops: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static void *new_socket(void *context, int type) {
    void *socket = zmq_socket(context, type);
    check(socket ? 0 : -1, "zmq_socket");
    int none = 0, mark = high_water_mark, wait = 200;
    check(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none), "ZMQ_LINGER");
    check(zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof mark), "ZMQ_SNDHWM");
    check(zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof mark), "ZMQ_RCVHWM");
    check(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait), "ZMQ_RCVTIMEO");
    check(zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait, sizeof wait), "ZMQ_SNDTIMEO");
    return socket;
}

static void *pulling(void *context, struct shared *shared, int hop) {
    void *socket = new_socket(context, ZMQ_PULL);
    check(zmq_bind(socket, "tcp://127.0.0.1:*"), "zmq_bind");
    char address[64];
    size_t size = sizeof address;
    check(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size), "ZMQ_LAST_ENDPOINT");
    shared->ports[hop] = atoi(strrchr(address, ':') + 1);
    return socket;
}

static void *pushing(void *context, struct shared *shared, int hop) {
    while (!shared->ports[hop] && !shared->stop) usleep(1000);
    void *socket = new_socket(context, ZMQ_PUSH);
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", shared->ports[hop]);
    check(zmq_connect(socket, address), "zmq_connect");
    return socket;
}

struct source {
    struct options *options;
    struct shared *shared;
    void *context;
    const void *payload;
    int stream;
};

static void *run_source(void *argument) {
    struct source *source = argument;
    struct options *options = source->options;
    void *socket = pushing(source->context, source->shared, 0);
    double start = now() + (options->rate > 0 ? source->stream / options->rate / options->streams : 0);
    for (long frame = 0; !source->shared->stop; frame++) {
        if (options->rate > 0) {
            double wait = start + (double)frame / options->rate - now();
            if (wait > 0) usleep((useconds_t)(wait * 1e6));
        }
        char header[header_bytes] = {0};
        double sent = now();
        memcpy(header, &sent, sizeof sent);
        while (zmq_send(socket, header, sizeof header, ZMQ_SNDMORE) < 0 && errno == EAGAIN && !source->shared->stop) {}
        // The caller's memory is shared, not copied: a camera's frame is in memory already.
        zmq_msg_t message;
        check(zmq_msg_init_data(&message, (void *)source->payload, options->bytes, NULL, NULL), "zmq_msg_init_data");
        while (zmq_msg_send(&message, socket, 0) < 0 && errno == EAGAIN && !source->shared->stop) {}
    }
    zmq_close(socket);
    return NULL;
}

static void run_sources(struct options *options, struct shared *shared) {
    void *context = zmq_ctx_new();
    unsigned char *payload = malloc(options->bytes);
    for (size_t i = 0; i < options->bytes; i++) payload[i] = (unsigned char)(i * 2654435761u >> 24);
    static struct source sources[most_streams];
    static pthread_t threads[most_streams];
    for (int i = 0; i < options->streams; i++) {
        sources[i] = (struct source){options, shared, context, payload, i};
        pthread_create(&threads[i], NULL, run_source, &sources[i]);
    }
    for (int i = 0; i < options->streams; i++) pthread_join(threads[i], NULL);
    zmq_ctx_term(context);
}

static void run_relay(struct shared *shared, int hop) {
    void *context = zmq_ctx_new();
    void *in = pulling(context, shared, hop - 1), *out = pushing(context, shared, hop);
    while (!shared->stop) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, in, 0) < 0) continue;
        int more = zmq_msg_more(&message) ? ZMQ_SNDMORE : 0;
        while (zmq_msg_send(&message, out, more) < 0 && errno == EAGAIN && !shared->stop) {}
    }
    zmq_close(in);
    zmq_close(out);
    zmq_ctx_term(context);
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double processor_seconds(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void run_drain(struct options *options, struct shared *shared, int result) {
    void *context = zmq_ctx_new();
    void *socket = pulling(context, shared, options->hops - 1);
    size_t room = 1 << 20, count = 0;
    double *latencies = malloc(room * sizeof *latencies);
    double begin = 0, end = now() + 600, last = 0;
    while (last < end) {
        zmq_msg_t header, payload;
        zmq_msg_init(&header);
        zmq_msg_init(&payload);
        if (zmq_msg_recv(&header, socket, 0) >= 0) {
            while (zmq_msg_recv(&payload, socket, 0) < 0 && errno == EAGAIN) {}
            last = now();
            // The clock starts with the first frame.
            if (begin == 0) {
                begin = last + options->warm_up;
                end = begin + options->seconds;
            }
            if (last >= begin && last < end && count < room) {
                double sent;
                memcpy(&sent, zmq_msg_data(&header), sizeof sent);
                latencies[count++] = last - sent;
            }
        } else {
            last = now();
        }
        zmq_msg_close(&header);
        zmq_msg_close(&payload);
    }
    qsort(latencies, count, sizeof *latencies, ascending);
    double summary[3] = {(double)count, count ? latencies[count / 2] : 0, count ? latencies[count * 99 / 100] : 0};
    if (write(result, summary, sizeof summary) != sizeof summary) exit(1);
    shared->stop = 1;
    zmq_close(socket);
    zmq_ctx_term(context);
}

int main(int count, char **words) {
    struct options options = {2, 4, 100000, 0, 5, 1};
    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? words[i + 1] : "";
        double number = atof(value);
        if (!strcmp(words[i], "--hops")) options.hops = (int)number;
        else if (!strcmp(words[i], "--streams")) options.streams = (int)number;
        else if (!strcmp(words[i], "--bytes")) options.bytes = (size_t)number;
        else if (!strcmp(words[i], "--rate")) options.rate = number;
        else if (!strcmp(words[i], "--seconds")) options.seconds = number;
        else if (!strcmp(words[i], "--warm-up")) options.warm_up = number;
        else {
            fprintf(stderr, "raw-hops: unknown option %s\n", words[i]);
            return 2;
        }
    }
    if (options.hops < 1 || options.hops > most_hops || options.streams < 1 || options.streams > most_streams || !options.bytes) {
        fprintf(stderr, "raw-hops: --hops 1 to %d, --streams 1 to %d, --bytes at least 1\n", most_hops, most_streams);
        return 2;
    }
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int result[2];
    if (shared == MAP_FAILED || pipe(result) != 0) {
        perror("raw-hops");
        return 1;
    }
    // Each end is forked before any context exists.
    for (int role = 0; role <= options.hops; role++) {
        if (fork() == 0) {
            if (role == 0) run_sources(&options, shared);
            else if (role < options.hops) run_relay(shared, role);
            else run_drain(&options, shared, result[1]);
            exit(0);
        }
    }
    double summary[3] = {0};
    if (read(result[0], summary, sizeof summary) != sizeof summary) return 1;
    while (wait(NULL) > 0) {}
    printf(
        "{\"frames_per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"cpu_us_per_frame\": %.1f, \"frames\": %.0f}\n",
        summary[0] / options.seconds, 1000 * summary[1], 1000 * summary[2],
        // Of all processes, warm-up included, so the frames of the warm-up are counted in.
        1e6 * processor_seconds(RUSAGE_CHILDREN) / (summary[0] * (options.seconds + options.warm_up) / options.seconds),
        summary[0]);
    return 0;
}
