#include "kernels.h"

namespace cplans {

const Kernels &kernels() {
#if defined(__x86_64__)
    static const Kernels &best = [&]() -> const Kernels & {
        bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        if (avx512 && __builtin_cpu_supports("fma")) return avx512_kernels;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_kernels;
        return baseline_kernels;
    }();
    return best;
#else
    return baseline_kernels;
#endif
}

}  // namespace cplans
