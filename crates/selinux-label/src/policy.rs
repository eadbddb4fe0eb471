//! The policy of a tree.

use crate::error::quote;
use crate::files::{Files, Kind};
use crate::key::{self, Aliases};
use crate::limits::MAX_STEPS_PER_PATH;
use crate::rules::{self, NoAnswer, Rules};
use crate::steps::{Meter, Steps, TooSlow};
use crate::substitution::{Line, Substitutions};
use crate::{Error, Explanation, Fingerprint, Label, PolicyTree, Result, explain};
use std::borrow::Cow;
use std::sync::Arc;

/// The policy of a tree: which label its paths get. Cheap to clone, and may be asked by several threads at once.
#[derive(Debug, Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    fingerprint: Fingerprint,
    engine: Engine,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Builtin(Builtin),
    #[cfg(feature = "libselinux")]
    Libselinux(crate::OraclePolicy),
}

/// Who matches paths and rules. The labels are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Engine {
    /// This crate: a microsecond or two for a path, and in bounded time and memory for every policy.
    #[default]
    Builtin,
    /// libselinux: ten to a hundred times slower, by its version, and without bounds, but it knows every regular expression. For policies that
    /// the other refuses with [`Error::UnsupportedRegex`](crate::Error::UnsupportedRegex).
    #[cfg(feature = "libselinux")]
    Libselinux,
}

impl Policy {
    /// Reads the policy of a tree; `None` if it has none.
    ///
    /// It is that of `etc/selinux` if there is such a directory, else that of `usr/etc/selinux`. Without `config`, or if
    /// `config` turns SELinux off, there is none. Compiled files (`file_contexts.bin`) are not read: they say what the text
    /// says, for one version of PCRE2.
    ///
    /// # Errors
    ///
    /// There is a policy, and it is incomplete, or not to be understood, or larger than [`limits`](crate::limits) allow. All
    /// rules are parsed here, so that a bad one is found whether paths reach it or not; libselinux looks at a regular
    /// expression when a path reaches it.
    pub fn open(tree: &dyn PolicyTree) -> Result<Option<Self>> {
        Self::open_with(tree, Engine::default())
    }

    /// As [`open`](Self::open), with a choice of who matches.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); or libselinux refuses the policy.
    pub fn open_with(tree: &dyn PolicyTree, engine: Engine) -> Result<Option<Self>> {
        match Files::read(tree)? {
            Some(files) => Self::of(files, engine).map(Some),
            None => Ok(None),
        }
    }

    fn of(files: Files, engine: Engine) -> Result<Self> {
        let matcher = match engine {
            Engine::Builtin => Matcher::Builtin(Builtin::new(&files)?),
            #[cfg(feature = "libselinux")]
            Engine::Libselinux => Matcher::Libselinux(crate::OraclePolicy::of(&files)?),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                fingerprint: Fingerprint::of(&files),
                name: files.name,
                engine,
                matcher,
            }),
        })
    }

    /// The policy of another tree, by the same engine; this one if its files are the same, without parsing them again.
    ///
    /// # Errors
    ///
    /// As for [`open_with`](Self::open_with).
    pub fn open_other(&self, tree: &dyn PolicyTree) -> Result<Option<Self>> {
        let Some(files) = Files::read(tree)? else {
            return Ok(None);
        };
        if self.name() == files.name && self.fingerprint() == Fingerprint::of(&files) {
            return Ok(Some(self.clone()));
        }
        Self::of(files, self.inner.engine).map(Some)
    }

    /// The name, which `SELINUXTYPE` in `config` says: `default`, `targeted`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What tells this policy from others that label differently.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint
    }

    /// The label of an absolute path in the final tree, for a mode with the file type (`st_mode`); without the
    /// type, rules for every type apply.
    ///
    /// `None` if the policy says `<<none>>`, or nothing.
    ///
    /// # Errors
    ///
    /// The path is not absolute or has a NUL byte, or the rules take more memory, or more time for the paths so far, than
    /// [`limits`](crate::limits) allow.
    pub fn label(&self, path: &str, mode: u32) -> Result<Option<Label>> {
        match &self.inner.matcher {
            Matcher::Builtin(builtin) => {
                let (_, rule) = builtin.find(path, mode, |_, _| {})?;
                Ok(rule.and_then(|rule| builtin.rules.label(rule)).cloned())
            }
            #[cfg(feature = "libselinux")]
            Matcher::Libselinux(policy) => policy.label(path, mode),
        }
    }

    /// The label, and where it comes from.
    ///
    /// # Errors
    ///
    /// As [`label`](Self::label).
    pub fn explain(&self, path: &str, mode: u32) -> Result<Explanation> {
        match &self.inner.matcher {
            Matcher::Builtin(builtin) => {
                let mut substitutions = Vec::new();
                let (path, rule) = builtin.find(path, mode, |file, line| {
                    substitutions.push(explain::Substitution {
                        alias: line.alias.as_ref().to_owned(),
                        target: line.target.as_ref().to_owned(),
                        file: file.to_owned(),
                        line: line.number,
                    });
                })?;
                let rules = &builtin.rules;
                Ok(Explanation {
                    label: rule.and_then(|rule| rules.label(rule)).cloned(),
                    rule: rule.map(|rule| rules.explain(rule)),
                    looked_up: path.into_owned(),
                    substitutions,
                })
            }
            #[cfg(feature = "libselinux")]
            Matcher::Libselinux(policy) => Ok(Explanation {
                label: policy.label(path, mode)?,
                rule: None,
                looked_up: path.to_owned(),
                substitutions: Vec::new(),
            }),
        }
    }
}

/// This crate's own matching.
#[derive(Debug)]
struct Builtin {
    aliases: Aliases,
    rules: Rules,
    meter: Meter,
}

impl Builtin {
    fn new(files: &Files) -> Result<Self> {
        let mut rules = rules::Builder::default();
        let mut aliases = Aliases::default();
        for file in &files.files {
            match file.kind {
                Kind::Rules | Kind::HomeRules | Kind::LocalRules => {
                    rules.add(&file.path, &file.bytes)?;
                }
                Kind::Substitutions | Kind::DistSubstitutions => {
                    let list = Substitutions::parse(&file.path, &file.bytes)?;
                    aliases.lists.push((file.path.clone(), list));
                }
            }
        }
        Ok(Self {
            aliases,
            rules: rules.build(),
            meter: Meter::default(),
        })
    }

    /// The path that the rules are asked for, and the rule that decides. `note` hears of substitutions.
    fn find<'a>(
        &self,
        path: &'a str,
        mode: u32,
        note: impl FnMut(&str, &Line),
    ) -> Result<(Cow<'a, str>, Option<usize>)> {
        let clean = key::clean(path)?;
        let mut look_up = self.meter.begin();
        let looked_up = self.aliases.apply(clean, &mut look_up.steps, note);
        let substituting = look_up.steps;
        let found = self.rules.find(&looked_up, mode, &mut look_up);
        self.meter.pay(&look_up);
        match found {
            Ok(rule) => Ok((looked_up, rule)),
            Err(NoAnswer::OutOfMemory { rule }) => {
                let explain::Rule {
                    file, line, regex, ..
                } = self.rules.explain(rule);
                let regex = quote(&regex);
                Err(Error::OutOfMemory { file, line, regex })
            }
            Err(NoAnswer::TooSlow(slow)) => Err(self.too_slow(path, slow, substituting)),
        }
    }

    fn too_slow(&self, path: &str, slow: TooSlow, substituting: Steps) -> Error {
        let (file, line) = match slow.rule.map(|rule| self.rules.explain(rule)) {
            Some(rule) => (rule.file, Some(rule.line)),
            None if substituting.count() > slow.steps / 2 => {
                (self.aliases.longest_file().to_owned(), None)
            }
            None => (self.rules.largest_file().to_owned(), None),
        };
        Error::TooSlow {
            file,
            line,
            path: quote(path),
            steps: slow.steps,
            limit: MAX_STEPS_PER_PATH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debian's policy.
    const RULES: &str = include_str!("../tests/data/debian/file_contexts");
    const SUBSTITUTIONS: &str = include_str!("../tests/data/debian/file_contexts.subs_dist");

    fn tree(name: &str, rules: &str) -> crate::MemoryTree {
        let config = format!("SELINUX=enforcing\nSELINUXTYPE={name}\n");
        let file = |path: &str| format!("etc/selinux/{name}/{path}");
        crate::MemoryTree(
            [
                ("etc/selinux/config".to_owned(), config.into()),
                (file("policy/policy.33"), Vec::new()),
                (file("contexts/files/file_contexts"), rules.into()),
            ]
            .into(),
        )
    }

    #[test]
    fn the_same_policy_in_another_tree_is_not_parsed_again() {
        let policy = Policy::open(&tree("one", "/.* x\n")).unwrap().unwrap();
        let other = |name, rules| policy.open_other(&tree(name, rules)).unwrap().unwrap();
        let is_same = |other: &Policy| Arc::ptr_eq(&other.inner, &policy.inner);
        assert!(is_same(&other("one", "/.* x\n")));
        let changed = other("one", "/.* y\n");
        assert!(!is_same(&changed));
        let label = changed.label("/a", 0o100_644).unwrap().unwrap();
        assert_eq!(label.as_str(), "y");
        assert_eq!(other("two", "/.* x\n").name(), "two");
        let none = policy.open_other(&crate::MemoryTree::default()).unwrap();
        assert!(none.is_none());
    }

    /// The steps of a look-up under Debian's policy, on average over a path for each of its rules.
    #[test]
    fn a_real_policy_is_far_from_being_too_slow() {
        let file = |kind: Kind, text: &str| crate::files::File {
            kind,
            path: kind.name().to_owned(),
            bytes: text.into(),
        };
        let builtin = Builtin::new(&Files {
            name: "debian".to_owned(),
            files: vec![
                file(Kind::Rules, RULES),
                file(Kind::DistSubstitutions, SUBSTITUTIONS),
            ],
        })
        .unwrap();
        let (mut paths, mut steps) = (0, 0);
        for rule in RULES.lines().filter(|line| line.starts_with('/')) {
            let end = rule.find(|c: char| ".^$?*+|[({\\ \t".contains(c));
            let path = format!("{}/lib/systemd/a.service", &rule[..end.unwrap()]);
            let mut look_up = builtin.meter.begin();
            let path = builtin
                .aliases
                .apply(path.into(), &mut look_up.steps, |_, _| {});
            builtin.rules.find(&path, 0o100_644, &mut look_up).unwrap();
            paths += 1;
            steps += look_up.steps.count();
        }
        assert!(paths > 5000);
        let average = steps / paths;
        assert!(20 * average < MAX_STEPS_PER_PATH, "{average} steps");
    }
}
