//! `selinux check`.

use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::label_text;
use serde::Serialize;

use super::{image_with_policy, policy_line};
use crate::args::{Global, LabelCheckArgs};
use crate::exit;
use crate::output::Output;
use crate::repository;
use crate::text::{count, len, plain};

/// So many are shown to people: another policy may change thousands.
const SHOWN: usize = 20;

/// What `selinux check --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LabelCheck"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The image's name.
    image: String,
    /// The name of its policy (`SELINUXTYPE`).
    policy: String,
    /// What tells the policy from others that label differently.
    fingerprint: String,
    /// Position of the layer that brought the policy's rules; null when no stored layer has them.
    layer: Option<usize>,
    /// Paths of the image.
    paths: u64,
    /// Paths that the policy gives a label.
    labelled: u64,
    /// Every path whose stored label is not the policy's.
    mislabelled: Vec<MislabelledView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Mislabelled"))]
#[serde(rename_all = "camelCase")]
struct MislabelledView {
    /// From the root of the stored tree, where /etc is /usr/etc.
    path: String,
    /// The stored label; null when there is none.
    stored: Option<String>,
    /// The policy's; null when it gives none.
    wanted: Option<String>,
}

/// Exit code 5 when a label is not the policy's, in either format.
pub(crate) fn run(
    global: &Global,
    args: &LabelCheckArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?.with_label_engine(args.engine.selinux_engine);
    let (image, policy) = image_with_policy(&storage, &args.name.image)?;
    let check = storage.check_labels(&image, &policy)?;
    let text = |label: Option<Vec<u8>>| label.map(|label| label_text(&label));
    let mut mislabelled: Vec<_> = check
        .mislabelled
        .into_iter()
        .map(|wrong| MislabelledView {
            path: format!("/{}", wrong.path),
            stored: text(wrong.found),
            wanted: text(wrong.wanted),
        })
        .collect();
    mislabelled.sort_by(|a, b| a.path.cmp(&b.path));
    let view = View {
        image: image.reference.to_string(),
        policy: policy.policy.name().to_owned(),
        fingerprint: policy.policy.fingerprint().to_string(),
        layer: policy.layer,
        paths: check.paths,
        labelled: check.labelled,
        mislabelled,
    };
    output.result(&view, || view.human(&policy_line(&policy)))?;
    Ok(if view.mislabelled.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::CORRUPT)
    })
}

impl View {
    fn human(&self, policy: &str) -> String {
        let mut text = format!("{}\n", plain(policy));
        let none = "none".to_owned();
        for wrong in self.mislabelled.iter().take(SHOWN) {
            let stored = wrong.stored.as_ref().unwrap_or(&none);
            let wanted = wrong.wanted.as_ref().unwrap_or(&none);
            let line = format!("{}: {stored}, should be {wanted}", wrong.path);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", plain(&line));
        }
        let hidden = self.mislabelled.len().saturating_sub(SHOWN);
        if hidden > 0 {
            let _ = writeln!(text, "and {hidden} more; --format json lists all");
        }
        let paths = count(self.paths, "path");
        let _ = match len(&self.mislabelled) {
            0 => writeln!(
                text,
                "{paths}, {}: all are the policy's",
                count(self.labelled, "label")
            ),
            wrong => writeln!(
                text,
                "{paths}, {} not the policy's; remove the image and pull it again",
                count(wrong, "label")
            ),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{MislabelledView, SHOWN, View};

    fn view(wrong: usize) -> View {
        View {
            image: "oci:/os".to_owned(),
            policy: "default".to_owned(),
            fingerprint: "ab".to_owned(),
            layer: Some(1),
            paths: 50,
            labelled: 49,
            mislabelled: (0..wrong)
                .map(|number| MislabelledView {
                    path: format!("/usr/bin/{number}"),
                    stored: None,
                    wanted: Some("system_u:object_r:bin_t:s0".to_owned()),
                })
                .collect(),
        }
    }

    #[test]
    fn a_verdict_and_what_is_wrong() {
        assert_eq!(
            view(0).human("Policy: default (of layer 1)"),
            "Policy: default (of layer 1)\n50 paths, 49 labels: all are the policy's\n"
        );
        let text = view(1).human("Policy: default (of layer 1)");
        assert!(
            text.contains("/usr/bin/0: none, should be system_u:object_r:bin_t:s0\n"),
            "{text}"
        );
        let text = view(SHOWN + 7).human("");
        assert!(text.contains("and 7 more"), "{text}");
    }
}
