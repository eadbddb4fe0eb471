//! The same question, put to libselinux.

use crate::files::Files;
use crate::key;
use crate::{Error, Label, PolicyTree, Result, TreeError};
use selinux::label::{Labeler, back_end};
use std::ffi::{CString, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// `SELABEL_OPT_PATH` of `selinux/label.h`: the text that rules are read from.
const OPT_PATH: c_int = 3;

/// What libselinux says of a policy: the oracle of the tests, and a fallback.
///
/// It opens a handle of its own on a copy of the policy's files, without the compiled ones, and touches neither the host's
/// policy nor libselinux's global root. The handle must not leave its thread, so that it has one, which ends with this.
/// libselinux writes what it finds wrong with a policy to standard error.
#[derive(Debug)]
pub struct OraclePolicy {
    name: String,
    questions: Mutex<Option<Sender<Question>>>,
    thread: Option<JoinHandle<()>>,
}

/// A path and a mode, and where the answer goes.
struct Question {
    path: CString,
    mode: c_int,
    answer: Sender<Result<Option<Label>>>,
}

impl OraclePolicy {
    /// Has libselinux open the policy of a tree; `None` if it has none.
    ///
    /// # Errors
    ///
    /// The files cannot be found, as for [`Policy::open`](crate::Policy::open), or libselinux refuses them.
    pub fn open(tree: &dyn PolicyTree) -> Result<Option<Self>> {
        match Files::read(tree)? {
            Some(files) => Self::of(&files).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn of(files: &Files) -> Result<Self> {
        let copy = copy(files).map_err(|source| failed("be given a copy of the policy", source))?;
        let rules = copy.path().join("file_contexts");
        let (opened, is_open) = channel();
        let (questions, asked) = channel();
        let thread = std::thread::Builder::new()
            .name("libselinux".to_owned())
            .spawn(move || match open(&rules) {
                Ok(labeler) => {
                    drop(opened.send(Ok(())));
                    answer(&labeler, &asked);
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(|source| failed("be given a thread", source))?;
        let policy = Self {
            name: files.name.clone(),
            questions: Mutex::new(Some(questions)),
            thread: Some(thread),
        };
        // The handle holds what it read: the copy may go.
        is_open
            .recv()
            .map_err(|source| failed("open the policy", source))??;
        Ok(policy)
    }

    /// The name, which `SELINUXTYPE` in `config` says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As [`Policy::label`](crate::Policy::label).
    ///
    /// # Errors
    ///
    /// The path is not absolute or has a NUL byte, or libselinux fails.
    pub fn label(&self, path: &str, mode: u32) -> Result<Option<Label>> {
        let bad_path = || Error::BadPath {
            path: crate::error::quote(path),
        };
        // libselinux cleans paths itself, except for libostree's rule.
        let looked_up = if path == "/proc" {
            key::clean(path)?.into_owned()
        } else {
            path.to_owned()
        };
        if !path.starts_with('/') {
            return Err(bad_path());
        }
        let (answer, answered) = channel();
        let question = Question {
            path: CString::new(looked_up).map_err(|_| bad_path())?,
            mode: mode.cast_signed(),
            answer,
        };
        let questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(questions) = &*questions {
            questions
                .send(question)
                .map_err(|source| failed("be asked", source.to_string()))?;
        }
        drop(questions);
        answered.recv().map_err(|source| failed("answer", source))?
    }
}

impl Drop for OraclePolicy {
    fn drop(&mut self) {
        *self
            .questions
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Writes the files where libselinux can read them.
fn copy(files: &Files) -> io::Result<tempfile::TempDir> {
    let copy = tempfile::Builder::new().prefix("selinux-label").tempdir()?;
    for file in &files.files {
        std::fs::write(copy.path().join(file.kind.name()), &file.bytes)?;
    }
    Ok(copy)
}

fn open(rules: &Path) -> Result<Labeler<back_end::File>> {
    let path = CString::new(rules.as_os_str().as_bytes())
        .map_err(|source| failed("open the policy", source))?;
    let options: [(c_int, *const c_void); 1] = [(OPT_PATH, path.as_ptr().cast())];
    Labeler::new(&options, true).map_err(|source| failed("open the policy", source))
}

fn answer(labeler: &Labeler<back_end::File>, asked: &Receiver<Question>) {
    for question in asked {
        let answer = look_up(labeler, &question);
        drop(question.answer.send(answer));
    }
}

fn look_up(labeler: &Labeler<back_end::File>, question: &Question) -> Result<Option<Label>> {
    match labeler.look_up(&question.path, question.mode) {
        Ok(context) => {
            let text = std::str::from_utf8(
                context
                    .as_bytes()
                    .strip_suffix(b"\0")
                    .unwrap_or(context.as_bytes()),
            )
            .map_err(|source| failed("give a label that is text", source))?;
            Ok(Some(Label::new(text)))
        }
        Err(selinux::errors::Error::IO { source, .. })
            if source.kind() == io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(source) => Err(failed("look up a path", source)),
    }
}

fn failed(action: &str, source: impl Into<TreeError>) -> Error {
    Error::Libselinux {
        action: action.to_owned(),
        source: source.into(),
    }
}
