//! Reading runs, and removing them.

use super::{RunId, Store};
use crate::record::document::{Document, PartDocument};
use crate::record::entry::{Begin, End};
use crate::record::{Measurement, Results};
use crate::record::{Phase, Window};
use crate::sampling::interleave::{Sampled, Samples};
use crate::stats::Distribution;
use crate::{Error, Result};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, Rows, params};
use serde::de::DeserializeOwned;

/// A run in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its number.
    pub id: RunId,
    /// How it began.
    pub begin: Begin,
    /// How it ended; none if it was killed, or has not ended.
    pub end: Option<End>,
    /// The names of the baselines that it is.
    pub baselines: Vec<String>,
}

impl Store {
    /// All runs, the oldest first.
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
            of.into_iter()
                .for_each(|run| run.baselines.push(baseline.name.clone()));
        }
        Ok(runs)
    }

    /// The run that is meant by a number, `last`, or the name of a baseline.
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

    /// The last complete run of a command that was measured under the same conditions.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn last_like(&self, command: &str, conditions: &str) -> Result<Option<RunId>> {
        let sql = "SELECT id, ended_with FROM run WHERE command = ?1 AND conditions = ?2 \
                   AND ended_with IS NOT NULL ORDER BY id DESC";
        let found = self.rows(sql, params![command, conditions], |row| {
            Ok((row.get(0)?, row.get::<_, Json<End>>(1)?.0.complete))
        })?;
        let complete = found.into_iter().find(|(_, complete)| *complete);
        Ok(complete.map(|(id, _)| id))
    }

    /// What a run measured, its intervals merged: as much as a report needs.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn results(&self, run: RunId) -> Result<Results> {
        let (begin, end) = self.ends(run)?;
        let mut parts: Vec<_> = self.parts(run)?.into_iter().map(Measurement::new).collect();
        self.each(INTERVALS, [run], |row| {
            let (part, interval) = interval(row)?;
            parts
                .get_mut(part)
                .into_iter()
                .for_each(|part| part.add(&interval));
            Ok(())
        })?;
        for (part, finding) in self.findings(run)? {
            parts
                .get_mut(part)
                .into_iter()
                .for_each(|part| part.findings.push(finding.clone()));
        }
        let (comparisons, ladders) = self.sampled(run)?;
        Ok(Results {
            begin,
            parts,
            comparisons,
            ladders,
            notes: self.notes(run)?,
            end,
        })
    }

    /// All of a run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn document(&self, run: RunId) -> Result<Document> {
        let (begin, end) = self.ends(run)?;
        let parts = self.parts(run)?.into_iter();
        let mut parts: Vec<_> = parts.map(PartDocument::new).collect();
        self.each(INTERVALS, [run], |row| {
            let (part, interval) = interval(row)?;
            parts
                .get_mut(part)
                .into_iter()
                .for_each(|part| part.intervals.push(interval.clone()));
            Ok(())
        })?;
        for (part, finding) in self.findings(run)? {
            parts
                .get_mut(part)
                .into_iter()
                .for_each(|part| part.findings.push(finding.clone()));
        }
        let (comparisons, ladders) = self.sampled(run)?;
        Ok(Document::new(
            begin,
            parts,
            comparisons,
            ladders,
            self.notes(run)?,
            end,
        ))
    }

    /// Removes a run, unless it is a baseline.
    ///
    /// # Errors
    /// If it is one, or cannot be removed.
    pub fn delete(&self, run: RunId) -> Result<()> {
        let baselines = self
            .baselines()?
            .into_iter()
            .filter(|baseline| baseline.run == run);
        let names: Vec<_> = baselines.map(|baseline| baseline.name).collect();
        if !names.is_empty() {
            return Err(Error::Usage(format!(
                "run {run} is the baseline {}: first `sandlab baseline delete {}`",
                names.join(", "),
                names.join(" ")
            )));
        }
        let deleted = self
            .connection
            .execute("DELETE FROM run WHERE id = ?1", [run]);
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

    fn parts(&self, run: RunId) -> Result<Vec<crate::experiments::record::Part>> {
        let sql = "SELECT body FROM part WHERE run = ?1 ORDER BY number";
        self.rows(sql, [run], |row| Ok(row.get::<_, Json<_>>(0)?.0))
    }

    fn findings(&self, run: RunId) -> Result<Vec<(usize, crate::experiments::record::Finding)>> {
        let sql = "SELECT part, body FROM finding WHERE run = ?1 ORDER BY part, number";
        self.rows(sql, [run], |row| {
            Ok((row.get(0)?, row.get::<_, Json<_>>(1)?.0))
        })
    }

    fn notes(&self, run: RunId) -> Result<Vec<String>> {
        let sql = "SELECT body FROM note WHERE run = ?1 ORDER BY number";
        self.rows(sql, [run], |row| row.get(0))
    }

    /// Comparisons, and ladders.
    fn sampled(&self, run: RunId) -> Result<(Vec<Sampled>, Vec<Sampled>)> {
        let sql = "SELECT ladder, agent, size, mean_bytes, sides, timing_ns FROM sampled \
                   WHERE run = ?1 ORDER BY number";
        let mut cases = self.rows(sql, [run], |row| {
            let sides: Json<Vec<String>> = row.get(4)?;
            let sides = sides.0.into_iter().map(|side| Samples {
                side,
                ns: Vec::new(),
            });
            let sampled = Sampled {
                agent: row.get(1)?,
                size: row.get(2)?,
                mean_bytes: row.get(3)?,
                sides: sides.collect(),
                timing_ns: row.get(5)?,
            };
            Ok((row.get::<_, bool>(0)?, sampled))
        })?;
        let sql = "SELECT sampled, ns FROM rounds WHERE run = ?1 ORDER BY sampled, number";
        self.each(sql, [run], |row| {
            let case: usize = row.get(0)?;
            if let Some((_, sampled)) = cases.get_mut(case) {
                sampled.add(row.get_ref(1)?.as_blob()?);
            }
            Ok(())
        })?;
        let (ladders, comparisons): (Vec<_>, Vec<_>) =
            cases.into_iter().partition(|(is_ladder, _)| *is_ladder);
        let samples =
            |cases: Vec<(bool, Sampled)>| cases.into_iter().map(|(_, sampled)| sampled).collect();
        Ok((samples(comparisons), samples(ladders)))
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

const INTERVALS: &str = "SELECT part, phase, start_ns, end_ns, due, sent, good, failed, refused, \
                         backlog, peak_backlog, generator_cpu_ns, process_cpu_ns, resident, \
                         latency, lag, service FROM interval WHERE run = ?1 ORDER BY part, number";

fn interval(row: &Row) -> rusqlite::Result<(usize, Window)> {
    let interval = Window {
        phase: row.get::<_, Named>(1)?.0,
        start_ns: row.get(2)?,
        end_ns: row.get(3)?,
        due: row.get(4)?,
        sent: row.get(5)?,
        good: row.get(6)?,
        failed: row.get(7)?,
        refused: row.get(8)?,
        backlog: row.get(9)?,
        peak_backlog: row.get(10)?,
        generator_cpu_ns: row.get(11)?,
        process_cpu_ns: row.get(12)?,
        resident: row.get(13)?,
        latency: row.get::<_, Histogram>(14)?.0,
        lag: row.get::<_, Histogram>(15)?.0,
        service: row.get::<_, Histogram>(16)?.0,
    };
    Ok((row.get(0)?, interval))
}

struct Json<T>(T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let read = serde_json::from_str(value.as_str()?);
        read.map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

struct Named(Phase);

impl FromSql for Named {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let name = serde_json::Value::from(value.as_str()?);
        let read = serde_json::from_value(name);
        read.map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

struct Histogram(Distribution);

impl FromSql for Histogram {
    fn column_result(value: ValueRef) -> FromSqlResult<Self> {
        let read = Distribution::decode(value.as_blob()?);
        read.map(Self).ok_or(FromSqlError::InvalidType)
    }
}
