// Kernels for any machine: vectors of 4 floats, which both SSE2 and NEON have.
#define KERNELS baseline_kernels
#define KERNELS_NAME "baseline"
#define LANES 4
#define MAX_VECTORS 2
#define ROWS_1 8
#define ROWS_2 6
#include "kernels.inc"
