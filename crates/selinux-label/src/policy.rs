//! The policy of a tree.

use crate::files::{Files, Kind};
use crate::key::{self, Aliases};
use crate::rules::{self, Rules};
use crate::substitution::Substitutions;
use crate::{Explanation, Fingerprint, Label, PolicyTree, Result, explain};
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
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Builtin {
        aliases: Aliases,
        rules: Rules,
    },
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
        let Some(files) = Files::read(tree)? else {
            return Ok(None);
        };
        let matcher = match engine {
            Engine::Builtin => Matcher::builtin(&files)?,
            #[cfg(feature = "libselinux")]
            Engine::Libselinux => Matcher::Libselinux(crate::OraclePolicy::of(&files)?),
        };
        Ok(Some(Self {
            inner: Arc::new(Inner {
                fingerprint: Fingerprint::of(&files),
                name: files.name,
                matcher,
            }),
        }))
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
    /// The path is not absolute or has a NUL byte, or the rules take more memory than
    /// [`limits`](crate::limits) allow.
    pub fn label(&self, path: &str, mode: u32) -> Result<Option<Label>> {
        match &self.inner.matcher {
            Matcher::Builtin { aliases, rules } => {
                let path = aliases.apply(key::clean(path)?, |_, _| {});
                let rule = rules.find(&path, mode)?;
                Ok(rule.and_then(|rule| rules.label(rule)).cloned())
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
            Matcher::Builtin { aliases, rules } => {
                let mut substitutions = Vec::new();
                let path = aliases.apply(key::clean(path)?, |file, line| {
                    substitutions.push(explain::Substitution {
                        alias: line.alias.as_ref().to_owned(),
                        target: line.target.as_ref().to_owned(),
                        file: file.to_owned(),
                        line: line.number,
                    });
                });
                let rule = rules.find(&path, mode)?;
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

impl Matcher {
    fn builtin(files: &Files) -> Result<Self> {
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
        Ok(Self::Builtin {
            aliases,
            rules: rules.build(),
        })
    }
}
