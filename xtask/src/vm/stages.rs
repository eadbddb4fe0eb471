//! Every stage, by name, in the order in which they are run.

use super::expectations::Expectations;
use super::kernel;
use super::os;
use anyhow::{Result, bail};

/// A row of the table.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) machine: Machine,
    pub(super) expected: Expectations,
}

/// What a stage runs in.
#[derive(Debug)]
pub(super) enum Machine {
    /// A kernel of its own with the program and little else; the stage's script.
    Kernel(&'static str),
    /// An operating system that our program installed.
    Os(os::Steps),
    /// The same, with power cuts.
    Power,
}

/// Both tables, one after the other.
pub(super) fn all() -> impl Iterator<Item = &'static Stage> {
    kernel::STAGES.iter().chain(os::STAGES)
}

/// The stages of these names, each once and in their order; all if there are none.
pub(super) fn named(names: &[String]) -> Result<Vec<&'static Stage>> {
    let mut wanted: Vec<&str> = Vec::new();
    for name in names {
        match name.as_str() {
            SMOKE => wanted.extend(SMOKE_STAGES),
            name if all().any(|stage| stage.name == name) => wanted.push(name),
            _ => bail!("there is no stage {name}; --list shows them"),
        }
    }
    let is_wanted = |stage: &&Stage| names.is_empty() || wanted.contains(&stage.name);
    Ok(all().filter(is_wanted).collect())
}

/// Stages that one host goes through after another, in their order, with those that have to come before.
pub(super) fn by_host(wanted: Vec<&'static Stage>) -> Vec<Vec<&'static Stage>> {
    let mut hosts: Vec<(Option<os::InstalledBy>, Vec<_>)> = Vec::new();
    for stage in with_what_comes_before(wanted) {
        let host = match &stage.machine {
            Machine::Os(steps) => Some(steps.installed_by),
            _ => None,
        };
        match hosts.iter_mut().find(|(one, _)| *one == host) {
            Some((_, stages)) => stages.push(stage),
            None => hosts.push((host, vec![stage])),
        }
    }
    hosts.into_iter().map(|(_, stages)| stages).collect()
}

fn with_what_comes_before(mut wanted: Vec<&'static Stage>) -> Vec<&'static Stage> {
    let mut at = 0;
    while let Some(stage) = wanted.get(at) {
        if let Machine::Os(os::Steps { after, .. }) = &stage.machine {
            let is_there = |name: &str| wanted.iter().any(|one| one.name == name);
            let before: Vec<_> = all()
                .filter(|stage| after.contains(&stage.name) && !is_there(stage.name))
                .collect();
            wanted.extend(before);
        }
        at += 1;
    }
    all()
        .filter(|stage| wanted.iter().any(|one| one.name == stage.name))
        .collect()
}

/// The way of a host in as few boots as it needs.
pub(super) const SMOKE: &str = "smoke";
pub(super) const SMOKE_STAGES: [&str; 3] = ["boot", "upgrade", "rollback"];

#[cfg(test)]
mod tests {
    use super::{Machine, SMOKE, all, by_host, named};
    use std::collections::BTreeSet;

    fn names(wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        named(&wanted)
            .unwrap()
            .iter()
            .map(|stage| stage.name)
            .collect()
    }

    #[test]
    fn stages_come_once_and_in_their_order() {
        assert_eq!(names(&["upgrade", "boot", "upgrade"]), ["boot", "upgrade"]);
        assert_eq!(
            names(&[SMOKE, "verity"]),
            ["verity", "boot", "upgrade", "rollback"]
        );
        assert_eq!(names(&[]).len(), all().count());
        assert!(named(&["none".to_owned()]).is_err());
    }

    #[test]
    fn what_a_stage_needs_comes_before_it() {
        let hosts = by_host(named(&["rollback".to_owned(), "migrate".to_owned()]).unwrap());
        let names: Vec<Vec<_>> = hosts
            .iter()
            .map(|stages| stages.iter().map(|stage| stage.name).collect())
            .collect();
        assert_eq!(names, [&["boot", "upgrade", "rollback"][..], &["migrate"]]);
        let order: Vec<_> = all().map(|stage| stage.name).collect();
        for stage in all() {
            if let Machine::Os(steps) = &stage.machine {
                let own = order.iter().position(|name| *name == stage.name);
                for before in steps.after {
                    assert!(
                        order.iter().position(|name| name == before) < own,
                        "{}",
                        stage.name
                    );
                }
            }
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let names: BTreeSet<_> = all().map(|stage| stage.name).collect();
        assert_eq!(names.len(), all().count());
        assert!(!names.contains(SMOKE));
    }
}
