internal import Foundation
internal import Glibc
internal import Messages
internal import Settings

extension InjectedFault {
    /// Happens, where the frame is among these.
    func strike(_ headers: some Sequence<FrameHeader>) {
        guard headers.contains(where: { $0.cameraFrame?.value == frame }) else { return }
        switch kind {
        case .crash: kill(getpid(), SIGKILL)
        case .hang: while true { Thread.sleep(forTimeInterval: 1) }
        }
    }
}
