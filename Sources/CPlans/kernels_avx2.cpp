// Kernels for x86-64 with AVX2 and FMA: 16 registers of 8 floats.
#if defined(__x86_64__)
// Before the attribute, so that it does not reach the standard library.
#include "kernels.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNELS avx2_kernels
#define KERNELS_NAME "avx2"
#define LANES 8
#define MAX_VECTORS 2
#define ROWS_1 8
#define ROWS_2 6
#include "kernels.inc"
#pragma clang attribute pop
#endif
