// The kernel for any machine: vectors of 4 floats, which both SSE2 and NEON have.
#define KERNEL csmpl_baseline
#define NAME "baseline"
#define LANES 4
#define BODIES 3
#include "kernel.inc"
