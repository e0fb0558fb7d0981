//! The tables, and the way to them from every version that there was.

use super::failed;
use crate::record::{Begin, conditions};
use crate::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// The number that marks an SQLite file as a store: "sand" (`PRAGMA application_id`).
const APPLICATION: i32 = i32::from_be_bytes(*b"sand");

/// The statements that make each version (`PRAGMA user_version`) of the one before; the first is
/// made of nothing. A version that was released is never changed, only followed.
///
/// The numbers of parts count from 0 in their run. Histograms are HDR (V2, deflated), rounds are
/// little-endian f64, one per side and one of the fixed computation (of an imported run many rounds
/// stand in one row), whatever is
/// `body`, `started_with`, `ended_with` or `invalid` is JSON, and times are nanoseconds.
const MIGRATIONS: [&str; 4] = [
    "CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        command TEXT NOT NULL,
        started TEXT NOT NULL,
        started_with TEXT NOT NULL,
        ended_with TEXT
    ) STRICT;
    CREATE TABLE part (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        number INTEGER NOT NULL,
        experiment TEXT NOT NULL,
        agent TEXT NOT NULL,
        backend TEXT NOT NULL,
        agents INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE interval (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        part INTEGER NOT NULL,
        number INTEGER NOT NULL,
        phase TEXT NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        due INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        good INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        backlog INTEGER NOT NULL,
        peak_backlog INTEGER NOT NULL,
        generator_cpu_ns INTEGER NOT NULL,
        process_cpu_ns INTEGER NOT NULL,
        resident INTEGER,
        latency BLOB NOT NULL,
        lag BLOB NOT NULL,
        service BLOB NOT NULL,
        PRIMARY KEY (run, part, number)
    ) STRICT;
    CREATE TABLE finding (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        part INTEGER NOT NULL,
        number INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run, part, number)
    ) STRICT;
    CREATE TABLE sampled (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        number INTEGER NOT NULL,
        ladder INTEGER NOT NULL,
        agent TEXT NOT NULL,
        size INTEGER,
        mean_bytes INTEGER NOT NULL,
        sides TEXT NOT NULL,
        timing_ns REAL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    -- One row a round that is being measured, of one number a side; of a run that was
    -- imported, rows of many rounds.
    CREATE TABLE rounds (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        sampled INTEGER NOT NULL,
        number INTEGER NOT NULL,
        ns BLOB NOT NULL,
        PRIMARY KEY (run, sampled, number)
    ) STRICT;
    CREATE TABLE note (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        number INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE baseline (
        name TEXT PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run,
        saved TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;",
    // What is compared over runs, so that a trend needs not read all of them; and where a
    // run was measured, for whoever looks for the last one like it.
    "ALTER TABLE run ADD COLUMN conditions TEXT;
    CREATE INDEX run_of_conditions ON run (command, conditions);
    CREATE INDEX baseline_of_run ON baseline (run);",
    // Comparisons and ladders become parts, whose rounds follow them; intervals are called
    // windows, a profile is called a sandbox config, and what a profile measures a footprint.
    "ALTER TABLE interval RENAME TO windows;
    ALTER TABLE windows ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE windows ADD COLUMN meant INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE windows ADD COLUMN invalid TEXT;
    CREATE TABLE new_part (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        number INTEGER NOT NULL,
        experiment TEXT NOT NULL,
        agent TEXT NOT NULL,
        backend TEXT,
        agents INTEGER NOT NULL,
        body TEXT NOT NULL,
        timing_ns REAL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_part
        SELECT run, number, iif(experiment = 'profile', 'footprint', experiment), agent, backend, agents,
            iif(experiment = 'profile', json_set(body, '$.experiment', 'footprint'), body), NULL
        FROM part;
    INSERT INTO new_part
        SELECT run, number + (SELECT count(*) FROM part WHERE part.run = sampled.run),
            iif(ladder, 'ladder', 'compare'), agent, NULL, 1,
            json_object('experiment', iif(ladder, 'ladder', 'compare'), 'agent', agent, 'backend', NULL,
                'agents', 1, 'size', size, 'mean_bytes', mean_bytes, 'rate', NULL, 'shards', 1,
                'closed', NULL, 'sides', json(sides)), timing_ns
        FROM sampled;
    CREATE TABLE new_rounds (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        part INTEGER NOT NULL,
        number INTEGER NOT NULL,
        ns BLOB NOT NULL,
        invalid TEXT,
        PRIMARY KEY (run, part, number)
    ) STRICT;
    INSERT INTO new_rounds
        SELECT run, sampled + (SELECT count(*) FROM part WHERE part.run = rounds.run), number, ns, NULL
        FROM rounds;
    DROP TABLE rounds;
    DROP TABLE sampled;
    DROP TABLE part;
    ALTER TABLE new_part RENAME TO part;
    ALTER TABLE new_rounds RENAME TO rounds;
    UPDATE run SET started_with = json_remove(
        json_set(started_with, '$.sandbox', json_extract(started_with, '$.profile')), '$.profile')
        WHERE json_type(started_with, '$.profile') IS NOT NULL;
    UPDATE finding SET body = json_remove(
        json_set(body, '$.sandbox', json_extract(body, '$.profile')), '$.profile')
        WHERE json_type(body, '$.profile') IS NOT NULL;",
    // A fixed computation is measured in each round; older rounds have none.
    "ALTER TABLE rounds ADD COLUMN reference BLOB NOT NULL DEFAULT x'';",
];

/// The version that this program reads and writes.
pub const VERSION: usize = MIGRATIONS.len();

/// Makes the tables where there is nothing, and brings older ones up to date.
///
/// # Errors
/// If the file is no store, or one of a version that is not known yet.
pub fn prepare(connection: &mut Connection, path: &Path) -> Result<()> {
    // In a transaction, so that somebody else's migration is seen whole or not at all.
    let before = connection.transaction().map_err(failed(path))?;
    if is_current(&before, path)? {
        return Ok(());
    }
    drop(before);
    // Whoever comes second finds it done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(failed(path))?;
    if is_current(&transaction, path)? {
        return Ok(());
    }
    let version = version(&transaction).map_err(failed(path))?;
    let done = migrate(&transaction, version).and_then(|()| transaction.commit());
    done.map_err(failed(path))
}

fn migrate(connection: &Connection, from: usize) -> rusqlite::Result<()> {
    for step in &MIGRATIONS[from..] {
        connection.execute_batch(step)?;
    }
    if (1..VERSION).contains(&from) {
        renew_conditions(connection)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION as i64)
}

/// Says anew where every run was measured, in the words of this version, so that new runs find
/// older ones that are like them.
fn renew_conditions(connection: &Connection) -> rusqlite::Result<()> {
    let mut runs = connection.prepare("SELECT id, started_with FROM run")?;
    let runs = runs.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    for run in runs.collect::<rusqlite::Result<Vec<_>>>()? {
        if let Ok(begin) = serde_json::from_str::<Begin>(&run.1) {
            let sql = "UPDATE run SET conditions = ?2 WHERE id = ?1";
            connection.execute(sql, rusqlite::params![run.0, conditions(&begin)])?;
        }
    }
    Ok(())
}

/// Returns whether the tables are those of this version.
///
/// # Errors
/// If the file is no store, or one of a version that is not known yet.
pub fn is_current(connection: &Connection, path: &Path) -> Result<bool> {
    let read = || {
        let application: i32 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application, tables, version(connection)?))
    };
    let (application, tables, version) = read().map_err(failed(path))?;
    let refused = |reason: String| Err(Error::Store { path: path.to_owned(), reason });
    match (application, tables, version) {
        (APPLICATION, _, VERSION) => Ok(true),
        (APPLICATION, _, newer) if newer > VERSION => refused(format!(
            "a newer sandlab wrote it (version {newer}, and this one knows {VERSION}); use that \
             one, or another file with --store PATH"
        )),
        (APPLICATION, ..) | (0, 0, 0) => Ok(false),
        _ => refused(
            "it is the database of another program; choose another file with --store PATH"
                .to_owned(),
        ),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<(String, Option<String>)> {
        let mut names =
            connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_older_version_becomes_the_newest_and_keeps_its_runs() {
        let path = Path::new("results.db");
        let mut newest = Connection::open_in_memory().unwrap();
        prepare(&mut newest, path).unwrap();
        for old in 1..VERSION {
            let mut store = Connection::open_in_memory().unwrap();
            for step in &MIGRATIONS[..old] {
                store.execute_batch(step).unwrap();
            }
            let marks =
                format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {old};");
            store.execute_batch(&marks).unwrap();
            store
                .execute_batch(
                    "INSERT INTO run (command, started, started_with) VALUES ('compare', '', '{}')",
                )
                .unwrap();
            prepare(&mut store, path).unwrap();
            assert_eq!(tables(&store), tables(&newest));
            let kept: String = store
                .query_row("SELECT command FROM run WHERE id = 1", [], |row| row.get(0))
                .unwrap();
            assert_eq!((kept.as_str(), version(&store).unwrap()), ("compare", VERSION));
        }
    }

    #[test]
    fn what_another_program_or_a_newer_sandlab_wrote_is_left_alone() {
        let path = Path::new("results.db");
        let newer = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 99");
        for (marks, told) in [
            ("CREATE TABLE songs (name TEXT)", "another program"),
            ("PRAGMA application_id = 5", "another program"),
            (newer.as_str(), "version 99"),
        ] {
            let mut store = Connection::open_in_memory().unwrap();
            store.execute_batch(marks).unwrap();
            let before = tables(&store);
            let error = prepare(&mut store, path).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("--store"), "{error}");
            assert_eq!(tables(&store), before);
        }
    }
}
