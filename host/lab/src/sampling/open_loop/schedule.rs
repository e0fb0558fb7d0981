//! The times at which messages are due.

use crate::record::Phase;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A stretch of time with one rate, or one that changes evenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The phase that its messages count in.
    pub phase: Phase,
    /// Messages per second at its start.
    pub from: f64,
    /// Messages per second at its end.
    pub to: f64,
    /// The length of the stretch.
    pub duration: Duration,
}

impl Segment {
    /// Returns a segment with one rate all along.
    pub fn steady(phase: Phase, rate: f64, duration: Duration) -> Self {
        Self { phase, from: rate, to: rate, duration }
    }

    /// Returns a segment in which the rate grows from nothing.
    pub fn ramp_up(rate: f64, duration: Duration) -> Self {
        Self { phase: Phase::RampUp, from: 0.0, to: rate, duration }
    }

    /// Returns the number of messages that are due in it; the last one perhaps in part.
    fn messages(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.duration.as_secs_f64()
    }

    /// Returns the seconds after which so many of its messages are due: the inverse of the rate's
    /// integral, in the form that neither divides by a slope of 0 nor subtracts near equals.
    fn due(&self, messages: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * messages).max(0.0);
        let rate = self.from + root.sqrt();
        if rate > 0.0 { 2.0 * messages / rate } else { 0.0 }
    }
}

/// The times at which messages are due. Each follows from its number, not from the one before, so
/// that nothing adds up over a day.
#[derive(Debug, Clone)]
pub struct Schedule {
    segments: Vec<Segment>,
    /// The index of the segment that the generator is in. The next two fields sum up those before.
    current: usize,
    messages_before: f64,
    time_before: Duration,
}

impl Schedule {
    /// Returns a schedule of these segments, one after another; those without a duration are left
    /// out.
    pub fn new(mut segments: Vec<Segment>) -> Self {
        segments.retain(|segment| !segment.duration.is_zero());
        Self { segments, current: 0, messages_before: 0.0, time_before: Duration::ZERO }
    }

    /// Returns when a message is due, from the start on; `None` after the last one. Numbers have to
    /// be asked for in order.
    pub fn due(&mut self, number: u64) -> Option<Duration> {
        loop {
            let segment = self.segments.get(self.current)?;
            let within = number as f64 - self.messages_before;
            if within < segment.messages() {
                let after = Duration::from_secs_f64(segment.due(within).max(0.0));
                return Some(self.time_before + after);
            }
            self.messages_before += segment.messages();
            self.time_before += segment.duration;
            self.current += 1;
        }
    }

    /// Returns the number of messages that are due by then.
    pub fn due_by(&self, elapsed: Duration) -> u64 {
        let (mut messages, mut start) = (0.0, Duration::ZERO);
        for segment in &self.segments {
            let within = elapsed.saturating_sub(start).as_secs_f64();
            let length = segment.duration.as_secs_f64();
            if within < length {
                let slope = (segment.to - segment.from) / length;
                messages += segment.from * within + slope * within * within / 2.0;
                // The first one is due at once.
                return if segment.messages() > 0.0 {
                    messages as u64 + 1
                } else {
                    messages.ceil() as u64
                };
            }
            messages += segment.messages();
            start += segment.duration;
        }
        messages.ceil() as u64
    }

    /// Returns the ends of intervals: each segment is cut into equal ones of at most this length.
    pub fn intervals(&self, longest: Duration) -> Vec<(Phase, Duration)> {
        let (mut ends, mut start) = (Vec::new(), Duration::ZERO);
        for segment in &self.segments {
            let count = segment.duration.div_duration_f64(longest).ceil().max(1.0);
            let length = segment.duration.div_f64(count);
            ends.extend((1..=count as u32).map(|n| (segment.phase, start + length * n)));
            start += segment.duration;
        }
        ends
    }

    /// Returns the phase of each interval, and the messages that are due in it.
    pub fn planned(&self, longest: Duration) -> Vec<(Phase, u64)> {
        let mut before = 0;
        let intervals = self.intervals(longest).into_iter().map(|(phase, end)| {
            let due = self.due_by(end);
            let within = due.saturating_sub(before);
            before = before.max(due);
            (phase, within)
        });
        intervals.collect()
    }

    /// Returns the segments of each of so many generators that go through it together.
    pub fn share(&self, of: usize) -> Vec<Segment> {
        let share = |rate: f64| rate / of.max(1) as f64;
        let segments = self.segments.iter();
        let shares = segments.map(|segment| Segment {
            from: share(segment.from),
            to: share(segment.to),
            ..*segment
        });
        shares.collect()
    }

    /// Returns the length of all segments together.
    pub fn duration(&self) -> Duration {
        self.segments.iter().map(|segment| segment.duration).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn count(schedule: &mut Schedule) -> u64 {
        (0..).take_while(|n| schedule.due(*n).is_some()).count() as u64
    }

    #[test]
    fn a_steady_rate_does_not_drift() {
        let day = 86_400 * SECOND;
        let steady = Segment::steady(Phase::Steady, 10_000.0, day);
        let mut schedule = Schedule::new(vec![steady]);
        let last = schedule.due(863_999_999).unwrap();
        let off = last.abs_diff(day - Duration::from_micros(100));
        assert!(off < Duration::from_nanos(100), "{off:?}");
        assert_eq!(schedule.due(864_000_000), None);
    }

    #[test]
    fn a_ramp_grows_evenly_and_the_rest_follows_without_a_gap() {
        let ramp = Segment::ramp_up(1_000.0, 2 * SECOND);
        let steady = Segment::steady(Phase::Steady, 1_000.0, SECOND);
        let mut schedule = Schedule::new(vec![ramp, steady]);
        let due: Vec<_> = (0..).map_while(|n| schedule.due(n)).collect();
        assert_eq!(due.len(), 2_000);
        assert!(due.is_sorted());
        for number in [0, 1, 100, 999, 1_000, 1_500] {
            let just_due = schedule.due_by(due[number] + Duration::from_nanos(10));
            assert_eq!(just_due, number as u64 + 1);
        }
        assert_eq!(schedule.due_by(4 * SECOND), 2_000);
        // Half of the ramp's time brings a quarter of its messages.
        assert!(due[250].abs_diff(SECOND) < Duration::from_nanos(10));
        assert!(due[1_000].abs_diff(2 * SECOND) < Duration::from_nanos(10));
        let ends = schedule.intervals(Duration::from_millis(700));
        let steady = ends.iter().filter(|(phase, _)| *phase == Phase::Steady);
        assert_eq!((ends.len(), steady.count()), (5, 2));
        assert_eq!(ends.last().unwrap().1, schedule.duration());
    }

    #[test]
    fn a_burst_has_as_many_messages_as_its_rate_says() {
        let rates = [100.0, 5_000.0, 100.0];
        let segments = rates.map(|rate| Segment::steady(Phase::Steady, rate, SECOND));
        assert_eq!(count(&mut Schedule::new(segments.to_vec())), 5_200);
        let nothing = Segment::steady(Phase::Steady, 0.0, SECOND);
        assert_eq!(count(&mut Schedule::new(vec![nothing])), 0);
    }

    #[test]
    fn what_several_share_is_due_once() {
        let ramp = Segment::ramp_up(1_000.0, SECOND);
        let steady = Segment::steady(Phase::Steady, 1_000.0, SECOND);
        let share = Schedule::new(Schedule::new(vec![ramp, steady]).share(4));
        let planned = share.planned(SECOND / 2);
        let due: Vec<u64> = planned.iter().map(|(_, due)| *due).collect();
        assert_eq!(due.iter().sum::<u64>(), 1_500 / 4);
        assert_eq!((planned[0].0, planned[3].0), (Phase::RampUp, Phase::Steady));
        assert!(due[0] < due[1] && due[1] < due[2], "{due:?}");
    }
}
