//! `selinux lookup`.

use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::{LabelLookup, label_text};
use serde::Serialize;

use super::{image_with_policy, policy_line};
use crate::args::{Global, LookupArgs, TypeArg};
use crate::output::Output;
use crate::repository;
use crate::text::plain;

/// What `selinux lookup --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LabelLookup"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The image's name.
    image: String,
    /// The name of its policy (`SELINUXTYPE`).
    policy: String,
    /// Position of the layer that brought the policy's rules; null when no stored layer has them.
    layer: Option<usize>,
    /// In the order in which they were asked for.
    paths: Vec<PathView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Path"))]
#[serde(rename_all = "camelCase")]
struct PathView {
    /// The path that was asked for, from the root.
    path: String,
    /// The same with the links of its directories followed, as the image has them.
    real_path: String,
    /// Those links, in the order in which they are met.
    links: Vec<LinkView>,
    /// Where the image's tree has it; null when it does not.
    stored_path: Option<String>,
    /// The label that is stored there.
    stored_label: Option<String>,
    /// The policy's label for the real path; null when it gives none.
    label: Option<String>,
    /// The path that the rules were asked for, after substitutions.
    looked_up: String,
    /// The rule that decides; null when none fits.
    rule: Option<RuleView>,
}

/// A symbolic link on the way to a path.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Link"))]
#[serde(rename_all = "camelCase")]
struct LinkView {
    /// Where it is, from the root.
    path: String,
    /// What it leads to.
    target: String,
}

/// One line of a `file_contexts` file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Rule"))]
#[serde(rename_all = "camelCase")]
struct RuleView {
    /// The file's path in the image, from the root.
    file: String,
    /// From 1.
    line: u32,
    /// The regular expression.
    regex: String,
    /// `--`, `-d`, `-l`, …; null for a rule of every type.
    file_type: Option<&'static str>,
    /// The context, or `<<none>>`.
    context: String,
}

pub(crate) fn run(global: &Global, args: &LookupArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?.with_label_engine(args.engine.selinux_engine);
    let (image, policy) = image_with_policy(&storage, &args.image)?;
    let mut paths = Vec::with_capacity(args.paths.len());
    for path in &args.paths {
        let presumed = match path.ends_with('/') {
            true => TypeArg::Directory,
            false => TypeArg::File,
        };
        let mode = mode_of(args.file_type.unwrap_or(presumed));
        paths.push(PathView::of(
            storage.look_up_label(&image, &policy, path, mode)?,
        ));
    }
    let view = View {
        image: image.reference.to_string(),
        policy: policy.policy.name().to_owned(),
        layer: policy.layer,
        paths,
    };
    output.result(&view, || view.human(&policy_line(&policy)))?;
    Ok(ExitCode::SUCCESS)
}

/// The file type's bits in a mode (stat(2)).
fn mode_of(file_type: TypeArg) -> u32 {
    match file_type {
        TypeArg::File => 0o100_000,
        TypeArg::Directory => 0o040_000,
        TypeArg::Symlink => 0o120_000,
        TypeArg::CharDevice => 0o020_000,
        TypeArg::BlockDevice => 0o060_000,
        TypeArg::Fifo => 0o010_000,
        TypeArg::Socket => 0o140_000,
    }
}

impl PathView {
    fn of(found: LabelLookup) -> Self {
        let explanation = found.explanation;
        Self {
            path: found.path,
            real_path: found.real_path,
            links: found
                .links
                .into_iter()
                .map(|link| LinkView {
                    path: link.path,
                    target: link.target,
                })
                .collect(),
            stored_path: found.stored_path,
            stored_label: found.stored.map(|label| label_text(&label)),
            label: explanation.label.map(|label| label.to_string()),
            looked_up: explanation.looked_up,
            rule: explanation.rule.map(|rule| RuleView {
                file: format!("/{}", rule.file),
                line: rule.line,
                regex: rule.regex,
                file_type: rule.file_type,
                context: rule.context,
            }),
        }
    }
}

impl View {
    fn human(&self, policy: &str) -> String {
        let mut text = format!("{}\n", plain(policy));
        for path in &self.paths {
            let label = path.label.as_deref().unwrap_or("<<none>>");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}  {}", plain(&path.path), plain(label));
            if !path.links.is_empty() {
                let links = path.links.iter();
                let links: Vec<String> = links
                    .map(|link| format!("{} -> {}", link.path, link.target))
                    .collect();
                let _ = writeln!(
                    text,
                    "    is {} (through {})",
                    plain(&path.real_path),
                    plain(&links.join(", "))
                );
            }
            if path.looked_up != path.real_path {
                let _ = writeln!(text, "    looked up as {}", plain(&path.looked_up));
            }
            let _ = match &path.rule {
                Some(rule) => writeln!(
                    text,
                    "    by {} line {}: {}{}{}  {}",
                    plain(&rule.file),
                    rule.line,
                    plain(&rule.regex),
                    if rule.file_type.is_some() { "  " } else { "" },
                    rule.file_type.unwrap_or_default(),
                    plain(&rule.context)
                ),
                None => writeln!(text, "    no rule fits"),
            };
            let _ = match (&path.stored_path, &path.stored_label) {
                (None, _) => writeln!(text, "    the image has no such path"),
                (Some(at), Some(label)) => {
                    // What is stored has the label of where it is stored; ostree labels /etc when it deploys.
                    let why = match *at != path.real_path && path.label.as_ref() != Some(label) {
                        true => ", the label of that path; a deployment gives /etc its own",
                        false => "",
                    };
                    writeln!(
                        text,
                        "    stored at {} with {}{why}",
                        plain(at),
                        plain(label)
                    )
                }
                (Some(at), None) => writeln!(text, "    stored at {} without a label", plain(at)),
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkView, PathView, RuleView, View};

    #[test]
    fn a_label_and_where_it_comes_from() {
        let view = View {
            image: "oci:/os".to_owned(),
            policy: "default".to_owned(),
            layer: Some(0),
            paths: vec![PathView {
                path: "/lib/sh".to_owned(),
                real_path: "/bin/sh".to_owned(),
                links: vec![LinkView {
                    path: "/lib".to_owned(),
                    target: "bin".to_owned(),
                }],
                stored_path: None,
                stored_label: None,
                label: Some("system_u:object_r:shell_exec_t:s0".to_owned()),
                looked_up: "/usr/bin/sh".to_owned(),
                rule: Some(RuleView {
                    file: "/usr/etc/selinux/default/contexts/files/file_contexts".to_owned(),
                    line: 7,
                    regex: "/usr/bin/sh".to_owned(),
                    file_type: Some("--"),
                    context: "system_u:object_r:shell_exec_t:s0".to_owned(),
                }),
            }],
        };
        assert_eq!(
            view.human("Policy: default (of layer 0)"),
            "\
Policy: default (of layer 0)
/lib/sh  system_u:object_r:shell_exec_t:s0
    is /bin/sh (through /lib -> bin)
    looked up as /usr/bin/sh
    by /usr/etc/selinux/default/contexts/files/file_contexts line 7: /usr/bin/sh  --  system_u:object_r:shell_exec_t:s0
    the image has no such path
"
        );
    }
}
