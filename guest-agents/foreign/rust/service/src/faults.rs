//! What builds with a feature do worse than others, for the same replies.

/// With the feature `slow`, burns about so much fuel: a tenth of what the work beside the call takes.
pub fn burn(fuel: usize) {
    /// What a round of the loop takes.
    const ROUND: usize = 15;
    if cfg!(feature = "slow") {
        let mut value = 1_u64;
        for _ in 0..fuel / ROUND {
            value = std::hint::black_box(value).wrapping_mul(31) + 1;
        }
    }
}

/// With the feature `leak`, loses 64 KiB, which is a page.
pub fn leak() {
    if cfg!(feature = "leak") {
        let lost = vec![1_u8; 64 << 10];
        std::hint::black_box(lost.leak());
    }
}
