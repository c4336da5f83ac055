/// A tree of joints that turn: what animation formats hold.
struct Rig {
    /// One name a joint; the first is the root.
    let names: [String]
    /// The joint that each hangs on, before it; -1 for the root.
    let parents: [Int]
    /// From the parent to the joint where nothing is turned, metres, y up; zero for the root.
    let offsets: [SIMD3<Double>]
    /// From the outermost joints to the ends of their bones.
    let tips: [Int: SIMD3<Double>]

    /// The places of the joints where nothing is turned, from the root.
    var restPlaces: [SIMD3<Double>] {
        var places: [SIMD3<Double>] = []
        for (parent, offset) in zip(parents, offsets) { places.append(parent < 0 ? offset : places[parent] + offset) }
        return places
    }

    func children(of joint: Int) -> [Int] { parents.indices.filter { parents[$0] == joint } }
}
