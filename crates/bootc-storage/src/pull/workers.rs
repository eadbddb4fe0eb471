//! Several things at once, what is finished handed on in the order in which it finishes, as much as there is.

use std::collections::VecDeque;
use std::iter;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Error;

/// After so long without a result there is time for something else.
const IDLE: Duration = Duration::from_secs(1);

/// Does `work` with each of `items`, at most `jobs` at once, each in a worker, and hands the results to `done` on this
/// thread: all that came while `done` was at the ones before. The workers go on meanwhile. When for a second nothing
/// comes, this thread does `idle`.
///
/// After the first error nothing new is begun, and `work` is told so; what was finished by then is still handed on.
pub(super) fn run_all<T: Send, R: Send>(
    jobs: NonZeroUsize,
    items: VecDeque<T>,
    work: impl Fn(T, &AtomicBool) -> Result<R, Error> + Sync,
    mut done: impl FnMut(Vec<R>) -> Result<(), Error>,
    mut idle: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let workers = jobs.get().min(items.len());
    let queue = Mutex::new(items);
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    };
    let stop = AtomicBool::new(false);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let (next, work, stop) = (&next, &work, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed)
                    && let Some(item) = next()
                    && sender.send(work(item, stop)).is_ok()
                {}
            });
        }
        // The channel ends when every worker dropped its sender.
        drop(sender);
        let mut first_error = None;
        let mut failed = |error| {
            stop.store(true, Ordering::Relaxed);
            // Workers that were told to stop fail too; the first failure is the cause.
            first_error.get_or_insert(error);
        };
        loop {
            let first = match outcomes.recv_timeout(IDLE) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    idle().unwrap_or_else(&mut failed);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut results = Vec::new();
            for outcome in iter::once(first).chain(outcomes.try_iter()) {
                match outcome {
                    Ok(result) => results.push(result),
                    Err(error) => failed(error),
                }
            }
            done(results).unwrap_or_else(&mut failed);
        }
        first_error.map_or(Ok(()), Err)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    fn nothing() -> Result<(), Error> {
        Ok(())
    }

    #[test]
    fn while_nothing_comes_there_is_time_for_something_else() {
        let was_idle = AtomicBool::new(false);
        let work = |item: u32, _: &AtomicBool| {
            // There is no end where that is never called.
            while !was_idle.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            Ok(item)
        };
        let idle = || {
            was_idle.store(true, Ordering::Relaxed);
            Ok(())
        };
        let mut seen = Vec::new();
        let done = |items| {
            seen.extend::<Vec<u32>>(items);
            Ok(())
        };
        run_all(jobs(1), [1].into(), work, done, idle).unwrap();
        assert_eq!(seen, [1]);
    }

    #[test]
    fn as_many_work_at_once_as_may() {
        // Each waits for two others: with fewer workers there was no end.
        let three = Barrier::new(3);
        let mut sum = 0;
        let work = |item: u32, _: &AtomicBool| {
            three.wait();
            Ok(item)
        };
        run_all(
            jobs(3),
            (1..=9).collect(),
            work,
            |items| {
                sum += items.into_iter().sum::<u32>();
                Ok(())
            },
            nothing,
        )
        .unwrap();
        assert_eq!(sum, 45);
    }

    #[test]
    fn what_came_meanwhile_is_handed_on_together() {
        let begun = AtomicUsize::new(0);
        let work = |item: u32, _: &AtomicBool| {
            begun.fetch_add(1, Ordering::SeqCst);
            Ok(item)
        };
        let mut batches = Vec::new();
        run_all(
            jobs(1),
            (1..=4).collect(),
            work,
            |items| {
                batches.push(items);
                // Those before the last one have been sent.
                while begun.load(Ordering::SeqCst) < 4 {
                    thread::yield_now();
                }
                Ok(())
            },
            nothing,
        )
        .unwrap();
        assert!(batches.len() <= 3, "{batches:?}");
        assert_eq!(batches.concat(), [1, 2, 3, 4]);
    }

    #[test]
    fn after_an_error_nothing_is_begun_and_what_is_done_is_handed_on() {
        let work = |item: u32, _: &AtomicBool| match item {
            3 => Err(Error::NoRepo {
                path: "third",
                source: std::io::ErrorKind::Other.into(),
            }),
            item => Ok(item),
        };
        let mut seen = Vec::new();
        // The worker may be ahead by what was queued, so that what comes after is not looked at.
        let result = run_all(
            jobs(1),
            (1..=3).collect(),
            work,
            |items| {
                seen.extend(items);
                Ok(())
            },
            nothing,
        );
        assert!(matches!(result, Err(Error::NoRepo { path: "third", .. })));
        assert_eq!(seen, [1, 2]);
        let refuse = |_| {
            Err(Error::NoRepo {
                path: "refused",
                source: std::io::ErrorKind::Other.into(),
            })
        };
        let stopped = |item: u32, stop: &AtomicBool| {
            // The second is under way until it is told.
            while item == 2 && !stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            assert!(item < 3, "begun after an error");
            Ok(item)
        };
        let result = run_all(jobs(1), (1..=3).collect(), stopped, refuse, nothing);
        assert!(matches!(
            result,
            Err(Error::NoRepo {
                path: "refused",
                ..
            })
        ));
    }
}
