// Runs prepared lists of operations on float32 arrays, on the CPU, with kernels of its own: what TFLite graphs become.
// There is no libtorch behind it, so a program that needs nothing else starts without loading one.
//
// Rules that hold for every function here:
// - Functions that can fail return a cplans_status: 0 is success, anything else is failure, and then
//   cplans_last_error() describes it on the same thread until that thread's next failing call. Outputs are written only
//   on success.
// - No C++ exception leaves a function.
// - Handles are not synchronised. One handle is used by one thread at a time; different handles are independent.
// - Shapes are arrays of int64_t, outermost dimension first; elements lie in row-major order.
#ifndef CPLANS_H
#define CPLANS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t cplans_status;

/// The message of this thread's last failed call. The library owns the string; it is valid until the thread's next
/// failing call.
const char *cplans_last_error(void);

/// The instruction set that the kernels in use were compiled for, such as "avx512"; "baseline" runs anywhere. The
/// library owns the string.
const char *cplans_kernels(void);

// MARK: - Arrays

typedef struct cplans_array_s *cplans_array;

/// Creates an array of zeros. The caller owns `*out` and frees it with cplans_array_free.
cplans_status cplans_array_create(const int64_t *shape, int32_t rank, cplans_array *out);

/// Frees the handle. The elements live on while a plan or another array refers to them. NULL is allowed.
void cplans_array_free(cplans_array array);

/// The number of dimensions.
int32_t cplans_array_rank(cplans_array array);

/// Writes the dimensions' sizes to `shape`, which has room for cplans_array_rank values.
void cplans_array_shape(cplans_array array, int64_t *shape);

/// The address of the elements, valid while the array lives.
float *cplans_array_data(cplans_array array);

// MARK: - Pictures

/// A picture, 8 bits a channel, red first, and the square of it that becomes `side` × `side` × 3 floats. Pixel (column, row)
/// of the result is taken at (`x` + `xx` column + `xy` row, `y` + `yx` column + `yy` row) of the picture, bilinearly, as
/// byte * `scale` + `offset`. What lies outside is the nearest pixel of the edge, or 0 where `black` is not 0.
typedef struct {
    const uint8_t *pixels;  // bytes_per_row (height - 1) + 3 width of them
    int64_t width, height, bytes_per_row;
    float xx, xy, x, yx, yy, y;
    int64_t side;
    int32_t black;
    float scale, offset;
} cplans_crop;

/// Writes the square, row by row. The arithmetic is the same to the bit on every machine.
void cplans_crop_picture(const cplans_crop *crop, float *out);

// MARK: - Plans
//
// A plan is a flat list of steps over numbered values, built once and run often inside one call. Images are
// (batch, height, width, channels). Any batch size may be given to a run.

typedef struct cplans_plan_s *cplans_plan;

typedef enum {
    CPLANS_ACTIVATION_NONE = 0,
    CPLANS_ACTIVATION_RELU = 1,
    CPLANS_ACTIVATION_RELU6 = 2,
} cplans_activation;

/// Pixels added at each side of an image.
typedef struct {
    int64_t top, bottom, left, right;
} cplans_margins;

typedef struct {
    int64_t stride[2];    // vertical, horizontal
    int64_t dilation[2];  // vertical, horizontal
    int64_t groups;
    cplans_margins margins;  // zeros around the input
    cplans_activation activation;
} cplans_conv2d;

/// Creates a plan without steps for values 0 ..< `value_count`, each run with at most `threads` threads. The caller owns
/// `*out` and frees it with cplans_plan_free.
cplans_status cplans_plan_create(int32_t value_count, int32_t threads, cplans_plan *out);

/// Frees the plan, its constants and its packed weights. NULL is allowed.
void cplans_plan_free(cplans_plan plan);

/// Makes `value` a constant of the plan. The plan keeps its own reference; `array` stays the caller's.
cplans_status cplans_plan_constant(cplans_plan plan, int32_t value, cplans_array array);

/// Adds a convolution. `weight` is (out channels, height, width, in channels / groups); `bias` is (out channels) or
/// NULL. `addend` is a value of the result's shape to be added before the activation, or -1. Both arrays stay the
/// caller's; the plan keeps a packed copy.
cplans_status cplans_plan_conv2d(
    cplans_plan plan, int32_t input, int32_t addend, int32_t output, const cplans_conv2d *options, cplans_array weight,
    cplans_array bias);

/// Adds a sum of two values of one rank, with broadcasting.
cplans_status cplans_plan_add(cplans_plan plan, int32_t a, int32_t b, int32_t output, cplans_activation activation);

/// Adds zeros around an image and before and after its channels.
cplans_status cplans_plan_pad(
    cplans_plan plan, int32_t input, int32_t output, cplans_margins margins, int64_t channels_before,
    int64_t channels_after);

/// Adds a maximum over windows of (height, width) pixels; margins never win.
cplans_status cplans_plan_max_pool(
    cplans_plan plan, int32_t input, int32_t output, const int64_t window[2], const int64_t stride[2],
    cplans_margins margins, cplans_activation activation);

/// Adds a bilinear resize to (height, width), with pixel centres at half-integers or with aligned corners. `addend` is a
/// value of the result's shape to be added before the activation, or -1.
cplans_status cplans_plan_resize_bilinear(
    cplans_plan plan, int32_t input, int32_t addend, int32_t output, const int64_t size[2], int32_t align_corners,
    cplans_activation activation);

/// Adds a move of blocks of channels into space: (N, H, W, C) to (N, H b, W b, C / b²), block rows first.
cplans_status cplans_plan_depth_to_space(cplans_plan plan, int32_t input, int32_t output, int64_t block);

/// Adds a change of shape that keeps the batch: `shape` is the new shape without its first dimension.
cplans_status cplans_plan_reshape(
    cplans_plan plan, int32_t input, int32_t output, const int64_t *shape, int32_t rank);

/// Adds a concatenation along `axis`.
cplans_status cplans_plan_concatenate(
    cplans_plan plan, const int32_t *inputs, int32_t count, int32_t output, int64_t axis);

/// Adds the logistic function.
cplans_status cplans_plan_logistic(cplans_plan plan, int32_t input, int32_t output);

/// Ends building: names the values that a run is given and those it answers with, and works out when each value can be
/// freed. Steps cannot be added after it.
cplans_status cplans_plan_finish(
    cplans_plan plan, const int32_t *inputs, int32_t input_count, const int32_t *outputs, int32_t output_count);

/// Runs every step. Several threads may run one plan at once. `inputs` stay the caller's; the caller owns each of `outputs`.
cplans_status cplans_plan_run(
    cplans_plan plan, const cplans_array *inputs, int32_t input_count, cplans_array *outputs, int32_t output_count);

#ifdef __cplusplus
}
#endif

#endif
