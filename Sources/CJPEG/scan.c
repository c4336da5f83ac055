#include "CJPEG.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The next 0xFF from `offset` on with another byte than zero behind it, or an offset near the end that has no such byte
// before it. Coded data has an 0xFF every 256 bytes or so, nearly all with a stuffed zero behind them.
static size_t next_candidate(const uint8_t *bytes, size_t count, size_t offset) {
    while (offset < count) {
        const uint8_t *found = memchr(bytes + offset, 0xFF, count - offset);
        if (!found) return count;
        offset = (size_t)(found - bytes);
        if (offset + 1 >= count || bytes[offset + 1] != 0) return offset;
        offset += 2;
    }
    return count;
}

#if defined(__x86_64__)

// The same, 128 bytes at a time.
__attribute__((target("avx2")))
static size_t next_candidate_avx2(const uint8_t *bytes, size_t count, size_t offset) {
    const __m256i ones = _mm256_set1_epi8((char)0xFF), zero = _mm256_setzero_si256();
    for (; offset + 129 <= count; offset += 128) {
        __m256i hits[4];
        for (int part = 0; part < 4; part++) {
            const uint8_t *place = bytes + offset + 32 * part;
            __m256i here = _mm256_loadu_si256((const __m256i *)place);
            __m256i behind = _mm256_loadu_si256((const __m256i *)(place + 1));
            hits[part] = _mm256_andnot_si256(_mm256_cmpeq_epi8(behind, zero), _mm256_cmpeq_epi8(here, ones));
        }
        __m256i any = _mm256_or_si256(_mm256_or_si256(hits[0], hits[1]), _mm256_or_si256(hits[2], hits[3]));
        if (_mm256_testz_si256(any, any)) continue;
        for (int part = 0; part < 4; part++) {
            unsigned mask = (unsigned)_mm256_movemask_epi8(hits[part]);
            if (mask) return offset + 32 * (size_t)part + (size_t)__builtin_ctz(mask);
        }
    }
    return next_candidate(bytes, count, offset);
}

#endif

size_t cjpeg_coded_data_end(const uint8_t *bytes, size_t count, size_t offset) {
    size_t (*next)(const uint8_t *, size_t, size_t) = next_candidate;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) next = next_candidate_avx2;
#endif
    while ((offset = next(bytes, count, offset)) < count) {
        size_t marker = offset;
        while (offset < count && bytes[offset] == 0xFF) offset++;
        if (offset == count) return count;
        uint8_t code = bytes[offset];
        if (code != 0 && (code & 0xF8) != 0xD0) return marker;
        offset++;
    }
    return count;
}
