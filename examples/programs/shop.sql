-- What the programs beside this file sell.

CREATE TABLE articles (
  code  TEXT PRIMARY KEY,
  name  TEXT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock COUNTER NOT NULL DEFAULT 0,
  CHECK (stock >= 0)
);

CREATE TABLE sales (
  id     INTEGER PRIMARY KEY,
  number TEXT UNIQUE DEFAULT (site_number('FAC-')),
  mode   TEXT NOT NULL CHECK (mode IN ('CASH', 'CARD')),
  at     TIMESTAMP NOT NULL DEFAULT (now())
);

CREATE TABLE sale_lines (
  id       INTEGER PRIMARY KEY,
  sale     INTEGER NOT NULL REFERENCES sales ON DELETE CASCADE,
  article  TEXT NOT NULL REFERENCES articles,
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  price    DECIMAL(10,2) NOT NULL
);
