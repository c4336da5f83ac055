// What the files of this target share. Not visible to Swift.
#pragma once

#include "ctorch.h"

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <exception>
#include <stdexcept>
#include <string>

struct ctorch_tensor_s {
    at::Tensor value;
};

namespace ctorch {

/// Keeps `message` for ctorch_last_error on this thread.
void set_last_error(const char *message) noexcept;

/// The one boundary that exceptions stop at: runs `body` in inference mode and turns what it throws into a status.
template <typename Body>
ctorch_status guarded(Body &&body) noexcept {
    try {
        c10::InferenceMode inference;
        body();
        return 0;
    } catch (const c10::Error &error) {
        // Without the C++ backtrace, which says nothing to a person who reads a log.
        set_last_error(error.what_without_backtrace());
    } catch (const std::exception &error) {
        set_last_error(error.what());
    } catch (...) {
        set_last_error("an unknown C++ exception");
    }
    return 1;
}

inline at::Device device(ctorch_device index) {
    return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

at::ScalarType scalar_type(ctorch_dtype dtype);

inline ctorch_tensor wrap(at::Tensor value) { return new ctorch_tensor_s{std::move(value)}; }

}  // namespace ctorch
