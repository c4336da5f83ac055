import Tensor
import Testing

struct RotationTests {
    private func matrices(_ columns: [Float]) throws -> [Float] {
        let rotations = try Tensor(floats: columns, shape: [1, columns.count / 6, 6]).rotationMatrices()
        #expect(rotations.shape == [1, columns.count / 6, 3, 3])
        return try rotations.floats()
    }

    @Test func identityFromUnitVectors() throws {
        #expect(try matrices([1, 0, 0, 0, 1, 0]) == [1, 0, 0, 0, 1, 0, 0, 0, 1])
    }

    @Test func columnsAreTheNumbersMadePerpendicular() throws {
        // The second column leans on the first by 1 and is of length 2 apart from that; both were scaled.
        let matrix = try matrices([3, 0, 0, 1, 0, 2, 0, 0, 5, 0, -1, 0])
        #expect(matrix.prefix(9) == [1, 0, 0, 0, 0, -1, 0, 1, 0])
        #expect(matrix.suffix(9) == [0, 0, 1, 0, -1, 0, 1, 0, 0])
    }

    @Test func nothingButZerosGivesNoNaN() throws {
        #expect(try matrices([0, 0, 0, 0, 0, 0]).allSatisfy { $0 == 0 })
    }

    @Test func otherShapesAreRefused() {
        #expect(throws: TorchError.self) { try Tensor(floats: [1, 2, 3, 4, 5], shape: [1, 5]).rotationMatrices() }
    }
}
