CREATE TABLE clients (
  id INTEGER PRIMARY KEY,
  nom TEXT NOT NULL DEFAULT '',
  "e-mail" TEXT,
  actif BOOLEAN NOT NULL DEFAULT 1,
  solde DECIMAL(12,2) NOT NULL DEFAULT 0.00,
  "civilité" TEXT DEFAULT 'Mme',
  droits EXTERNAL('set'),
  photo BLOB,
  created_at TIMESTAMP DEFAULT (CURRENT_TIMESTAMP),
  updated_at STAMP,
  naissance DATE,
  UNIQUE ("e-mail"),
  CHECK (solde >= 0),
  CHECK ("civilité" IN ('M.', 'Mme', 'l''autre'))
);

CREATE TABLE produits (
  code TEXT PRIMARY KEY,
  key INTEGER,
  stock INTEGER NOT NULL DEFAULT 0,
  prix REAL,
  poids REAL,
  bits BOOLEAN DEFAULT 0,
  CHECK (poids > 0)
);

CREATE TABLE lignes (
  id INTEGER PRIMARY KEY,
  client INTEGER REFERENCES clients ON DELETE CASCADE,
  produit TEXT REFERENCES produits ON DELETE SET NULL,
  "quantité" INTEGER NOT NULL,
  CHECK (client >= 0)
);

CREATE TABLE prix (
  produit TEXT NOT NULL,
  depuis DATE NOT NULL,
  prix DECIMAL(38,30),
  numero INTEGER NOT NULL,
  PRIMARY KEY (produit, depuis),
  UNIQUE (numero)
);

CREATE TABLE journal (
  id INTEGER PRIMARY KEY,
  quoi TEXT,
  quand TIME,
  PRIMARYX INTEGER,
  produit TEXT,
  depuis DATE,
  FOREIGN KEY (produit, depuis) REFERENCES prix (produit, depuis)
);

CREATE INDEX nom ON clients (nom);
CREATE INDEX produits_nom ON produits (key);

CREATE VIEW v AS
  SELECT `c`.`id` AS `id`, (`c`.`nom` || ' (' || `c`.`civilité` || ')') AS `qui`, count(`l`.`id`) * 1.0 / 2 AS `moitié` FROM (`clients` `c` LEFT JOIN `lignes` `l` ON (`l`.`client` = `c`.`id`)) WHERE (CAST(strftime('%Y', `c`.`created_at`) AS INTEGER) > 2000 OR `c`.`created_at` IS NULL) GROUP BY `c`.`id`;

CREATE VIEW illisible AS
  SELECT nom REGEXP '^a' AS a, ST_Area(nom) FROM clients;
