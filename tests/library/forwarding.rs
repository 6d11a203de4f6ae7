//! A handler that is passed as `&mut H` behaves like `H`: each method of `Handler` is forwarded.
//!
//! The compiler asks only for the methods without a default. A host that wraps its handler would lose any other, and
//! nothing would say so. So this test reads the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns the block that a line with this beginning opens.
fn block<'t>(source: &'t str, opening: &str) -> &'t str {
    let (_, behind) = source.split_once(opening).unwrap_or_else(|| panic!("no {opening:?} in the sources"));
    behind.split_once("\n}").expect("a block ends").0
}

/// Returns the names of the methods of a trait or an implementation.
fn methods(block: &str) -> BTreeSet<&str> {
    let heads = block.lines().filter_map(|line| line.strip_prefix("    fn "));
    heads.map(|head| head.split(['<', '(']).next().unwrap_or_default()).collect()
}

#[test]
fn a_borrowed_handler_forwards_each_method_of_the_trait() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/handler/mod.rs");
    let source = fs::read_to_string(path).expect("the source of the trait");
    let declared = methods(block(&source, "\npub trait Handler"));
    let forwarding = block(&source, "\nimpl<H: Handler + ?Sized> Handler for &mut H");
    assert!(declared.contains("request") && declared.contains("gone"), "{declared:?}");
    assert_eq!(methods(forwarding), declared);
    for method in declared {
        assert!(forwarding.contains(&format!("(**self).{method}(")), "{method} calls another method");
    }
}
