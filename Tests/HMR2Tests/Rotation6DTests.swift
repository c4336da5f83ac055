import HMR2
import Testing

struct Rotation6DTests {
    @Test func identityFromUnitVectors() {
        #expect(Rotation6D.matrices([1, 0, 0, 0, 1, 0]) == [1, 0, 0, 0, 1, 0, 0, 0, 1])
    }

    @Test func columnsAreTheNumbersMadePerpendicular() {
        // The second column leans on the first by 1 and is of length 2 apart from that; both were scaled.
        let matrix = Rotation6D.matrices([3, 0, 0, 1, 0, 2, 0, 0, 5, 0, -1, 0])
        #expect(matrix.prefix(9) == [1, 0, 0, 0, 0, -1, 0, 1, 0])
        #expect(matrix.suffix(9) == [0, 0, 1, 0, -1, 0, 1, 0, 0])
    }

    @Test func nothingButZerosGivesNoNaN() {
        #expect(Rotation6D.matrices([0, 0, 0, 0, 0, 0]).allSatisfy { $0 == 0 })
    }
}
