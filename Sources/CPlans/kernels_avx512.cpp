// Kernels for x86-64 with AVX-512: 32 registers of 16 floats.
#if defined(__x86_64__)
// Before the attribute, so that it does not reach the standard library.
#include "kernels.h"
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define KERNELS avx512_kernels
#define KERNELS_NAME "avx512"
#define LANES 16
#define MAX_VECTORS 3
#define ROWS_1 14
#define ROWS_2 12
#define ROWS_3 8
#include "kernels.inc"
#pragma clang attribute pop
#endif
