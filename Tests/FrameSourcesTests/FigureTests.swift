import Foundation
import FrameSources
import JPEG
import Testing

@Suite("The rendered person")
struct FigureTests {
    func frames(_ text: String) throws -> [SourceFrame] {
        let (frames, error) = readAll(try FrameSourceSpec(parsing: text).open())
        #expect(error == nil)
        return frames
    }

    func length(_ v: SIMD3<Float>) -> Float { (v * v).sum().squareRoot() }

    @Test("The same options give the same pictures, another seed gives others")
    func repeatable() throws {
        let first = try frames("test:?frames=3&width=160&height=120")
        #expect(first.count == 3)
        #expect(try frames("test:?frames=3&width=160&height=120").map(\.jpeg) == first.map(\.jpeg))
        #expect(try frames("test:?frames=3&width=160&height=120&seed=2").map(\.jpeg) != first.map(\.jpeg))
        #expect(Set(first.map(\.jpeg)).count == 3, "it moves")
        let header = try JPEGHeader.check(first[0].jpeg)
        #expect(header.width == 160)
        #expect(header.height == 120)
    }

    @Test("Bones keep their lengths, and joints project to where they are said to be")
    func geometry() throws {
        let arms = [(11, 13), (13, 15), (12, 14), (14, 16), (11, 12)]
        let bones = arms + [(23, 25), (25, 27), (24, 26), (26, 28), (23, 24)]
        let frames = try frames("test:?frames=300&width=64&height=64&fps=20")
        let focal: Float = 1.6 * 64
        for frame in frames {
            let person = try #require(frame.persons.first)
            #expect(person.keypoints2D.count == 33)
            let first = try #require(frames[0].persons.first)
            for (a, b) in bones {
                let now = length(person.keypoints3D[a] - person.keypoints3D[b])
                let then = length(first.keypoints3D[a] - first.keypoints3D[b])
                #expect(abs(now - then) < 1e-3, "bone \(a)-\(b) in frame \(frame.index)")
            }
            for (pixel, point) in zip(person.keypoints2D, person.keypoints3D) {
                #expect(abs(32 + focal * point.x / point.z - pixel.x) < 1e-2)
                #expect(abs(32 + focal * point.y / point.z - pixel.y) < 1e-2)
            }
        }
    }

    @Test("Left is on the right of the picture while the person faces the camera, and knees bend forwards")
    func handedness() throws {
        let person = try #require(try frames("test:?frames=1").first?.persons.first)
        for left in [2, 7, 11, 13, 15, 23, 25, 27] {
            let right = left == 2 ? 5 : left + 1
            #expect(person.keypoints2D[left].x > person.keypoints2D[right].x, "\(KnownPerson.jointNames[left])")
        }
        #expect(person.keypoints3D[0].z < person.keypoints3D[7].z, "the nose is nearer than the ear")
        for frame in try frames("test:?frames=100&width=64&height=64&fps=8") {
            let joints = try #require(frame.persons.first).keypoints3D
            for (hip, knee, ankle, heel, toe) in [(23, 25, 27, 29, 31), (24, 26, 28, 30, 32)] {
                let line = joints[ankle] - joints[hip]
                let share = ((joints[knee] - joints[hip]) * line).sum() / (line * line).sum()
                let outwards = joints[knee] - joints[hip] - share * line
                let forwards = joints[toe] - joints[heel]
                #expect((outwards * forwards).sum() > -1e-3, "frame \(frame.index)")
            }
        }
    }

    @Test("Visible joints lie on the drawn person, inside its bbox; the feet stand on the ground")
    func drawn() throws {
        let size = "width=320&height=240"
        let background = try DecodedImage.decode(try frames("test:?frames=1&persons=0&\(size)")[0].jpeg)
        for frame in try frames("test:?frames=60&fps=6&\(size)") {
            let person = try #require(frame.persons.first)
            let image = try DecodedImage.decode(frame.jpeg)
            for joint in KnownPerson.mainJoints {
                let point = person.keypoints2D[joint]
                let (x, y) = (Int(point.x), Int(point.y))
                #expect(person.bbox[0]...(person.bbox[0] + person.bbox[2]) ~= point.x)
                #expect(person.bbox[1]...(person.bbox[1] + person.bbox[3]) ~= point.y)
                guard person.isVisible[joint] else { continue }
                let start = y * image.bytesPerRow + 3 * x
                let difference = image.withUnsafeBytes { now in
                    background.withUnsafeBytes { before in
                        (0..<3).map { abs(Int(now[start + $0]) - Int(before[start + $0])) }.max() ?? 0
                    }
                }
                #expect(difference > 12, "\(KnownPerson.jointNames[joint]) in frame \(frame.index)")
            }
            let lowest = [29, 30, 31, 32].map { person.keypoints3D[$0].y }.max() ?? 0
            #expect(abs(lowest - 1.05) < 0.06, "the camera is 1.05 m above the ground")
        }
    }

    @Test("A person seen from the side hides joints of its far side")
    func visibility() throws {
        let frames = try frames("test:?frames=150&fps=15&width=320&height=240")
        let hidden = frames.flatMap(\.persons).filter { person in
            KnownPerson.mainJoints.contains { !person.isVisible[$0] }
        }
        #expect(hidden.count > 5)
        #expect(hidden.count < 140)
    }

    @Test("Several persons have numbers and places of their own")
    func persons() throws {
        for frame in try frames("test:?frames=10&fps=2&persons=3&width=320&height=180") {
            #expect(frame.persons.map(\.id) == [0, 1, 2])
            let hips = frame.persons.map { $0.keypoints3D[23].x }
            #expect(hips == hips.sorted())
            for person in frame.persons {
                for joint in KnownPerson.mainJoints {
                    #expect(0..<320 ~= person.keypoints2D[joint].x)
                    #expect(0..<180 ~= person.keypoints2D[joint].y)
                }
            }
        }
    }

    @Test("Real time is kept and can be stopped")
    func realTime() throws {
        let start = ContinuousClock.now
        #expect(try frames("test:?frames=5&fps=20&realtime=yes&width=64&height=64").count == 5)
        #expect(ContinuousClock.now - start >= .milliseconds(200))
        let stop = SourceStop()
        let slow = try FrameSourceSpec(parsing: "test:?fps=0.1&realtime=yes&width=64&height=64").open(stop: stop)
        #expect(try slow.next() != nil)
        Thread.detachNewThread {
            usleep(50_000)
            stop.stop()
        }
        #expect(try slow.next() == nil)
    }

    @Test("Joints survive JSON under their documented keys")
    func json() throws {
        let frame = try #require(try frames("test:?frames=2&width=64&height=80").last?.known)
        #expect((frame.frame, frame.width, frame.height, frame.persons.count) == (1, 64, 80, 1))
        let data = try JSONEncoder().encode(frame)
        #expect(try JSONDecoder().decode(KnownFrame.self, from: data) == frame)
        let text = String(decoding: data, as: UTF8.self)
        for key in ["keypoints_2d", "keypoints_3d", "visible", "height_px", "bbox", "\"id\"", "\"frame\""] {
            #expect(text.contains(key))
        }
        #expect(KnownPerson.jointNames.count == 33)
    }
}
