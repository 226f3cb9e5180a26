//! Runs the target that `AE_FUZZ_TARGET` names under libFuzzer; `cargo xtask fuzz` builds and starts it.
#![no_main]

use ae_fuzz::Target;
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("AE_FUZZ_TARGET").expect("AE_FUZZ_TARGET names the target");
    Target::find(&name).expect("AE_FUZZ_TARGET names a target of this crate")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET.check(input));
