"""A till: python3 till.py VIEW URL TOKEN SPACE NAME

It reads view.sqlite directly, on the PC of the node, and writes over HTTP.
"""

import json
import pathlib
import sqlite3
import sys
import urllib.parse

from ask import ask

SALE = json.loads((pathlib.Path(__file__).parent / "sale.json").read_text(encoding="utf-8"))


def stock(view):
    # Read-only; each query sees a whole state, while the node goes on writing.
    database = sqlite3.connect(pathlib.Path(view).as_uri() + "?mode=ro", uri=True, timeout=5)
    for name, left in database.execute("SELECT name, stock FROM articles ORDER BY code"):
        print(f"{name}: {left}")
    database.close()


def sale(key, article, quantity):
    lines = json.dumps([{"article": article, "quantity": quantity, "price": 2.5}])
    values = [{"mode": "CASH"}, {"lines": lines}, {"lines": lines}]
    statements = [{"sql": sql, "params": params} for sql, params in zip(SALE, values)]
    return {"statements": statements, "key": key, "message": key}


view, url, token, space, name = sys.argv[1:]
stock(view)
batch = [
    sale(f"{name} 1", "TEA", 2),
    sale(f"{name} 2", "TEA", 1000),  # more than there is
    sale(f"{name} 3", "JAM", 1),
    sale(f"{name} 1", "TEA", 2),  # sent again, as after a cut
]
status, answer = ask(url, token, "POST", f"/v1/spaces/{urllib.parse.quote(space)}/batch", batch)
if status != 200:
    raise SystemExit(answer["detail"])
for result in answer["results"]:
    if result["status"] == "refused":
        print("refused:", result["error"]["code"])
    else:
        print(result["status"] + ":", result["results"][0]["rows"][0][1])
stock(view)
