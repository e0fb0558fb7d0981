//! What a slower build does more.

/// With the feature `slow`, burns about so much fuel: a tenth of what the work beside the call takes.
pub fn burn(fuel: usize) {
    /// What a round of the loop takes.
    const ROUND: usize = 18;
    if cfg!(feature = "slow") {
        let mut value = 1_u64;
        for _ in 0..fuel / ROUND {
            value = std::hint::black_box(value).wrapping_mul(31) + 1;
        }
    }
}
