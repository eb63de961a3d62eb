"""Filters on times and dates, as Django and Laravel write them for SQLite: on tandem's view file they give what
they give on a plain SQLite file that the same program filled.

    django_filters.py make PLAIN                                 makes the tables, and prints them as SQL
    django_filters.py fill PLAIN URL TOKEN SPACE SEED            fills both
    django_filters.py compare PLAIN VIEW SEED COUNT              compares so many queries; prints what was compared
"""

import datetime
import decimal
import json
import pathlib
import random
import re
import sqlite3
import sys
import uuid

import django
from django.conf import settings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "programs"))

from ask import ask

UTC = datetime.timezone.utc
FIRST = datetime.datetime(2025, 12, 28, 22, 0, tzinfo=UTC)
LARAVEL = """CREATE TABLE "visits" ("id" integer primary key autoincrement not null, "title" varchar not null,
"at" datetime, "day" date, "hour" time, "created_at" datetime, "updated_at" datetime)"""


def configure(plain, view):
    view = view and "file:" + view + "?mode=ro"
    database = lambda name, options: {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    settings.configure(
        DATABASES={"default": database(plain, {}), "view": database(view or ":memory:", {"uri": True})},
        USE_TZ=True,
        TIME_ZONE="Europe/Paris",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from django.db import models

    class Event(models.Model):
        title = models.CharField(max_length=20)
        at = models.DateTimeField(null=True, db_index=True)
        changed = models.DateTimeField()
        day = models.DateField(null=True)
        hour = models.TimeField(null=True)
        done = models.BooleanField(default=False)
        price = models.DecimalField(max_digits=8, decimal_places=2)
        key = models.UUIDField()

        class Meta:
            app_label = "shows"
            db_table = "event"

    return Event


class Values:
    """Moments that lie close together, so that bounds are met exactly."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def moment(self, fractions=(0, 0, 1, 500_000, 999_999)):
        choice = self.random.choice
        step = datetime.timedelta(days=choice(range(66)), hours=choice((0, 1, 2, 9)), minutes=choice((0, 30, 59)))
        moment = FIRST + step + datetime.timedelta(seconds=choice((0, 59)), microseconds=choice(fractions))
        return moment.replace(year=choice((2024, 2028, 1999))) if choice(range(9)) == 0 else moment

    def day(self):
        return self.moment().date()

    def hour(self):
        return self.moment().time()

    def none_or(self, value):
        return None if self.random.randrange(9) == 0 else value


def make(Event, plain):
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.create_model(Event)
    database = sqlite3.connect(plain)
    database.execute(LARAVEL)
    database.commit()
    tables = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC"
    for (sql,) in database.execute(tables):
        print(sql + ";")


def send(url, token, space, statements):
    path = "/v1/spaces/" + space + "/transactions"
    status, answer = ask(url, token, "POST", path, {"statements": statements})
    assert status == 200, answer


def fill(Event, plain, url, token, space, seed):
    from django.db import connection

    values, written = Values(seed), []

    def record(execute, sql, params, many, context):
        if re.match("INSERT|UPDATE|DELETE", sql):
            # As Django's own cursor of SQLite does.
            question_marks = re.sub(r"(?<!%)%s", "?", sql).replace("%%", "%")
            written.append({"sql": question_marks, "params": list(params)})
        return execute(sql, params, many, context)

    def event(at):
        return Event(
            title="event %d" % at,
            at=values.none_or(values.moment()),
            changed=values.moment(),
            day=values.none_or(values.day()),
            hour=values.none_or(values.hour()),
            done=values.random.randrange(2) == 0,
            price=decimal.Decimal(values.random.randrange(9_999)) / 100,
            key=uuid.UUID(int=values.random.getrandbits(128)),
        )

    with connection.execute_wrapper(record):
        Event.objects.bulk_create([event(at) for at in range(600)], batch_size=50)
        for at in range(20):
            event(600 + at).save()
        Event.objects.filter(title__in=["event %d" % at for at in range(30)]).update(at=values.moment(), day=values.day())
        Event.objects.filter(title="event 7").delete()
    insert = 'insert into "visits" ("title", "at", "day", "hour", "created_at", "updated_at") values (?, ?, ?, ?, ?, ?)'
    database = sqlite3.connect(plain)
    for at in range(400):
        times = [values.moment((0,)).strftime("%Y-%m-%d %H:%M:%S") for _ in range(3)]
        day, hour = values.day().isoformat(), values.moment((0,)).strftime("%H:%M:%S")
        row = ["visit %d" % at, values.none_or(times[0]), values.none_or(day), values.none_or(hour)] + times[1:]
        database.execute(insert, row)
        written.append({"sql": insert, "params": row})
    database.commit()
    # Ids are given by each database; what is compared names the rows by their titles.
    send(url, token, space, written)


def django_query(Event, values):
    """A query as Django writes it; a function of the rows to ask."""
    from django.db.models import Count, F, Max, Min, Q
    from django.db.models.functions import ExtractHour, ExtractIsoYear, ExtractWeek, TruncDay, TruncHour, TruncMonth

    choice = values.random.choice

    def part():
        field = choice(("at", "changed", "day", "hour"))
        is_day, is_hour = field == "day", field == "hour"
        value = values.day if is_day else values.hour if is_hour else values.moment
        compare = ("exact", "lt", "lte", "gt", "gte", "range", "in", "isnull")
        days = ("year", "year__gte", "year__lt", "month", "day", "week", "week_day", "iso_year", "quarter", "month__in")
        hours = ("hour", "minute", "second", "hour__lt")
        both = ("date", "date__gte", "time", "time__lt")
        kinds = compare + (days if is_day else hours if is_hour else days + hours + both)
        kind = choice(kinds)
        last = kind.split("__")[0]
        given = {
            "range": lambda: sorted((value(), value())),
            "in": lambda: [value() for _ in range(5)],
            "isnull": lambda: choice((True, False)),
            "year": lambda: choice((1999, 2024, 2025, 2026)),
            "iso_year": lambda: choice((2025, 2026)),
            "month": lambda: [1, 12] if kind == "month__in" else choice((1, 2, 3, 12)),
            "day": lambda: choice((1, 28, 29, 31)),
            "week": lambda: choice((1, 5, 53)),
            "week_day": lambda: choice(range(1, 8)),
            "quarter": lambda: choice((1, 4)),
            "hour": lambda: choice(range(24)),
            "minute": lambda: choice((0, 29, 30, 59)),
            "second": lambda: choice((0, 59)),
            "date": values.day,
            "time": values.hour,
        }.get(last, value)
        return Q(**{field + "__" + kind: given()})

    where = part()
    for _ in range(values.random.randrange(3)):
        where = choice((where & part(), where | part(), where & ~part()))
    if values.random.randrange(8) == 0:
        where &= Q(at__gt=F("changed"))
    order = (choice(("", "-")) + choice(("at", "changed", "day", "hour")), "title")
    shape = values.random.randrange(9)

    def ask(rows):
        rows = rows.filter(where)
        if shape == 0:
            return rows.aggregate(Max("at"), Min("changed"), Max("day"), Min("hour"), Count("at"))
        if shape == 1:
            trunc = (TruncMonth, TruncDay, TruncHour)[len(str(where)) % 3]
            return list(rows.annotate(of=trunc("at")).values("of").annotate(n=Count("id")).order_by("of"))
        if shape == 2:
            extract = (ExtractWeek, ExtractHour, ExtractIsoYear)[len(str(where)) % 3]
            return list(rows.annotate(of=extract("changed")).values_list("of", "title").order_by("of", "title"))
        if shape == 3:
            return list(rows.datetimes("changed", "day")) + list(rows.dates("day", "month"))
        return list(rows.order_by(*order).values_list("title", "at", "changed", "day", "hour")[: (None, 7)[shape == 4]])

    return str(where), ask


def laravel_query(values):
    """A query as Laravel's grammar of SQLite writes it, and its values."""
    choice = values.random.choice
    moment = lambda: values.moment((0,)).strftime("%Y-%m-%d %H:%M:%S")
    day, hour = lambda: values.day().isoformat(), lambda: values.moment((0,)).strftime("%H:%M:%S")

    def part():
        sign = choice(("=", "<", "<=", ">", ">=", "!="))
        column = choice(("at", "created_at", "updated_at"))
        part_of = lambda format, value: ("strftime('%s', \"%s\") %s cast(? as text)" % (format, column, sign), [value])
        return choice((
            lambda: part_of("%Y-%m-%d", day()),
            lambda: part_of("%d", choice(("01", "28", "29", "31"))),
            lambda: part_of("%m", choice(("01", "02", "12"))),
            lambda: part_of("%Y", choice((1999, 2024, 2025, 2026))),
            lambda: part_of("%H:%M:%S", hour()),
            lambda: ('strftime(\'%%H:%%M:%%S\', "hour") %s cast(? as text)' % sign, [hour()]),
            lambda: ('strftime(\'%%Y\', "day") %s cast(? as text)' % sign, [choice((2025, 2026))]),
            lambda: ('"%s" %s ?' % (column, sign), [moment()]),
            lambda: ('"day" %s ?' % sign, [day()]),
            lambda: ('"hour" %s ?' % sign, [hour()]),
            lambda: ('"%s" between ? and ?' % column, sorted((moment(), moment()))),
            lambda: ('"%s" not between ? and ?' % column, sorted((moment(), moment()))),
            lambda: ('"%s" between ? and ?' % column, sorted((day(), day()))),
            lambda: ('"day" between ? and ?', sorted((day(), day()))),
            lambda: ('"hour" between ? and ?', sorted((hour(), hour()))),
            lambda: ('"day" in (?, ?, ?)', [day(), day(), day()]),
            lambda: ('"%s" is null' % column, []),
            lambda: ('"at" %s "updated_at"' % sign, []),
            lambda: ('"%s" like ?' % column, [day()[:7] + "%"]),
            lambda: ('date("%s") %s ?' % (column, sign), [day()]),
            lambda: ('time("%s") %s ?' % (column, sign), [hour()]),
            lambda: ('julianday("updated_at") - julianday("created_at") %s ?' % sign, [choice((-1, 0, 7.5))]),
            lambda: ('"at" >= datetime(?, ?)', [moment(), choice(("-7 days", "start of month", "+1 hour"))]),
        ))()

    parts = [part() for _ in range(1 + values.random.randrange(3))]
    where = choice((" and ", " or ")).join(sql for sql, _ in parts)
    params = [value for _, given in parts for value in given]
    order = '"%s" %s, "title"' % (choice(("at", "day", "hour", "created_at")), choice(("asc", "desc")))
    shapes = (
        'select max("at") as aggregate, min("day"), max("hour"), count(*) from "visits" where %s',
        'select strftime(\'%%Y-%%m\', "at") as month, count(*) from "visits" where %s group by month order by month',
        'select date("created_at"), time("hour"), "title" from "visits" where %s order by ' + order.replace("%", "%%"),
    )
    plain = 'select "title", "at", "day", "hour", "created_at" from "visits" where %s order by ' + order
    plain += choice(("", " limit 15 offset 0"))
    shape = choice(shapes + (plain, plain, plain)).replace("%%", "%")
    return shape.replace("where %s", "where " + where), params


def compare(Event, plain, view, seed, count):
    values, done, empty = Values(seed), {"django": 0, "laravel": 0}, 0
    files = [sqlite3.connect("file:" + file + "?mode=ro", uri=True) for file in (plain, view)]
    for at in range(count):
        if at % 2 == 0:
            told, ask = django_query(Event, values)
            found = [ask(Event.objects.using(name)) for name in ("default", "view")]
        else:
            told = laravel_query(values)
            found = [file.execute(*told).fetchall() for file in files]
        if found[0] != found[1]:
            print("query %d, %s: plain SQLite gives %r, the view %r" % (at, told, *found), file=sys.stderr)
            raise SystemExit(1)
        done["django" if at % 2 == 0 else "laravel"] += 1
        empty += not found[0]
    print(json.dumps({**done, "empty": empty}))


if __name__ == "__main__":
    what, plain, *rest = sys.argv[1:]
    if what == "make":
        make(configure(plain, None), plain)
    elif what == "fill":
        url, token, space, seed = rest
        fill(configure(plain, None), plain, url, token, space, int(seed))
    else:
        view, seed, count = rest
        compare(configure(plain, view), plain, view, int(seed), int(count))
