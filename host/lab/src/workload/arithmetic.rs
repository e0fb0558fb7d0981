//! Messages for agents that compute with numbers.

use super::text::below;
use super::{Case, Exchange, messages};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use sha2::{Digest, Sha256};

pub fn hash(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let mut content = vec![0; size];
        rng.fill_bytes(&mut content);
        let digest = Sha256::digest(&content);
        Exchange::reply(content, digest.as_slice())
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

/// Numbers to sort: generated in order, so that the reply is known, then shuffled.
pub fn sort(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let mut next = 0;
        let mut numbers: Vec<u64> = (0..size / 8)
            .map(|_| {
                next += rng.next_u64() >> 20;
                next
            })
            .collect();
        let sorted = bytes(&numbers, u64::to_le_bytes);
        for last in (1..numbers.len()).rev() {
            numbers.swap(last, below(last + 1, rng));
        }
        Exchange::reply(bytes(&numbers, u64::to_le_bytes), sorted)
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

/// Matrices of small integers, whose product is exact in any order of summation.
pub fn matrix(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let order = (size / 16).isqrt();
    let exchange = |_| {
        let mut numbers = || -> Vec<i32> {
            let number = |_| below(201, rng) as i32 - 100;
            (0..order * order).map(number).collect()
        };
        let (left, right) = (numbers(), numbers());
        let product = (0..order * order).map(|index| {
            let (row, column) = (index / order, index % order);
            let terms = (0..order).map(|k| left[row * order + k] * right[k * order + column]);
            terms.sum::<i32>()
        });
        let product: Vec<i32> = product.collect();
        let float = |n: i32| f64::from(n).to_le_bytes();
        let content = [bytes(&left, float), bytes(&right, float)].concat();
        Exchange::reply(content, bytes(&product, float))
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

fn bytes<N: Copy>(numbers: &[N], write: impl Fn(N) -> [u8; 8]) -> Vec<u8> {
    numbers.iter().flat_map(|number| write(*number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "abc" of FIPS 180-4.
    #[test]
    fn the_digest_that_is_expected_is_the_standards() {
        let digest = Sha256::digest(b"abc");
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }
}
