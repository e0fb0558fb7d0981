//! Reading runs, and removing them.

use super::{RunId, Store};
use crate::printable::printable;
use crate::record::{
    Begin, Document, End, Finding, Part, PartDocument, Phase, Rounds, Run, RunPart, SCHEMA, Window,
};
use crate::stats::Distribution;
use crate::{Error, Result};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, Rows};
use serde::de::DeserializeOwned;

/// A run in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its number.
    pub id: RunId,
    /// The run's first record.
    pub begin: Begin,
    /// The run's last record; `None` if it was killed, or has not ended.
    pub end: Option<End>,
    /// The names of the baselines that it is.
    pub baselines: Vec<String>,
}

impl Store {
    /// Returns all runs, the oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn runs(&self) -> Result<Vec<Listed>> {
        let sql = "SELECT id, started_with, ended_with FROM run ORDER BY id";
        let mut runs = self.rows(sql, [], |row| {
            Ok(Listed {
                id: row.get(0)?,
                begin: row.get::<_, Json<_>>(1)?.0,
                end: row.get::<_, Option<Json<_>>>(2)?.map(|end| end.0),
                baselines: Vec::new(),
            })
        })?;
        for baseline in self.baselines()? {
            let of = runs.iter_mut().find(|run| run.id == baseline.run);
            of.into_iter().for_each(|run| run.baselines.push(baseline.name.clone()));
        }
        Ok(runs)
    }

    /// Returns the run that is meant by a number, `last`, or the name of a baseline.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, name: &str) -> Result<RunId> {
        let sql = match name.parse::<RunId>() {
            Ok(_) => "SELECT id FROM run WHERE id = CAST(?1 AS INTEGER)",
            Err(_) if name == "last" => "SELECT max(id) FROM run WHERE ?1 = 'last'",
            Err(_) => "SELECT run FROM baseline WHERE name = ?1",
        };
        let found = self.connection.query_row(sql, [name], |row| row.get(0));
        let found: Option<Option<RunId>> = found.optional().map_err(self.failed())?;
        found.flatten().ok_or_else(|| {
            Error::Usage(format!(
                "there is no run {name:?} in {}: a run is given by its number, as `last`, or as \
                 the name of a baseline; `sandlab runs list` has them all",
                self.path.display()
            ))
        })
    }

    /// Returns what a run measured, its windows merged: as much as a report needs, with names that
    /// can be printed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn run(&self, run: RunId) -> Result<Run> {
        let (mut begin, end) = self.ends(run)?;
        begin.agents.iter_mut().for_each(|agent| agent.agent = printable(&agent.agent));
        let mut parts = self.parts(
            run,
            |part| RunPart::new(part.with_printable_names()),
            |part, window| part.add(&window),
            |part| (&mut part.rounds, &mut part.findings),
        )?;
        parts.iter_mut().for_each(RunPart::settle);
        Ok(Run { begin, parts, notes: self.notes(run)?, end })
    }

    /// Returns all of a run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn document(&self, run: RunId) -> Result<Document> {
        let (begin, end) = self.ends(run)?;
        Ok(Document {
            schema: SCHEMA.to_owned(),
            begin,
            parts: self.parts(
                run,
                PartDocument::new,
                |part, window| part.windows.push(window),
                |part| (&mut part.rounds, &mut part.findings),
            )?,
            notes: self.notes(run)?,
            end,
            derived: None,
        })
    }

    /// Reads the parts of a run into `P`: how one begins, takes a window, and where its rounds
    /// and findings go.
    fn parts<P>(
        &self,
        run: RunId,
        begin: impl Fn(Part) -> P,
        take_window: impl Fn(&mut P, Window),
        rest: impl Fn(&mut P) -> (&mut Rounds, &mut Vec<Finding>),
    ) -> Result<Vec<P>> {
        let sql = "SELECT body, timing_ns FROM part WHERE run = ?1 ORDER BY number";
        let mut parts = self.rows(sql, [run], |row| {
            let mut part = begin(row.get::<_, Json<_>>(0)?.0);
            rest(&mut part).0.timing_ns = row.get(1)?;
            Ok(part)
        })?;
        self.each(WINDOWS, [run], |row| {
            if let Some(part) = parts.get_mut(row.get::<_, usize>("part")?) {
                take_window(part, window(row)?);
            }
            Ok(())
        })?;
        let sql =
            "SELECT part, ns, reference, invalid FROM rounds WHERE run = ?1 ORDER BY part, number";
        self.each(sql, [run], |row| {
            if let Some(part) = parts.get_mut(row.get::<_, usize>(0)?) {
                let invalid = row.get::<_, Option<Json<_>>>(3)?.map(|it| it.0);
                let (ns, reference) = (row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
                rest(part).0.add_bytes(ns, reference, invalid);
            }
            Ok(())
        })?;
        let sql = "SELECT part, body FROM finding WHERE run = ?1 ORDER BY part, number";
        self.each(sql, [run], |row| {
            if let Some(part) = parts.get_mut(row.get::<_, usize>(0)?) {
                rest(part).1.push(row.get::<_, Json<_>>(1)?.0);
            }
            Ok(())
        })?;
        Ok(parts)
    }

    /// Removes a run, unless it is a baseline.
    ///
    /// # Errors
    /// If it is one, or cannot be removed.
    pub fn delete(&self, run: RunId) -> Result<()> {
        let baselines = self.baselines()?.into_iter().filter(|baseline| baseline.run == run);
        let names: Vec<_> = baselines.map(|baseline| baseline.name).collect();
        if !names.is_empty() {
            return Err(Error::Usage(format!(
                "run {run} is the baseline {}: first `sandlab baseline delete {}`",
                names.join(", "),
                names.join(" ")
            )));
        }
        let deleted = self.connection.execute("DELETE FROM run WHERE id = ?1", [run]);
        deleted.map(drop).map_err(self.failed())
    }

    fn ends(&self, run: RunId) -> Result<(Begin, Option<End>)> {
        let sql = "SELECT started_with, ended_with FROM run WHERE id = ?1";
        let found = self.connection.query_row(sql, [run], |row| {
            let end = row.get::<_, Option<Json<End>>>(1)?;
            Ok((row.get::<_, Json<Begin>>(0)?.0, end.map(|end| end.0)))
        });
        found.map_err(self.failed())
    }

    fn notes(&self, run: RunId) -> Result<Vec<String>> {
        let sql = "SELECT body FROM note WHERE run = ?1 ORDER BY number";
        self.rows(sql, [run], |row| row.get(0))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        mut read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, values, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    fn each(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row) -> rusqlite::Result<()>,
    ) -> Result<()> {
        fn go_on(
            mut rows: Rows,
            mut read: impl FnMut(&Row) -> rusqlite::Result<()>,
        ) -> rusqlite::Result<()> {
            while let Some(row) = rows.next()? {
                read(row)?;
            }
            Ok(())
        }
        let mut statement = self.connection.prepare(sql).map_err(self.failed())?;
        let done = statement.query(values).and_then(|rows| go_on(rows, read));
        done.map_err(self.failed())
    }
}

const WINDOWS: &str = "SELECT part, phase, start_ns, end_ns, due, sent, good, late, meant, failed, refused, \
                       backlog, peak_backlog, generator_cpu_ns, process_cpu_ns, resident, \
                       invalid, latency, lag, service FROM windows WHERE run = ?1 ORDER BY part, number";

fn window(row: &Row) -> rusqlite::Result<Window> {
    Ok(Window {
        phase: row.get::<_, Named>("phase")?.0,
        start_ns: row.get("start_ns")?,
        end_ns: row.get("end_ns")?,
        due: row.get("due")?,
        sent: row.get("sent")?,
        good: row.get("good")?,
        late: row.get("late")?,
        meant: row.get("meant")?,
        failed: row.get("failed")?,
        refused: row.get("refused")?,
        backlog: row.get("backlog")?,
        peak_backlog: row.get("peak_backlog")?,
        generator_cpu_ns: row.get("generator_cpu_ns")?,
        process_cpu_ns: row.get("process_cpu_ns")?,
        resident: row.get("resident")?,
        invalid: row.get::<_, Option<Json<_>>>("invalid")?.map(|it| it.0),
        latency: row.get::<_, Histogram>("latency")?.0,
        lag: row.get::<_, Histogram>("lag")?.0,
        service: row.get::<_, Histogram>("service")?.0,
    })
}

struct Json<T>(T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let read = serde_json::from_str(value.as_str()?);
        read.map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

struct Named(Phase);

impl FromSql for Named {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let name = serde_json::Value::from(value.as_str()?);
        let read = serde_json::from_value(name);
        read.map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

struct Histogram(Distribution);

impl FromSql for Histogram {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let read = Distribution::decode(value.as_blob()?);
        read.map(Self).ok_or(FromSqlError::InvalidType)
    }
}
