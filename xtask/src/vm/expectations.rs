//! What a stage must have found.

use std::collections::BTreeMap;

/// What the scripts of a machine said, by name.
pub(super) type Results = BTreeMap<String, String>;

/// Rows of names and values, by the names that a stage has for its own results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectations {
    /// Name and value.
    pub(super) values: &'static [(&'static str, &'static str)],
    /// Names of results that must be equal.
    pub(super) equal: &'static [(&'static str, &'static str)],
}

impl Expectations {
    /// What is other than it must be, a line each.
    pub(super) fn faults(&self, results: &Results) -> Vec<String> {
        let found = |name: &str| results.get(name).map_or("nothing", String::as_str);
        let values = self
            .values
            .iter()
            .filter(|(name, value)| found(name) != *value)
            .map(|(name, value)| format!("{name} is {}, not {value}", found(name)));
        let pairs = self
            .equal
            .iter()
            .filter(|(one, other)| !results.contains_key(*one) || found(one) != found(other))
            .map(|(one, other)| format!("{one} is {}, and {other} {}", found(one), found(other)));
        values.chain(pairs).collect()
    }
}

/// The results of one stage among those of a machine, by its own names for them; and those of the host.
pub(super) fn of(stage: &str, all: &Results) -> Results {
    let own = all.iter().filter_map(|(name, value)| {
        let name = match name.split_once('.') {
            Some((of, name)) if of == stage => name,
            Some(("host", _)) => name,
            _ => return None,
        };
        Some((name.to_owned(), value.clone()))
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::{Expectations, Results, of};

    #[test]
    fn a_stage_has_its_own_results_and_the_hosts() {
        let all: Results = [
            "boot.version",
            "boot.status/a.b",
            "host.x-1",
            "upgrade.version",
        ]
        .map(|name| (name.to_owned(), name.to_owned()))
        .into();
        let names: Vec<_> = of("boot", &all).into_keys().collect();
        assert_eq!(names, ["host.x-1", "status/a.b", "version"]);
    }

    #[test]
    fn what_is_missing_or_other_is_a_fault() {
        let results: Results = [("a", "1"), ("b", "2"), ("c", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let faults = |values, equal| Expectations { values, equal }.faults(&results);
        assert_eq!(faults(&[("a", "1")], &[("a", "c")]), [""; 0]);
        assert_eq!(faults(&[("a", "2")], &[]), ["a is 1, not 2"]);
        assert_eq!(faults(&[("x", "2")], &[]), ["x is nothing, not 2"]);
        assert_eq!(faults(&[], &[("a", "b")]), ["a is 1, and b 2"]);
        assert_eq!(faults(&[], &[("x", "y")]), ["x is nothing, and y nothing"]);
    }
}
