// Every operator of a plan but the convolutions.
#include "plan.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <limits>

using ctorch::guarded;
using ctorch::Operands;

namespace ctorch {

at::Tensor activate(at::Tensor tensor, ctorch_activation activation) {
    switch (activation) {
    case CTORCH_ACTIVATION_NONE: return tensor;
    case CTORCH_ACTIVATION_RELU: return tensor.relu_();
    case CTORCH_ACTIVATION_RELU6: return tensor.clamp_(0, 6);
    }
    throw std::invalid_argument("unknown activation " + std::to_string(static_cast<int>(activation)));
}

namespace {

/// The dimension of ATen's logical order for one of NHWC order.
int64_t logical_dimension(int64_t axis, int64_t rank) {
    if (axis < 0) axis += rank;
    if (rank != 4) return axis;
    constexpr int64_t order[4] = {0, 2, 3, 1};
    return order[axis];
}

}  // namespace
}  // namespace ctorch

ctorch_status ctorch_plan_add(ctorch_plan plan, int32_t a, int32_t b, int32_t output, ctorch_activation activation) {
    return guarded([&] {
        ctorch::Kernel native = ctorch::native_sum(activation);
        bool use_native = plan->kernels == ctorch::KernelSet::native;
        plan->add("sum", {a, b}, output, [=](Operands &operands) {
            // Ours is for images of one shape; ATen's broadcasts.
            if (use_native && operands.inputs[0].dim() == 4 && operands.inputs[0].sizes() == operands.inputs[1].sizes()) {
                return native(operands);
            }
            return ctorch::activate(at::add(operands.inputs[0], operands.inputs[1]), activation);
        });
    });
}

ctorch_status ctorch_plan_pad(
    ctorch_plan plan, int32_t input, int32_t output, ctorch_margins margins, int64_t channels_before,
    int64_t channels_after) {
    return guarded([&] {
        plan->add("padding", {input}, output, [=](Operands &operands) {
            return at::constant_pad_nd(
                operands.inputs[0],
                {margins.left, margins.right, margins.top, margins.bottom, channels_before, channels_after});
        });
    });
}

ctorch_status ctorch_plan_max_pool(
    ctorch_plan plan, int32_t input, int32_t output, const int64_t window[2], const int64_t stride[2],
    ctorch_margins margins, ctorch_activation activation) {
    return guarded([&] {
        std::vector<int64_t> size{window[0], window[1]}, step{stride[0], stride[1]};
        bool padded = margins.top || margins.bottom || margins.left || margins.right;
        plan->add("maximum", {input}, output, [=](Operands &operands) {
            at::Tensor image = operands.inputs[0];
            if (padded) {
                image = at::constant_pad_nd(
                    image, {margins.left, margins.right, margins.top, margins.bottom},
                    -std::numeric_limits<float>::infinity());
            }
            return ctorch::activate(at::max_pool2d(image, size, step), activation);
        });
    });
}

ctorch_status ctorch_plan_resize_bilinear(
    ctorch_plan plan, int32_t input, int32_t addend, int32_t output, const int64_t size[2], int32_t align_corners,
    ctorch_activation activation) {
    return guarded([&] {
        std::vector<int64_t> target{size[0], size[1]};
        std::vector<int32_t> inputs{input};
        if (addend >= 0) inputs.push_back(addend);
        if (plan->kernels == ctorch::KernelSet::native) {
            auto kernel = ctorch::native_resize(target, align_corners != 0, activation);
            plan->add("resize", std::move(inputs), output, std::move(kernel));
            return;
        }
        plan->add("resize", std::move(inputs), output, [=](Operands &operands) {
            at::Tensor result = at::upsample_bilinear2d(operands.inputs[0], target, align_corners != 0);
            if (operands.inputs.size() > 1) result.add_(operands.inputs[1]);
            return ctorch::activate(std::move(result), activation);
        });
    });
}

ctorch_status ctorch_plan_depth_to_space(ctorch_plan plan, int32_t input, int32_t output, int64_t block) {
    return guarded([&] {
        if (block < 1) throw std::invalid_argument("the block size must be at least 1");
        if (plan->kernels == ctorch::KernelSet::native) {
            plan->add("depth to space", {input}, output, ctorch::native_depth_to_space(block));
            return;
        }
        plan->add("depth to space", {input}, output, [block](Operands &operands) {
            at::Tensor image = ctorch::to_channels_last(operands.inputs[0]);  // (N, H, W, b b C)
            int64_t n = image.size(0), h = image.size(1), w = image.size(2), c = image.size(3) / (block * block);
            at::Tensor blocks = image.reshape({n, h, w, block, block, c}).permute({0, 1, 3, 2, 4, 5});
            return ctorch::to_channels_first(blocks.reshape({n, h * block, w * block, c}));
        });
    });
}

ctorch_status ctorch_plan_reshape(
    ctorch_plan plan, int32_t input, int32_t output, const int64_t *shape, int32_t rank) {
    return guarded([&] {
        std::vector<int64_t> rest(shape, shape + rank);
        plan->add("reshape", {input}, output, [rest](Operands &operands) {
            at::Tensor source = ctorch::to_channels_last(operands.inputs[0]);
            std::vector<int64_t> target{source.size(0)};
            target.insert(target.end(), rest.begin(), rest.end());
            return ctorch::to_channels_first(source.reshape(target));
        });
    });
}

ctorch_status ctorch_plan_concatenate(
    ctorch_plan plan, const int32_t *inputs, int32_t count, int32_t output, int64_t axis) {
    return guarded([&] {
        plan->add("concatenation", {inputs, inputs + count}, output, [axis](Operands &operands) {
            return at::cat(operands.inputs, ctorch::logical_dimension(axis, operands.inputs[0].dim()));
        });
    });
}

ctorch_status ctorch_plan_logistic(ctorch_plan plan, int32_t input, int32_t output) {
    return guarded([&] {
        plan->add("logistic", {input}, output, [](Operands &operands) { return at::sigmoid(operands.inputs[0]); });
    });
}
