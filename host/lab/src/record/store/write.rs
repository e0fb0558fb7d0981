//! Writing a run while it is measured.

use super::{RunId, Store};
use crate::experiments::record::{Finding, Part};
use crate::record::Window;
use crate::record::entry::{Begin, Case, End, Entry, Sides};
use crate::record::{Document, conditions};
use crate::{Error, Result};
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Serialize;

/// A run that is being written: which comes next of what.
pub struct Writer {
    run: RunId,
    /// Parts, intervals and findings of the last part, cases, rounds of the last case, notes.
    parts: i64,
    intervals: i64,
    findings: i64,
    cases: i64,
    rounds: i64,
    notes: i64,
}

impl Writer {
    /// Its number.
    pub fn run(&self) -> RunId {
        self.run
    }

    fn insert(&mut self, to: &Connection, entry: &Entry) -> Stored {
        match entry {
            Entry::Part(part) => {
                self.parts += 1;
                (self.intervals, self.findings) = (0, 0);
                part_row(to, self.run, self.parts - 1, part)
            }
            Entry::Window(interval) => {
                self.intervals += 1;
                interval_row(to, self.run, self.parts - 1, self.intervals - 1, interval)
            }
            Entry::Finding(finding) => {
                self.findings += 1;
                finding_row(to, self.run, self.parts - 1, self.findings - 1, finding)
            }
            Entry::Case(case) => {
                self.cases += 1;
                self.rounds = 0;
                case_row(to, self.run, self.cases - 1, case)
            }
            Entry::Round(ns) => self.rounds(to, ns),
            Entry::Timing(ns) => {
                let sql = "UPDATE sampled SET timing_ns = ?3 WHERE run = ?1 AND number = ?2";
                run(to, sql, params![self.run, self.cases - 1, ns])
            }
            Entry::Note(note) => {
                self.notes += 1;
                let sql = "INSERT INTO note VALUES (?1, ?2, ?3)";
                run(to, sql, params![self.run, self.notes - 1, note])
            }
        }
    }

    /// One round of the last case, or more.
    fn rounds(&mut self, to: &Connection, ns: &[f64]) -> Stored {
        self.rounds += 1;
        let bytes: Vec<u8> = ns.iter().flat_map(|ns| ns.to_le_bytes()).collect();
        let sql = "INSERT INTO rounds VALUES (?1, ?2, ?3, ?4)";
        run(
            to,
            sql,
            params![self.run, self.cases - 1, self.rounds - 1, bytes],
        )
    }
}

/// Rounds of a run that is imported, in one row: enough that a row's own cost vanishes.
const ROUNDS_A_ROW: usize = 4_096;

impl Store {
    /// Begins a run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&self, begin: &Begin) -> Result<Writer> {
        let run = begin_row(&self.connection, begin).map_err(|error| self.because(error))?;
        Ok(Writer {
            run,
            parts: 0,
            intervals: 0,
            findings: 0,
            cases: 0,
            rounds: 0,
            notes: 0,
        })
    }

    /// Writes what was measured, all of it or nothing: one statement, one transaction.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, writer: &mut Writer, entry: &Entry) -> Result<()> {
        let written = writer.insert(&self.connection, entry);
        written.map_err(|error| self.because(error))
    }

    /// Ends a run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end(&self, writer: Writer, end: &End) -> Result<()> {
        let written = end_row(&self.connection, writer.run, end);
        written.map_err(|error| self.because(error))
    }

    /// Adds a run from elsewhere, all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn import(&mut self, document: &Document) -> Result<RunId> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(super::failed(&self.path))?;
        let stored = import(&transaction, document);
        let stored = stored.and_then(|run| Ok(transaction.commit().map(|()| run)?));
        stored.map_err(|error| self.because(error))
    }

    fn because(&self, error: Unstored) -> Error {
        match error {
            Unstored::Sqlite(error) => self.failed()(error),
            Unstored::Encoding(reason) => {
                Error::Machine(format!("cannot encode a result: {reason}"))
            }
        }
    }
}

fn import(to: &Connection, document: &Document) -> Result<RunId, Unstored> {
    let run = begin_row(to, &document.begin)?;
    for (number, part) in (0..).zip(&document.parts) {
        part_row(to, run, number, &part.part)?;
        for (n, interval) in (0..).zip(&part.intervals) {
            interval_row(to, run, number, n, interval)?;
        }
        for (n, finding) in (0..).zip(&part.findings) {
            finding_row(to, run, number, n, finding)?;
        }
    }
    let comparisons = document
        .comparisons
        .iter()
        .map(|case| (Sides::Backends, case));
    let ladders = document.ladders.iter().map(|case| (Sides::Ladder, case));
    for (number, (of, sampled)) in (0..).zip(comparisons.chain(ladders)) {
        case_row(to, run, number, &sampled.case(of))?;
        let sql = "UPDATE sampled SET timing_ns = ?3 WHERE run = ?1 AND number = ?2";
        self::run(to, sql, params![run, number, sampled.timing_ns])?;
        let rounds = sampled.rounds();
        for (n, first) in (0..).zip((0..rounds).step_by(ROUNDS_A_ROW)) {
            let rounds = first..rounds.min(first + ROUNDS_A_ROW);
            let samples =
                rounds.flat_map(|round| sampled.sides.iter().map(move |side| side.ns[round]));
            let bytes: Vec<u8> = samples.flat_map(f64::to_le_bytes).collect();
            let sql = "INSERT INTO rounds VALUES (?1, ?2, ?3, ?4)";
            self::run(to, sql, params![run, number, n, bytes])?;
        }
    }
    for (number, note) in (0..).zip(&document.notes) {
        let sql = "INSERT INTO note VALUES (?1, ?2, ?3)";
        self::run(to, sql, params![run, number as i64, note])?;
    }
    if let Some(end) = &document.end {
        end_row(to, run, end)?;
    }
    Ok(run)
}

/// Why something could not be stored.
enum Unstored {
    Sqlite(rusqlite::Error),
    Encoding(String),
}

impl From<rusqlite::Error> for Unstored {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

type Stored = Result<(), Unstored>;

fn json(value: &impl Serialize) -> Result<String, Unstored> {
    serde_json::to_string(value).map_err(|error| Unstored::Encoding(error.to_string()))
}

fn run(to: &Connection, sql: &str, values: impl rusqlite::Params) -> Stored {
    to.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn begin_row(to: &Connection, begin: &Begin) -> Result<RunId, Unstored> {
    let sql =
        "INSERT INTO run (command, started, started_with, conditions) VALUES (?1, ?2, ?3, ?4)";
    let started_with = json(begin)?;
    let values = params![
        begin.command,
        begin.started,
        started_with,
        conditions(begin)
    ];
    run(to, sql, values)?;
    Ok(to.last_insert_rowid())
}

fn end_row(to: &Connection, id: RunId, end: &End) -> Stored {
    let sql = "UPDATE run SET ended_with = ?2 WHERE id = ?1";
    run(to, sql, params![id, json(end)?])
}

fn part_row(to: &Connection, id: RunId, number: i64, part: &Part) -> Stored {
    let sql = "INSERT INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (experiment, backend) = (part.experiment.name(), part.backend.name());
    let body = json(part)?;
    run(
        to,
        sql,
        params![
            id,
            number,
            experiment,
            part.agent,
            backend,
            part.agents,
            body
        ],
    )
}

fn interval_row(to: &Connection, id: RunId, part: i64, number: i64, it: &Window) -> Stored {
    let lost = || Unstored::Encoding("a histogram cannot be encoded".to_owned());
    let sql = "INSERT INTO interval VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
               ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
    let values = params![
        id,
        part,
        number,
        it.phase.name(),
        it.start_ns,
        it.end_ns,
        it.due,
        it.sent,
        it.good,
        it.failed,
        it.refused,
        it.backlog,
        it.peak_backlog,
        it.generator_cpu_ns,
        it.process_cpu_ns,
        it.resident,
        it.latency.encode().ok_or_else(lost)?,
        it.lag.encode().ok_or_else(lost)?,
        it.service.encode().ok_or_else(lost)?,
    ];
    run(to, sql, values)
}

fn finding_row(to: &Connection, id: RunId, part: i64, number: i64, finding: &Finding) -> Stored {
    let sql = "INSERT INTO finding VALUES (?1, ?2, ?3, ?4)";
    run(to, sql, params![id, part, number, json(finding)?])
}

fn case_row(to: &Connection, id: RunId, number: i64, case: &Case) -> Stored {
    let sql = "INSERT INTO sampled VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)";
    let (is_ladder, sides) = (case.of == Sides::Ladder, json(&case.sides)?);
    let values = params![
        id,
        number,
        is_ladder,
        case.agent,
        case.size,
        case.mean_bytes,
        sides
    ];
    run(to, sql, values)
}
