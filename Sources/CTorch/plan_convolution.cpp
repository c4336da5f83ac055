// Convolutions on ATen's kernels, and the choice between those and ours.
#include "plan.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>

namespace ctorch {

Kernel aten_convolution(const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias) {
    at::Tensor packed = weight.contiguous(at::MemoryFormat::ChannelsLast);
    const ctorch_margins &margins = options.margins;
    bool symmetric = margins.top == margins.bottom && margins.left == margins.right;
    std::vector<int64_t> padding{symmetric ? margins.top : 0, symmetric ? margins.left : 0};
    return [=](Operands &operands) {
        at::Tensor image = operands.inputs[0];
        // ATen pads both sides alike; other margins are added by themselves.
        if (!symmetric) image = at::constant_pad_nd(image, {margins.left, margins.right, margins.top, margins.bottom});
        at::Tensor result = at::conv2d(
            image, packed, bias, at::IntArrayRef(options.stride, 2), padding, at::IntArrayRef(options.dilation, 2),
            options.groups);
        if (operands.inputs.size() > 1) result.add_(operands.inputs[1]);
        return activate(std::move(result), options.activation);
    };
}

}  // namespace ctorch

ctorch_status ctorch_plan_conv2d(
    ctorch_plan plan, int32_t input, int32_t addend, int32_t output, const ctorch_conv2d *options, ctorch_tensor weight,
    ctorch_tensor bias) {
    return ctorch::guarded([&] {
        at::Tensor moved = weight->value.to(plan->device, at::kFloat).contiguous();
        at::Tensor moved_bias = bias ? bias->value.to(plan->device, at::kFloat).contiguous() : at::Tensor();
        ctorch::Kernel kernel;
        if (plan->kernels == ctorch::KernelSet::native) {
            kernel = ctorch::native_convolution(*options, moved, moved_bias);
        }
        if (!kernel) kernel = ctorch::aten_convolution(*options, moved, moved_bias);
        std::vector<int32_t> inputs{input};
        if (addend >= 0) inputs.push_back(addend);
        plan->add("convolution", std::move(inputs), output, std::move(kernel));
    });
}
