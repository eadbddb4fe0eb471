//! Numbers in tar headers and pax records.

use crate::Problem;

/// A numeric header field: octal text, or base 256 when the first byte's high bit is set (GNU, star).
///
/// A field of blanks or NULs is zero, as libarchive and Go read it. Anything else than digits is refused, where
/// libarchive would read as far as it goes.
pub(super) fn field(bytes: &[u8], field: &'static str) -> Result<u64, Problem> {
    let value = signed(bytes, field)?;
    u64::try_from(value).map_err(|_| Problem::OutOfRange { field })
}

/// As [`field`], for numbers that may be negative (times before 1970).
pub(super) fn signed(bytes: &[u8], field: &'static str) -> Result<i64, Problem> {
    match bytes.first() {
        Some(first) if first & 0x80 != 0 => base256(bytes).ok_or(Problem::OutOfRange { field }),
        _ => octal(bytes, field),
    }
}

fn octal(bytes: &[u8], field: &'static str) -> Result<i64, Problem> {
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(bytes.len());
    let (negative, digits) = match &bytes[start..] {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let length = digits.iter().position(|byte| !matches!(byte, b'0'..=b'7'));
    let (digits, rest) = digits.split_at(length.unwrap_or(digits.len()));
    let ends = match rest.first() {
        None | Some(0) => true,
        // Only padding may follow a blank, up to a NUL.
        Some(b' ') => rest
            .iter()
            .take_while(|byte| **byte != 0)
            .all(|byte| *byte == b' '),
        Some(_) => false,
    };
    if !ends || (negative && digits.is_empty()) {
        return Err(Problem::NotANumber { field });
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        value = value
            .checked_mul(8)
            .and_then(|value| value.checked_add(digit))
            .ok_or(Problem::OutOfRange { field })?;
    }
    Ok(if negative { -value } else { value })
}

/// Big endian two's complement in all bits but the first.
fn base256(bytes: &[u8]) -> Option<i64> {
    let (first, rest) = bytes.split_first()?;
    let mut value = i64::from(first & 0x7f);
    if first & 0x40 != 0 {
        value -= 0x80;
    }
    for byte in rest {
        value = value.checked_mul(256)?.checked_add(i64::from(*byte))?;
    }
    Some(value)
}

/// Whether a header field is empty, octal digits between padding, or in base 256 with a first byte that other
/// readers know as such.
pub(super) fn is_padded(field: &[u8]) -> bool {
    if matches!(field.first(), None | Some(0 | 0x80 | 0xff)) {
        return true;
    }
    let digits = field.trim_ascii_start();
    let length = digits
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    digits[length..].iter().all(|byte| matches!(byte, 0 | b' '))
}

/// A decimal number of a pax record: digits only.
pub(super) fn decimal(bytes: &[u8], field: &'static str) -> Result<u64, Problem> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return Err(match bytes {
            [b'-', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                Problem::OutOfRange { field }
            }
            _ => Problem::NotANumber { field },
        });
    }
    let mut value = 0_u64;
    for digit in bytes {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .filter(|value| i64::try_from(*value).is_ok())
            .ok_or(Problem::OutOfRange { field })?;
    }
    Ok(value)
}

/// A user or group id: 32 bits without the last one, which means "no one" to chown(2).
pub(super) fn id(value: u64, field: &'static str) -> Result<u32, Problem> {
    u32::try_from(value)
        .ok()
        .filter(|id| *id != u32::MAX)
        .ok_or(Problem::OutOfRange { field })
}

#[cfg(test)]
mod tests {
    use super::{decimal, field, id, signed};

    #[test]
    fn octal_fields() {
        for (bytes, value) in [
            (&b"0000644\0"[..], 0o644),
            (b"   644 \0", 0o644),
            (b"644     ", 0o644),
            (b"\0\0\0\0\0\0\0\0", 0),
            (b"        ", 0),
            (b"77777777777\0", 0o77777777777),
            (b"777777777777", 0o777777777777),
            (b"12\0rubbish", 0o12),
            (b"", 0),
        ] {
            assert_eq!(field(bytes, "x"), Ok(value), "{bytes:?}");
        }
        for bytes in [
            &b"garbage\0"[..],
            b"0000648\0",
            b"12 34\0\0\0",
            b"-0000001",
            b"-\0\0\0\0\0\0\0",
            b"0x12\0\0\0\0",
        ] {
            assert!(field(bytes, "x").is_err(), "{bytes:?}");
        }
        assert_eq!(signed(b"-17\0", "mtime"), Ok(-15));
    }

    #[test]
    fn binary_fields() {
        for (bytes, value) in [
            (&[0x80, 0, 0, 0, 0, 0, 0, 1][..], 1),
            (
                &[0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0xbe, 0x40, 0][..],
                0x2_40be_4000,
            ),
            (&[0xff; 12][..], -1),
            (
                &[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
                0x3fff_ffff_ffff_ffff,
            ),
        ] {
            assert_eq!(signed(bytes, "x"), Ok(value), "{bytes:?}");
        }
        assert!(field(&[0xff; 8], "x").is_err());
        assert!(signed(&[0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "x").is_err());
    }

    #[test]
    fn padded_fields() {
        for field in [
            &b"0000644\0"[..],
            b"  644 \0 ",
            b"\0garbage",
            b"\x80\x01",
            b"\xff\xff",
            b"",
            b"   ",
        ] {
            assert!(super::is_padded(field), "{field:?}");
        }
        for field in [&b"644\x0012\0"[..], b"-1\0", b"\x81\0", b"64x"] {
            assert!(!super::is_padded(field), "{field:?}");
        }
    }

    #[test]
    fn decimals_and_ids() {
        assert_eq!(decimal(b"0123", "x"), Ok(123));
        assert_eq!(
            decimal(b"9223372036854775807", "x"),
            Ok(i64::MAX.unsigned_abs())
        );
        for bytes in [
            &b""[..],
            b"-1",
            b"1.5",
            b" 1",
            b"9223372036854775808",
            b"0x1",
        ] {
            assert!(decimal(bytes, "x").is_err(), "{bytes:?}");
        }
        assert_eq!(id(4_294_967_294, "uid"), Ok(4_294_967_294));
        assert!(id(4_294_967_295, "uid").is_err());
        assert!(id(4_294_967_296, "uid").is_err());
    }
}
