//! What look-ups cost, so that no policy takes the day of who labels by it.

use crate::limits::{MAX_STEPS_PER_PATH, STEPS_IN_ADVANCE};
use std::sync::atomic::{AtomicI64, Ordering};

/// What all look-ups of a policy may still cost. Each brings its share, so that the time of many is bounded by their number.
#[derive(Debug)]
pub(crate) struct Meter {
    left: AtomicI64,
}

/// What one look-up costs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps(u64);

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct LookUp {
    pub(crate) steps: Steps,
    /// So many it may take.
    allowed: u64,
    /// The rule that took most.
    dearest: Option<Dearest>,
}

/// What one rule cost.
#[derive(Debug, Clone, Copy)]
struct Dearest {
    rule: usize,
    steps: u64,
}

/// A look-up has taken all that the policy's look-ups may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSlow {
    /// So many the look-up took so far.
    pub(crate) steps: u64,
    /// The rule that took more than half of them, if one did.
    pub(crate) rule: Option<usize>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            left: AtomicI64::new(signed(STEPS_IN_ADVANCE)),
        }
    }
}

impl Meter {
    /// A look-up begins.
    pub(crate) fn begin(&self) -> LookUp {
        let left = u64::try_from(self.left.load(Ordering::Relaxed)).unwrap_or(0);
        LookUp {
            steps: Steps::default(),
            allowed: left.saturating_add(MAX_STEPS_PER_PATH),
            dearest: None,
        }
    }

    /// A look-up has ended.
    pub(crate) fn pay(&self, look_up: &LookUp) {
        let gain = signed(MAX_STEPS_PER_PATH).saturating_sub(signed(look_up.steps.0));
        self.left.fetch_add(gain, Ordering::Relaxed);
    }
}

fn signed(steps: u64) -> i64 {
    i64::try_from(steps).unwrap_or(i64::MAX)
}

impl Steps {
    /// What coming to a rule or to a text costs, whatever is then done with it: it is seldom in the cache.
    const VISIT: u64 = 8;
    /// Bytes that are compared at once.
    const COMPARED: usize = 16;

    /// A rule is looked at.
    pub(crate) fn visit(&mut self) {
        self.add(Self::VISIT);
    }

    /// A path is compared with a text of this length.
    pub(crate) fn compare(&mut self, length: usize) {
        self.visit();
        self.add((length / Self::COMPARED) as u64);
    }

    /// How many there are.
    pub(crate) fn count(self) -> u64 {
        self.0
    }

    /// Other work, in steps.
    pub(crate) fn add(&mut self, steps: u64) {
        self.0 = self.0.saturating_add(steps);
    }
}

impl LookUp {
    /// A rule was tried, when the look-up had taken `before`.
    pub(crate) fn tried(&mut self, rule: usize, before: Steps) -> Result<(), TooSlow> {
        let steps = self.steps.0 - before.0;
        if self.dearest.is_none_or(|dearest| steps > dearest.steps) {
            self.dearest = Some(Dearest { rule, steps });
        }
        self.check()
    }

    /// Whether it may go on.
    pub(crate) fn check(&self) -> Result<(), TooSlow> {
        let steps = self.steps.0;
        if steps <= self.allowed {
            return Ok(());
        }
        let dearest = self.dearest.filter(|dearest| dearest.steps > steps / 2);
        Err(TooSlow {
            steps,
            rule: dearest.map(|dearest| dearest.rule),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(meter: &Meter, steps: u64) -> Result<(), TooSlow> {
        let mut look_up = meter.begin();
        let before = look_up.steps;
        look_up.steps.add(steps);
        let result = look_up.tried(7, before);
        meter.pay(&look_up);
        result
    }

    #[test]
    fn many_cheap_look_ups_pay_for_dear_ones() {
        let meter = Meter::default();
        cost(&meter, STEPS_IN_ADVANCE + MAX_STEPS_PER_PATH).unwrap();
        let dear = 3 * MAX_STEPS_PER_PATH;
        cost(&meter, MAX_STEPS_PER_PATH).unwrap();
        for _ in 0..2 {
            cost(&meter, 0).unwrap();
        }
        cost(&meter, dear).unwrap();
        let failed = cost(&meter, dear).unwrap_err();
        assert_eq!(
            failed,
            TooSlow {
                steps: dear,
                rule: Some(7)
            }
        );
    }

    #[test]
    fn a_rule_is_to_blame_if_it_took_more_than_half() {
        let blamed = |shares: &[u64]| {
            let mut look_up = Meter::default().begin();
            let tried = shares.iter().enumerate().map(|(rule, share)| {
                let before = look_up.steps;
                look_up.steps.add(STEPS_IN_ADVANCE / 100 * share);
                look_up.tried(rule, before)
            });
            tried.collect::<Result<(), _>>().unwrap_err().rule
        };
        assert_eq!(blamed(&[30, 60, 20]), Some(1));
        assert_eq!(blamed(&[40, 40, 40]), None);
        assert_eq!(blamed(&[101]), Some(0));
    }
}
