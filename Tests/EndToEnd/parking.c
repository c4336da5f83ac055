// Preloaded into a stage under valgrind: the main thread serves the main queue itself.
//
// libdispatch ends the main thread and lets its workers serve the queue, and valgrind (3.19) does not survive a main thread that has
// ended. These are the two calls with which a run loop serves the queue.

#include <poll.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <unistd.h>

extern int _dispatch_get_main_queue_handle_4CF(void);
extern void _dispatch_main_queue_callback_4CF(void *);

noreturn void dispatch_main(void) {
    struct pollfd queue = {_dispatch_get_main_queue_handle_4CF(), POLLIN, 0};
    for (;;) {
        _dispatch_main_queue_callback_4CF(0);
        poll(&queue, 1, -1);
        uint64_t count;
        if (queue.revents & POLLIN && read(queue.fd, &count, sizeof count) < 0) continue;
    }
}
