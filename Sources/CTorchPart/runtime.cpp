#include "internal.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include <mutex>

// Present where the system's BLAS is OpenBLAS, absent where libtorch brings another.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int count);

namespace ctorch {

namespace {
thread_local std::string last_error;
}

void set_last_error(const char *message) noexcept {
    try {
        last_error = message;
    } catch (...) {
        last_error.clear();
    }
}

at::ScalarType scalar_type(ctorch_dtype dtype) {
    switch (dtype) {
    case CTORCH_FLOAT32: return at::kFloat;
    case CTORCH_FLOAT16: return at::kHalf;
    case CTORCH_BFLOAT16: return at::kBFloat16;
    case CTORCH_INT32: return at::kInt;
    case CTORCH_INT64: return at::kLong;
    case CTORCH_UINT8: return at::kByte;
    }
    throw std::invalid_argument("unknown element type " + std::to_string(static_cast<int>(dtype)));
}

}  // namespace ctorch

const char *ctorch_last_error(void) { return ctorch::last_error.c_str(); }

const char *ctorch_version(void) { return TORCH_VERSION; }

ctorch_status ctorch_set_threads(int32_t count) {
    return ctorch::guarded([&] {
        if (count < 1) throw std::invalid_argument("the number of threads must be at least 1");
        at::set_num_threads(count);
        if (openblas_set_num_threads) openblas_set_num_threads(count);
        // libtorch accepts this only once and only before its first use, hence the flag.
        static std::once_flag once;
        std::call_once(once, [] {
            try {
                at::set_num_interop_threads(1);
            } catch (const c10::Error &) {
                // Something else in the process has set it already; nothing here runs operators side by side.
            }
        });
    });
}

int32_t ctorch_threads(void) { return at::get_num_threads(); }

int32_t ctorch_cuda_device_count(void) {
    int32_t count = 0;
    ctorch::guarded([&] {
        if (at::globalContext().hasCUDA()) count = at::detail::getCUDAHooks().getNumGPUs();
    });
    return count;
}
