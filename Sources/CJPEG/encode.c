#include <stdlib.h>
#include <string.h>

#include "error.h"

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

cjpeg_status cjpeg_encode(const uint8_t *pixels, const cjpeg_encode_options *options,
                          uint8_t **out, size_t *out_size, char message[CJPEG_MESSAGE_CAPACITY]) {
    struct jpeg_compress_struct cinfo;
    cjpeg_error error;
    growing_destination dest = {
        .base = {.init_destination = init_destination,
                 .empty_output_buffer = empty_output_buffer,
                 .term_destination = term_destination},
        // A third of a byte a pixel holds a usual photograph of quality 90.
        .capacity = 4096 + (size_t)options->width * (size_t)options->height / 3,
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

    cinfo.image_width = (JDIMENSION)options->width;
    cinfo.image_height = (JDIMENSION)options->height;
    cinfo.input_components = 3;
    cinfo.in_color_space = options->is_bgr ? JCS_EXT_BGR : JCS_RGB;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, options->quality, TRUE);
    if (!options->subsample) {
        cinfo.comp_info[0].h_samp_factor = 1;
        cinfo.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&cinfo, TRUE);
    while (cinfo.next_scanline < cinfo.image_height) {
        JSAMPROW row = (JSAMPROW)(pixels + (size_t)cinfo.next_scanline * options->stride);
        jpeg_write_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    *out = dest.bytes;
    *out_size = dest.size;
    return CJPEG_OK;
}

void cjpeg_free(uint8_t *bytes) {
    free(bytes);
}
