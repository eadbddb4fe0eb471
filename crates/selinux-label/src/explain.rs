//! Where a label comes from.

use crate::Label;

/// What a path gets, and from which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The label; `None` if the rule says `<<none>>`, or if there is no rule.
    pub label: Option<Label>,
    /// The rule that decides; `None` if none matches, and always when libselinux was asked, which does not tell.
    pub rule: Option<Rule>,
    /// The path that the rules were asked for: cleaned and substituted, unless libselinux was asked.
    pub looked_up: String,
    /// The substitutions applied, in their order; none are known when libselinux was asked.
    pub substitutions: Vec<Substitution>,
}

/// One line of a `file_contexts` file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The regular expression, as written.
    pub regex: String,
    /// `--`, `-d`, `-l`, `-c`, `-b`, `-p` or `-s`; `None` if the rule is for every type.
    pub file_type: Option<&'static str>,
    /// The context, or `<<none>>`.
    pub context: String,
    /// The file, relative to the root of the tree.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// One line of a `file_contexts.subs` or `file_contexts.subs_dist` file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Substitution {
    /// What paths begin with.
    pub alias: String,
    /// What takes its place.
    pub target: String,
    /// The file, relative to the root of the tree.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}
