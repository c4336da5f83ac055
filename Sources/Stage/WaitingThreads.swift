internal import Foundation

/// Lets the threads of OpenMP sleep while they wait, in this process (if its libtorch is loaded after this) and its children.
///
/// libtorch computes with OpenMP and OpenBLAS, each with threads of its own. Those of OpenMP spin while they wait, by
/// default, and take the cores from the others: on two busy cores HMR2 took one and a half times as long for it, PHALP's
/// networks four times. What somebody has set in the environment stays.
public func letWaitingThreadsSleep() {
    setenv(waitPolicy, "passive", 0)
}

/// The same for a process that has libtorch already: starts its program again, since OpenMP reads the environment once, when
/// it is loaded. Returns where that is not needed, or not possible.
public func restartWithWaitingThreadsAsleep() {
    guard getenv(waitPolicy) == nil else { return }
    letWaitingThreadsSleep()
    // The same process with the same arguments and descriptors; on an error it goes on as it is.
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}

private let waitPolicy = "OMP_WAIT_POLICY"
