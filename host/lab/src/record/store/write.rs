//! Writing a run while it is measured.

use super::{RunId, Store};
use crate::record::{
    Begin, Disturbance, Document, End, Entry, Finding, Part, Round, Window, conditions,
};
use crate::{Error, Result};
use rusqlite::{Connection, TransactionBehavior, named_params, params};
use serde::Serialize;

/// A run that is being written: which number comes next of what.
pub struct Writer {
    run: RunId,
    parts: i64,
    notes: i64,
    /// Windows that were written of the last part.
    windows: i64,
    findings: i64,
    rounds: i64,
}

impl Writer {
    /// Returns the run's number.
    pub fn run(&self) -> RunId {
        self.run
    }

    fn insert(&mut self, to: &Connection, entry: &Entry) -> Stored {
        let next = |number: &mut i64| {
            *number += 1;
            *number - 1
        };
        let part = self.parts - 1;
        match entry {
            Entry::Part(part) => {
                (self.windows, self.findings, self.rounds) = (0, 0, 0);
                part_row(to, self.run, next(&mut self.parts), part)
            }
            Entry::Window(window) => {
                window_row(to, self.run, part, next(&mut self.windows), window)
            }
            Entry::Finding(finding) => {
                finding_row(to, self.run, part, next(&mut self.findings), finding)
            }
            Entry::Round(Round { ns, reference_ns, invalid }) => {
                let ns: Vec<u8> = ns.iter().flat_map(|ns| ns.to_le_bytes()).collect();
                let bytes = [&ns[..], &reference_ns.to_le_bytes()];
                rounds_row(to, self.run, part, next(&mut self.rounds), bytes, *invalid)
            }
            Entry::Timing(ns) => timing_row(to, self.run, part, Some(*ns)),
            Entry::Note(note) => note_row(to, self.run, next(&mut self.notes), note),
        }
    }
}

/// Rounds of a run that is imported, in one row: enough that a row's own cost vanishes.
const ROUNDS_PER_ROW: usize = 4_096;

impl Store {
    /// Begins a run.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&self, begin: &Begin) -> Result<Writer> {
        let run = begin_row(&self.connection, begin).map_err(|error| self.because(error))?;
        Ok(Writer { run, parts: 0, notes: 0, windows: 0, findings: 0, rounds: 0 })
    }

    /// Goes on with a run that was begun, as if it had not ended.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn reopen(&self, run: RunId) -> Result<Writer> {
        let sql = "UPDATE run SET ended_with = NULL WHERE id = ?1";
        self.connection.execute(sql, [run]).map_err(self.failed())?;
        let notes = self.count("SELECT count(*) FROM note WHERE run = ?1", [run])?;
        Ok(Writer { run, parts: 0, notes, windows: 0, findings: 0, rounds: 0 })
    }

    /// Goes on with the next part that was begun.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn continue_part(&self, writer: &mut Writer) -> Result<()> {
        let of = [writer.run, writer.parts];
        let count = |sql| self.count(sql, of);
        writer.windows = count("SELECT count(*) FROM windows WHERE run = ?1 AND part = ?2")?;
        writer.findings = count("SELECT count(*) FROM finding WHERE run = ?1 AND part = ?2")?;
        writer.rounds = count("SELECT count(*) FROM rounds WHERE run = ?1 AND part = ?2")?;
        writer.parts += 1;
        Ok(())
    }

    fn count(&self, sql: &str, of: impl rusqlite::Params) -> Result<i64> {
        self.connection.query_row(sql, of, |row| row.get(0)).map_err(self.failed())
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
        timing_row(to, run, number, part.rounds.timing_ns)?;
        for (n, window) in (0..).zip(&part.windows) {
            window_row(to, run, number, n, window)?;
        }
        for (n, (rounds, invalid)) in (0..).zip(part.rounds.stretches(ROUNDS_PER_ROW)) {
            let reference = part.rounds.reference_bytes(rounds.clone());
            let bytes = [&part.rounds.bytes(rounds)[..], &reference];
            rounds_row(to, run, number, n, bytes, invalid)?;
        }
        for (n, finding) in (0..).zip(&part.findings) {
            finding_row(to, run, number, n, finding)?;
        }
    }
    for (number, note) in (0..).zip(&document.notes) {
        note_row(to, run, number, note)?;
    }
    if let Some(end) = &document.end {
        end_row(to, run, end)?;
    }
    Ok(run)
}

/// The reason that something could not be stored.
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

/// Returns nothing for nothing, where a column would otherwise have the text `null`.
fn json_of(value: Option<impl Serialize>) -> Result<Option<String>, Unstored> {
    value.as_ref().map(json).transpose()
}

fn run(to: &Connection, sql: &str, values: impl rusqlite::Params) -> Stored {
    to.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn begin_row(to: &Connection, begin: &Begin) -> Result<RunId, Unstored> {
    let sql =
        "INSERT INTO run (command, started, started_with, conditions) VALUES (?1, ?2, ?3, ?4)";
    let started_with = json(begin)?;
    let values = params![begin.command, begin.started, started_with, conditions(begin)];
    run(to, sql, values)?;
    Ok(to.last_insert_rowid())
}

fn end_row(to: &Connection, id: RunId, end: &End) -> Stored {
    let sql = "UPDATE run SET ended_with = ?2 WHERE id = ?1";
    run(to, sql, params![id, json(end)?])
}

fn part_row(to: &Connection, id: RunId, number: i64, part: &Part) -> Stored {
    let sql = "INSERT INTO part (run, number, experiment, agent, backend, agents, body) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let backend = part.backend.map(|backend| backend.name());
    let (experiment, agent, agents) = (&part.experiment, &part.agent, part.agents);
    let body = json(part)?;
    run(to, sql, params![id, number, experiment, agent, backend, agents, body])
}

fn timing_row(to: &Connection, id: RunId, part: i64, ns: Option<f64>) -> Stored {
    let sql = "UPDATE part SET timing_ns = ?3 WHERE run = ?1 AND number = ?2";
    run(to, sql, params![id, part, ns])
}

fn window_row(to: &Connection, id: RunId, part: i64, number: i64, it: &Window) -> Stored {
    let lost = || Unstored::Encoding("a histogram cannot be encoded".to_owned());
    let sql = "INSERT INTO windows (run, part, number, phase, start_ns, end_ns, due, sent, good, \
               late, meant, failed, refused, backlog, peak_backlog, generator_cpu_ns, process_cpu_ns, \
               resident, invalid, latency, lag, service) VALUES (:run, :part, :number, :phase, :start_ns, \
               :end_ns, :due, :sent, :good, :late, :meant, :failed, :refused, :backlog, :peak_backlog, \
               :generator_cpu_ns, :process_cpu_ns, :resident, :invalid, :latency, :lag, :service)";
    let values = named_params! {
        ":run": id,
        ":part": part,
        ":number": number,
        ":phase": it.phase.name(),
        ":start_ns": it.start_ns,
        ":end_ns": it.end_ns,
        ":due": it.due,
        ":sent": it.sent,
        ":good": it.good,
        ":late": it.late,
        ":meant": it.meant,
        ":failed": it.failed,
        ":refused": it.refused,
        ":backlog": it.backlog,
        ":peak_backlog": it.peak_backlog,
        ":generator_cpu_ns": it.generator_cpu_ns,
        ":process_cpu_ns": it.process_cpu_ns,
        ":resident": it.resident,
        ":invalid": json_of(it.invalid)?,
        ":latency": it.latency.encode().ok_or_else(lost)?,
        ":lag": it.lag.encode().ok_or_else(lost)?,
        ":service": it.service.encode().ok_or_else(lost)?,
    };
    run(to, sql, values)
}

fn rounds_row(
    to: &Connection,
    id: RunId,
    part: i64,
    number: i64,
    [ns, reference]: [&[u8]; 2],
    invalid: Option<Disturbance>,
) -> Stored {
    let sql = "INSERT INTO rounds (run, part, number, ns, reference, invalid) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    run(to, sql, params![id, part, number, ns, reference, json_of(invalid)?])
}

fn finding_row(to: &Connection, id: RunId, part: i64, number: i64, finding: &Finding) -> Stored {
    let sql = "INSERT INTO finding (run, part, number, body) VALUES (?1, ?2, ?3, ?4)";
    run(to, sql, params![id, part, number, json(finding)?])
}

fn note_row(to: &Connection, id: RunId, number: i64, note: &str) -> Stored {
    let sql = "INSERT INTO note (run, number, body) VALUES (?1, ?2, ?3)";
    run(to, sql, params![id, number, note])
}
