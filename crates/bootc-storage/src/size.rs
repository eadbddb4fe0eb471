//! Sizes as people read them.

use std::fmt;

const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];

/// A size in bytes that shows itself in podman's units: powers of ten, two or three digits, rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = u128::from(self.0);
        if bytes < 1000 {
            return write!(f, "{bytes} B");
        }
        let mut one = 1000;
        for unit in UNITS {
            let tenths = rounded(bytes * 10, one);
            if tenths < 1000 {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
            let whole = rounded(bytes, one);
            if whole < 1000 {
                return write!(f, "{whole} {unit}");
            }
            one *= 1000;
        }
        write!(
            f,
            "{} {}",
            rounded(bytes, one / 1000),
            UNITS[UNITS.len() - 1]
        )
    }
}

const fn rounded(number: u128, divisor: u128) -> u128 {
    (number + divisor / 2) / divisor
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_are_rounded_in_podmans_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1949, "1.9 kB"),
            (1950, "2.0 kB"),
            (43_100_000, "43.1 MB"),
            (99_949_999, "99.9 MB"),
            (99_950_000, "100 MB"),
            (746_500_000, "747 MB"),
            (999_499_999, "999 MB"),
            (999_500_000, "1.0 GB"),
            (1_925_000_000, "1.9 GB"),
            (1_999_999_999, "2.0 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text, "{bytes}");
        }
    }
}
