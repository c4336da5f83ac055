// The kernel for x86-64 with AVX2 and FMA: 16 registers of 8 floats.
#if defined(__x86_64__)
// Before the attribute, so that it does not reach the standard library.
#include <string.h>

#include "model.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNEL csmpl_avx2
#define NAME "avx2"
#define LANES 8
#define BODIES 3
#include "kernel.inc"
#pragma clang attribute pop
#endif
