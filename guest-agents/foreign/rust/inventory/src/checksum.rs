//! A checksum: FNV-1a, over and over.

/// The checksum of the data, after as many rounds.
pub fn of(data: &[u8], rounds: u32) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..rounds {
        for byte in data {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    sum
}
