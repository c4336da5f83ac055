// Layers over pictures.
#include "internal.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>

using ctorch::guarded;
using ctorch::wrap;

ctorch_status ctorch_conv2d_relu(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t padding, ctorch_tensor *out) {
    return guarded([&] {
        const int64_t stride[2] = {1, 1}, zeros[2] = {padding, padding};
        at::Tensor result = at::conv2d(
            input->value, weight->value, bias->value, at::IntArrayRef(stride, 2), at::IntArrayRef(zeros, 2));
        *out = wrap(result.relu_());
    });
}

ctorch_status ctorch_max_pool2d(ctorch_tensor input, int64_t window, ctorch_tensor *out) {
    return guarded([&] {
        const int64_t size[2] = {window, window};
        *out = wrap(at::max_pool2d(input->value, at::IntArrayRef(size, 2), at::IntArrayRef(size, 2)));
    });
}
