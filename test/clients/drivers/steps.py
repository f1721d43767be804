"""Runs the steps of requests.json through a Python client, and prints what it saw as JSON lines: see ../check.py.

The client gives a function for each kind of request, and `block`, which opens a transaction or, inside of one, a savepoint. What a
client cannot send it has no function for, and such a step is left out.
"""

import json
import sys


def say(line):
    print(json.dumps(line))


def refused(error):
    """What the driver says that has sent nothing."""
    return {"refused": f"{type(error).__name__}: {error}"}


def run_steps(connection, about, calls, block, failure, database_error):
    def run(step):
        try:
            if "steps" in step:
                with block(connection):
                    for inner in step["steps"]:
                        run(inner)
            elif step["do"] in calls:
                say({"step": step["name"], "answer": calls[step["do"]](connection, step.get("send"))})
        except database_error as error:
            if "steps" in step:  # the block is rolled back: on with what is behind it
                return
            seen = failure(error)
            say({"step": step["name"], **({"error": seen} if seen["sqlstate"] else refused(error))})
            raise

    say(about)
    with open(sys.argv[1], encoding="utf-8") as table:
        steps = json.load(table)["steps"]
    for step in steps:
        try:
            run(step)
        except database_error:
            pass  # said above
        except Exception as error:  # the driver's own: it has sent nothing
            say({"step": step["name"], **refused(error)})
