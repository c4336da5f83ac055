// Declarations of libzmq for Swift, and the few things Swift cannot import from it.
#ifndef POSEBUS_CZEROMQ_SHIMS_H
#define POSEBUS_CZEROMQ_SHIMS_H

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <zmq.h>

// The eventfd that wakes a polling thread: glibc's module leaves the header out.
static inline int posebus_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
static inline void posebus_eventfd_signal(int descriptor) { (void)eventfd_write(descriptor, 1); }
static inline void posebus_eventfd_clear(int descriptor) {
    eventfd_t signals;
    (void)eventfd_read(descriptor, &signals);
}

// Names the calling thread for debuggers and `top -H`. Linux keeps the first 15 bytes.
static inline void posebus_name_this_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }

// How many freed bytes malloc keeps: glibc's module leaves the header out.
static inline void posebus_keep_freed_memory(int bytes) {
    (void)mallopt(M_MMAP_THRESHOLD, bytes);
    (void)mallopt(M_TRIM_THRESHOLD, bytes);
}

// ETERM and EFSM are numbers of libzmq's own, defined through an expression that Swift does not import.
static const int posebus_zmq_eterm = ETERM;
static const int posebus_zmq_efsm = EFSM;

// ZMQ_ZAP_ENFORCE_DOMAIN: libzmq has it since 4.3, but its header shows it only to those who ask for drafts.
static const int posebus_zmq_zap_enforce_domain = 93;

// A counter of a TCP connection by its place in the kernel's tcp_info, whose fields never move, or -1 where there is none
// (ipc, or closed). glibc's own declaration ends before these, and Swift does not take both.
static inline int64_t posebus_tcp_counter(int descriptor, socklen_t place) {
    uint8_t info[136];
    uint64_t bytes;
    socklen_t size = sizeof(info);
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &size) != 0 || size < sizeof(info)) return -1;
    memcpy(&bytes, info + place, sizeof(bytes));
    return (int64_t)bytes;
}

// How many bytes the peer has sent so far: tcpi_bytes_received.
static inline int64_t posebus_tcp_bytes_received(int descriptor) { return posebus_tcp_counter(descriptor, 128); }

// How many bytes the peer's kernel has taken so far: tcpi_bytes_acked.
static inline int64_t posebus_tcp_bytes_acknowledged(int descriptor) { return posebus_tcp_counter(descriptor, 120); }

#endif
