// A C interface to the part of libtorch that PoseBus uses.
//
// Rules that hold for every function here:
// - Functions that can fail return a ctorch_status: 0 is success, anything else is failure, and then
//   ctorch_last_error() describes it on the same thread until that thread's next call. Outputs are written only on
//   success.
// - No C++ exception leaves a function.
// - Gradients are never recorded: every call runs in inference mode.
// - Handles are not synchronised. One handle is used by one thread at a time; different handles are independent.
// - Shapes are arrays of int64_t, outermost dimension first.
#ifndef CTORCH_H
#define CTORCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t ctorch_status;

/// The message of this thread's last failed call. The library owns the string; it is valid until the thread's next
/// failing call.
const char *ctorch_last_error(void);

// MARK: - Runtime

/// Loads libtorch: call it once, on one thread, before everything else here but ctorch_cuda_device_count. In a bundle,
/// `torch` is the folder `torch` inside a wheel's site-packages, "system", or NULL for $POSEBUS_TORCH and, where that is
/// empty, the system's; elsewhere it is NULL, for the libtorch that the programs were built with. Writes to `*warning` what
/// a person should know although it succeeded, or NULL; the library owns the string.
ctorch_status ctorch_open(const char *torch, const char **warning);

/// libtorch's version, such as "1.13.1". The library owns the string.
const char *ctorch_version(void);

/// Sets how many threads one operation may use, process-wide: ATen with OpenMP, its thread pool, and OpenBLAS where
/// that is the BLAS. Operators never run beside each other (inter-op parallelism is 1).
ctorch_status ctorch_set_threads(int32_t count);

/// How many threads one operation may use.
int32_t ctorch_threads(void);

/// The number of CUDA devices libtorch can use; 0 without CUDA and before ctorch_open.
int32_t ctorch_cuda_device_count(void);

// MARK: - Tensors

typedef struct ctorch_tensor_s *ctorch_tensor;

typedef enum {
    CTORCH_FLOAT32 = 0,
    CTORCH_FLOAT16 = 1,
    CTORCH_BFLOAT16 = 2,
    CTORCH_INT32 = 3,
    CTORCH_INT64 = 4,
    CTORCH_UINT8 = 5,
} ctorch_dtype;

/// A device: -1 is the CPU, 0 and up are CUDA devices.
typedef int32_t ctorch_device;

/// Creates a tensor of zeros. The caller owns `*out` and frees it with ctorch_tensor_free.
ctorch_status ctorch_tensor_zeros(
    const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_device device, ctorch_tensor *out);

/// Creates a CPU tensor of elements that hold anything, for the caller to write. The caller owns `*out`.
ctorch_status ctorch_tensor_empty(const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_tensor *out);

/// Creates a tensor by copying `length` bytes in row-major order; the length must be the shape's. To a CUDA device they go
/// through pinned memory, so that nobody waits for the device. `bytes` stays the caller's; the caller owns `*out`.
ctorch_status ctorch_tensor_copy_in(
    const void *bytes, size_t length, const int64_t *shape, int32_t rank, ctorch_dtype dtype, ctorch_device device,
    ctorch_tensor *out);

/// Copies the elements in row-major order into `bytes`, converted to `dtype`; `length` must be exactly what they need.
/// `bytes` stays the caller's.
ctorch_status ctorch_tensor_copy_out(ctorch_tensor tensor, ctorch_dtype dtype, void *bytes, size_t length);

/// Frees the handle. The storage lives on while other tensors view it. NULL is allowed.
void ctorch_tensor_free(ctorch_tensor tensor);

/// The number of dimensions.
int32_t ctorch_tensor_rank(ctorch_tensor tensor);

/// Writes the dimensions' sizes to `shape`, which has room for ctorch_tensor_rank values.
void ctorch_tensor_shape(ctorch_tensor tensor, int64_t *shape);

/// The element type, or -1 where it is none of ctorch_dtype.
int32_t ctorch_tensor_dtype(ctorch_tensor tensor);

/// The device the elements are on.
ctorch_device ctorch_tensor_device(ctorch_tensor tensor);

/// The address of the elements of a contiguous CPU tensor. The tensor owns the memory; the address is valid while a
/// tensor that views it lives.
ctorch_status ctorch_tensor_data(ctorch_tensor tensor, void **out);

/// The same elements in another shape, viewed where strides allow and copied otherwise. The caller owns `*out`.
ctorch_status ctorch_tensor_reshape(ctorch_tensor tensor, const int64_t *shape, int32_t rank, ctorch_tensor *out);

/// A view with the dimensions in another order. The caller owns `*out`, which shares the storage.
ctorch_status ctorch_tensor_permute(ctorch_tensor tensor, const int64_t *order, int32_t rank, ctorch_tensor *out);

/// A view of `count` entries of one dimension from `start`. The caller owns `*out`, which shares the storage.
ctorch_status ctorch_tensor_narrow(
    ctorch_tensor tensor, int64_t dimension, int64_t start, int64_t count, ctorch_tensor *out);

/// The tensor itself where its elements lie in row-major order, or else a copy in which they do. The caller owns `*out`.
ctorch_status ctorch_tensor_contiguous(ctorch_tensor tensor, ctorch_tensor *out);

/// The elements in another type and on another device; shares the storage where nothing changes. The caller owns
/// `*out`.
ctorch_status ctorch_tensor_to(ctorch_tensor tensor, ctorch_dtype dtype, ctorch_device device, ctorch_tensor *out);

// MARK: - Operations
//
// Each computes one new tensor on its inputs' device. The inputs stay the caller's, as the tensors that they are; the
// caller owns `*out`.

typedef enum {
    CTORCH_ADD = 0,
    CTORCH_SUBTRACT = 1,
    CTORCH_MULTIPLY = 2,
    CTORCH_DIVIDE = 3,
    // Comparisons answer with 1 or 0 in a's type.
    CTORCH_EQUAL = 4,
    CTORCH_ABOVE = 5,
    CTORCH_AT_MOST = 6,
} ctorch_arithmetic;

/// Element by element, with broadcasting.
ctorch_status ctorch_tensor_arithmetic(
    ctorch_arithmetic operation, ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out);

/// The matrix product of the last two dimensions; those before them are batches and are broadcast.
ctorch_status ctorch_tensor_matmul(ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out);

/// The tensors one after another along `dimension`.
ctorch_status ctorch_tensor_concatenate(
    const ctorch_tensor *tensors, int32_t count, int64_t dimension, ctorch_tensor *out);

/// The entries `indices` of `dimension`, in that order.
ctorch_status ctorch_tensor_select(
    ctorch_tensor tensor, int64_t dimension, const int64_t *indices, int32_t count, ctorch_tensor *out);

/// The entries of `dimension` that `indices` names, in that order: int64 numbers, on the tensor's device.
ctorch_status ctorch_tensor_take(ctorch_tensor tensor, int64_t dimension, ctorch_tensor indices, ctorch_tensor *out);

/// The tensor with the entries of `dimension` that `indices` names replaced by those of `entries`, in that order.
ctorch_status ctorch_tensor_put(
    ctorch_tensor tensor, int64_t dimension, ctorch_tensor indices, ctorch_tensor entries, ctorch_tensor *out);

/// Element by element `a` where `condition` is not 0 and `b` where it is, with broadcasting.
ctorch_status ctorch_tensor_where(ctorch_tensor condition, ctorch_tensor a, ctorch_tensor b, ctorch_tensor *out);

/// Element by element no less than `low` and no more than `high`.
ctorch_status ctorch_tensor_clamp(ctorch_tensor tensor, double low, double high, ctorch_tensor *out);

/// The sums along `dimension`, which is gone afterwards.
ctorch_status ctorch_tensor_sum(ctorch_tensor tensor, int64_t dimension, ctorch_tensor *out);

/// Element by element rounded to the nearest integer, halves to the even one.
ctorch_status ctorch_tensor_round(ctorch_tensor tensor, ctorch_tensor *out);

// MARK: - Transformers
//
// The layers that transformers are made of. A precision is CTORCH_FLOAT32, CTORCH_BFLOAT16 or, on CUDA,
// CTORCH_FLOAT16; sums are kept in 32 bits in any of them. On a CPU with AVX512-BF16, bfloat16 runs on this library's
// own kernels, and otherwise on libtorch's.

/// 1 where this machine has this library's own bfloat16 kernels, 0 otherwise.
int32_t ctorch_bfloat16_kernels(void);

/// A fully connected layer, its weights kept as its device and precision want them.
typedef struct ctorch_linear_s *ctorch_linear;

/// Creates a layer of `columns` outputs from `depth` inputs. `weight` holds columns × depth numbers in row-major order,
/// `bias` as many as columns or is NULL; both stay the caller's. The caller owns `*out` and frees it with
/// ctorch_linear_free.
ctorch_status ctorch_linear_create(
    const float *weight, const float *bias, int64_t columns, int64_t depth, ctorch_dtype precision,
    ctorch_device device, ctorch_linear *out);

/// Frees the layer. NULL is allowed.
void ctorch_linear_free(ctorch_linear linear);

/// input (..., depth) × weightᵀ + bias, then GELU (with the error function) where `gelu` is not 0, then plus `residual`
/// (..., columns) or NULL. The caller owns `*out`, (..., columns) in `out_dtype`.
ctorch_status ctorch_linear_run(
    ctorch_linear linear, ctorch_tensor input, int32_t gelu, ctorch_tensor residual, ctorch_dtype out_dtype,
    ctorch_tensor *out);

/// The last dimension of `x` with mean 0 and variance 1, times `weight` plus `bias`. The caller owns `*out`.
ctorch_status ctorch_layer_norm(
    ctorch_tensor x, ctorch_tensor weight, ctorch_tensor bias, double epsilon, ctorch_dtype out_dtype,
    ctorch_tensor *out);

/// softmax(q kᵀ / √size) v for each of `heads` heads of `size` numbers: q (batch, queries, heads size), k and v (batch,
/// keys, heads size), which may be views. The caller owns `*out`, of q's shape and type.
ctorch_status ctorch_attention(ctorch_tensor q, ctorch_tensor k, ctorch_tensor v, int64_t heads, ctorch_tensor *out);

/// As ctorch_attention, in 32 bits; scores of keys whose entry in `hidden` (batch, keys) is not 0 are replaced by
/// `score` before the softmax. The caller owns `*out`.
ctorch_status ctorch_attention_hiding(
    ctorch_tensor q, ctorch_tensor k, ctorch_tensor v, int64_t heads, ctorch_tensor hidden, double score,
    ctorch_tensor *out);

/// Convolution of sequences: input (batch, channels, length), weight (out channels, channels, window), bias (out
/// channels), with `padding` zeros at both ends. The caller owns `*out`.
ctorch_status ctorch_conv1d(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t stride, int64_t padding, ctorch_tensor *out);

/// The transposed convolution: weight (channels, out channels, window); `padding` entries of the result are cut off at
/// both ends. The caller owns `*out`.
ctorch_status ctorch_conv1d_transposed(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t stride, int64_t padding, ctorch_tensor *out);

// MARK: - Rotations

/// Rotation matrices from six numbers each: their first two columns, of any length and angle to each other. `columns` is
/// (..., 6); the caller owns `*out`, (..., 3, 3).
ctorch_status ctorch_rotation_matrices(ctorch_tensor columns, ctorch_tensor *out);

// MARK: - Meshes and pictures

/// Convolution of pictures, then a rectifier: input (batch, channels, height, width), weight (out channels, channels,
/// height, width), bias (out channels), with `padding` zeros at each edge. The caller owns `*out`.
ctorch_status ctorch_conv2d_relu(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t padding, ctorch_tensor *out);

/// The largest of each square of `window` × `window` pixels of (batch, channels, height, width); squares do not overlap.
/// The caller owns `*out`.
ctorch_status ctorch_max_pool2d(ctorch_tensor input, int64_t window, ctorch_tensor *out);

typedef enum {
    CTORCH_RASTER_AUTOMATIC = 0,  // the kernel on a CPU, tensors elsewhere
    CTORCH_RASTER_KERNEL = 1,     // this library's own loop; CPU only
    CTORCH_RASTER_TENSORS = 2,    // libtorch's operations, on any device
} ctorch_raster_method;

/// What a pinhole camera at the origin, looking along z, sees nearest in each pixel: `vertices` (batch, V, 3) float32
/// with x right and y down, `faces` (F, 3) int64, `focal` in pixels of a square picture of `size` pixels whose centre is
/// on the axis. A pixel is asked at its centre; both sides of a triangle are seen. The caller owns `*out`, (batch, size,
/// size) float32: z, or `far` where nothing is between `near` and `far`.
ctorch_status ctorch_depth_images(
    ctorch_tensor vertices, ctorch_tensor faces, double focal, int64_t size, double near, double far,
    ctorch_raster_method method, ctorch_tensor *out);

/// Bilinear samples of pictures (batch, channels, height, width) at `places` (batch, count, 2): x and y, -1 to 1 from one
/// edge to the other. Beyond the edges is zero. The caller owns `*out`, (batch, channels, count).
ctorch_status ctorch_sample_bilinear(ctorch_tensor pictures, ctorch_tensor places, ctorch_tensor *out);

#ifdef __cplusplus
}
#endif

#endif
