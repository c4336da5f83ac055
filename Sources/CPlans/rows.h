// Convolutions row by row. Not visible to Swift.
#pragma once

#include "steps.h"

namespace cplans {

/// One row of a convolution's output.
struct RowJob {
    const float *const *rows;  // the input rows under the window, null outside of the image
    const float *zeros;        // as many as an input row has values
    float *scratch;            // as many as the convolution says
    float *out;
    const float *residual;  // laid out as `out`, or null
    int64_t width, out_width;
};

/// A convolution that can be computed row by row, with windows of at most `max_window` rows that all reach the image.
class RowConvolution {
  public:
    const cplans_conv2d options;
    const int64_t window[2];
    const int64_t channels, out_channels;

    RowConvolution(const cplans_conv2d &options, const int64_t window[2], int64_t channels, int64_t out_channels)
        : options(options), window{window[0], window[1]}, channels(channels), out_channels(out_channels) {}
    virtual ~RowConvolution() = default;
    virtual int64_t scratch() const { return 0; }
    virtual void run(const RowJob &job) const = 0;
};

}  // namespace cplans
