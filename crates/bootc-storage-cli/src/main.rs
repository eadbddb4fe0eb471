//! The program `bootc-storage`.

fn main() {}
