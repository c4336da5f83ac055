// The kinds of convolutions. Not visible to Swift.
#pragma once

#include "rows.h"

#include <optional>

namespace cplans {

/// Weights (out, height, width, in) as (height, width, in, out): a row for every input of a window.
std::vector<float> output_last(const Array &weight);

/// Values, or zeros where there are none.
Floats copied(const float *values, int64_t count);

/// Whether every window covers some of the image, which kernels that work window by window count on, and without gaps.
bool is_plain(const cplans_conv2d &options, const Array &weight);

// Each takes weights (out channels, window height, window width, in channels of a group) and a bias or none, both checked by
// `convolution`. Those that are optional have nothing where the convolution is none of their kind.

/// One whose weights are mostly zeros; nothing where that would not make it faster.
std::optional<Convolution> sparse_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);
/// One to a channel or two.
std::optional<Convolution> narrow_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);
/// Any other one of a single group.
Convolution dense_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);
/// One channel by channel, with a window that there is a kernel for.
std::optional<Convolution> depthwise_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);
/// Any other one: in groups of several channels, or with windows that no kernel is made for.
Convolution grouped_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);

}  // namespace cplans
