-- La base d'une école de langues : onze tables, les mêmes sur chaque PC.
--
-- Types propres à tandem :
--   COUNTER  un total : deux PC qui y ajoutent en même temps s'additionnent
--   STAMP    heure de dernière modification : la plus récente est affichée
--   QUIET    texte dont les modifications simultanées ne méritent pas d'alerte
-- Une clé INTEGER PRIMARY KEY laissée vide est attribuée par tandem, sans
-- jamais répéter celle d'un autre PC. Les montants sont en dinars.
-- teacher_id et academic_year_id désignent le personnel et l'année scolaire,
-- tenus dans le logiciel de l'école et non dans ces tables.

-- Données de référence ------------------------------------------------------

CREATE TABLE subjects (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE levels (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL
);

CREATE TABLE tariffs (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  amount DECIMAL(12,2) NOT NULL CHECK (amount >= 0)
);

-- value : un pourcentage ou un montant, selon type
CREATE TABLE discounts (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  value DECIMAL(12,2) NOT NULL CHECK (value >= 0),
  type  TEXT NOT NULL DEFAULT 'percent' CHECK (type IN ('percent', 'amount'))
);

-- Élèves, groupes, séances --------------------------------------------------

CREATE TABLE students (
  id                INTEGER PRIMARY KEY,
  first_name        TEXT NOT NULL,
  last_name         TEXT NOT NULL,
  email             TEXT,
  phone             TEXT,
  date_of_birth     DATE,
  address           TEXT,
  emergency_contact TEXT,
  is_active         BOOLEAN NOT NULL DEFAULT TRUE,
  created_at        TIMESTAMP,
  updated_at        STAMP
);

CREATE TABLE cohorts (
  id               INTEGER PRIMARY KEY,
  name             TEXT NOT NULL,
  subject_id       INTEGER NOT NULL REFERENCES subjects (id) ON DELETE RESTRICT,
  teacher_id       INTEGER,
  academic_year_id INTEGER,
  start_date       DATE,
  end_date         DATE,
  schedule         TEXT,
  max_students     INTEGER NOT NULL DEFAULT 15 CHECK (max_students > 0),
  cohort_type      TEXT NOT NULL DEFAULT 'group' CHECK (cohort_type IN ('group', 'intensive', 'private')),
  is_active        BOOLEAN NOT NULL DEFAULT TRUE,
  created_at       TIMESTAMP,
  updated_at       STAMP
);

-- duration : en minutes. Un groupe supprimé emporte ses séances.
CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY,
  cohort_id  INTEGER NOT NULL REFERENCES cohorts (id) ON DELETE CASCADE,
  date       DATE NOT NULL,
  start_time TIME NOT NULL,
  end_time   TIME NOT NULL,
  duration   INTEGER NOT NULL DEFAULT 120 CHECK (duration > 0),
  status     TEXT NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'done', 'cancelled')),
  notes      TEXT,
  created_at TIMESTAMP,
  updated_at STAMP
);

-- Inscriptions et présences -------------------------------------------------

-- Un élève ou un groupe qui a des contrats ne se supprime pas ; une réduction
-- retirée du catalogue laisse le contrat en place. hours_consumed est un
-- total : deux salles qui décomptent des heures en même temps s'additionnent.
CREATE TABLE enrollments (
  id              INTEGER PRIMARY KEY,
  student_id      INTEGER NOT NULL REFERENCES students (id) ON DELETE RESTRICT,
  cohort_id       INTEGER NOT NULL REFERENCES cohorts (id) ON DELETE RESTRICT,
  tariff_id       INTEGER NOT NULL REFERENCES tariffs (id) ON DELETE RESTRICT,
  payment_plan    TEXT NOT NULL DEFAULT 'full' CHECK (payment_plan IN ('full', 'quarterly', 'monthly')),
  discount_id     INTEGER REFERENCES discounts (id) ON DELETE SET NULL,
  hours_purchased INTEGER NOT NULL DEFAULT 0 CHECK (hours_purchased >= 0),
  hours_consumed  COUNTER NOT NULL DEFAULT 0,
  is_active       BOOLEAN NOT NULL DEFAULT TRUE,
  date            DATE NOT NULL,
  contract_code   TEXT UNIQUE,
  created_at      TIMESTAMP,
  updated_at      STAMP
);

-- Une séance supprimée emporte ses présences.
CREATE TABLE attendance (
  id         UUID PRIMARY KEY DEFAULT (uuid7()),
  session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  student_id INTEGER NOT NULL REFERENCES students (id) ON DELETE RESTRICT,
  status     TEXT NOT NULL DEFAULT 'present' CHECK (status IN ('present', 'absent', 'late', 'excused')),
  notes      TEXT,
  created_at TIMESTAMP,
  updated_at STAMP
);

-- Argent : rien de ce qui a été payé ne disparaît avec autre chose -----------

CREATE TABLE payments (
  id            INTEGER PRIMARY KEY,
  enrollment_id INTEGER NOT NULL REFERENCES enrollments (id) ON DELETE RESTRICT,
  amount        DECIMAL(12,2) NOT NULL,
  date          DATE NOT NULL,
  method        TEXT NOT NULL DEFAULT 'cash' CHECK (method IN ('cash', 'card', 'cheque', 'transfer')),
  notes         TEXT,
  created_at    TIMESTAMP,
  updated_at    STAMP,
  updated_by    QUIET
);

CREATE TABLE teacher_payments (
  id         INTEGER PRIMARY KEY,
  cohort_id  INTEGER NOT NULL REFERENCES cohorts (id) ON DELETE RESTRICT,
  teacher_id INTEGER NOT NULL,
  amount     DECIMAL(12,2) NOT NULL,
  date       DATE NOT NULL,
  notes      TEXT,
  created_at TIMESTAMP,
  updated_at STAMP,
  updated_by QUIET
);

-- Ce que l'on cherche tous les jours ----------------------------------------

CREATE INDEX sessions_by_cohort ON sessions (cohort_id);
CREATE INDEX enrollments_by_student ON enrollments (student_id);
CREATE INDEX enrollments_by_cohort ON enrollments (cohort_id);
CREATE INDEX attendance_by_session ON attendance (session_id);
CREATE INDEX attendance_by_student ON attendance (student_id);
CREATE INDEX payments_by_enrollment ON payments (enrollment_id);
