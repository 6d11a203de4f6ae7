//! Memory that is reserved, and becomes resident only when it is used.

/// Memory of this size, of which next to nothing becomes resident now.
///
/// A large piece comes from the system untouched. A smaller one may come from glibc's heap, if the process has freed much
/// there before; then it is cleared, and so becomes resident. So each piece is made larger than what the heap keeps, if
/// there is address space.
pub(crate) fn untouched(bytes: usize) -> Box<[u8]> {
    const NEXT_TO_NOTHING: usize = 1 << 20;
    const BEYOND_THE_HEAP: usize = 65 << 20;
    let is_padded = cfg!(target_pointer_width = "64")
        && (NEXT_TO_NOTHING..BEYOND_THE_HEAP).contains(&bytes)
        && can_reserve(4 * BEYOND_THE_HEAP);
    vec![0; if is_padded { BEYOND_THE_HEAP } else { bytes }].into_boxed_slice()
}

/// Whether so much memory can be had. Asks in the way that may fail, because the other way ends the process.
pub(crate) fn can_reserve(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let reserved = probe.try_reserve_exact(bytes).is_ok();
    // The compiler may leave out an allocation that nobody looks at, and call it a success.
    std::hint::black_box(&probe);
    reserved
}
