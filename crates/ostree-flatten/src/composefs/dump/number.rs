//! Numbers in a field. What does not fit its field of the image is refused; libcomposefs cuts it.

use super::super::{Error, error::shown, tree::Mtime};

/// A number in a base up to 10.
pub(super) fn number<T: TryFrom<u64>>(
    field: &'static str,
    text: &[u8],
    base: u32,
) -> Result<T, Error> {
    let wrong = |problem| Error::Field {
        field,
        problem,
        text: shown(text),
    };
    let digits = std::str::from_utf8(text).map_err(|_| wrong(NO_NUMBER))?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.is_empty() {
        return Err(wrong(NO_NUMBER));
    }
    let number = u64::from_str_radix(digits, base).map_err(|error| {
        let too_big = *error.kind() == std::num::IntErrorKind::PosOverflow;
        wrong(if too_big { TOO_BIG } else { NO_NUMBER })
    })?;
    T::try_from(number).map_err(|_| wrong(TOO_BIG))
}

const NO_NUMBER: &str = "no number";
const TOO_BIG: &str = "too big a number";

/// Seconds, a point, and nanoseconds, which is no fraction: `1.1` is one second and one nanosecond.
pub(super) fn mtime(text: &[u8]) -> Result<Mtime, Error> {
    const FIELD: &str = "MTIME";
    let point = text.iter().position(|byte| *byte == b'.');
    let point = point.ok_or_else(|| Error::Field {
        field: FIELD,
        problem: "without a point between seconds and nanoseconds",
        text: shown(text),
    })?;
    let (seconds, nanoseconds) = (&text[..point], &text[point + 1..]);
    let seconds = match seconds.strip_prefix(b"-") {
        // Times before 1970 are written so.
        Some(before) => {
            let before: u64 = number(FIELD, before, 10)?;
            0_i64
                .checked_sub_unsigned(before)
                .ok_or_else(|| Error::Field {
                    field: FIELD,
                    problem: TOO_BIG,
                    text: shown(text),
                })?
        }
        None => number(FIELD, seconds, 10)?,
    };
    Ok(Mtime {
        seconds,
        nanoseconds: number(FIELD, nanoseconds, 10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_or_are_refused() {
        assert_eq!(number::<u32>("UID", b"4294967295", 10).unwrap(), u32::MAX);
        assert_eq!(number::<u32>("MODE", b"040755", 8).unwrap(), 0o40755);
        for text in [
            "4294967296",
            "99999999999999999999999",
            "",
            "-1",
            "+1",
            " 1",
            "1x",
            "é",
        ] {
            assert!(number::<u32>("UID", text.as_bytes(), 10).is_err(), "{text}");
        }
        assert!(number::<u32>("MODE", b"8", 8).is_err());
    }

    #[test]
    fn times_have_seconds_and_nanoseconds() {
        let time = |text: &str| mtime(text.as_bytes()).map(|time| (time.seconds, time.nanoseconds));
        assert_eq!(time("1.1").unwrap(), (1, 1));
        assert_eq!(time("-5.7").unwrap(), (-5, 7));
        assert_eq!(time("-9223372036854775808.0").unwrap(), (i64::MIN, 0));
        for text in [
            "1",
            "1.",
            ".1",
            "1.-1",
            "-9223372036854775809.0",
            "9223372036854775808.0",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
