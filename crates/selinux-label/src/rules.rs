//! All rules of a policy, and which of them decides.

use crate::error::quote;
use crate::file_type::FileType;
use crate::limits::{MAX_POLICY_STATES, MAX_REGEX_STATES, MAX_RULES};
use crate::pattern::{Budget, Fault, OverBudget, Pattern};
use crate::prefixes::Prefixes;
use crate::rule_file::{self, Line};
use crate::steps::{LookUp, TooSlow};
use crate::{Error, Label, Result, explain};
use std::collections::{HashMap, HashSet};

/// What a rule says that gives no label.
const NO_LABEL: &str = "<<none>>";

/// The rules of a policy, indexed by what paths must begin with.
#[derive(Debug)]
pub(crate) struct Rules {
    /// In libselinux's order: of those that match, the last decides.
    rules: Vec<Rule>,
    files: Vec<String>,
    /// Rules that are nothing but a text, each list in order.
    literal: HashMap<Box<[u8]>, Vec<usize>>,
    /// All others.
    prefixes: Prefixes,
    budget: Budget,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// This rule's automaton found no memory.
    OutOfMemory {
        rule: usize,
    },
    TooSlow(TooSlow),
}

#[derive(Debug)]
struct Rule {
    regex: Box<str>,
    file_type: Option<FileType>,
    /// `None` is [`NO_LABEL`].
    label: Option<Label>,
    pattern: Pattern,
    stem: Stem,
    file: usize,
    line: u32,
}

/// The first name of a path, if it has more than one: `/usr` of `/usr/bin`.
///
/// libselinux tries a rule with a stem only on paths with the same stem. It takes the rule's stem from the text, backslashes
/// included, so this is more than a short cut: `/usr/?` never matches `/usr`, nor `/a\-b/c` the path `/a-b/c`.
#[derive(Debug, PartialEq, Eq)]
enum Stem {
    /// Every path that has the pattern's prefix has the stem, or the rule has none.
    Implied,
    /// Paths must have this one.
    Is(Box<[u8]>),
}

/// Collects rules in the order of their files.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// Those with metacharacters, as libselinux sees them.
    regexes: Vec<Rule>,
    /// Those without, which come after all others.
    exact: Vec<Rule>,
    files: Vec<String>,
    contexts: HashSet<Label>,
    cost: u64,
}

impl Builder {
    /// Adds the rules of a file, by its path below the root.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let file = self.files.len();
        self.files.push(path.to_owned());
        for line in rule_file::parse(path, bytes) {
            let line = line?;
            let too_many = |what, limit| Error::TooMany {
                what,
                place: path.to_owned(),
                limit,
            };
            if self.regexes.len() + self.exact.len() == MAX_RULES {
                return Err(too_many(
                    "rules, with the files before it",
                    MAX_RULES as u64,
                ));
            }
            let pattern =
                Pattern::parse(line.regex).map_err(|fault| bad_regex(path, &line, fault))?;
            self.cost = self.cost.saturating_add(pattern.cost());
            if self.cost > MAX_POLICY_STATES {
                let what = "states in its regular expressions, with the files before it";
                return Err(too_many(what, MAX_POLICY_STATES));
            }
            let rule = Rule {
                regex: line.regex.into(),
                file_type: line.file_type,
                label: self.label(line.context),
                stem: Stem::of_rule(line.regex, &pattern),
                pattern,
                file,
                line: line.number,
            };
            if has_metacharacters(line.regex) {
                self.regexes.push(rule);
            } else {
                self.exact.push(rule);
            }
        }
        Ok(())
    }

    /// Thousands of rules share hundreds of contexts.
    fn label(&mut self, context: &str) -> Option<Label> {
        if context == NO_LABEL {
            return None;
        }
        if let Some(label) = self.contexts.get(context) {
            return Some(label.clone());
        }
        let label = Label::new(context);
        self.contexts.insert(label.clone());
        Some(label)
    }

    /// Indexes the rules.
    pub(crate) fn build(self) -> Rules {
        let mut rules = self.regexes;
        rules.extend(self.exact);
        let mut literal: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
        let mut prefixes: Vec<(&[u8], usize)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let prefix = rule.pattern.prefix();
            if !rule.pattern.is_literal() {
                prefixes.push((prefix, index));
            } else if rule.stem.admits(prefix) {
                literal.entry(prefix.into()).or_default().push(index);
            }
        }
        let prefixes = Prefixes::new(prefixes);
        Rules {
            rules,
            files: self.files,
            literal,
            prefixes,
            budget: Budget::default(),
        }
    }
}

impl Rules {
    /// The rule that decides for a path, cleaned and substituted, of some mode; `None` if none matches.
    pub(crate) fn find(
        &self,
        path: &str,
        mode: u32,
        look_up: &mut LookUp,
    ) -> Result<Option<usize>, NoAnswer> {
        let path = path.as_bytes();
        let mut found = None;
        self.find_better(path, path, mode, look_up, &mut found)?;
        // PCRE's `$` matches before a newline at the end too.
        if let Some(line) = path.strip_suffix(b"\n") {
            self.find_better(line, path, mode, look_up, &mut found)?;
        }
        Ok(found)
    }

    /// Raises `found` to the last rule that matches `text`; the stem is that of `path`.
    fn find_better(
        &self,
        text: &[u8],
        path: &[u8],
        mode: u32,
        look_up: &mut LookUp,
        found: &mut Option<usize>,
    ) -> Result<(), NoAnswer> {
        let is_for = |rule: &Rule| rule.file_type.is_none_or(|file_type| file_type.fits(mode));
        if let Some(literal) = self.literal.get(text) {
            let mut from_last = literal.iter().rev();
            let last = from_last.find(|index| {
                look_up.steps.visit();
                is_for(&self.rules[**index])
            });
            *found = (*found).max(last.copied());
        }
        for list in self.prefixes.of(text, &mut look_up.steps) {
            for &index in list.iter().rev() {
                let before = look_up.steps;
                look_up.steps.visit();
                if *found >= Some(index) {
                    break;
                }
                let rule = &self.rules[index];
                if is_for(rule) && rule.stem.admits(path) {
                    let matched = rule
                        .pattern
                        .matches(text, &self.budget, &mut look_up.steps)
                        .map_err(|OverBudget| NoAnswer::OutOfMemory { rule: index })?;
                    if matched {
                        *found = Some(index);
                        break;
                    }
                }
                look_up.tried(index, before).map_err(NoAnswer::TooSlow)?;
            }
        }
        look_up.check().map_err(NoAnswer::TooSlow)
    }

    /// The label that a rule gives.
    pub(crate) fn label(&self, index: usize) -> Option<&Label> {
        self.rules[index].label.as_ref()
    }

    /// The rule, for people.
    pub(crate) fn explain(&self, index: usize) -> explain::Rule {
        let rule = &self.rules[index];
        explain::Rule {
            regex: rule.regex.as_ref().to_owned(),
            file_type: rule.file_type.map(FileType::field),
            context: rule
                .label
                .as_ref()
                .map_or(NO_LABEL, Label::as_str)
                .to_owned(),
            file: self.files[rule.file].clone(),
            line: rule.line,
        }
    }

    /// The file with most of the rules.
    pub(crate) fn largest_file(&self) -> &str {
        let mut counts = vec![0_usize; self.files.len()];
        for rule in &self.rules {
            counts[rule.file] += 1;
        }
        let largest = counts
            .iter()
            .zip(&self.files)
            .max_by_key(|(count, _)| **count);
        largest.map_or("", |(_, file)| file)
    }
}

impl Stem {
    /// As `get_stem_from_spec` finds it.
    fn of_rule(regex: &str, pattern: &Pattern) -> Self {
        let regex = regex.as_bytes();
        let Some(stem) = stem(regex) else {
            return Self::Implied;
        };
        if stem.iter().any(|byte| b".^$?*+|[({".contains(byte)) {
            return Self::Implied;
        }
        let rest = pattern.prefix().strip_prefix(stem);
        if rest.is_some_and(|rest| rest.starts_with(b"/")) {
            return Self::Implied;
        }
        Self::Is(stem.into())
    }

    fn admits(&self, path: &[u8]) -> bool {
        match self {
            Self::Implied => true,
            Self::Is(expected) => stem(path) == Some(expected),
        }
    }
}

/// What stands before the second slash; a slash in front is the first, anything else counts as one.
fn stem(text: &[u8]) -> Option<&[u8]> {
    let behind = text.get(1..)?;
    let length = behind.iter().position(|byte| *byte == b'/')? + 1;
    text.get(..length)
}

/// As `spec_hasMetaChars` sees it.
fn has_metacharacters(regex: &str) -> bool {
    let mut bytes = regex.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'.' | b'^' | b'$' | b'?' | b'*' | b'+' | b'|' | b'[' | b'(' | b'{' => return true,
            _ => {}
        }
    }
    false
}

fn bad_regex(path: &str, line: &Line<'_>, fault: Fault) -> Error {
    let (file, regex, line) = (path.to_owned(), quote(line.regex), line.number);
    match fault {
        Fault::Invalid(reason) => Error::InvalidRegex {
            file,
            line,
            regex,
            reason,
        },
        Fault::Unsupported(feature) => Error::UnsupportedRegex {
            file,
            line,
            regex,
            feature,
        },
        Fault::TooLarge { cost } => Error::RegexTooLarge {
            file,
            line,
            regex,
            cost,
            limit: MAX_REGEX_STATES,
        },
    }
}
