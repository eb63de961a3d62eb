CREATE TABLE books (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL DEFAULT 'Unknown',
  "series index" REAL NOT NULL DEFAULT 1.0,
  pubdate TIMESTAMP DEFAULT (CURRENT_TIMESTAMP),
  price REAL,
  thing TEXT,
  flags INTEGER DEFAULT 0,
  rowid_ TEXT,
  last_modified TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00',
  UNIQUE (title, pubdate),
  CHECK (price >= 0)
);

CREATE TABLE books_authors_link (
  book INTEGER NOT NULL,
  author INTEGER NOT NULL,
  PRIMARY KEY (book, author)
);

CREATE TABLE "it's ""x""" (
  a TEXT PRIMARY KEY,
  b INTEGER
);

CREATE TABLE prefs (
  key TEXT PRIMARY KEY,
  val TEXT NOT NULL
);

CREATE TABLE notes (
  item INTEGER REFERENCES books,
  text TEXT,
  PRIMARY KEY (item, text)
);

CREATE INDEX books_idx ON books (title);
CREATE INDEX notes_notes ON notes (item);

CREATE VIEW meta AS
  SELECT id FROM books;
