#include "CJPEG.h"

void cjpeg_bgr_to_rgb(const uint8_t *restrict bgr, uint8_t *restrict rgb, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) {
        const uint8_t blue = bgr[3 * i];
        const uint8_t green = bgr[3 * i + 1];
        const uint8_t red = bgr[3 * i + 2];
        rgb[3 * i] = red;
        rgb[3 * i + 1] = green;
        rgb[3 * i + 2] = blue;
    }
}
