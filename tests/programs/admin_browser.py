"""What a browser does with a form of Django's admin: it opens it, and sends it with every field, changed or not.

    admin_browser.py USER PASSWORD open PATH           prints the fields as JSON
    admin_browser.py USER PASSWORD send PATH           sends the fields that come as JSON on the input

Run in the folder of a project, with its settings in DJANGO_SETTINGS_MODULE.
"""

import html.parser
import json
import os
import sys

sys.path.insert(0, os.getcwd())

import django

django.setup()

from django.test import Client


class Form(html.parser.HTMLParser):
    """The fields of a page, as a browser would send them."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.select, self.area = {}, None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "input" and said.get("type") not in ("submit", "reset", "button", "search"):
            if said.get("type") not in ("checkbox", "radio") or "checked" in said:
                self.put(said.get("name"), said.get("value", "on" if said.get("type") == "checkbox" else ""))
        elif tag == "select":
            self.select = (said.get("name"), "multiple" in said)
        elif tag == "option" and self.select:
            name, is_multiple = self.select
            # Of a list the first stands for what is not chosen yet.
            if "selected" in said or not is_multiple and name not in self.fields:
                if not is_multiple:
                    self.fields.pop(name, None)
                self.put(name, said.get("value", ""))
        elif tag == "textarea":
            self.area = said.get("name")
            self.put(self.area, "")

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None
        elif tag == "textarea":
            # The first line's end after the tag is no part of the text.
            self.fields[self.area] = [self.fields[self.area][0].removeprefix("\r\n").removeprefix("\n")]
            self.area = None

    def handle_data(self, data):
        if self.area:
            self.fields[self.area][0] += data

    def put(self, name, value):
        if name:
            self.fields.setdefault(name, []).append(value)


def main(user, password, what, path):
    browser = Client(SERVER_NAME="localhost")
    entered = browser.post("/admin/login/?next=/admin/", {"username": user, "password": password})
    assert entered.status_code == 302, "the name or the password is wrong"
    if what == "open":
        page = browser.get(path)
        assert page.status_code == 200, (path, page.status_code)
        fields = Form(page.content.decode()).fields
        print(json.dumps({name: values[0] if len(values) == 1 else values for name, values in fields.items()}))
        return
    answer = browser.post(path, {**json.load(sys.stdin), "_save": "Save"})
    if answer.status_code != 302:
        sys.exit(f"{path}: {answer.status_code}\n{answer.content.decode()}")


main(*sys.argv[1:])
