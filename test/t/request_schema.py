"""Validates requests against schemas, for request_schema.pl.

Reads lines of JSON: {"schema": name, "is": schema}, or {"schema": name, "request": request}. Prints for each request "valid" or
"invalid", the latter with the reason. Exit status 3: the validator does not know JSON Schema 2020-12, as in Debian 11.
"""

import json
import sys

import jsonschema

if not hasattr(jsonschema, "Draft202012Validator"):
    sys.exit(3)
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)  # a NUMBER has up to 65,535 digits
validators = {}
for line in sys.stdin:
    entry = json.loads(line)
    if "is" in entry:
        jsonschema.Draft202012Validator.check_schema(entry["is"])
        validators[entry["schema"]] = jsonschema.Draft202012Validator(entry["is"])
        continue
    error = jsonschema.exceptions.best_match(validators[entry["schema"]].iter_errors(entry["request"]))
    print("valid" if error is None else f"invalid: {error.json_path}: {error.message[:200]!r}")
