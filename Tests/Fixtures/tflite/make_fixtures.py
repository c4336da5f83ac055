#!/usr/bin/env python3
"""Makes the small TFLite files that the tests run, and what Google's interpreter answers on them.

    pip install ai-edge-litert flatbuffers numpy
    ./make_fixtures.py                    # the fixtures beside this script
    ./make_fixtures.py --models FOLDER    # also the answers of the two pose models in FOLDER, on a drawn image
    ./make_fixtures.py --models FOLDER --crops IMAGE... --write DIRECTORY
                                          # inputs and full answers on squares of real pictures (needs opencv), for
                                          # comparing by POSEBUS_CROPS=DIRECTORY; not for committing

Each NAME.tflite comes with NAME.golden: float32, little-endian, two samples of [inputs, outputs], one after the other.
Weights are drawn from a seeded generator, so that running this again gives the same files. Files in broken/ are each
wrong in one way, which their name says.
"""

import argparse
import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

HERE = pathlib.Path(__file__).parent
NONE, RELU, RELU6, TANH = 0, 1, 3, 4
SAME, VALID = 0, 1


class Graph:
    """A TFLite graph that is written operator by operator."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = b"fixture"
        self.model.operatorCodes = []
        empty = schema.BufferT()
        self.model.buffers = [empty]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs = [self.graph]
        self.shapes = []

    def tensor(self, shape, kind=schema.TensorType.FLOAT32, data=None, sparsity=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        tensor.name = f"t{len(self.graph.tensors)}".encode()
        tensor.sparsity = sparsity
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, dtype=np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        self.shapes.append(list(shape))
        return len(self.graph.tensors) - 1

    def input(self, shape):
        index = self.tensor(shape)
        self.graph.inputs.append(index)
        return index

    def output(self, *tensors):
        self.graph.outputs += tensors

    def operator(self, code, inputs, shape, options=None, kind=schema.TensorType.FLOAT32):
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.version = code, 1
        entry.deprecatedBuiltinCode = min(code, 127)
        self.model.operatorCodes.append(entry)
        step = schema.OperatorT()
        step.opcodeIndex = len(self.model.operatorCodes) - 1
        step.inputs = list(inputs)
        step.outputs = [self.tensor(shape, kind)]
        if options is not None:
            name = type(options).__name__[:-1]
            step.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            step.builtinOptions = options
        self.graph.operators.append(step)
        return step.outputs[0]

    def integers(self, values):
        values = np.asarray(values, dtype=np.int32)
        return self.tensor(values.shape, schema.TensorType.INT32, values.tobytes())

    def weights(self, shape, scale=None, half=False):
        values = self.random.standard_normal(shape).astype(np.float32)
        values *= scale or 1 / np.sqrt(max(1, np.prod(shape) / max(shape[0], 1)))
        if not half:
            return self.tensor(shape, data=values.tobytes())
        packed = self.tensor(shape, schema.TensorType.FLOAT16, values.astype(np.float16).tobytes())
        return self.operator(schema.BuiltinOperator.DEQUANTIZE, [packed], shape)

    def window_sizes(self, source, window, stride, padding, dilation=1):
        def size(length, reach):
            reach = (reach - 1) * dilation + 1
            return -(-length // stride) if padding == SAME else (length - reach) // stride + 1

        _, height, width, _ = self.shapes[source]
        return size(height, window[0]), size(width, window[1])

    def conv(self, source, channels, window=(1, 1), stride=1, padding=SAME, activation=NONE, dilation=1, half=False,
             weights=None):
        options = schema.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = padding, stride, stride
        options.dilationHFactor = options.dilationWFactor = dilation
        options.fusedActivationFunction = activation
        depth = self.shapes[source][3]
        if weights is None:
            weights = self.weights((channels, *window, depth), half=half)
        inputs = [source, weights, self.weights((channels,), 1, half)]
        height, width = self.window_sizes(source, window, stride, padding, dilation)
        return self.operator(schema.BuiltinOperator.CONV_2D, inputs, (1, height, width, channels), options)

    def depthwise(self, source, window=3, stride=1, padding=SAME, activation=NONE, multiplier=1, half=False):
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.strideH, options.strideW = padding, stride, stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.depthMultiplier, options.fusedActivationFunction = multiplier, activation
        channels = self.shapes[source][3] * multiplier
        inputs = [source, self.weights((1, window, window, channels), 1 / window, half), self.weights((channels,), 1)]
        height, width = self.window_sizes(source, (window, window), stride, padding)
        return self.operator(schema.BuiltinOperator.DEPTHWISE_CONV_2D, inputs, (1, height, width, channels), options)

    def pad(self, source, amounts):
        shape = [size + before + after for size, (before, after) in zip(self.shapes[source], amounts)]
        return self.operator(schema.BuiltinOperator.PAD, [source, self.integers(amounts)], shape, schema.PadOptionsT())

    def add(self, a, b, activation=NONE):
        options = schema.AddOptionsT()
        options.fusedActivationFunction = activation
        shape = np.broadcast_shapes(tuple(self.shapes[a]), tuple(self.shapes[b]))
        return self.operator(schema.BuiltinOperator.ADD, [a, b], shape, options)

    def max_pool(self, source, window, stride, padding):
        options = schema.Pool2DOptionsT()
        options.padding, options.strideH, options.strideW = padding, stride, stride
        options.filterHeight, options.filterWidth = window
        height, width = self.window_sizes(source, window, stride, padding)
        shape = (1, height, width, self.shapes[source][3])
        return self.operator(schema.BuiltinOperator.MAX_POOL_2D, [source], shape, options)

    def resize(self, source, size, align_corners=False):
        options = schema.ResizeBilinearOptionsT()
        options.alignCorners, options.halfPixelCenters = align_corners, not align_corners
        shape = (1, *size, self.shapes[source][3])
        return self.operator(schema.BuiltinOperator.RESIZE_BILINEAR, [source, self.integers(size)], shape, options)

    def depth_to_space(self, source, block):
        options = schema.DepthToSpaceOptionsT()
        options.blockSize = block
        _, height, width, channels = self.shapes[source]
        shape = (1, height * block, width * block, channels // block ** 2)
        return self.operator(schema.BuiltinOperator.DEPTH_TO_SPACE, [source], shape, options)

    def reshape(self, source, shape):
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        return self.operator(schema.BuiltinOperator.RESHAPE, [source, self.integers(shape)], shape, options)

    def concatenate(self, sources, axis):
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        shape = list(self.shapes[sources[0]])
        shape[axis] = sum(self.shapes[source][axis] for source in sources)
        return self.operator(schema.BuiltinOperator.CONCATENATION, sources, shape, options)

    def logistic(self, source):
        return self.operator(schema.BuiltinOperator.LOGISTIC, [source], self.shapes[source])

    def sparse(self, shape, half=True):
        """Weights of which three quarters are left out, stored as compressed rows of the last dimension."""
        values = self.random.standard_normal(shape).astype(np.float16 if half else np.float32)
        values[self.random.random(shape) < 0.75] = 0
        rows = values.reshape(-1, shape[-1])
        segments, indices = [0], []
        for row in rows:
            indices += list(np.flatnonzero(row))
            segments.append(len(indices))
        sparsity = schema.SparsityParametersT()
        sparsity.traversalOrder = list(range(len(shape)))
        sparsity.dimMetadata = [self.dense_level(size) for size in shape[:-1]] + [self.sparse_level(segments, indices)]
        kind = schema.TensorType.FLOAT16 if half else schema.TensorType.FLOAT32
        packed = self.tensor(shape, kind, rows[rows != 0].tobytes(), sparsity)
        full = self.operator(schema.BuiltinOperator.DENSIFY, [packed], shape, schema.DensifyOptionsT(), kind)
        return self.operator(schema.BuiltinOperator.DEQUANTIZE, [full], shape) if half else full

    def sparse_blocks(self, rows, columns, block=4):
        """(rows, 1, 1, columns) weights in blocks of 1 by `block`, of which about half are left out."""
        values = self.random.standard_normal((rows, columns // block, block)).astype(np.float32)
        kept = self.random.random((rows, columns // block)) < 0.5
        segments, indices = [0], []
        for row in kept:
            indices += list(np.flatnonzero(row))
            segments.append(len(indices))
        sparsity = schema.SparsityParametersT()
        sparsity.traversalOrder, sparsity.blockMap = [0, 1, 2, 3, 4], [3]
        sparsity.dimMetadata = [
            self.dense_level(rows), self.dense_level(1), self.dense_level(1), self.sparse_level(segments, indices),
            self.dense_level(block)]
        shape = (rows, 1, 1, columns)
        packed = self.tensor(shape, schema.TensorType.FLOAT32, values[kept].tobytes(), sparsity)
        return self.operator(schema.BuiltinOperator.DENSIFY, [packed], shape, schema.DensifyOptionsT())

    @staticmethod
    def dense_level(size):
        level = schema.DimensionMetadataT()
        level.format, level.denseSize = schema.DimensionType.DENSE, size
        return level

    @staticmethod
    def sparse_level(segments, indices):
        level = schema.DimensionMetadataT()
        level.format = schema.DimensionType.SPARSE_CSR
        level.arraySegmentsType = schema.SparseIndexVector.Uint16Vector
        level.arraySegments = schema.Uint16VectorT()
        level.arraySegments.values = list(segments)
        level.arrayIndicesType = schema.SparseIndexVector.Uint8Vector
        level.arrayIndices = schema.Uint8VectorT()
        level.arrayIndices.values = list(indices)
        return level

    def bytes(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def interpret(content, samples):
    """Google's answers: a list of outputs for each sample, which is a list of inputs."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    answers = []
    for sample in samples:
        for detail, value in zip(interpreter.get_input_details(), sample):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        answers.append([interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()])
    return answers


# MARK: the fixtures


def convolutions(g):
    x = g.input((1, 9, 12, 3))
    y = g.conv(x, 20, (3, 3), 2, SAME, RELU6, half=True)       # odd height: zeros on both sides; even width: on one
    y = g.conv(y, 72, activation=RELU)                         # 1x1: 5 vectors of 16, the last one not full
    y = g.conv(y, 9, (3, 2), 1, VALID)                         # an oblong window
    g.output(y, g.conv(x, 1, (3, 3)), g.conv(x, 5, (3, 3), dilation=2))


def grouped(g):
    x = g.input((1, 6, 6, 8))
    g.output(g.conv(x, 6, (3, 3), weights=g.weights((6, 3, 3, 4))))


def depthwise(g):
    x = g.input((1, 5, 6, 27))                                 # 16 + 8 + 3 channels
    a = g.depthwise(x, 3, 1, SAME, RELU6)
    b = g.depthwise(x, 5, 1, SAME, RELU, half=True)
    c = g.depthwise(g.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0))), 5, 2, VALID)
    d = g.depthwise(x, 3, 2, SAME)
    e = g.depthwise(x, 3, 1, VALID, multiplier=2)
    g.output(a, b, c, d, e, g.depthwise(x, 7))


def padding(g):
    x = g.input((1, 5, 6, 4))
    padded = g.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))        # taken over by one reader, computed for the other
    deep = g.pad(x, ((0, 0), (0, 1), (2, 0), (1, 3)))
    g.output(g.conv(padded, 8, (3, 3), 1, VALID, RELU6), g.max_pool(padded, (2, 2), 1, VALID), deep)


def sums(g):
    x = g.input((1, 4, 6, 24))
    y = g.conv(x, 24)
    z = g.add(y, x, RELU6)                                     # taken over by the convolution
    z = g.add(z, g.depthwise(z), RELU)                         # by the depthwise one
    small = g.max_pool(z, (2, 2), 2, VALID)
    z = g.add(g.resize(small, (4, 6)), z)                      # by the resize
    twice = g.add(z, z)
    early = g.conv(x, 24, activation=RELU)
    z = g.add(twice, early, RELU6)                             # by none: an activation comes between
    g.output(g.add(z, g.weights((1, 1, 1, 24), 1)), g.add(z, x), y)


def resizing(g):
    x = g.input((1, 5, 7, 11))
    y = g.resize(x, (10, 14))
    g.output(y, g.resize(x, (4, 9)), g.resize(x, (9, 13), align_corners=True), g.max_pool(x, (3, 2), 2, SAME))


def enlarging(g):
    x = g.input((1, 5, 7, 11))
    y = g.conv(g.resize(x, (10, 14)), 20, activation=RELU6)    # the convolution comes first
    z = g.conv(g.resize(x, (10, 14), align_corners=True), 20)
    z = g.add(z, y, RELU)                                      # and the resize takes over the sum
    twice = g.resize(x, (8, 9))
    g.output(z, g.conv(twice, 6), g.conv(twice, 6), g.conv(g.resize(x, (4, 5)), 6), g.conv(g.resize(x, (9, 9)), 6, (3, 3)))


def shapes(g):
    x = g.input((1, 4, 6, 16))
    y = g.depth_to_space(x, 2)                                 # (1, 8, 12, 4)
    a = g.reshape(y, (1, 96, 4))
    b = g.reshape(x, (1, 96, 4))
    c = g.concatenate([a, b], 1)
    d = g.concatenate([y, y], 3)
    g.output(c, d, g.logistic(g.reshape(x, (1, 384))), g.reshape(a, (1, 16, 6, 4)))


def sparse(g):
    x = g.input((1, 5, 5, 24))
    y = g.conv(x, 16, weights=g.sparse((16, 1, 1, 24)), activation=RELU6)
    y = g.conv(y, 12, weights=g.sparse_blocks(12, 16))
    g.output(g.conv(y, 7, (2, 2), weights=g.sparse((7, 2, 2, 12), half=False)))


def wide(g):
    x = g.input((1, 3, 3, 96))                                 # few pixels, many columns: threads share the columns
    y = g.conv(x, 300, activation=RELU6, half=True)
    g.output(g.conv(y, 3, (2, 2), 1, VALID, half=True))


FIXTURES = [convolutions, grouped, depthwise, padding, sums, resizing, shapes, sparse, wide, enlarging]


# MARK: the broken ones


def minimal(change=None, **options):
    g = Graph(99)
    x = g.input((1, 4, 4, 2))
    y = g.conv(x, 2, (3, 3), **options)
    g.output(y)
    if change:
        change(g)
    return g.bytes()


def broken():
    def version(g):
        g.model.version = 2

    def unknown_operator(g):
        g.model.operatorCodes[0].builtinCode = g.model.operatorCodes[0].deprecatedBuiltinCode = 9

    def custom_operator(g):
        g.model.operatorCodes[0].builtinCode = g.model.operatorCodes[0].deprecatedBuiltinCode = 32
        g.model.operatorCodes[0].customCode = b"Landmarks"

    def short_weights(g):
        g.model.buffers[1].data = g.model.buffers[1].data[:-4]

    def batch(g):
        g.graph.tensors[0].shape = [2, 4, 4, 2]

    def missing_tensor(g):
        g.graph.operators[0].inputs[1] = 77

    def wrong_shape(g):
        g.graph.tensors[g.graph.outputs[0]].shape = [1, 4, 5, 2]

    def no_options(g):
        g.graph.operators[0].builtinOptionsType, g.graph.operators[0].builtinOptions = 0, None

    def quantised(g):
        g.graph.tensors[0].type = schema.TensorType.INT8

    def two_graphs(g):
        g.model.subgraphs.append(g.graph)

    def unordered(g):
        g.graph.inputs = []

    def sparse_index(g):
        g.graph.tensors[g.graph.inputs[0] + 1].sparsity.dimMetadata[3].arrayIndices.values[2] = 200

    def sparse_segments(g):
        g.graph.tensors[g.graph.inputs[0] + 1].sparsity.dimMetadata[3].arraySegments.values[1] = 5000

    def sparse_model(change):
        g = Graph(5)
        sparse(g)
        change(g)
        return g.bytes()

    whole = minimal()
    return {
        "empty": b"",
        "not_tflite": b"\x10\x00\x00\x00PK03" + bytes(40),
        "truncated": whole[: len(whole) * 3 // 4],
        "root_beyond_file": b"\xff\xff\xff\x7fTFL3" + whole[8:],
        "version": minimal(version),
        "unknown_operator": minimal(unknown_operator),
        "custom_operator": minimal(custom_operator),
        "short_weights": minimal(short_weights),
        "batch": minimal(batch),
        "missing_tensor": minimal(missing_tensor),
        "wrong_shape": minimal(wrong_shape),
        "no_options": minimal(no_options),
        "quantised": minimal(quantised),
        "two_graphs": minimal(two_graphs),
        "unordered": minimal(unordered),
        "activation": minimal(activation=TANH),
        "sparse_index": sparse_model(sparse_index),
        "sparse_segments": sparse_model(sparse_segments),
    }


# MARK: the pose models


def drawn_image(size):
    """Something like a person before a gradient. The tests draw the same, in integers, so that both are equal."""
    image = np.zeros((size, size, 3), dtype=np.int64)
    for y in range(size):
        for x in range(size):
            v, u = y * 256 // size, x * 256 // size
            pixel = [v * 3 // 4, 40 + u // 2, (u + v) // 3]
            if (u - 128) ** 2 + (v - 60) ** 2 < 22 ** 2:                        # head
                pixel = [210, 170 - v // 4, 140]
            elif abs(u - 128) < 30 and 84 <= v < 160:                           # trunk
                pixel = [180 - (u - 98), 30 + v // 4, 50]
            elif abs(v - 96) < 8 and abs(u - 128) < 80:                         # arms
                pixel = [205, 165, 135 + u // 16]
            elif 160 <= v < 240 and (abs(u - 110) < 12 or abs(u - 146) < 12):   # legs
                pixel = [30, 40 + v // 8, 120]
            image[y, x] = pixel
    return (image.astype(np.float32) / np.float32(255))[None]


MODELS = ["pose_detection", "pose_landmark_full"]


def model_golden(content):
    """Of each output its least and greatest value, and every n-th value so that at most 1,000 are kept."""
    interpreter = Interpreter(model_content=content)
    size = interpreter.get_input_details()[0]["shape"][1]
    (outputs,) = interpret(content, [[drawn_image(size)]])
    parts = []
    for output in outputs:
        flat = output.ravel()
        parts += [np.float32([flat.min(), flat.max()]), flat[:: -(-flat.size // 1000)]]
    return np.concatenate(parts).astype("<f4").tobytes()


def real_crops(content, name, pictures, folder):
    import cv2

    interpreter = Interpreter(model_content=content)
    size = int(interpreter.get_input_details()[0]["shape"][1])
    for number, picture in enumerate(pictures):
        image = cv2.imread(str(picture))
        if image is None:
            raise SystemExit(f"{picture} is not a picture that can be read")
        side = min(image.shape[:2])
        for part, left in enumerate({0, (image.shape[1] - side) // 2, image.shape[1] - side}):
            square = cv2.resize(image[:side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
            sample = (square[None, :, :, ::-1].astype(np.float32) / np.float32(255)).copy()
            (outputs,) = interpret(content, [[sample]])
            data = np.concatenate([sample.ravel()] + [output.ravel() for output in outputs])
            (folder / f"{name}-{number}-{part}.golden").write_bytes(data.astype("<f4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, help="a folder with the two pose models")
    parser.add_argument("--crops", type=pathlib.Path, nargs="*", default=[], help="pictures to cut squares from")
    parser.add_argument("--write", type=pathlib.Path, help="where the answers on --crops go")
    arguments = parser.parse_args()

    for seed, build in enumerate(FIXTURES):
        g = Graph(seed)
        build(g)
        content = g.bytes()
        samples = [
            [g.random.standard_normal(g.shapes[i]).astype(np.float32) for i in g.graph.inputs] for _ in range(2)]
        answers = interpret(content, samples)
        parts = [value.ravel() for s, a in zip(samples, answers) for value in s + a]
        (HERE / f"{build.__name__}.tflite").write_bytes(content)
        (HERE / f"{build.__name__}.golden").write_bytes(np.concatenate(parts).astype("<f4").tobytes())

    (HERE / "broken").mkdir(exist_ok=True)
    for name, content in broken().items():
        (HERE / "broken" / f"{name}.tflite").write_bytes(content)

    if arguments.models:
        for name in MODELS:
            content = (arguments.models / f"{name}.tflite").read_bytes()
            (HERE / f"{name}.golden").write_bytes(model_golden(content))
            if arguments.crops:
                arguments.write.mkdir(parents=True, exist_ok=True)
                real_crops(content, name, arguments.crops, arguments.write)


if __name__ == "__main__":
    main()
