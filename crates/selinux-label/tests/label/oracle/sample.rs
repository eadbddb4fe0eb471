//! Random texts that a regular expression matches, or nearly.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A small generator (splitmix64): the same numbers in every run.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// A regular expression of a real policy, which this syntax reads in the same sense.
pub(crate) fn expression(regex: &str) -> Hir {
    let mut parser = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .build();
    parser.parse(regex).unwrap()
}

/// A text that it matches.
pub(crate) fn instance(of: &Hir, random: &mut Random) -> String {
    let mut text = String::new();
    append(of, random, &mut text);
    text
}

fn append(hir: &Hir, random: &mut Random, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).unwrap()),
        HirKind::Class(class) => text.push(byte(class, random)),
        HirKind::Capture(group) => append(&group.sub, random, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| append(part, random, text)),
        HirKind::Alternation(parts) => append(&parts[random.below(parts.len())], random, text),
        HirKind::Repetition(repetition) => {
            let min = usize::try_from(repetition.min).unwrap();
            let max = repetition
                .max
                .map_or(min + 6, |max| usize::try_from(max).unwrap());
            for _ in 0..min + random.below(max.min(min + 6) - min + 1) {
                append(&repetition.sub, random, text);
            }
        }
    }
}

/// One of the class, and rather one that paths have.
fn byte(class: &Class, random: &mut Random) -> char {
    let holds = |byte: u8| match class {
        Class::Bytes(class) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&byte)),
        Class::Unicode(class) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
    };
    let usual: Vec<_> = b"abcxyzAZ0129._-+/"
        .iter()
        .copied()
        .filter(|byte| holds(*byte))
        .collect();
    let any: Vec<_> = (b' '..=b'~').filter(|byte| holds(*byte)).collect();
    let from = if usual.is_empty() || random.below(8) == 0 {
        &any
    } else {
        &usual
    };
    char::from(from[random.below(from.len())])
}

/// The text, or one that differs a little.
pub(crate) fn mutated(text: &str, random: &mut Random) -> String {
    let mut path = text.to_owned();
    let places: Vec<_> = path.char_indices().map(|(at, _)| at).collect();
    let place = places[random.below(places.len())];
    match random.below(16) {
        0 => path.push_str("/x"),
        1 => path.push('/'),
        2 => path.push('\n'),
        3 => path.push_str(random.pick(&["x", ".", "~", "é", " ", ".so", ".old", "-1"])),
        4 => drop(path.pop()),
        5 => path.insert_str(place, random.pick(&["/", "//", "x", "../", "é", "\n", "A"])),
        6 => drop(path.remove(place)),
        7 => path.truncate(path.rfind('/').unwrap_or(0)),
        8 => path.insert_str(
            0,
            random.pick(&["/usr", "/lib", "/usr/local", "/var", "/run", "/x", "/"]),
        ),
        9 => {
            let alias = random.pick(
                &[
                    ("/usr/lib", "/lib64"),
                    ("/usr/bin", "/bin"),
                    ("/usr/sbin", "/sbin"),
                    ("/usr/lib/systemd", "/lib/systemd"),
                    ("/run", "/var/run"),
                    ("/var/lib", "/var/lib/private"),
                ]
                .each_ref(),
            );
            path = path.replacen(alias.0, alias.1, 1);
        }
        _ => {}
    }
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    path
}
