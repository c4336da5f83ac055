#include <stdlib.h>
#include <string.h>

#include "error.h"

typedef enum { PLANE_FULL, PLANE_LIMITED_LUMA, PLANE_LIMITED_CHROMA } plane_range;

// A destination that grows. libjpeg's own (jpeg_mem_dest) loses its block when encoding fails half-way.
typedef struct {
    struct jpeg_destination_mgr base;
    uint8_t *bytes;
    size_t capacity;
    size_t size;
} growing_destination;

static void init_destination(j_compress_ptr cinfo) {
    (void)cinfo;
}

// Called when the block is full: libjpeg asks for the whole block to count as written.
static boolean empty_output_buffer(j_compress_ptr cinfo) {
    growing_destination *dest = (growing_destination *)cinfo->dest;
    const size_t used = dest->capacity;
    uint8_t *larger = realloc(dest->bytes, 2 * used);
    if (larger == NULL) {
        cjpeg_fail((j_common_ptr)cinfo, CJPEG_TOO_LARGE, "out of memory");
    }
    dest->bytes = larger;
    dest->capacity = 2 * used;
    dest->base.next_output_byte = larger + used;
    dest->base.free_in_buffer = used;
    return TRUE;
}

static void term_destination(j_compress_ptr cinfo) {
    growing_destination *dest = (growing_destination *)cinfo->dest;
    dest->size = dest->capacity - dest->base.free_in_buffer;
}

// Gives the rows of `source` to a compressor that knows nothing yet but where its output goes.
typedef void (*compression)(j_compress_ptr cinfo, const void *source, const void *options);

static cjpeg_status encode(compression compress, const void *source, const void *options, size_t pixel_count,
                           uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]) {
    struct jpeg_compress_struct cinfo;
    cjpeg_error error;
    growing_destination dest = {
        .base = {.init_destination = init_destination,
                 .empty_output_buffer = empty_output_buffer,
                 .term_destination = term_destination},
        // A third of a byte a pixel holds a usual photograph of quality 90.
        .capacity = 4096 + pixel_count / 3,
    };

    memset(&cinfo, 0, sizeof cinfo);  // so that destroying it is safe even if creating it fails
    cinfo.err = cjpeg_error_init(&error, message);
    if (setjmp(error.escape)) {
        jpeg_destroy_compress(&cinfo);
        // cinfo.dest rather than dest: what changed since setjmp is read back from memory.
        growing_destination *failed = (growing_destination *)cinfo.dest;
        if (failed != NULL) {
            free(failed->bytes);
        }
        return error.status;
    }
    jpeg_create_compress(&cinfo);
    dest.bytes = malloc(dest.capacity);
    cinfo.dest = &dest.base;
    if (dest.bytes == NULL) {
        cjpeg_fail((j_common_ptr)&cinfo, CJPEG_TOO_LARGE, "out of memory");
    }
    dest.base.next_output_byte = dest.bytes;
    dest.base.free_in_buffer = dest.capacity;

    compress(&cinfo, source, options);
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    *out = dest.bytes;
    *out_size = dest.size;
    return CJPEG_OK;
}

static void compress_pixels(j_compress_ptr cinfo, const void *source, const void *given) {
    const cjpeg_encode_options *options = given;
    const uint8_t *pixels = source;
    cinfo->image_width = (JDIMENSION)options->width;
    cinfo->image_height = (JDIMENSION)options->height;
    cinfo->input_components = 3;
    cinfo->in_color_space = options->is_bgr ? JCS_EXT_BGR : JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, options->quality, TRUE);
    if (!options->subsample) {
        cinfo->comp_info[0].h_samp_factor = 1;
        cinfo->comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = (JSAMPROW)(pixels + (size_t)cinfo->next_scanline * options->stride);
        jpeg_write_scanlines(cinfo, &row, 1);
    }
}

cjpeg_status cjpeg_encode(const uint8_t *pixels, const cjpeg_encode_options *options,
                          uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]) {
    const size_t pixel_count = (size_t)options->width * (size_t)options->height;
    return encode(compress_pixels, pixels, options, pixel_count, out, out_size, message);
}

// A row of a plane, its last sample repeated up to the end of the last block.
static void copy_row(uint8_t *to, const uint8_t *from, size_t width, size_t padded_width, plane_range range) {
    switch (range) {
    case PLANE_FULL: memcpy(to, from, width); break;
    case PLANE_LIMITED_LUMA: cjpeg_widen_luma(from, to, width); break;
    case PLANE_LIMITED_CHROMA: cjpeg_widen_chroma(from, to, width); break;
    }
    memset(to + width, to[width - 1], padded_width - width);
}

// What MPEG-1 divides the coefficients of pictures that stand alone by, times 8 (ISO/IEC 11172-2, 2.4.3.2). At the same number of
// bytes it keeps more of a picture than the tables of JPEG's standard, which spare the eye and leave the error to machines.
static const unsigned int mpeg_intra[DCTSIZE2] = {
    8,  16, 19, 22, 26, 27, 29, 34,  //
    16, 16, 22, 24, 27, 29, 34, 37,  //
    19, 22, 26, 27, 29, 34, 34, 38,  //
    22, 22, 26, 27, 29, 34, 37, 40,  //
    22, 26, 27, 29, 32, 35, 40, 48,  //
    26, 27, 29, 32, 35, 40, 48, 58,  //
    26, 27, 29, 34, 38, 46, 56, 69,  //
    27, 29, 35, 38, 46, 56, 69, 83,
};

static void compress_planes(j_compress_ptr cinfo, const void *source, const void *given) {
    const cjpeg_planes_options *options = given;
    const size_t width = (size_t)options->width;
    const size_t height = (size_t)options->height;
    const size_t chroma_width = (width + 1) / 2;
    const size_t chroma_height = (height + 1) / 2;
    cinfo->image_width = (JDIMENSION)width;
    cinfo->image_height = (JDIMENSION)height;
    cinfo->input_components = 3;
    cinfo->in_color_space = JCS_YCbCr;
    jpeg_set_defaults(cinfo);  // 4:2:0
    unsigned int steps[DCTSIZE2];
    for (size_t i = 0; i < DCTSIZE2; i++) {
        steps[i] = i == 0 ? mpeg_intra[i] : mpeg_intra[i] * (unsigned int)options->scale / 8;
    }
    jpeg_add_quant_table(cinfo, 0, steps, 100, TRUE);
    for (int i = 0; i < 3; i++) cinfo->comp_info[i].quant_tbl_no = 0;
    cinfo->raw_data_in = TRUE;
    jpeg_start_compress(cinfo, TRUE);

    // libjpeg wants whole blocks: 16 rows of luma and 8 of each chroma, as wide as the blocks that cover the picture.
    const size_t padded = (width + 15) / 16 * 16;
    uint8_t *strip = cinfo->mem->alloc_large((j_common_ptr)cinfo, JPOOL_IMAGE, 24 * padded);
    JSAMPROW luma[16], blue[8], red[8];
    for (size_t i = 0; i < 16; i++) luma[i] = strip + i * padded;
    for (size_t i = 0; i < 8; i++) {
        blue[i] = strip + 16 * padded + i * padded;
        red[i] = blue[i] + padded / 2;
    }
    JSAMPARRAY rows[3] = {luma, blue, red};

    const uint8_t *y_plane = source;
    const uint8_t *blue_plane = y_plane + width * height;
    const uint8_t *red_plane = blue_plane + chroma_width * chroma_height;
    const plane_range luma_range = options->is_full_range ? PLANE_FULL : PLANE_LIMITED_LUMA;
    const plane_range chroma_range = options->is_full_range ? PLANE_FULL : PLANE_LIMITED_CHROMA;
    for (size_t first = 0; first < height; first += 16) {
        for (size_t i = 0; i < 16; i++) {
            const size_t y = first + i < height ? first + i : height - 1;
            copy_row(luma[i], y_plane + y * width, width, padded, luma_range);
        }
        for (size_t i = 0; i < 8; i++) {
            const size_t y = first / 2 + i < chroma_height ? first / 2 + i : chroma_height - 1;
            copy_row(blue[i], blue_plane + y * chroma_width, chroma_width, padded / 2, chroma_range);
            copy_row(red[i], red_plane + y * chroma_width, chroma_width, padded / 2, chroma_range);
        }
        jpeg_write_raw_data(cinfo, rows, 16);
    }
}

cjpeg_status cjpeg_encode_planes(const uint8_t *planes, const cjpeg_planes_options *options,
                                 uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]) {
    const size_t pixel_count = (size_t)options->width * (size_t)options->height;
    return encode(compress_planes, planes, options, pixel_count, out, out_size, message);
}

void cjpeg_free(uint8_t *bytes) {
    free(bytes);
}
