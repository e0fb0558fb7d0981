//! Bisection: where something stops to hold.

/// Halves the stretch between a number for which something holds and one for which it does not,
/// whichever of them is larger, until the two are neighbours. Returns the one for which it still
/// holds. Assumes that it changes once in between; both ends are taken as known.
///
/// # Errors
/// The first error of `probe`.
pub fn boundary<E>(
    mut holds: u64,
    mut fails: u64,
    mut probe: impl FnMut(u64) -> Result<bool, E>,
) -> Result<u64, E> {
    while holds.abs_diff(fails) > 1 {
        let middle = holds.midpoint(fails);
        if probe(middle)? {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    proptest! {
        #[test]
        fn it_finds_any_threshold_from_both_sides(threshold in 0..u64::MAX / 2, beyond in 1..u64::MAX / 2) {
            let end = threshold + beyond;
            let up = boundary(0, end, |n| Ok::<_, Infallible>(n <= threshold));
            prop_assert_eq!(up, Ok(threshold));
            let down = boundary(end, threshold, |n| Ok::<_, Infallible>(n > threshold));
            prop_assert_eq!(down, Ok(threshold + 1));
        }
    }

    #[test]
    fn neighbours_need_no_probe_and_a_probe_that_breaks_ends_it() {
        assert_eq!(boundary(4, 5, |_| Err("asked")), Ok(4));
        assert_eq!(boundary(0, 100, |_| Err("broke")), Err("broke"));
    }
}
