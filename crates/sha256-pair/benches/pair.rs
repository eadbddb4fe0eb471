//! Two streams of a MiB each: by turns, and one after the other.

use divan::counter::BytesCount;
use sha256_pair::{Sha256, update_both};

const SIZE: usize = 1 << 20;

fn main() {
    divan::main();
}

#[divan::bench]
fn by_turns(bencher: divan::Bencher<'_, '_>) {
    let bytes = vec![7; SIZE];
    bencher.counter(BytesCount::new(2 * SIZE)).bench(|| {
        let (mut one, mut other) = (Sha256::new(), Sha256::new());
        update_both((&mut one, &bytes), (&mut other, &bytes));
        (one.finish(), other.finish())
    });
}

#[divan::bench]
fn one_after_the_other(bencher: divan::Bencher<'_, '_>) {
    let bytes = vec![7; SIZE];
    bencher.counter(BytesCount::new(2 * SIZE)).bench(|| {
        [(); 2].map(|()| {
            let mut hasher = Sha256::new();
            hasher.update(&bytes);
            hasher.finish()
        })
    });
}
