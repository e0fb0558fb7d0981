//! Simulated time: a host of one agent, whose snapshots come every ten seconds.

use super::*;
use crate::slo::Count;
use crate::{AgentFigures, Latency};
use proptest::prelude::*;

const STEP: Duration = Duration::from_secs(10);
const THRESHOLD: Duration = Duration::from_millis(10);

fn objective(share: &str, latency: Option<Duration>) -> Objective {
    Objective {
        name: "simulated".to_owned(),
        agent: Some("echo".to_owned()),
        objective: share.parse().unwrap(),
        window: Duration::from_secs(30 * 24 * 60 * 60),
        latency,
        runbook: None,
    }
}

/// A host that counts, and that is asked every ten seconds.
struct Simulated {
    evaluator: Evaluator,
    now: Duration,
    snapshot: Snapshot,
    /// State of a generator that is the same on every machine (SplitMix64).
    random: u64,
}

impl Simulated {
    fn new(objective: Objective) -> Self {
        let bounds = vec![Duration::from_millis(1), THRESHOLD, Duration::from_secs(1)];
        let latency = Latency { counts: vec![0; bounds.len() + 1], bounds, sum: Duration::ZERO };
        let figures = AgentFigures { latency, ..AgentFigures::default() };
        let agents = [("echo".to_owned(), figures)].into();
        let snapshot = Snapshot { agents, ..Snapshot::default() };
        Self { evaluator: Evaluator::new([objective]), now: STEP, snapshot, random: 7 }
    }

    fn echo(&mut self) -> &mut AgentFigures {
        self.snapshot.agents.get_mut("echo").unwrap()
    }

    fn answer(&mut self, fast: u64, slow: u64) {
        let echo = self.echo();
        echo.answered += fast + slow;
        echo.latency.counts[0] += fast;
        echo.latency.counts[2] += slow;
    }

    fn fail(&mut self, failed: u64) {
        *self.echo().failed.entry("trap".to_owned()).or_default() += failed;
    }

    /// Takes a snapshot, ten seconds after the last.
    fn step(&mut self) -> Vec<Change> {
        self.now += STEP;
        self.snapshot.uptime += STEP;
        self.evaluator.take(self.now, &self.snapshot)
    }

    /// Returns the number of bad messages, each bad with this probability.
    fn chance(&mut self, messages: u64, share: f64) -> u64 {
        let mut bad = 0;
        for _ in 0..messages {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.random;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            bad += u64::from((mixed >> 11) as f64 / ((1_u64 << 53) as f64) < share);
        }
        bad
    }

    /// Lets this long go by at a rate, with such a share of slow messages.
    fn run(&mut self, time: Duration, per_second: u64, share: f64) -> Vec<(Duration, Change)> {
        let mut changes = Vec::new();
        for _ in 0..time.as_secs() / STEP.as_secs() {
            let messages = per_second * STEP.as_secs();
            let slow = self.chance(messages, share);
            self.answer(messages - slow, slow);
            let now = self.step();
            changes.extend(now.into_iter().map(|change| (self.now, change)));
        }
        changes
    }

    fn standing(&self) -> Standing {
        self.evaluator.standings().remove(0)
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_day_at_its_own_baseline_alarms_not_once() {
    // Half of the budget is what `slo suggest` leaves, at traffic from none to much.
    for per_second in [1, 20, 200] {
        for share in [0.0, 0.0002, 0.0005] {
            let mut host = Simulated::new(objective("99.9 %", Some(THRESHOLD)));
            let changes = host.run(minutes(24 * 60), per_second, share);
            assert_eq!(changes, [], "{per_second}/s, {share}");
            let left = host.standing().budget_left.unwrap();
            assert!((left - (1.0 - share / 0.001)).abs() < 0.2, "{left}");
        }
    }
}

#[test]
fn an_agent_that_gets_slow_is_alarming_within_two_steps_and_no_more_when_it_has_recovered() {
    let mut host = Simulated::new(objective("99.9 %", Some(THRESHOLD)));
    assert_eq!(host.run(minutes(2), 100, 0.0005), []);
    let slow_from = host.now;
    let changes = host.run(minutes(3), 100, 1.0);
    let pages: Vec<_> =
        changes.iter().filter(|(_, change)| change.severity == Severity::Page).collect();
    let [(at, page)] = pages[..] else { panic!("one page, once: {changes:?}") };
    assert!(page.fires && *at <= slow_from + 2 * STEP, "{at:?} {slow_from:?}");
    assert!(page.burn.long.unwrap() > 14.4 && page.standing.budget_left.unwrap() < 0.0);
    assert_eq!(host.standing().alarm, Some(Severity::Page));
    // The short window of the second pair is half an hour, that of the ticket's six hours.
    let changes = host.run(minutes(31), 100, 0.0005);
    let [(_, over)] = &changes[..] else { panic!("it ends, once: {changes:?}") };
    assert!(!over.fires && over.severity == Severity::Page && over.since == page.since);
    let changes = host.run(minutes(6 * 60), 100, 0.0005);
    let [(_, over)] = &changes[..] else { panic!("the ticket ends, once: {changes:?}") };
    assert!(!over.fires && over.severity == Severity::Ticket);
    assert_eq!(host.standing().alarm, None);
}

#[test]
fn a_breach_after_a_healthy_day_is_alarming_when_a_fiftieth_of_the_budget_is_spent() {
    let mut host = Simulated::new(objective("99.9 %", Some(THRESHOLD)));
    assert_eq!(host.run(minutes(24 * 60), 20, 0.0002), []);
    let slow_from = host.now;
    let changes = host.run(minutes(5), 20, 1.0);
    // 14.4 times 0.1 % of an hour are 52 s.
    let (at, _) = &changes[0];
    let took = *at - slow_from;
    assert!(took > 4 * STEP && took <= 7 * STEP, "{took:?}");
}

#[test]
fn what_is_not_answered_is_an_error_and_what_nobody_waited_for_is_slow() {
    for (latency, is_slow) in [(None, false), (Some(THRESHOLD), true)] {
        let mut host = Simulated::new(objective("99 %", latency));
        host.run(minutes(5), 10, 0.0);
        host.fail(300);
        host.echo().refused += 300;
        assert_eq!(host.step().is_empty(), is_slow);
        host.echo().timed_out += 600;
        host.echo().abandoned += 400;
        host.step();
        assert_eq!(host.standing().alarm, Some(Severity::Page));
    }
}

#[test]
fn a_few_bad_messages_of_few_are_no_incident() {
    let mut host = Simulated::new(objective("99.9 %", None));
    for _ in 0..60 {
        host.answer(2, 0);
        host.fail(u64::from(host.now.as_secs().is_multiple_of(200)));
        assert_eq!(host.step(), []);
    }
    assert!(host.standing().burns[0].long.unwrap() > 14.4, "{:?}", host.standing());
}

#[test]
fn an_alarm_stays_while_nobody_sends_anything_and_goes_when_nothing_bad_is_known() {
    let mut host = Simulated::new(objective("99.9 %", None));
    host.run(minutes(10), 10, 0.0);
    host.fail(1_000);
    assert_eq!(host.step().len(), 2, "a page and a ticket");
    for _ in 0..minutes(20).as_secs() / STEP.as_secs() {
        assert_eq!(host.step(), [], "silence is no recovery");
    }
    let changes = host.run(minutes(24 * 60), 0, 0.0);
    assert!(changes.iter().any(|(_, over)| !over.fires && over.severity == Severity::Page));
}

#[test]
fn objectives_of_all_agents_add_them_up() {
    let mut host = Simulated::new(Objective { agent: None, ..objective("99 %", None) });
    let other = AgentFigures { answered: 5, ..AgentFigures::default() };
    host.snapshot.agents.insert("other".to_owned(), other);
    host.step();
    host.answer(98, 0);
    host.fail(2);
    host.snapshot.agents.get_mut("other").unwrap().answered += 100;
    host.step();
    assert!((host.standing().budget_left.unwrap() - 0.0).abs() < 1e-9, "{:?}", host.standing());
}

/// An event on a host between two snapshots.
#[derive(Debug, Clone)]
enum Event {
    Traffic {
        fast: u64,
        slow: u64,
        failed: u64,
    },
    /// The host restarts, and counts from 0.
    Restart,
    /// The agent alone restarts.
    Replaced,
    /// No snapshots for this number of steps.
    Gap(u64),
    /// The same snapshot again.
    Again,
    /// A snapshot without the agent, as while it is replaced.
    Absent,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let traffic = (0_u64..1_000, 0_u64..20, 0_u64..20)
        .prop_map(|(fast, slow, failed)| Event::Traffic { fast, slow, failed });
    let event = prop_oneof![
        8 => traffic,
        1 => Just(Event::Restart),
        1 => Just(Event::Replaced),
        1 => (1_u64..100_000).prop_map(Event::Gap),
        1 => Just(Event::Again),
        1 => Just(Event::Absent),
    ];
    prop::collection::vec(event, 1..200)
}

proptest! {
    #[test]
    fn every_message_counts_once_whatever_happens_to_the_host(events in events()) {
        let mut host = Simulated::new(objective("99.9 %", None));
        let fresh = host.echo().clone();
        host.step();
        let (mut all, mut bad) = (0, 0);
        let mut alarms = [false; 2];
        for event in events {
            let mut taken = Vec::new();
            match event {
                Event::Traffic { fast, slow, failed } => {
                    host.answer(fast, slow);
                    host.fail(failed);
                    (all, bad) = (all + fast + slow + failed, bad + failed);
                    taken = host.step();
                }
                Event::Restart => {
                    *host.echo() = fresh.clone();
                    host.snapshot.uptime = Duration::ZERO;
                    host.now += STEP;
                    taken = host.evaluator.take(host.now, &host.snapshot);
                }
                Event::Replaced => {
                    *host.echo() = fresh.clone();
                    taken = host.step();
                }
                Event::Gap(seconds) => {
                    host.now += Duration::from_secs(seconds);
                    host.snapshot.uptime += Duration::from_secs(seconds);
                }
                Event::Again => taken = host.evaluator.take(host.now, &host.snapshot),
                Event::Absent => {
                    let agents = std::mem::take(&mut host.snapshot.agents);
                    taken = host.step();
                    host.snapshot.agents = agents;
                }
            }
            let track = &host.evaluator.tracks[0];
            prop_assert_eq!(track.counter.total(), Count { all, bad });
            for burn in host.standing().burns {
                for burn in [burn.long, burn.short].into_iter().flatten() {
                    prop_assert!((0.0..=1_000.1).contains(&burn), "{}", burn);
                }
            }
            // An alarm begins, and ends, and begins.
            for change in taken {
                let on = &mut alarms[usize::from(change.severity == Severity::Page)];
                prop_assert_ne!(*on, change.fires);
                *on = change.fires;
            }
        }
    }
}
