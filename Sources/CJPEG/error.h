// The libjpeg error manager that both directions share.

#ifndef CJPEG_ERROR_H
#define CJPEG_ERROR_H

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#include "CJPEG.h"

typedef struct {
    struct jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is a pointer to this
    jmp_buf escape;
    cjpeg_status status;
    char *message;  // CJPEG_MESSAGE_CAPACITY bytes of the caller
} cjpeg_error;

/// Installs the handlers; the caller still has to setjmp(error->escape) before using libjpeg.
struct jpeg_error_mgr *cjpeg_error_init(cjpeg_error *error, char *message);

/// Ends the call with a status and a sentence of our own. Does not return.
_Noreturn void cjpeg_fail(j_common_ptr cinfo, cjpeg_status status, const char *sentence);

#endif
