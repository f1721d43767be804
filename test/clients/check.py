"""Compares what clients saw with the table of requests.

Usage: check.py expand            prints the table as a client reads it: with its long texts written out
       check.py lines             prints it for languages that read no JSON: DO, NAME and SEND, with tabs between them, a step a line,
                                  and "end" behind the steps of a transaction or savepoint
       check.py compare FILE...   compares; what one client printed is in FILE.jsonl, and through a pooler in FILE_pooled.jsonl. Prints TAP
                                  without a plan: the environment's COUNTED is how many tests came before, and it counts on from there
       check.py note PAGE WITH FILE...   writes into the page's table what came of it, "with" that server and pooler, today; the clients
                                         of other rows were not run. Why one was not run through a pooler is in FILE.not_pooled

requests.json has `setup`, statements for a new database, and `steps`, which a client runs in their order on one connection:

  name      of the step; the client says it with what it saw
  do        upsert        send is the request: SELECT contact_upsert($1) with it as jsonb; the answer is the one value
            upsert_text   likewise, but send is JSON in text, and the answer is contact_upsert(...)::text
            preview       the answer is the rows of SELECT outcome, version, changes, error FROM contacts.preview($1)
            upsert_many   ... of SELECT position, outcome, version, error FROM contacts.upsert_many($1)
            sql           send is a statement without parameters; the answer is null
            transaction, savepoint   run steps inside; an error inside rolls it back, ends it, and stops there
            upsert_...    what only a program can send, see drivers/steps.mjs; who cannot leaves it out
  answer    what must come back; or error: {sqlstate, message, detail, hint}, detail as parsed JSON where it is JSON; or
            outcomes, by name, of which a client's first line says which one is its own
  as_sent   in the answer's text, a number is as the client's numbers make it: it has sent it so before
  <id>, <time>, <N letters>   in a string: 24 hex digits, a time of today, N times the letter x

A client prints JSON lines. The first says about it: client, version; jsonb (`parsed`, or `text` if that is what it gets), bigint
(`number`, `string`, `BigInt` for JavaScript's, which is written "1n"; `any` where all is text), numbers (`exact`; `integers` if fractions
are doubles; `double` if all are); hides, the parts of an error that it cannot see, by SQLSTATE; outcomes, for each kind of step that has
some, the name of one or {refused: text} where the client itself raises an error and sends nothing: what it says begins with that text, in
which is the error's class. The others are {step, answer}, {step, error} or {step, refused}.
"""

import datetime
import io
import json
import os
import pathlib
import re
import sys
from decimal import Decimal

PATTERNS = {"<id>": r"[0-9a-f]{24}", "<time>": r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"}
BIGINTS = ("position", "version")
MISSING = object()


def table_text():
    text = pathlib.Path(__file__).with_name("requests.json").read_text(encoding="utf-8")
    return re.sub(r"<(\d+) letters>", lambda found: "x" * int(found[1]), text)


def parse(text):
    return json.loads(text, parse_float=Decimal)


def dump(value):
    """JSON with every digit: a number that is no integer is a string between marks in what json.dumps sees."""
    return re.sub(r'"<number (\S+)>"', r"\1", json.dumps(value, ensure_ascii=False))


def is_number(value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def same_number(wanted, got, numbers):
    """A double must have been rounded where it cannot be what was wanted: the page says that it is."""
    if numbers == "exact" or (numbers == "integers" and isinstance(wanted, int)):
        return wanted == got
    return Decimal(repr(float(wanted))) == got


def same(wanted, got, about):
    """Whether a JSON value is what the table wants, as precisely as the client's numbers allow."""
    if is_number(wanted) and is_number(got):
        return same_number(wanted, got, about["numbers"])
    if isinstance(wanted, str) and isinstance(got, str):
        return re.fullmatch(PATTERNS[wanted], got) is not None if wanted in PATTERNS else wanted == got
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(lambda one, other: same(one, other, about), wanted, got))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key], about) for key in wanted)
    return type(wanted) is type(got) and wanted == got


def jsonb(got, about):
    """A value of type jsonb in the form that the client says it gets."""
    if got is None:
        return None
    if about["jsonb"] == "text":
        return parse(got) if isinstance(got, str) else MISSING
    return got


def same_rows(wanted, got, about):
    def same_column(name, value, seen):
        if name in BIGINTS and value is not None:
            forms = {"number": (value,), "string": (str(value),), "BigInt": (f"{value}n",), "any": (value, str(value))}
            return seen in forms[about["bigint"]]
        return same(value, jsonb(seen, about) if name in ("changes", "error") else seen, about)

    return len(wanted) == len(got) and all(
        row.keys() == seen.keys() and all(same_column(name, row[name], seen[name]) for name in row) for row, seen in zip(wanted, got)
    )


def same_answer(step, wanted, got, about):
    if step["do"] in ("preview", "upsert_many"):
        return same_rows(wanted, got, about)
    if step["do"] == "upsert_text":  # text as the server wrote it, whatever the client makes of jsonb
        return isinstance(got, str) and same(wanted, parse(got), about if "as_sent" in step else about | {"numbers": "exact"})
    return same(wanted, jsonb(got, about), about)


def same_error(wanted, got, about):
    got = {name: got.get(name) for name in wanted}
    if isinstance(wanted["detail"], dict) and isinstance(got["detail"], str):
        got["detail"] = parse(got["detail"])
    for name in about.get("hides", {}).get(wanted["sqlstate"], ()):
        if got[name] is not None:
            return False  # the page says that it cannot be seen
        got[name] = wanted[name]
    return same(wanted, got, about | {"numbers": "exact"})


def as_wanted(step, line, about):
    if "outcomes" in step:
        mine = about.get("outcomes", {}).get(step["do"])
        if isinstance(mine, dict):
            return line.get("refused", "").startswith(mine["refused"])
        wanted = step["outcomes"].get(mine, {})
    else:
        wanted = step
    if "error" in wanted:
        return "error" in line and same_error(wanted["error"], line["error"], about)
    return "answer" in wanted and "answer" in line and same_answer(step, wanted["answer"], line["answer"], about)


def print_lines(steps):
    for step in steps:
        send = step.get("send", "")
        print(step["do"], step["name"], send if step["do"] in ("sql", "upsert_text") else dump(send), sep="\t")
        if "steps" in step:
            print_lines(step["steps"])
            print("end\t\t")


def leaves(steps):
    for step in steps:
        if "steps" in step:
            yield from leaves(step["steps"])
        else:
            yield step


class Report:
    def __init__(self, out):
        self.out = out
        self.count = int(os.environ.get("COUNTED", 0))  # tests that came before
        self.failed = 0

    def test(self, name, good, got=None):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", file=self.out)
        if not good and got is not None:
            print(f"# got: {got if len(got) < 2000 else got[:2000] + '...'}", file=self.out)


def compare(report, steps, seen):
    """What a client printed, step by step: none missing, none twice, none but those of the table. Returns what it says about itself."""
    try:
        about, *lines = [parse(line) for line in seen.read_text(encoding="utf-8").splitlines()]
        name = f"{about['client']} {about['version']}{' through pgbouncer' if seen.stem.endswith('_pooled') else ''}"
    except (ValueError, KeyError, TypeError) as error:
        report.test(f"{seen.stem} prints JSON lines", False, f"{error}: {seen.read_text(encoding='utf-8', errors='replace')[:500]}")
        return None
    by_step = {line.get("step"): line for line in lines}
    report.test(f"{name}: says each step once", len(by_step) == len(lines) and by_step.keys() <= {step["name"] for step in steps})
    for step in steps:
        line = by_step.get(step["name"])
        if line is None and "outcomes" in step:
            report.test(f"{name}: {step['name']}: cannot be sent", step["do"] not in about.get("outcomes", {}))
        else:
            report.test(f"{name}: {step['name']}", line is not None and as_wanted(step, line, about), json.dumps(line, default=str))
    print(f"# {name}: {len(lines)} steps", file=report.out)
    return about | {"steps": len(lines)}


ROW = re.compile(r"^\| (?P<client>[^|]+) \|.*\n", re.MULTILINE)


def note(page, run_with, steps, files):
    def result(file):
        report = Report(io.StringIO())
        about = compare(report, steps, file)
        return about, "as wanted" if report.failed == 0 else f"{report.failed} of {report.count} tests failed"

    text = page.read_text(encoding="utf-8")
    begin = text.index("|---|", text.index("<!-- what was run -->"))
    begin = text.index("\n", begin) + 1
    end = text.index("<!-- end -->", begin)
    rows = {row["client"]: row[0] for row in ROW.finditer(text[begin:end])}
    for file in files:
        pooled, reason = file.with_name(file.name + "_pooled"), file.with_name(file.name + ".not_pooled")
        if file.name.endswith("_pooled"):
            continue
        about, directly = result(file.with_name(file.name + ".jsonl"))
        through = result(pooled.with_name(pooled.name + ".jsonl"))[1] if pooled in files else "no: " + reason.read_text().strip()
        if about:
            cells = (about["client"], about["version"], about["steps"], directly, through, datetime.date.today(), run_with)
            rows[about["client"]] = "| " + " | ".join(map(str, cells)) + " |\n"
    page.write_text(text[:begin] + "".join(rows.values()) + text[end:], encoding="utf-8")


def main():
    if sys.argv[1] == "expand":
        print(table_text())
        return 0
    if sys.argv[1] == "lines":
        print_lines(json.loads(table_text(), parse_float="<number {}>".format)["steps"])
        return 0
    steps = list(leaves(parse(table_text())["steps"]))
    if sys.argv[1] == "note":
        note(pathlib.Path(sys.argv[2]), sys.argv[3], steps, list(map(pathlib.Path, sys.argv[4:])))
        return 0
    report = Report(sys.stdout)
    for file in sys.argv[2:]:
        compare(report, steps, pathlib.Path(file + ".jsonl"))
    return report.failed > 0


sys.exit(main())
