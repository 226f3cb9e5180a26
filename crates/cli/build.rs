//! See `ae_link`.

fn main() {
    ae_link::rpaths_for("ae-compute");
    ae_link::tell_places();
}
