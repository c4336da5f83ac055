// The compression function of SHA-256, on the processor's own instructions where it has them.
#ifndef CSHA256_H
#define CSHA256_H

#include <stddef.h>
#include <stdint.h>

/// Digests `count` blocks of 64 bytes at `blocks` into `state`, the eight words H0 … H7.
/// Source: FIPS 180-4, 6.2.2.
void csha256_blocks(uint32_t state[8], const void *blocks, size_t count);

/// The same without the processor's own instructions, for tests to compare with.
void csha256_blocks_portable(uint32_t state[8], const void *blocks, size_t count);

#endif
