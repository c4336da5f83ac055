// The kernel for x86-64 with AVX-512: 32 registers of 16 floats.
#if defined(__x86_64__)
// Before the attribute, so that it does not reach the standard library.
#include <string.h>

#include "model.h"
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define KERNEL csmpl_avx512
#define NAME "avx512"
#define LANES 16
#define BODIES 8
#include "kernel.inc"
#pragma clang attribute pop
#endif
