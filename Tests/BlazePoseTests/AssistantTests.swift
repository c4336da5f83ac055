internal import BlazePose
internal import Testing

@Suite struct AssistantTests {
    @Test func whatItIsGivenIsDoneOnceWhoeverDoesIt() throws {
        let assistant = Assistant()
        for number in 0..<200 {
            let work = assistant.start { number * 2 }
            #expect(try work.value() == number * 2)
            #expect(try work.value() == number * 2)
        }
    }

    @Test func errorsReachWhoWaits() {
        let assistant = Assistant()
        let work = assistant.start { () throws -> Int in throw BlazePoseError.model("no") }
        #expect(throws: BlazePoseError.model("no")) { try work.value() }
    }

    @Test func itEndsWithWorkLeftUndone() {
        for _ in 0..<50 {
            let assistant = Assistant()
            for _ in 0..<5 { assistant.start { 1 }.cancel() }
        }
    }
}
