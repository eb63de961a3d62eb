CREATE TABLE "élèves" (
  id INTEGER PRIMARY KEY,
  nom TEXT NOT NULL,
  surnom EXTERNAL('citext') DEFAULT '',
  niveau TEXT NOT NULL DEFAULT 'A1',
  depuis INTEGER,
  inscrit TIMESTAMP NOT NULL DEFAULT (CURRENT_TIMESTAMP),
  jour DATE DEFAULT (current_date),
  naissance DATE DEFAULT (CURRENT_DATE),
  doc JSON DEFAULT '{}',
  "clé" UUID DEFAULT (uuid7()),
  frais DECIMAL(38,10),
  tags EXTERNAL('text[]') DEFAULT '{}',
  "Order" INTEGER DEFAULT 0,
  photo BLOB,
  updated_at TIMESTAMP,
  sexe TEXT,
  UNIQUE ("clé"),
  CHECK (sexe IN ('f', 'm')),
  CHECK (length(nom) > 0),
  CHECK (depuis >= 1901 AND depuis <= 2155),
  CHECK (niveau IN ('A1', 'A2'))
);

CREATE TABLE cours (
  id INTEGER PRIMARY KEY,
  titre TEXT NOT NULL,
  UNIQUE (titre)
);

CREATE TABLE inscriptions (
  "élève" INTEGER NOT NULL REFERENCES "élèves" ON DELETE CASCADE,
  cours INTEGER NOT NULL REFERENCES cours,
  PRIMARY KEY ("élève", cours)
);

CREATE TABLE payments (
  id INTEGER PRIMARY KEY,
  "élève" INTEGER REFERENCES "élèves",
  montant DECIMAL(19,2) NOT NULL,
  "numéro" INTEGER
);

CREATE TABLE payments_2026 (
  id INTEGER PRIMARY KEY,
  "élève" INTEGER REFERENCES "élèves",
  montant DECIMAL(19,2) NOT NULL,
  "numéro" INTEGER
);

CREATE INDEX idx ON "élèves" (nom, naissance);

CREATE VIEW soldes AS
  SELECT e.id, e.nom, round(COALESCE(sum(round((p.montant), 2)), 0), 2) AS solde, (CAST((CAST(strftime('%Y', current_timestamp) AS INTEGER)) AS INTEGER) > 2000) AS récent FROM (élèves e LEFT JOIN payments p ON (p.élève = e.id)) WHERE (CAST((e.nom) AS TEXT) LIKE '%é%') GROUP BY e.id, e.nom;

CREATE VIEW par_jour AS
  SELECT DISTINCT ON (nom) nom FROM élèves;
