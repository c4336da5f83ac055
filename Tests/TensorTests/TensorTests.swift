import Tensor
import Testing

@Suite("Tensors")
struct TensorTests {
    @Test("What goes in comes out, in every element type that holds it", arguments: DType.allCases)
    func roundTrip(_ dtype: DType) throws {
        let tensor = try Tensor(floats: [0, 1, 2, 3, 100, 255], shape: [2, 3]).to(dtype)
        #expect(try tensor.dtype == dtype)
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.floats() == [0, 1, 2, 3, 100, 255])
        #expect(try tensor.withUnsafeBytes { $0.count } == 6 * dtype.byteCount)
    }

    @Test("Views share elements and read them in their own order")
    func views() throws {
        let tensor = try Tensor(floats: (0..<24).map(Float.init), shape: [2, 3, 4])
        let turned = try tensor.permuted([2, 0, 1])
        #expect(turned.shape == [4, 2, 3])
        #expect(try Array(turned.floats().prefix(7)) == [0, 4, 8, 12, 16, 20, 1])
        let middle = try tensor.narrowed(dimension: 1, start: 1, count: 2)
        #expect(try middle.floats() == [4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23])
        #expect(try tensor.reshaped([6, -1]).shape == [6, 4])
        try tensor.withUnsafeMutableBytes { $0.bindMemory(to: Float.self)[4] = -1 }
        #expect(try turned.floats()[1] == -1)
        #expect(try middle.floats()[0] == -1)
    }

    @Test("Only elements in row-major order are lent; a contiguous copy is")
    func lending() throws {
        let turned = try Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [2, 3]).permuted([1, 0])
        #expect(throws: TorchError.self) { try turned.withUnsafeBytes { _ in } }
        let values = try turned.contiguous().withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(values == [1, 4, 2, 5, 3, 6])
    }

    @Test("A view outlives the tensor it was taken from")
    func lifetime() throws {
        func view() throws -> Tensor {
            try Tensor(floats: [1, 2, 3, 4], shape: [4]).narrowed(dimension: 0, start: 1, count: 2)
        }
        #expect(try view().floats() == [2, 3])
    }

    @Test("Refusals say what was tried and why")
    func errors() throws {
        let tensor = try Tensor(floats: [1, 2, 3], shape: [3])
        let reshape = #expect(throws: TorchError.self) { try tensor.reshaped([2, 2]) }
        #expect(reshape?.description.contains("[3] to [2, 2]") == true)
        #expect(reshape?.message.contains("invalid for input of size 3") == true)
        #expect(throws: TorchError.self) { try Tensor(floats: [1, 2], shape: [3]) }
        #expect(throws: TorchError.self) { try Tensor(zeros: [-1]) }
        #expect(throws: TorchError.self) { try tensor.permuted([0, 0]) }
        #expect(throws: TorchError.self) { try tensor.narrowed(dimension: 0, start: 2, count: 2) }
        #expect(throws: TorchError.self) { try tensor.to(.cuda(100)) }
        #expect(throws: TorchError.self) { try TorchRuntime.setThreads(0) }
    }

    @Test("Devices are read as people write them")
    func devices() {
        #expect(Device("cpu") == .cpu)
        #expect(Device("cuda") == .cuda(0))
        #expect(Device("cuda:3") == .cuda(3))
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:1000", "cuda:x"] { #expect(Device(text) == nil) }
    }

    @Test("The runtime takes the number of threads it is given")
    func runtime() throws {
        try TorchRuntime.setThreads(1)
        #expect(TorchRuntime.threads == 1)
        #expect(TorchRuntime.version.split(separator: ".").count >= 3)
    }
}
