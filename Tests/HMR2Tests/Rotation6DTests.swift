import Testing

@testable import HMR2

struct Rotation6DTests {
    @Test func identityFromUnitVectors() {
        #expect(Rotation6D.matrices([1, 0, 0, 0, 1, 0]) == [1, 0, 0, 0, 1, 0, 0, 0, 1])
    }
}
