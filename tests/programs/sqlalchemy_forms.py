"""SQLAlchemy's forms of times, dates, booleans, decimals and UUIDs, sent to tandem as SQL: the same program on a
plain SQLite file comes to the same.

    sqlalchemy_forms.py make                                 prints its tables as SQL
    sqlalchemy_forms.py compare PLAIN URL TOKEN SPACE SEED COUNT
"""

import datetime
import decimal
import json
import random
import sys
import uuid
import warnings

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as dialect

import tandem_dbapi

FIRST = datetime.datetime(2025, 12, 28, 22, 0)


class Uuid(sa.types.TypeDecorator):
    """As SQLAlchemy 2 keeps UUIDs in SQLite, and its documentation before: 32 digits, no dashes."""

    impl, cache_ok = sa.CHAR(32), True

    def process_bind_param(self, value, dialect):
        return value and value.hex

    def process_result_value(self, value, dialect):
        return value and uuid.UUID(value)


meta = sa.MetaData()
# In tandem `key` and `other` are declared UUID, and `hexadecimal` is left as it is.
note = sa.Table(
    "note", meta,
    sa.Column("key", Uuid, primary_key=True),
    sa.Column("other", Uuid),
    sa.Column("hexadecimal", Uuid),
    sa.Column("title", sa.String(20), nullable=False),
    sa.Column("at", sa.DateTime),
    sa.Column("changed", sa.DateTime, nullable=False),
    sa.Column("day", sa.Date),
    sa.Column("hour", sa.Time),
    sa.Column("done", sa.Boolean, nullable=False),
    sa.Column("price", sa.Numeric(10, 2)),
)
line = sa.Table(
    "line", meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("note", Uuid, sa.ForeignKey("note.key"), nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)
UUIDS = ("key", "other", "note")


def tables():
    for table in meta.sorted_tables:
        sql = str(sa.schema.CreateTable(table).compile(dialect=dialect.dialect()))
        for name in UUIDS:
            sql = sql.replace("\t%s CHAR(32)" % name, "\t%s UUID" % name)
            sql = sql.replace('\t"%s" CHAR(32)' % name, '\t"%s" UUID' % name)
        print(sql.strip() + ";")


class Values:
    def __init__(self, seed):
        self.random, self.keys = random.Random(seed), []

    def moment(self):
        choice = self.random.choice
        step = datetime.timedelta(days=choice(range(40)), hours=choice((0, 1, 7)), minutes=choice((0, 59)))
        return FIRST + step + datetime.timedelta(microseconds=choice((0, 0, 1, 500_000, 999_999)))

    def day(self):
        return self.moment().date()

    def hour(self):
        return self.moment().time()

    def price(self):
        return decimal.Decimal(self.random.randrange(-500, 2000)) / 4

    def key(self):
        return self.random.choice(self.keys)

    def done(self):
        return self.random.choice((True, False))

    def of(self, column):
        named = {"day": self.day, "hour": self.hour, "price": self.price, "done": self.done}
        kind = self.moment if column.name in ("at", "changed") else named.get(column.name, self.key)
        return kind()

    def none_or(self, value):
        return None if self.random.randrange(9) == 0 else value

    def note(self, at):
        key = uuid.UUID(int=self.random.getrandbits(128))
        self.keys.append(key)
        return {
            "key": key, "other": self.none_or(self.key()), "hexadecimal": self.key(), "title": "note %d" % at,
            "at": self.none_or(self.moment()), "changed": self.moment(), "day": self.none_or(self.day()),
            "hour": self.none_or(self.hour()), "done": self.done(), "price": self.none_or(self.price()),
        }


def writes(values):
    """What the program writes; the last of it by keys and times that are compared."""
    yield note.insert(), [values.note(at) for at in range(60)]
    for at in range(60, 90):
        yield note.insert().values(**values.note(at)), None
    lines = [{"id": at, "note": values.key(), "at": values.moment()} for at in range(1, 80)]
    yield line.insert(), lines
    yield note.update().where(note.c.at < values.moment()).values(changed=values.moment(), day=values.day()), None
    yield note.update().where(note.c.key == values.key()).values(other=values.key(), hour=values.hour()), None
    yield note.update().where(note.c.day.in_([values.day() for _ in range(9)])).values(
        at=sa.case((note.c.done == True, values.moment()), else_=note.c.changed)), None
    yield line.insert().from_select(
        ["id", "note", "at"], sa.select(sa.literal(1000), note.c.key, sa.literal(values.moment(), sa.DateTime)).limit(1)
        .where(note.c.key == values.keys[3])), None
    yield line.delete().where(line.c.at.between(*sorted((values.moment(), values.moment())))), None
    for key in (values.keys[5], uuid.UUID(int=7)):
        row = {**values.note(200), "key": key}
        upsert = dialect.insert(note).values(**row)
        yield upsert.on_conflict_do_update(index_elements=["key"], set_={"changed": row["changed"], "done": True}), None


def condition(values, columns):
    """A comparison of a column with a value, or with another column, as the ORM writes it."""
    column = values.random.choice(columns)
    value = lambda: values.of(column)
    hexadecimal = lambda one: one is note.c.hexadecimal
    alike = [one for one in columns
             if type(one.type) is type(column.type) and hexadecimal(one) == hexadecimal(column)]
    some = lambda: [value() for _ in range(5)]
    kinds = [
        lambda: column == value(), lambda: column != value(), lambda: column.in_(some()),
        lambda: column.not_in(some()), lambda: column.is_(None), lambda: column == values.random.choice(alike),
        lambda: column.is_distinct_from(value()), lambda: sa.case((column == value(), 1), else_=0) == 1,
        lambda: column.in_(sa.select(values.random.choice(alike)).where(column.isnot(None))),
        lambda: sa.func.coalesce(column, sa.literal(value(), column.type), type_=column.type) == value(),
        lambda: sa.tuple_(column, note.c.done).in_([(value(), values.done()) for _ in range(3)]),
    ]
    if not isinstance(column.type, (Uuid, sa.Boolean)):
        kinds += [
            lambda: column < value(), lambda: column >= value(), lambda: column.between(*sorted((value(), value()))),
            lambda: ~column.between(*sorted((value(), value()))), lambda: column > values.random.choice(alike),
            lambda: column >= sa.select(sa.func.max(values.random.choice(alike))).scalar_subquery(),
        ]
    if column.name in ("at", "changed"):
        kinds += [
            lambda: sa.extract("year", column) == values.random.choice((2025, 2026)),
            lambda: sa.extract("month", column).in_((1, 12)), lambda: sa.extract("second", column) > 30,
            lambda: sa.func.date(column) >= values.day().isoformat(),
            lambda: sa.func.strftime("%H:%M", column) == values.moment().strftime("%H:%M"),
        ]
    return values.random.choice(kinds)()


def query(values):
    columns = [column for column in note.c if column.name != "title"]
    where = condition(values, columns)
    for _ in range(values.random.randrange(3)):
        where = values.random.choice((sa.and_, sa.or_))(where, condition(values, columns))
    order = [values.random.choice((column.asc(), column.desc())) for column in values.random.sample(columns, 2)]
    order = [one for one in order if not isinstance(one.element.type, Uuid)] + [note.c.title]
    inner = sa.select(note).where(where).subquery()
    moment = values.moment()
    return values.random.choice((
        lambda: sa.select(note).where(where).order_by(*order),
        lambda: sa.select(note).where(where).order_by(*order).limit(7).offset(2),
        lambda: sa.select(sa.func.max(note.c.at), sa.func.min(note.c.day), sa.func.count(note.c.hour)).where(where),
        lambda: sa.select(note.c.day, sa.func.count()).where(where).group_by(note.c.day).order_by(note.c.day)
        .having(sa.func.max(note.c.at) > moment),
        lambda: sa.select(inner.c.title, inner.c.at).where(inner.c.changed > moment).order_by(inner.c.title),
        lambda: sa.select(note.c.title, line.c.at).join(line, line.c.note == note.c.key).where(where)
        .where(line.c.at >= moment).order_by(note.c.title, line.c.id),
        lambda: sa.select(note.c.title).where(where).where(
            sa.exists().where(line.c.note == note.c.key, line.c.at < moment)).order_by(note.c.title),
        lambda: sa.union(
            sa.select(note.c.at).where(where), sa.select(line.c.at).where(line.c.at > moment)).order_by("at"),
        lambda: sa.select(note.c.title, sa.func.max(note.c.at).over(partition_by=note.c.done)).where(where)
        .order_by(note.c.title),
    ))()


def not_covered(values):
    """What compares what is stored, and so finds other rows: each is listed in docs/sql.md."""
    moment, text, key = FIRST, "2025-12-28 22:00:00.000000", values.keys[0]
    return {
        "LIKE": sa.type_coerce(note.c.changed, sa.Text).like("%.000000"),
        "length": sa.func.length(note.c.changed) == 26,
        "||": (sa.cast(note.c.changed, sa.Text) + "!") == text + "!",
        "substr": sa.func.substr(note.c.key, 9, 1, type_=sa.Text) != "-",
        "nullif": sa.func.nullif(note.c.changed, moment).is_(None),
        "case": sa.case((note.c.done == True, note.c.changed), else_=note.c.changed) == moment,
        "hexadecimal": note.c.hexadecimal == sa.select(sa.literal_column("other")).where(note.c.key == key)
        .scalar_subquery(),
    }


def compare(plain, node, seed, count):
    values, done, empty = Values(seed), 0, 0
    engines = [
        sa.create_engine("sqlite:///" + plain),
        sa.create_engine("sqlite://", module=tandem_dbapi, creator=lambda: tandem_dbapi.connect(*node)),
    ]
    meta.create_all(engines[0])
    with engines[0].begin() as one, engines[1].begin() as other:
        def rows(statement, params=None):
            results = [database.execute(statement, *([params] if params else [])) for database in (one, other)]
            return [result.fetchall() if result.returns_rows else result.rowcount for result in results]

        # What is not covered is asked of this one; nothing that is written changes it.
        first = {**values.note(1000), "changed": FIRST, "at": None, "day": None}
        for statement, params in [(note.insert().values(**first), None), *writes(values)]:
            found = rows(statement, params)
            if params is None and found[0] != found[1]:
                raise SystemExit("%s: plain SQLite wrote %r rows, tandem %r" % (statement, *found))
        for table in (note, line):
            found = rows(sa.select(table).order_by(*table.primary_key))
            assert found[0] == found[1] and found[0], "%s: %r, %r" % (table, *found)
        for at in range(count):
            statement = query(values)
            found = rows(statement)
            if found[0] != found[1]:
                told = statement.compile(engines[0], compile_kwargs={"render_postcompile": True})
                raise SystemExit("query %d, %s with %r: plain SQLite gives %r, tandem %r"
                                 % (at, told, told.params, *found))
            done, empty = done + 1, empty + (not found[0])
        differs = []
        for name, where in not_covered(values).items():
            found = rows(sa.select(note.c.title).where(where).order_by(note.c.title))
            differs += [name] if found[0] != found[1] else []
    print(json.dumps({"queries": done, "empty": empty, "differs": differs}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", ".*does \\*not\\* support Decimal.*")
    if sys.argv[1] == "make":
        tables()
    else:
        plain, url, token, space, seed, count = sys.argv[2:]
        compare(plain, (url, token, space), int(seed), int(count))
