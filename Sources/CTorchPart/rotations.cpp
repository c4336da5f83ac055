#include "internal.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_cross.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

using ctorch::guarded;
using ctorch::wrap;

namespace {

/// Vectors of length 1; what has none stays 0.
at::Tensor unit(const at::Tensor &vectors) {
    const int64_t last[1] = {-1};
    return vectors / at::linalg_vector_norm(vectors, 2, at::IntArrayRef(last, 1), /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

ctorch_status ctorch_rotation_matrices(ctorch_tensor columns, ctorch_tensor *out) {
    return guarded([&] {
        std::vector<int64_t> shape = columns->value.sizes().vec();
        if (shape.empty() || shape.back() != 6) throw std::invalid_argument("the last dimension is not 6");
        shape.back() = 2;
        shape.push_back(3);
        at::Tensor pairs = columns->value.reshape(shape);
        at::Tensor x = unit(pairs.select(-2, 0)), second = pairs.select(-2, 1);
        at::Tensor y = unit(second - x * (x * second).sum(-1, /*keepdim=*/true));
        *out = wrap(at::stack({x, y, at::linalg_cross(x, y)}, -1));
    });
}
