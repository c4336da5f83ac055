import Delivery
import Messages

extension Simulation {
    mutating func feed(_ feeder: Int) {
        guard feeders[feeder].fed < weather.frames else {
            feeders[feeder].wantsEnd = true
            return pump(feeder: feeder)
        }
        if feeders[feeder].queue.count < 6 {
            let number = feeders[feeder].queue.append(true)
            if number != UInt64(feeders[feeder].fed) { violation = "frame \(feeders[feeder].fed) became \(number)" }
            feeders[feeder].fed += 1
            pump(feeder: feeder)
        }
        schedule(.feed(feeder), in: random.duration(upTo: .milliseconds(20)))
    }

    mutating func pump(feeder: Int) {
        guard feeders[feeder].isConnected else { return }
        guard clock >= feeders[feeder].pauseEnd else {
            return schedule(.feederPump(feeder), in: feeders[feeder].pauseEnd - clock)
        }
        let link = Link(number: feeders[feeder].link, generation: ingestGeneration)
        while let next = feeders[feeder].queue.upcoming {
            toIngest(.frame(feeder, number: next.number, oldest: next.oldest, link: link), feeder)
            feeders[feeder].queue.sent()
        }
        if feeders[feeder].wantsEnd, feeders[feeder].queue.count == 0, !feeders[feeder].sentEnd {
            feeders[feeder].sentEnd = true
            toIngest(.endOfStream(feeder, link: link), feeder)
        }
    }

    /// In order, as a connection delivers.
    private mutating func toIngest(_ event: Event, _ feeder: Int) {
        feeders[feeder].lastArrival = max(feeders[feeder].lastArrival, clock + random.duration(upTo: .milliseconds(3)))
        agenda.add(event, at: feeders[feeder].lastArrival)
    }

    mutating func answered(_ feeder: Int, _ reply: FeederReply, _ link: Link) {
        guard link.number == feeders[feeder].link else { return }
        switch reply {
        case .accepted(let number): _ = feeders[feeder].queue.accepted(number)
        case .again(let number):
            feeders[feeder].queue.sendAgain(from: number)
            feeders[feeder].pauseEnd = clock + .milliseconds(30)
        case .ended: feeders[feeder].isDone = true
        }
        pump(feeder: feeder)
    }

    /// The connection is lost: of what it carried, the first part may still arrive, even after newer messages.
    mutating func reset(_ feeder: Int) {
        feeders[feeder].cut[feeders[feeder].link] = clock + random.duration(upTo: .milliseconds(4))
        feeders[feeder].link += 1
        feeders[feeder].isConnected = false
        feeders[feeder].lastArrival = clock
        feeders[feeder].lastAnswer = clock
        schedule(.feederConnected(feeder, link: feeders[feeder].link), in: random.duration(upTo: .milliseconds(60)))
    }

    mutating func connected(_ feeder: Int, _ link: Int) {
        guard link == feeders[feeder].link else { return }
        feeders[feeder].isConnected = true
        _ = feeders[feeder].queue.restart()
        feeders[feeder].sentEnd = false
        pump(feeder: feeder)
    }
}
