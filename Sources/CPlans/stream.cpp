// Convolutions that follow on one another, computed together.
//
// At the beginning of a network the images between two convolutions are larger than a core's own cache. Computed row by row,
// each as soon as the rows under its window are there, only a few rows of them exist at a time, and stay in it.
#include "rows.h"

namespace cplans {

namespace {

/// Images smaller than this are computed whole: they stay in the cache anyway, and longer products are faster.
constexpr int64_t streamed_floats = 96 * 1024;

struct Stream {
    std::vector<Convolution> convolutions;
    std::vector<bool> addends;
};

/// A convolution at work: its output is the whole image for the last one, as many rows as the next one's window has for
/// the others.
struct Stage {
    const RowConvolution *convolution;
    Array output;
    const float *addend;
    int64_t height, width, capacity;
    int64_t done = 0;

    float *row(int64_t y) const { return output.data() + y % capacity * width * convolution->out_channels; }
};

class Run {
  public:
    Run(const Image &image, std::vector<Stage> &stages, Workspace &workspace)
        : image(image), stages(stages) {
        int64_t widest = image.line(), deepest = 0;
        for (const Stage &stage : stages) {
            widest = std::max(widest, stage.width * stage.convolution->out_channels);
            deepest = std::max(deepest, stage.convolution->scratch());
        }
        zeros = workspace.array({widest});
        std::memset(zeros.data(), 0, static_cast<size_t>(widest) * sizeof(float));
        scratch = workspace.array({deepest});
    }

    void whole(int64_t number, float *out) {
        source = image.data + number * image.size();
        n = number;
        target = out;
        for (Stage &stage : stages) stage.done = 0;
        produce(stages.size() - 1, stages.back().height);
    }

    void recycle(Workspace &workspace) {
        workspace.recycle(std::move(zeros));
        workspace.recycle(std::move(scratch));
    }

  private:
    /// Computes a stage's rows up to `end`, and before them what they are made of.
    void produce(size_t index, int64_t end) {
        Stage &stage = stages[index];
        const RowConvolution &convolution = *stage.convolution;
        const int64_t in_height = index ? stages[index - 1].height : image.height;
        const int64_t line = stage.width * convolution.out_channels;
        for (; stage.done < end; ++stage.done) {
            int64_t y = stage.done, top = y * convolution.options.stride[0] - convolution.options.margins.top;
            if (index) produce(index - 1, std::min(in_height, top + convolution.window[0]));
            const float *rows[max_window];
            for (int64_t ky = 0; ky < convolution.window[0]; ++ky) {
                int64_t row = top + ky;
                if (row < 0 || row >= in_height) {
                    rows[ky] = nullptr;
                } else {
                    rows[ky] = index ? stages[index - 1].row(row) : source + row * image.line();
                }
            }
            bool is_last = index + 1 == stages.size();
            RowJob job;
            job.rows = rows;
            job.zeros = zeros.data();
            job.scratch = scratch.data();
            job.out = is_last ? target + y * line : stage.row(y);
            job.residual = stage.addend ? stage.addend + (n * stage.height + y) * line : nullptr;
            job.width = index ? stages[index - 1].width : image.width;
            job.out_width = stage.width;
            convolution.run(job);
        }
    }

    const Image &image;
    std::vector<Stage> &stages;
    Array zeros, scratch;
    const float *source = nullptr;
    float *target = nullptr;
    int64_t n = 0;
};

/// The stages `first ..< last` row by row.
Array run_rows(std::vector<Stage> &stages, const Array &input, Workspace &workspace) {
    Image image(input);
    for (size_t index = 0; index + 1 < stages.size(); ++index) {
        Stage &stage = stages[index];
        stage.capacity = stages[index + 1].convolution->window[0];
        stage.output = workspace.array({stage.capacity, stage.width, stage.convolution->out_channels});
    }
    const Stage &last = stages.back();
    Array output = workspace.array({image.batch, last.height, last.width, last.convolution->out_channels});
    Run run(image, stages, workspace);
    for (int64_t n = 0; n < image.batch; ++n) {
        run.whole(n, output.data() + n * last.height * last.width * last.convolution->out_channels);
    }
    run.recycle(workspace);
    for (Stage &stage : stages) workspace.recycle(std::move(stage.output));
    return output;
}

Array run(const Stream &stream, Operands &operands) {
    // What each will make.
    std::vector<Stage> stages;
    Shape shape = operands.inputs[0].shape;
    size_t next_addend = 1;
    std::vector<const Array *> addends;
    for (size_t index = 0; index < stream.convolutions.size(); ++index) {
        const RowConvolution &convolution = *stream.convolutions[index].rows;
        Image image(Array({}, shape));
        if (image.channels != convolution.channels) throw std::invalid_argument("the image has another number of channels");
        auto [height, width] = output_size(convolution.options, convolution.window, image);
        shape = {image.batch, height, width, convolution.out_channels};
        addends.push_back(stream.addends[index] ? &operands.inputs[next_addend++] : nullptr);
        if (addends.back() && addends.back()->shape != shape) throw std::invalid_argument("the addend has another shape");
        const float *addend = addends.back() ? addends.back()->data() : nullptr;
        stages.push_back({&convolution, {}, addend, height, width, 1});
    }
    Array value = operands.inputs[0];
    for (size_t first = 0, last; first < stages.size(); first = last) {
        for (last = first + 1; last < stages.size(); ++last) {
            const Stage &before = stages[last - 1];
            if (before.height * before.width * before.convolution->out_channels < streamed_floats) break;
        }
        Operands part{operands.workspace, operands.workers, {}};
        part.inputs.push_back(std::move(value));
        if (last == first + 1) {
            if (addends[first]) part.inputs.push_back(*addends[first]);
            value = stream.convolutions[first].kernel(part);
        } else {
            std::vector<Stage> together(stages.begin() + static_cast<ptrdiff_t>(first), stages.begin() + static_cast<ptrdiff_t>(last));
            value = run_rows(together, part.inputs[0], operands.workspace);
        }
        if (first > 0) operands.workspace.recycle(std::move(part.inputs[0]));
    }
    return value;
}

}  // namespace

Kernel stream(std::vector<Convolution> convolutions, std::vector<bool> addends) {
    Stream stream{std::move(convolutions), std::move(addends)};
    return [stream](Operands &operands) { return run(stream, operands); };
}

}  // namespace cplans
