"""What check_exporter.sh asks of the expressions of the dashboard and the alerts.

Usage: expressions.py rules | labels METRICS

rules prints a file of rules with each expression of the dashboard, for promtool. labels prints what an expression, a legend or an annotation
names that its metrics do not have: METRICS is what the exporter shows.
"""

import json
import re
import sys

DASHBOARD, ALERTS = "monitoring/dashboard.json", "monitoring/alerts.yml"
# What Prometheus adds to each metric, and those that are its own.
ADDED = {"job", "instance"}
OWN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity", "workspace_id", "consumer", "import_id", "state"}}


def dashboard():
    """Each expression: where it is, what it is with $workspace as "All", and the texts that are filled in with its labels."""
    with open(DASHBOARD, encoding="utf-8") as file:
        board = json.load(file)
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']}, {target['refId']}", target["expr"].replace("$workspace", ".*"), target.get("legendFormat", "")
    for annotation in board["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"], annotation["titleFormat"] + annotation["textFormat"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
            yield f"variable {variable['name']}", f'{metric}{{{label}!=""}}', ""


def alerts():
    """Each alert: its name, its expression, and its annotations."""
    with open(ALERTS, encoding="utf-8") as file:
        for text in file.read().split("- alert: ")[1:]:
            yield text.split("\n")[0], re.search(r"expr: (.*)", text)[1], " ".join(re.findall(r"\$labels\.\w+", text))


def rules():
    """JSON is YAML."""
    recorded = [{"record": f"dashboard:expression_{n}", "expr": expression} for n, (_, expression, _) in enumerate(dashboard())]
    print(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}, indent=1))


def labels(path):
    shown = dict(OWN)
    with open(path, encoding="utf-8") as file:
        for name, text in re.findall(r"^(\w+)(?:\{(.*)\})? ", file.read(), re.M):
            shown.setdefault(name, set()).update(re.findall(r'(\w+)="', text))
    for where, expression, texts in [*dashboard(), *alerts()]:
        metrics = [name for name in re.findall(r"\b[a-zA-Z_]\w*\b", re.sub(r'"[^"]*"', "", expression)) if name in shown]
        if not metrics:
            print(f"{where}: no metric that there is")
            continue
        everything = set().union(*(shown[name] for name in metrics)) | ADDED
        for name, selectors in re.findall(r"(\w+)\{([^}]*)\}", expression):
            for label in re.findall(r"(\w+) *(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", selectors)):
                if label not in shown.get(name, set()) | ADDED:
                    print(f"{where}: {name} has no label {label}")
        grouping = re.findall(r"\b(?:by|on|without|ignoring) *\(([^)]*)\)", expression)
        for label in re.findall(r"\w+", " ".join(grouping)) + re.findall(r"(?:\{\{|\$labels\.)(\w+)", texts):
            if label not in everything:
                print(f"{where}: there is no label {label}")


if sys.argv[1] == "rules":
    rules()
else:
    labels(sys.argv[2])
