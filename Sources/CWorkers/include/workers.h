// Threads that share the work of one step. Not visible to Swift.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace workers {

/// A few threads that stay awake from one step of a plan to the next, because a step takes less time than waking up.
///
/// Tasks are claimed one at a time by whoever is free, the caller included, so a thread that the system has put aside
/// delays nothing but the task it holds. libtorch's own threads (OpenMP) divide work in equal parts and wait for the
/// slowest; they are not used here.
class Workers {
  public:
    /// `threads` includes the calling one.
    explicit Workers(int32_t threads);
    ~Workers();
    Workers(const Workers &) = delete;
    Workers &operator=(const Workers &) = delete;

    int32_t threads() const { return static_cast<int32_t>(pool.size()) + 1; }

    /// Runs `body(task, thread)` for every task in 0 ..< count and returns when all are done; `thread`, in
    /// 0 ..< threads(), is free for the task to keep things by. `body` must not throw. One caller at a time.
    template <typename Body>
    void run(uint32_t count, const Body &body) {
        run(count, &body, [](const void *context, uint32_t task, int32_t thread) {
            (*static_cast<const Body *>(context))(task, thread);
        });
    }

  private:
    using Function = void (*)(const void *context, uint32_t task, int32_t thread);

    void run(uint32_t count, const void *context, Function function);
    bool work(int32_t thread);
    void serve(int32_t thread);

    // The upper half numbers the job, the lower half is how many of its tasks are unclaimed. Who lowers it holds a task
    // of that very job, and the job cannot end before that task is done: so `context` and `function` are its own.
    std::atomic<uint64_t> state{0};
    std::atomic<uint32_t> done{0};
    const void *context = nullptr;
    Function function = nullptr;

    std::atomic<int32_t> sleeping{0};
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::thread> pool;
};

}  // namespace workers
