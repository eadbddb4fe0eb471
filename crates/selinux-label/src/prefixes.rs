//! Rules by the text that their paths must begin with.

use crate::steps::Steps;

/// Which rules a path can match, by its beginning.
///
/// The prefixes are sorted, and each knows the longest other one that it begins with. The prefixes of a path are then the
/// last one that is not greater than the path, or one that it begins with, and so on: one binary search, and a
/// walk along few links.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    prefix: Box<[u8]>,
    /// The longest shorter prefix that this one begins with.
    parent: Option<usize>,
    rules: Vec<usize>,
}

impl Prefixes {
    /// Groups rules by their prefix; each group keeps the order given.
    pub(crate) fn new(mut rules: Vec<(&[u8], usize)>) -> Self {
        rules.sort_by_key(|(prefix, _)| *prefix);
        let mut entries: Vec<Entry> = Vec::new();
        for (prefix, rule) in rules {
            match entries.last_mut() {
                Some(last) if *last.prefix == *prefix => last.rules.push(rule),
                _ => entries.push(Entry {
                    prefix: prefix.into(),
                    parent: parent(&entries, prefix, &mut Steps::default()),
                    rules: vec![rule],
                }),
            }
        }
        Self { entries }
    }

    /// The groups whose prefix a path has, the longest prefix first.
    pub(crate) fn of<'a>(
        &'a self,
        path: &[u8],
        steps: &mut Steps,
    ) -> impl Iterator<Item = &'a [usize]> + use<'a> {
        let next = parent(&self.entries, path, steps);
        let chain = std::iter::successors(next, |index| self.entries[*index].parent);
        chain.map(|index| self.entries[index].rules.as_slice())
    }
}

/// The longest prefix of `text` among sorted entries.
fn parent(entries: &[Entry], text: &[u8], steps: &mut Steps) -> Option<usize> {
    let not_greater = entries.partition_point(|entry| *entry.prefix <= *text);
    let mut candidate = not_greater.checked_sub(1);
    while let Some(index) = candidate {
        steps.compare(entries[index].prefix.len());
        if text.starts_with(&entries[index].prefix) {
            return Some(index);
        }
        candidate = entries[index].parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_a_path_is_found_and_no_other() {
        let prefixes: [&[u8]; 9] = [
            b"",
            b"/",
            b"/usr",
            b"/usr/",
            b"/usr/lib",
            b"/usr/lib/a",
            b"/usr/libx",
            b"/usr/lib/\xff",
            b"/v",
        ];
        let mut rules: Vec<_> = prefixes.iter().copied().zip(0..).collect();
        rules.extend(prefixes.iter().copied().zip(10..));
        let index = Prefixes::new(rules);
        let paths: [&[u8]; 9] = [
            b"/",
            b"/usr",
            b"/usr/lib",
            b"/usr/lib/a/b",
            b"/usr/lib/b",
            b"/usr/lib\xff",
            b"/w",
            b"",
            b"\xff",
        ];
        for path in paths {
            let found: Vec<_> = index
                .of(path, &mut Steps::default())
                .map(<[usize]>::to_vec)
                .collect();
            let mut expected: Vec<_> = (0..prefixes.len())
                .filter(|i| path.starts_with(prefixes[*i]))
                .map(|i| vec![i, i + 10])
                .collect();
            expected.sort_by_key(|pair| std::cmp::Reverse(prefixes[pair[0]].len()));
            assert_eq!(found, expected, "{path:?}");
        }
    }
}
