-- The database's tables. Journal rows are append-only and hold the events of one commit packed together.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (service, kind, key)
) WITHOUT ROWID;
CREATE TABLE blob_references (
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (service, kind, key, digest)
) WITHOUT ROWID;
CREATE INDEX blob_references_digest ON blob_references (digest);
CREATE TABLE blobs (digest TEXT PRIMARY KEY, written REAL NOT NULL, data BLOB NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY, name TEXT NOT NULL, format INTEGER NOT NULL, events BLOB NOT NULL);
CREATE INDEX journal_name ON journal (name, id);
CREATE TABLE effects (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE timers (key TEXT PRIMARY KEY, due REAL NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE replies (token TEXT PRIMARY KEY, reply BLOB NOT NULL) WITHOUT ROWID;
