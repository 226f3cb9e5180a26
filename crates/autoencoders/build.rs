//! See `ae_link`.

fn main() {
    ae_link::rpaths();
    ae_link::pass_on();
}
