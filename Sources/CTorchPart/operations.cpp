#include "internal.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/index_copy.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/le.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <vector>

using ctorch::guarded;
using ctorch::wrap;

ctorch_status ctorch_tensor_arithmetic(
    ctorch_arithmetic operation, ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out) {
    return guarded([&] {
        switch (operation) {
        case CTORCH_ADD: *out = wrap(at::add(a->value, b->value)); return;
        case CTORCH_SUBTRACT: *out = wrap(at::sub(a->value, b->value)); return;
        case CTORCH_MULTIPLY: *out = wrap(at::mul(a->value, b->value)); return;
        case CTORCH_DIVIDE: *out = wrap(at::div(a->value, b->value)); return;
        case CTORCH_EQUAL: *out = wrap(at::eq(a->value, b->value).to(a->value.scalar_type())); return;
        case CTORCH_ABOVE: *out = wrap(at::gt(a->value, b->value).to(a->value.scalar_type())); return;
        case CTORCH_AT_MOST: *out = wrap(at::le(a->value, b->value).to(a->value.scalar_type())); return;
        }
        throw std::invalid_argument("unknown operation " + std::to_string(static_cast<int>(operation)));
    });
}

ctorch_status ctorch_tensor_matmul(ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::matmul(a->value, b->value)); });
}

ctorch_status ctorch_tensor_concatenate(
    const ctorch_tensor *tensors, int32_t count, int64_t dimension, ctorch_tensor *out) {
    return guarded([&] {
        std::vector<at::Tensor> values;
        for (int32_t index = 0; index < count; ++index) values.push_back(tensors[index]->value);
        *out = wrap(at::cat(values, dimension));
    });
}

ctorch_status ctorch_tensor_select(
    ctorch_tensor tensor, int64_t dimension, const int64_t *indices, int32_t count, ctorch_tensor *out) {
    return guarded([&] {
        at::Tensor chosen = at::tensor(at::ArrayRef<int64_t>(indices, static_cast<size_t>(count)), at::kLong);
        *out = wrap(at::index_select(tensor->value, dimension, chosen.to(tensor->value.device())));
    });
}

ctorch_status ctorch_tensor_take(ctorch_tensor tensor, int64_t dimension, ctorch_tensor indices, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::index_select(tensor->value, dimension, indices->value)); });
}

ctorch_status ctorch_tensor_put(
    ctorch_tensor tensor, int64_t dimension, ctorch_tensor indices, ctorch_tensor entries, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::index_copy(tensor->value, dimension, indices->value, entries->value)); });
}

ctorch_status ctorch_tensor_where(ctorch_tensor condition, ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::where(condition->value.to(at::kBool), a->value, b->value)); });
}

ctorch_status ctorch_tensor_clamp(ctorch_tensor tensor, double low, double high, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::clamp(tensor->value, at::Scalar(low), at::Scalar(high))); });
}

ctorch_status ctorch_tensor_sum(ctorch_tensor tensor, int64_t dimension, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::sum(tensor->value, at::IntArrayRef({dimension}))); });
}

ctorch_status ctorch_tensor_round(ctorch_tensor tensor, ctorch_tensor *out) {
    return guarded([&] { *out = wrap(at::round(tensor->value)); });
}
