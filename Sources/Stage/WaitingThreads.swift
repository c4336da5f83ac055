internal import Foundation

/// Lets the threads of OpenMP sleep while they wait, in this process, if its libtorch is loaded after this, and in
/// its children.
///
/// libtorch computes with OpenMP and OpenBLAS, each with threads of its own. Those of OpenMP spin while they wait, by
/// default, and take the cores from the others: on two busy cores HMR2 took one and a half times as long for it, PHALP's
/// networks four times. What somebody has set in the environment stays.
public func letWaitingThreadsSleep() {
    setenv("OMP_WAIT_POLICY", "passive", 0)
}
