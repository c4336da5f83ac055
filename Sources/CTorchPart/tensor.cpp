#include "internal.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <cstring>

using ctorch::guarded;
using ctorch::wrap;

namespace {

at::IntArrayRef sizes(const int64_t *shape, int32_t rank) {
    return {shape, static_cast<size_t>(rank < 0 ? 0 : rank)};
}

void require_length(const at::Tensor &tensor, size_t length) {
    if (tensor.nbytes() == length) return;
    throw std::invalid_argument(
        "a tensor of " + std::to_string(tensor.nbytes()) + " bytes does not fit a buffer of " + std::to_string(length));
}

}  // namespace

ctorch_status ctorch_tensor_zeros(
    const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_device device, ctorch_tensor *out) {
    return guarded([&] {
        auto options = at::TensorOptions(ctorch::scalar_type(dtype)).device(ctorch::device(device));
        *out = wrap(at::zeros(sizes(shape, rank), options));
    });
}

ctorch_status ctorch_tensor_empty(const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_tensor *out) {
    return guarded([&] {
        *out = wrap(at::empty(sizes(shape, rank), at::TensorOptions(ctorch::scalar_type(dtype))));
    });
}

ctorch_status ctorch_tensor_copy_in(
    const void *bytes, size_t length, const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_device device,
    ctorch_tensor *out) {
    return guarded([&] {
        at::TensorOptions options(ctorch::scalar_type(dtype));
        // A copy out of pinned memory goes on beside the program; libtorch keeps the memory until it is done. Out of any
        // other it would wait for all that the device was given to do before.
        const at::Device place = ctorch::device(device);
        at::Tensor staged = at::empty(sizes(shape, rank), place.is_cuda() ? options.pinned_memory(true) : options);
        require_length(staged, length);
        if (length > 0) std::memcpy(staged.data_ptr(), bytes, length);
        *out = wrap(staged.to(place, staged.scalar_type(), /*non_blocking=*/true));
    });
}

ctorch_status ctorch_tensor_copy_out(ctorch_tensor tensor, ctorch_dtype dtype, void *bytes, size_t length) {
    return guarded([&] {
        at::Tensor source = tensor->value.to(at::kCPU, ctorch::scalar_type(dtype)).contiguous();
        require_length(source, length);
        if (length > 0) std::memcpy(bytes, source.data_ptr(), length);
    });
}

void ctorch_tensor_free(ctorch_tensor tensor) {
    guarded([&] { delete tensor; });
}

int32_t ctorch_tensor_rank(ctorch_tensor tensor) { return static_cast<int32_t>(tensor->value.dim()); }

void ctorch_tensor_shape(ctorch_tensor tensor, int64_t *shape) {
    auto sizes = tensor->value.sizes();
    std::copy(sizes.begin(), sizes.end(), shape);
}

int32_t ctorch_tensor_dtype(ctorch_tensor tensor) {
    switch (tensor->value.scalar_type()) {
    case at::kFloat: return CTORCH_FLOAT32;
    case at::kHalf: return CTORCH_FLOAT16;
    case at::kBFloat16: return CTORCH_BFLOAT16;
    case at::kInt: return CTORCH_INT32;
    case at::kLong: return CTORCH_INT64;
    case at::kByte: return CTORCH_UINT8;
    default: return -1;
    }
}

ctorch_device ctorch_tensor_device(ctorch_tensor tensor) {
    return tensor->value.is_cpu() ? -1 : tensor->value.device().index();
}

ctorch_status ctorch_tensor_data(ctorch_tensor tensor, void **out) {
    return guarded([&] {
        if (!tensor->value.is_cpu()) throw std::invalid_argument("the elements are not in CPU memory");
        if (!tensor->value.is_contiguous()) throw std::invalid_argument("the elements are not in row-major order");
        *out = tensor->value.data_ptr();
    });
}

ctorch_status ctorch_tensor_reshape(ctorch_tensor tensor, const int64_t *shape, int32_t rank, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(tensor->value.reshape(sizes(shape, rank))); });
}

ctorch_status ctorch_tensor_permute(ctorch_tensor tensor, const int64_t *order, int32_t rank, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(tensor->value.permute(sizes(order, rank))); });
}

ctorch_status ctorch_tensor_narrow(
    ctorch_tensor tensor, int64_t dimension, int64_t start, int64_t count, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(tensor->value.narrow(dimension, start, count)); });
}

ctorch_status ctorch_tensor_contiguous(ctorch_tensor tensor, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(tensor->value.contiguous()); });
}

ctorch_status ctorch_tensor_to(ctorch_tensor tensor, ctorch_dtype dtype, ctorch_device device, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(tensor->value.to(ctorch::device(device), ctorch::scalar_type(dtype))); });
}
