PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE books ( id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL DEFAULT 'Unknown' COLLATE NOCASE,
  [series index] REAL NOT NULL DEFAULT 1.0,
  pubdate TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  price NUMERIC, thing, flags LONGINT DEFAULT 0, rowid TEXT,
  last_modified TIMESTAMP NOT NULL DEFAULT "2000-01-01 00:00:00+00:00",
  CHECK (price >= 0), UNIQUE(title, pubdate));
CREATE TABLE books_authors_link ( book INTEGER NOT NULL, author INTEGER NOT NULL);
CREATE TABLE "it's ""x""" (a VARCHAR(10) NOT NULL, b INT, UNIQUE (a));
CREATE TABLE prefs (key TEXT NOT NULL, val TEXT NOT NULL, UNIQUE(key)) STRICT;
CREATE TABLE notes (item INT, text TEXT, FOREIGN KEY(item) REFERENCES books(id), FOREIGN KEY(text) REFERENCES prefs(val),
  FOREIGN KEY(item) REFERENCES nowhere(id)) ;
INSERT INTO books(id, title) VALUES(1,'a;b');
CREATE INDEX books_idx ON books (title COLLATE NOCASE);
CREATE INDEX notes ON notes (item);
CREATE INDEX upper_idx ON books (upper(title));
CREATE VIEW meta AS SELECT id FROM books;
CREATE TRIGGER fk_insert BEFORE INSERT ON books_authors_link BEGIN
  SELECT CASE WHEN (SELECT id FROM books WHERE id=NEW.book) IS NULL THEN RAISE(ABORT, 'x; y') END;
END;
DELETE FROM sqlite_sequence;
COMMIT;
