#include "error.h"

#include <string.h>

#include <jerror.h>

// Padding that encoders leave between the last block and the next marker. Some webcams write a few bytes;
// much more means that the decoder lost its place in the data.
#define HARMLESS_EXTRANEOUS_BYTES 64

static _Noreturn void fail_with_library_message(j_common_ptr cinfo, cjpeg_status status) {
    cjpeg_error *error = (cjpeg_error *)cinfo->err;
    char text[JMSG_LENGTH_MAX];
    error->base.format_message(cinfo, text);
    cjpeg_fail(cinfo, status, text);
}

static cjpeg_status status_of(int code) {
    switch (code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_J_COLORSPACE:
    case JERR_BAD_PRECISION:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
        return CJPEG_UNSUPPORTED;
    case JERR_IMAGE_TOO_BIG:
    case JERR_OUT_OF_MEMORY:
    case JERR_WIDTH_OVERFLOW:
        return CJPEG_TOO_LARGE;
    default:
        return CJPEG_CORRUPT;
    }
}

static void error_exit(j_common_ptr cinfo) {
    fail_with_library_message(cinfo, status_of(cinfo->err->msg_code));
}

// To libjpeg damaged data is a warning: it fills in grey and goes on. A half-grey frame would give a pose
// that nobody can tell from a good one, so here damage ends the call.
static void emit_message(j_common_ptr cinfo, int level) {
    if (level >= 0) {
        return;
    }
    struct jpeg_error_mgr *err = cinfo->err;
    switch (err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return;  // oddities of the headers, every pixel is there
    case JWRN_EXTRANEOUS_DATA: {
        int marker = err->msg_parm.i[1];
        int is_restart = marker >= 0xD0 && marker <= 0xD7;
        if (!is_restart && err->msg_parm.i[0] <= HARMLESS_EXTRANEOUS_BYTES) {
            return;
        }
        break;
    }
    default:
        break;
    }
    fail_with_library_message(cinfo, CJPEG_CORRUPT);
}

static void output_message(j_common_ptr cinfo) {
    (void)cinfo;  // a library does not write to standard error
}

struct jpeg_error_mgr *cjpeg_error_init(cjpeg_error *error, char *message) {
    struct jpeg_error_mgr *base = jpeg_std_error(&error->base);
    base->error_exit = error_exit;
    base->emit_message = emit_message;
    base->output_message = output_message;
    error->status = CJPEG_OK;
    error->message = message;
    message[0] = '\0';
    return base;
}

_Noreturn void cjpeg_fail(j_common_ptr cinfo, cjpeg_status status, const char *sentence) {
    cjpeg_error *error = (cjpeg_error *)cinfo->err;
    error->status = status;
    snprintf(error->message, CJPEG_MESSAGE_CAPACITY, "%s", sentence);
    longjmp(error->escape, 1);
}
