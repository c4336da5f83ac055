#include "plan.h"

#include <ATen/ops/empty.h>

namespace ctorch {

at::Tensor Workspace::image(int64_t batch, int64_t channels, int64_t height, int64_t width) {
    int64_t count = batch * channels * height * width;
    auto bytes = static_cast<size_t>(count) * sizeof(float);
    // The smallest that is large enough.
    auto best = free.end();
    for (auto candidate = free.begin(); candidate != free.end(); ++candidate) {
        if (candidate->nbytes() < bytes) continue;
        if (best == free.end() || candidate->nbytes() < best->nbytes()) best = candidate;
    }
    c10::Storage storage;
    if (best != free.end()) {
        storage = std::move(*best);
        free.erase(best);
    } else {
        storage = at::empty({count}, at::kFloat).storage();
    }
    auto tensor = at::detail::make_tensor<c10::TensorImpl>(
        std::move(storage), c10::DispatchKeySet(c10::DispatchKey::CPU), caffe2::TypeMeta::Make<float>());
    int64_t sizes[4] = {batch, channels, height, width};
    int64_t strides[4] = {height * width * channels, 1, width * channels, channels};
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides({sizes, 4}, {strides, 4});
    return tensor;
}

void Workspace::recycle(at::Tensor tensor) {
    if (!tensor.defined() || !tensor.is_cpu() || tensor.use_count() > 1) return;
    c10::Storage storage = tensor.storage();
    tensor.reset();
    if (storage.use_count() == 1) free.push_back(std::move(storage));
}

}  // namespace ctorch
