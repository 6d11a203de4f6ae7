//! Memory that is reserved, and becomes resident only when it is used.

/// Allocates memory of at least this size, of which next to nothing becomes resident now.
///
/// A large piece comes from the system untouched. A smaller one may come from glibc's heap, if the process has freed
/// much there before. Clearing such a piece makes it resident. So each piece is made larger than any that the heap
/// keeps, if there is address space.
pub(crate) fn untouched(bytes: usize) -> Box<[u8]> {
    const NEXT_TO_NOTHING: usize = 1 << 20;
    const BEYOND_THE_HEAP: usize = 65 << 20;
    let is_padded = cfg!(target_pointer_width = "64")
        && (NEXT_TO_NOTHING..BEYOND_THE_HEAP).contains(&bytes)
        && can_reserve(4 * BEYOND_THE_HEAP);
    vec![0; if is_padded { BEYOND_THE_HEAP } else { bytes }].into_boxed_slice()
}

/// Returns whether this number of bytes can be reserved. A plain allocation that fails would end the process, so this
/// one returns its error.
pub(crate) fn can_reserve(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let reserved = probe.try_reserve_exact(bytes).is_ok();
    // The compiler may leave out an allocation that nothing uses, and treat it as a success.
    std::hint::black_box(&probe);
    reserved
}
