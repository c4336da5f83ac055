// Operators other than convolutions on this library's own kernels.
#include "native_steps.h"

namespace ctorch {

namespace {

/// Where the pixels of a resized line come from.
struct Sources {
    std::vector<int64_t> first, second;
    std::vector<float> weight;  // of the second

    Sources(int64_t size, int64_t count, bool align_corners, int64_t stride) {
        float scale = static_cast<float>(size) / static_cast<float>(count);
        if (align_corners) scale = count > 1 ? static_cast<float>(size - 1) / static_cast<float>(count - 1) : 0;
        for (int64_t index = 0; index < count; ++index) {
            float position = static_cast<float>(index) * scale;
            if (!align_corners) position = std::max(0.0f, (static_cast<float>(index) + 0.5f) * scale - 0.5f);
            int64_t lower = std::min(static_cast<int64_t>(position), size - 1);
            first.push_back(lower * stride);
            second.push_back(std::min(lower + 1, size - 1) * stride);
            weight.push_back(position - static_cast<float>(lower));
        }
    }
};

}  // namespace

Kernel native_resize(std::vector<int64_t> size, bool align_corners, ctorch_activation activation) {
    return [=](Operands &operands) {
        at::Tensor input = dense_image(operands.inputs[0]);
        Image image(input);
        at::Tensor output = operands.workspace.image(image.batch, image.channels, size[0], size[1]);
        Image out(output);
        at::Tensor addend = dense_addend(operands, output);
        const float *residual = addend.defined() ? addend.data_ptr<float>() : nullptr;
        Sources rows(image.height, out.height, align_corners, image.width * image.channels);
        Sources columns(image.width, out.width, align_corners, image.channels);
        int64_t line = out.width * out.channels;
        bool parallel = out.batch * out.height * line * 4 > parallel_work;
        in_parallel(operands.workers, out.batch * out.height, parallel, [&](int64_t first, int64_t last, int32_t) {
            for (int64_t index = first; index < last; ++index) {
                auto y = static_cast<size_t>(index % out.height);
                const float *source = image.data + index / out.height * image.height * image.width * image.channels;
                native::kernels().resize(
                    {source + rows.first[y], source + rows.second[y], rows.weight[y], columns.first.data(),
                     columns.second.data(), columns.weight.data(), out.data + index * line,
                     residual ? residual + index * line : nullptr, out.width, out.channels, limits(activation)});
            }
        });
        return output;
    };
}

Kernel native_sum(ctorch_activation activation) {
    return [=](Operands &operands) {
        at::Tensor a = dense_image(operands.inputs[0]), b = dense_image(operands.inputs[1]);
        at::Tensor output = operands.workspace.image(a.size(0), a.size(1), a.size(2), a.size(3));
        const float *left = a.data_ptr<float>(), *right = b.data_ptr<float>();
        float *target = output.data_ptr<float>();
        constexpr int64_t chunk = 16'384;
        int64_t count = output.numel();
        in_parallel(operands.workers, (count + chunk - 1) / chunk, count > parallel_work, [&](int64_t first, int64_t last, int32_t) {
            int64_t start = first * chunk, end = std::min(count, last * chunk);
            native::kernels().sum(left + start, right + start, target + start, end - start, limits(activation));
        });
        return output;
    };
}

Kernel native_depth_to_space(int64_t block) {
    return [=](Operands &operands) {
        at::Tensor input = dense_image(operands.inputs[0]);
        Image image(input);
        at::Tensor output = operands.workspace.image(
            image.batch, image.channels / block / block, image.height * block, image.width * block);
        Image out(output);
        // A block's row is contiguous in both images.
        int64_t run = block * out.channels;
        for (int64_t line = 0; line < image.batch * image.height; ++line) {
            for (int64_t row = 0; row < block; ++row) {
                float *target = out.data + (line * block + row) * out.width * out.channels;
                const float *source = image.data + line * image.width * image.channels + row * run;
                for (int64_t column = 0; column < image.width; ++column) {
                    std::memcpy(
                        target + column * run, source + column * image.channels, static_cast<size_t>(run) * sizeof(float));
                }
            }
        }
        return output;
    };
}

}  // namespace ctorch
