// Operators other than convolutions.
#include "steps.h"

#include <cmath>

namespace cplans {

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

Kernel resize(int64_t height, int64_t width, bool align_corners, cplans_activation activation) {
    return [=](Operands &operands) {
        Image image(operands.inputs[0]);
        Array output = operands.workspace.array({image.batch, height, width, image.channels});
        Image out(output);
        const float *residual = addend(operands, output);
        Sources rows(image.height, out.height, align_corners, image.line());
        Sources columns(image.width, out.width, align_corners, image.channels);
        int64_t line = out.line();
        bool parallel = out.batch * out.height * line * 4 > parallel_work;
        in_parallel(operands.workers, out.batch * out.height, parallel, [&](int64_t first, int64_t last, int32_t) {
            for (int64_t index = first; index < last; ++index) {
                auto y = static_cast<size_t>(index % out.height);
                const float *source = image.data + index / out.height * image.size();
                kernels().resize(
                    {source + rows.first[y], source + rows.second[y], rows.weight[y], columns.first.data(),
                     columns.second.data(), columns.weight.data(), out.data + index * line,
                     residual ? residual + index * line : nullptr, out.width, out.channels, limits(activation)});
            }
        });
        return output;
    };
}

namespace {

/// The shape of a sum, each dimension of size 1 stretched to the other's.
Shape broadcast(const Shape &a, const Shape &b) {
    Shape shape;
    bool fits = a.size() == b.size();
    for (size_t index = 0; fits && index < a.size(); ++index) {
        fits = a[index] == b[index] || a[index] == 1 || b[index] == 1;
        shape.push_back(a[index] == 1 ? b[index] : a[index]);
    }
    if (!fits) throw std::invalid_argument("shapes " + words(a) + " and " + words(b) + " cannot be added");
    return shape;
}

/// Adds arrays of broadcast shapes, dimension by dimension.
float *add(const Shape &shape, size_t dimension, const Array &a, int64_t a_at, const Array &b, int64_t b_at, float *out, Limits range) {
    if (dimension == shape.size()) {
        *out = std::min(std::max(a.data()[a_at] + b.data()[b_at], range.low), range.high);
        return out + 1;
    }
    // Where index i of this dimension begins: a_at * size + i, and always 0 where the size is 1.
    for (int64_t index = 0; index < shape[dimension]; ++index) {
        int64_t a_index = a.shape[dimension] == 1 ? 0 : index, b_index = b.shape[dimension] == 1 ? 0 : index;
        out = add(
            shape, dimension + 1, a, a_at * a.shape[dimension] + a_index, b, b_at * b.shape[dimension] + b_index, out, range);
    }
    return out;
}

}  // namespace

Kernel sum(cplans_activation activation) {
    return [range = limits(activation)](Operands &operands) {
        const Array &a = operands.inputs[0], &b = operands.inputs[1];
        Array output = operands.workspace.array(broadcast(a.shape, b.shape));
        if (a.shape != b.shape) {
            add(output.shape, 0, a, 0, b, 0, output.data(), range);
            return output;
        }
        constexpr int64_t chunk = 16'384;
        int64_t count = output.count();
        in_parallel(operands.workers, (count + chunk - 1) / chunk, count > parallel_work, [&](int64_t first, int64_t last, int32_t) {
            int64_t start = first * chunk, end = std::min(count, last * chunk);
            kernels().sum(a.data() + start, b.data() + start, output.data() + start, end - start, range);
        });
        return output;
    };
}

Kernel padding(cplans_margins margins, int64_t channels_before, int64_t channels_after) {
    return [=](Operands &operands) {
        Image image(operands.inputs[0]);
        Array output = operands.workspace.array(
            {image.batch, image.height + margins.top + margins.bottom, image.width + margins.left + margins.right,
             image.channels + channels_before + channels_after});
        Image out(output);
        std::memset(out.data, 0, static_cast<size_t>(output.count()) * sizeof(float));
        for (int64_t line = 0; line < image.batch * image.height; ++line) {
            int64_t n = line / image.height, y = line % image.height + margins.top;
            float *target = out.data + (n * out.height + y) * out.line() + margins.left * out.channels + channels_before;
            const float *source = image.data + line * image.line();
            for (int64_t x = 0; x < image.width; ++x) {
                std::memcpy(
                    target + x * out.channels, source + x * image.channels,
                    static_cast<size_t>(image.channels) * sizeof(float));
            }
        }
        return output;
    };
}

Kernel maximum(
    int64_t window_height, int64_t window_width, const int64_t stride[2], cplans_margins margins,
    cplans_activation activation) {
    if (window_height < 1 || window_width < 1 || stride[0] < 1 || stride[1] < 1) {
        throw std::invalid_argument("windows and strides are at least one pixel");
    }
    cplans_conv2d way{{stride[0], stride[1]}, {1, 1}, 1, margins, activation};
    return [=](Operands &operands) {
        Image image(operands.inputs[0]);
        int64_t window[2] = {window_height, window_width};
        auto [height, width] = output_size(way, window, image);
        Array output = operands.workspace.array({image.batch, height, width, image.channels});
        Image out(output);
        Limits range = limits(activation);
        bool parallel = output.count() * window_height * window_width > parallel_work;
        in_parallel(operands.workers, out.batch * out.height, parallel, [&](int64_t first, int64_t last, int32_t) {
            for (int64_t line = first; line < last; ++line) {
                const float *source = image.data + line / out.height * image.size();
                int64_t top = line % out.height * way.stride[0] - margins.top;
                for (int64_t x = 0; x < out.width; ++x) {
                    int64_t left = x * way.stride[1] - margins.left;
                    float *target = out.data + line * out.line() + x * out.channels;
                    std::fill(target, target + out.channels, -std::numeric_limits<float>::infinity());
                    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + window_height, image.height); ++y) {
                        for (int64_t c = std::max<int64_t>(left, 0); c < std::min(left + window_width, image.width); ++c) {
                            const float *pixel = source + y * image.line() + c * image.channels;
                            for (int64_t index = 0; index < out.channels; ++index) {
                                target[index] = std::max(target[index], pixel[index]);
                            }
                        }
                    }
                    for (int64_t index = 0; index < out.channels; ++index) {
                        target[index] = std::min(std::max(target[index], range.low), range.high);
                    }
                }
            }
        });
        return output;
    };
}

Kernel depth_to_space(int64_t block) {
    if (block < 1) throw std::invalid_argument("the block size must be at least 1");
    return [=](Operands &operands) {
        Image image(operands.inputs[0]);
        if (image.channels % (block * block) != 0) throw std::invalid_argument("blocks do not divide the channels");
        Array output = operands.workspace.array(
            {image.batch, image.height * block, image.width * block, image.channels / block / block});
        Image out(output);
        // A block's row is contiguous in both images.
        int64_t run = block * out.channels;
        for (int64_t line = 0; line < image.batch * image.height; ++line) {
            for (int64_t row = 0; row < block; ++row) {
                float *target = out.data + (line * block + row) * out.line();
                const float *source = image.data + line * image.line() + row * run;
                for (int64_t column = 0; column < image.width; ++column) {
                    std::memcpy(
                        target + column * run, source + column * image.channels, static_cast<size_t>(run) * sizeof(float));
                }
            }
        }
        return output;
    };
}

Kernel reshape(Shape rest) {
    return [rest = std::move(rest)](Operands &operands) {
        Array array = operands.inputs[0];
        Shape shape{array.shape.empty() ? 1 : array.shape[0]};
        shape.insert(shape.end(), rest.begin(), rest.end());
        if (count_of(shape) != array.count()) {
            throw std::invalid_argument("the shape " + words(array.shape) + " cannot become " + words(shape));
        }
        array.shape = std::move(shape);
        return array;
    };
}

Kernel concatenation(int64_t axis) {
    return [=](Operands &operands) {
        Shape shape = operands.inputs.at(0).shape;
        auto along = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
        if (along >= shape.size()) throw std::invalid_argument("there is no dimension " + std::to_string(axis));
        shape[along] = 0;
        for (const Array &input : operands.inputs) {
            Shape others = input.shape;
            if (others.size() == shape.size()) others[along] = shape[along];
            if (others != shape) throw std::invalid_argument("the arrays differ in more than the dimension they are joined along");
            shape[along] += input.shape[along];
        }
        Array output = operands.workspace.array(shape);
        int64_t outer = 1, inner = 1;
        for (size_t index = 0; index < shape.size(); ++index) (index < along ? outer : inner) *= shape[index];
        int64_t start = 0;
        for (const Array &input : operands.inputs) {
            int64_t length = inner / std::max<int64_t>(shape[along], 1) * input.shape[along];
            for (int64_t index = 0; index < outer; ++index) {
                std::memcpy(
                    output.data() + index * inner + start, input.data() + index * length,
                    static_cast<size_t>(length) * sizeof(float));
            }
            start += length;
        }
        return output;
    };
}

Kernel logistic() {
    return [](Operands &operands) {
        const Array &input = operands.inputs[0];
        Array output = operands.workspace.array(input.shape);
        for (int64_t index = 0, count = output.count(); index < count; ++index) {
            output.data()[index] = 1 / (1 + std::exp(-input.data()[index]));
        }
        return output;
    };
}

}  // namespace cplans
