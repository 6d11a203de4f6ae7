//! How the tests try what holds for any value.

use std::hash::{BuildHasher, RandomState};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Tries it with many values; one that fails is made as small as it can be, and the seed is printed. `PROPTEST_CASES`
/// sets how many (256), and `PROP_SEED` the seed.
pub(crate) fn holds_for_any<S: Strategy>(values: S, property: impl Fn(S::Value)) {
    let seed = match std::env::var("PROP_SEED") {
        Ok(seed) => seed.parse().expect("PROP_SEED is a number"),
        Err(_) => RandomState::new().hash_one("any"),
    };
    if let Err(failure) = attempt(seed, values, property) {
        panic!("with PROP_SEED={seed}: {failure}");
    }
}

fn attempt<S: Strategy>(seed: u64, values: S, property: impl Fn(S::Value)) -> Result<(), String> {
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let tried = TestRunner::new_with_rng(config, rng).run(&values, |value| {
        property(value);
        Ok(())
    });
    tried.map_err(|failure| failure.to_string())
}

#[test]
fn a_property_that_does_not_hold_fails_with_the_smallest_value_again_and_again() {
    let fail = || attempt(7, 0..1000u32, |value| assert!(value < 500, "{value} is too large")).unwrap_err();
    assert!(fail().contains("500 is too large"), "{}", fail());
    assert_eq!(fail(), fail());
}
