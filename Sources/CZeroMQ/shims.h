// Declarations of libzmq for Swift, and the few things Swift cannot import from it.
#ifndef POSEBUS_CZEROMQ_SHIMS_H
#define POSEBUS_CZEROMQ_SHIMS_H

#include <sys/eventfd.h>
#include <sys/prctl.h>
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

// ETERM and EFSM are numbers of libzmq's own, defined through an expression that Swift does not import.
static const int posebus_zmq_eterm = ETERM;
static const int posebus_zmq_efsm = EFSM;

#endif
