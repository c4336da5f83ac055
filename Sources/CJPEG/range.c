#include "CJPEG.h"

// Both are written in 16-bit integers so that the compiler works on many samples at once; the fraction has 8 bits.

// 255/219 = 1 + 10773/65536.
void cjpeg_widen_luma(const uint8_t *restrict limited, uint8_t *restrict full, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t level = limited[i] < 16 ? 0 : (uint16_t)(limited[i] - 16);
        level = level > 219 ? 219 : level;
        const uint16_t more = (uint16_t)(((uint32_t)(uint16_t)(level << 8) * 10773u) >> 16);
        full[i] = (uint8_t)(level + ((more + 128) >> 8));
    }
}

// 255/224 = 1 + 9070/65536.
void cjpeg_widen_chroma(const uint8_t *restrict limited, uint8_t *restrict full, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const int16_t colour = (int16_t)(limited[i] - 128);
        const int16_t more = (int16_t)(((int32_t)(int16_t)(colour * 256) * 9070) >> 16);
        int16_t wide = (int16_t)(limited[i] + ((more + 128) >> 8));
        wide = wide < 0 ? 0 : wide;
        full[i] = (uint8_t)(wide > 255 ? 255 : wide);
    }
}
