#include "workers.h"

namespace workers {

namespace {

/// How often an idle thread looks for work before it sleeps: some 50 microseconds, many times a gap between steps.
constexpr int spins = 2'000;

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

constexpr uint64_t unclaimed(uint64_t state) { return state & 0xffff'ffff; }

}  // namespace

Workers::Workers(int32_t threads) {
    for (int32_t index = 1; index < threads; ++index) pool.emplace_back([this, index] { serve(index); });
}

Workers::~Workers() {
    {
        std::lock_guard<std::mutex> lock(mutex);
        stopping = true;
    }
    wake.notify_all();
    for (auto &thread : pool) thread.join();
}

void Workers::run(uint32_t count, const void *new_context, Function new_function) {
    if (count == 0) return;
    context = new_context;
    function = new_function;
    done.store(0);
    uint64_t job = (state.load() >> 32) + 1;
    state.store(job << 32 | count);
    if (sleeping.load() > 0) {
        // Taking the lock makes sure that a thread about to sleep either sees the job or is asleep already.
        { std::lock_guard<std::mutex> lock(mutex); }
        wake.notify_all();
    }
    while (work(0)) {}
    for (int spin = 0; done.load(std::memory_order_acquire) != count; ++spin) {
        pause();
        if (spin >= spins) std::this_thread::yield();
    }
}

/// Claims and does one task; false where there is none.
bool Workers::work(int32_t thread) {
    uint64_t seen = state.load(std::memory_order_acquire);
    do {
        if (unclaimed(seen) == 0) return false;
    } while (!state.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire));
    function(context, static_cast<uint32_t>(unclaimed(seen)) - 1, thread);
    done.fetch_add(1, std::memory_order_release);
    return true;
}

void Workers::serve(int32_t thread) {
    int idle = 0;
    while (!stopping.load(std::memory_order_relaxed)) {
        if (work(thread)) {
            idle = 0;
        } else if (++idle < spins) {
            pause();
        } else {
            std::unique_lock<std::mutex> lock(mutex);
            sleeping.fetch_add(1);
            wake.wait(lock, [this] { return stopping.load() || unclaimed(state.load()) > 0; });
            sleeping.fetch_sub(1);
            idle = 0;
        }
    }
}

}  // namespace workers
