//! Benches of the store.
fn main() {
    divan::main();
}
