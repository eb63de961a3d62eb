"""A tandem node as a database of Python's DB-API, for programs that speak SQLite through one. Each statement is a
transaction of its own."""

import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "programs"))

from ask import ask

paramstyle = "qmark"
apilevel, threadsafety = sqlite3.apilevel, 0
sqlite_version_info = sqlite3.sqlite_version_info
Error, DatabaseError, Binary = sqlite3.Error, sqlite3.DatabaseError, sqlite3.Binary
IntegrityError, OperationalError, ProgrammingError = (
    sqlite3.IntegrityError, sqlite3.OperationalError, sqlite3.ProgrammingError)


class Cursor:
    arraysize = 1
    description, rowcount, lastrowid = None, -1, None

    def __init__(self, connection):
        self.connection, self.rows = connection, []

    def execute(self, sql, params=()):
        return self._send(sql, {"sql": sql, "params": list(params)})

    def executemany(self, sql, params):
        return self._send(sql, {"sql": sql, "params_list": [list(one) for one in params]})

    def _send(self, sql, statement):
        if sql.startswith("PRAGMA read_uncommitted"):
            # Of the connection, not of the tables: what is read is recorded.
            self.rows, self.description = [(0,)], [("read_uncommitted",) + (None,) * 6]
            return self
        url, token, space = self.connection.node
        path = "/v1/spaces/" + space
        if sql.lstrip().split()[0].upper() in ("SELECT", "WITH", "PRAGMA"):
            status, answer = ask(url, token, "POST", path + "/queries", statement)
            results = [answer]
        else:
            statements = {"statements": [statement, "SELECT last_insert_rowid()"]}
            status, answer = ask(url, token, "POST", path + "/transactions", statements)
            results = answer.get("results")
        if status != 200:
            of = IntegrityError if answer["code"].startswith("constraint_") else OperationalError
            raise of("%s: %s" % (answer["code"], answer["detail"]))
        result = results[0]
        self.rows = [tuple(row) for row in result.get("rows") or []]
        self.rowcount = result.get("affected", -1)
        self.lastrowid = results[1]["rows"][0][0] if len(results) > 1 else None
        columns = result.get("columns")
        self.description = columns and [(name,) + (None,) * 6 for name in columns]
        return self

    def fetchone(self):
        return self.rows.pop(0) if self.rows else None

    def fetchmany(self, size=1):
        rows, self.rows = self.rows[:size], self.rows[size:]
        return rows

    def fetchall(self):
        rows, self.rows = self.rows, []
        return rows

    def __iter__(self):
        return iter(self.fetchall())

    def close(self):
        self.rows = []


class Connection:
    isolation_level = None

    def __init__(self, node):
        self.node = node

    def cursor(self):
        return Cursor(self)

    def execute(self, sql, params=()):
        return self.cursor().execute(sql, params)

    def commit(self):
        """What was sent is recorded."""

    def rollback(self):
        """Nothing waits to be recorded."""

    def close(self):
        """Each request has a connection of its own."""

    def create_function(self, *_, **__):
        """A node has its own functions."""


def connect(*node, **_):
    return Connection(node)
