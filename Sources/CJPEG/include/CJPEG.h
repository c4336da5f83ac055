// libjpeg-turbo behind a few calls.
//
// libjpeg reports errors by longjmp. Every setjmp and every longjmp of this project lives inside the .c files of
// this target, within one call: nothing ever jumps over a Swift frame.

#ifndef CJPEG_H
#define CJPEG_H

#include <stddef.h>
#include <stdint.h>

#define CJPEG_MESSAGE_CAPACITY 200

typedef enum {
    CJPEG_OK = 0,
    CJPEG_CORRUPT = 1,      // the data is damaged, truncated or not a JPEG
    CJPEG_UNSUPPORTED = 2,  // a valid JPEG of a kind that is not decoded here
    CJPEG_TOO_LARGE = 3,    // over a limit, or out of memory
} cjpeg_status;

typedef struct {
    int width;              // stored width the caller expects, in pixels: another one is CJPEG_CORRUPT
    int height;             // stored height the caller expects
    int scale_denominator;  // 1, 2, 4 or 8: the output is ceil(width / d) x ceil(height / d)
    int orientation;        // EXIF orientation 1...8, undone while writing
    int max_scans;          // more scans than this are CJPEG_TOO_LARGE
} cjpeg_decode_options;

/// Decodes a JPEG to upright RGB, 8 bits a channel.
///
/// `out` belongs to the caller; its rows are `out_stride` bytes apart. Orientations 5...8 swap the output's width
/// and height; `out_size` is checked against the upright size before anything is written. `message` receives a
/// sentence when the status is not CJPEG_OK.
cjpeg_status cjpeg_decode(const uint8_t *bytes, size_t count, const cjpeg_decode_options *options,
                          uint8_t *out, size_t out_stride, size_t out_size,
                          char message[CJPEG_MESSAGE_CAPACITY]);

typedef struct {
    int width;
    int height;
    size_t stride;   // bytes from one row to the next
    int is_bgr;      // 0: R, G, B; otherwise B, G, R
    int quality;     // 1...100
    int subsample;   // 0: 4:4:4, otherwise 4:2:0
} cjpeg_encode_options;

/// Encodes 8-bit pixels as a baseline JPEG.
///
/// On CJPEG_OK `*out` is a block from malloc that the caller frees with `cjpeg_free`, `*out_size` bytes long.
/// On any other status nothing is handed over.
cjpeg_status cjpeg_encode(const uint8_t *pixels, const cjpeg_encode_options *options,
                          uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]);

typedef struct {
    int width;
    int height;
    int is_full_range;  // 0: luma is 16...235 and chroma 16...240, as in most videos; otherwise both are 0...255, as in a JPEG
    int scale;          // 1 (best)...31: MPEG-1's quantiser scale
} cjpeg_planes_options;

/// Encodes planes of Y, Cb and Cr, chroma at half resolution both ways (rounded up), one behind the other and their rows without
/// padding, as a baseline JPEG of 4:2:0. The samples are not resampled. Ownership as with `cjpeg_encode`.
cjpeg_status cjpeg_encode_planes(const uint8_t *planes, const cjpeg_planes_options *options,
                                 uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]);

void cjpeg_free(uint8_t *bytes);

/// Samples of luma from 16...235 to 0...255, the nearest; what lies outside becomes 0 or 255. The blocks must not overlap.
void cjpeg_widen_luma(const uint8_t *limited, uint8_t *full, size_t count);

/// Samples of chroma from 16...240 around 128 to 0...255.
void cjpeg_widen_chroma(const uint8_t *limited, uint8_t *full, size_t count);

/// Writes `pixel_count` B, G, R pixels as R, G, B. The two blocks must not overlap.
void cjpeg_bgr_to_rgb(const uint8_t *bgr, uint8_t *rgb, size_t pixel_count);

/// The offset of the marker that ends the entropy-coded data which `offset` lies in, of its first 0xFF where there are
/// several; `count` where the data ends first. Stuffed zeros and restarts belong to the data (ITU-T T.81, B.1.1.5).
size_t cjpeg_coded_data_end(const uint8_t *bytes, size_t count, size_t offset);

#endif
