//! PAX records: `LENGTH KEY=VALUE\n`, the length counting itself.

/// One record.
///
/// ```
/// assert_eq!(test_images::tar::pax_record(b"path", b"usr/x"), b"14 path=usr/x\n");
/// ```
#[must_use]
pub fn pax_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut record = length.to_string().into_bytes();
    record.push(b' ');
    record.extend_from_slice(key);
    record.push(b'=');
    record.extend_from_slice(value);
    record.push(b'\n');
    record
}

/// Several records, one after the other: the body of a PAX header.
#[must_use]
pub fn pax_records<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    records: impl IntoIterator<Item = (K, V)>,
) -> Vec<u8> {
    records
        .into_iter()
        .flat_map(|(key, value)| pax_record(key.as_ref(), value.as_ref()))
        .collect()
}
