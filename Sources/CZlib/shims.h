#ifndef POSEBUS_CZLIB_SHIMS_H
#define POSEBUS_CZLIB_SHIMS_H

#include <zlib.h>

// inflateInit2 is a macro, which Swift does not see.
static inline int czlib_inflate_init_raw(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }
static inline int czlib_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }

#endif
