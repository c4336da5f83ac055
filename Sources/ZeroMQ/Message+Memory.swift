internal import CZeroMQ

extension Message {
    /// Keeps the memory of messages that are gone for those that follow. To be called when the process begins.
    ///
    /// Left to itself glibc takes a large message's memory from the kernel and returns it, which then clears every page of it
    /// once more: 50 page faults for 200 kB. 32 MiB is glibc's own largest threshold; each of its arenas keeps so much at
    /// most.
    public static func keepFreedMemory() {
        posebus_keep_freed_memory(32 << 20)
    }
}
