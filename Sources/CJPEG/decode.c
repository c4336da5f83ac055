#include <stdio.h>
#include <string.h>

#include "error.h"

// Rows decoded at once when they have to be turned: enough that each column of the strip fills a cache line
// of the output.
#define STRIP_ROWS 32

typedef struct {
    struct jpeg_progress_mgr base;
    int max_scans;
} scan_limit;

// libjpeg calls this regularly while it reads the scans of a progressive file, before any row comes out.
static void check_scans(j_common_ptr cinfo) {
    const scan_limit *limit = (const scan_limit *)cinfo->progress;
    if (cinfo->is_decompressor && ((j_decompress_ptr)cinfo)->input_scan_number > limit->max_scans) {
        char text[CJPEG_MESSAGE_CAPACITY];
        snprintf(text, sizeof text, "more than %d scans", limit->max_scans);
        cjpeg_fail(cinfo, CJPEG_TOO_LARGE, text);
    }
}

static void reverse_row(uint8_t *row, size_t width) {
    uint8_t *left = row;
    uint8_t *right = row + 3 * (width - 1);
    for (; left < right; left += 3, right -= 3) {
        for (int c = 0; c < 3; c++) {
            uint8_t t = left[c];
            left[c] = right[c];
            right[c] = t;
        }
    }
}

// Orientations 1...4 keep the rows: they are decoded in place, from the bottom up for 3 and 4.
static void read_rows(j_decompress_ptr cinfo, int orientation, uint8_t *out, size_t stride) {
    const size_t width = cinfo->output_width;
    const size_t height = cinfo->output_height;
    const int upside_down = orientation == 3 || orientation == 4;
    const int mirrored = orientation == 2 || orientation == 3;
    while (cinfo->output_scanline < height) {
        JSAMPROW rows[STRIP_ROWS];
        const size_t first = cinfo->output_scanline;
        size_t wanted = height - first < STRIP_ROWS ? height - first : STRIP_ROWS;
        for (size_t i = 0; i < wanted; i++) {
            const size_t y = upside_down ? height - 1 - (first + i) : first + i;
            rows[i] = out + y * stride;
        }
        const size_t got = jpeg_read_scanlines(cinfo, rows, (JDIMENSION)wanted);
        for (size_t i = 0; mirrored && i < got; i++) {
            reverse_row(rows[i], width);
        }
    }
}

// Orientations 5...8 turn stored rows into upright columns, a strip of rows at a time.
static void read_columns(j_decompress_ptr cinfo, int orientation, uint8_t *out, size_t stride) {
    const size_t width = cinfo->output_width;
    const size_t height = cinfo->output_height;
    const int right_to_left = orientation == 6 || orientation == 7;  // the first stored row is the right column
    const int bottom_up = orientation == 7 || orientation == 8;      // the first stored column is the bottom row
    JSAMPARRAY strip = (*cinfo->mem->alloc_sarray)((j_common_ptr)cinfo, JPOOL_IMAGE, (JDIMENSION)(3 * width),
                                                   STRIP_ROWS);
    while (cinfo->output_scanline < height) {
        const size_t first = cinfo->output_scanline;
        size_t filled = 0;
        while (filled < STRIP_ROWS && cinfo->output_scanline < height) {
            filled += jpeg_read_scanlines(cinfo, strip + filled, (JDIMENSION)(STRIP_ROWS - filled));
        }
        for (size_t x = 0; x < width; x++) {
            uint8_t *row = out + (bottom_up ? width - 1 - x : x) * stride;
            for (size_t i = 0; i < filled; i++) {
                const size_t column = right_to_left ? height - 1 - (first + i) : first + i;
                memcpy(row + 3 * column, strip[i] + 3 * x, 3);
            }
        }
    }
}

static void check_header(j_decompress_ptr cinfo, const cjpeg_decode_options *options) {
    if ((int)cinfo->image_width != options->width || (int)cinfo->image_height != options->height) {
        cjpeg_fail((j_common_ptr)cinfo, CJPEG_CORRUPT, "the size changed between the check and the decoder");
    }
    if (cinfo->num_components != 1 && cinfo->num_components != 3) {
        cjpeg_fail((j_common_ptr)cinfo, CJPEG_UNSUPPORTED, "neither grayscale nor three colour components");
    }
    if (cinfo->arith_code) {
        cjpeg_fail((j_common_ptr)cinfo, CJPEG_UNSUPPORTED, "arithmetic coding");
    }
}

static void check_output(j_decompress_ptr cinfo, int orientation, size_t stride, size_t size) {
    const size_t width = orientation >= 5 ? cinfo->output_height : cinfo->output_width;
    const size_t height = orientation >= 5 ? cinfo->output_width : cinfo->output_height;
    if (stride < 3 * width || size / stride < height) {
        cjpeg_fail((j_common_ptr)cinfo, CJPEG_TOO_LARGE, "the output buffer is too small");
    }
}

cjpeg_status cjpeg_decode(const uint8_t *bytes, size_t count, const cjpeg_decode_options *options,
                          uint8_t *out, size_t out_stride, size_t out_size,
                          char message[CJPEG_MESSAGE_CAPACITY]) {
    // Fresh for every image: a reused decoder would lend the tables of one file to the next, damaged one.
    struct jpeg_decompress_struct cinfo;
    cjpeg_error error;
    scan_limit limit = {.base = {.progress_monitor = check_scans}, .max_scans = options->max_scans};

    memset(&cinfo, 0, sizeof cinfo);  // so that destroying it is safe even if creating it fails
    cinfo.err = cjpeg_error_init(&error, message);
    if (setjmp(error.escape)) {
        jpeg_destroy_decompress(&cinfo);
        return error.status;
    }
    jpeg_create_decompress(&cinfo);
    cinfo.progress = &limit.base;
    jpeg_mem_src(&cinfo, bytes, (unsigned long)count);
    jpeg_read_header(&cinfo, TRUE);
    check_header(&cinfo, options);

    cinfo.out_color_space = JCS_RGB;  // libjpeg expands grayscale by itself
    cinfo.dct_method = JDCT_ISLOW;
    cinfo.scale_num = 1;
    cinfo.scale_denom = (unsigned int)options->scale_denominator;
    jpeg_start_decompress(&cinfo);
    check_output(&cinfo, options->orientation, out_stride, out_size);
    if (options->orientation >= 5) {
        read_columns(&cinfo, options->orientation, out, out_stride);
    } else {
        read_rows(&cinfo, options->orientation, out, out_stride);
    }
    jpeg_finish_decompress(&cinfo);
    jpeg_destroy_decompress(&cinfo);
    return CJPEG_OK;
}
