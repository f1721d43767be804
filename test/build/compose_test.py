"""The tests of check_compose.sh. Prints TAP.

resolved() does what "docker compose" does with a file before it starts anything: variables, and paths, which begin at the file's directory.
"""

import os
import re
import subprocess

import harness
import yaml
from harness import report

COMPOSE, DOCKERFILE = "packaging/docker/compose.yaml", "packaging/docker/Dockerfile"
LISTS = "/srv/lists"  # where the user stands


class Missing(Exception):
    """A variable that has to be set."""


def resolved(environment):
    def value(found):
        name, error = found[1], found[2]
        if not environment.get(name):
            if error is None:
                return ""
            raise Missing(error)
        return environment[name]

    def fill(node):
        if isinstance(node, dict):
            return {key: fill(one) for key, one in node.items()}
        if isinstance(node, list):
            return [fill(one) for one in node]
        return re.sub(r"\$\{(\w+)(?::\?([^}]*))?\}", value, node) if isinstance(node, str) else node

    with open(COMPOSE, encoding="utf-8") as file:
        return fill(yaml.safe_load(file))


def refusal(environment):
    try:
        resolved(environment)
    except Missing as missing:
        return str(missing)
    return None


def stages():
    """The Dockerfile's stages: each with its instructions, and those of the stage that it is made from."""
    found = {}
    with open(DOCKERFILE, encoding="utf-8") as file:
        text = file.read().replace("\\\n", "")
    for base, name, lines in re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S):
        found[name] = found.get(base, []) + [line for line in lines.splitlines() if line and not line.startswith("#")]
    return found


def last(instructions, word):
    return next((line.split(" ", 1)[1] for line in reversed(instructions) if line.startswith(word + " ")), None)


def host_path(mount):
    """Where a bind mount is on the host."""
    source = mount.rsplit(":", 1)[0]
    return os.path.normpath(os.path.join(os.path.dirname(COMPOSE), source))


def services(config, images):
    report("services", sorted(config["services"]), ["db", "importer", "worker"])
    for name, service in config["services"].items():
        build = service["build"]
        report(f"{name} is a stage of the Dockerfile", build["target"] in images, True)
        report(f"{name} is built at the top of the checkout", os.path.normpath(os.path.join(os.path.dirname(COMPOSE), build["context"])), ".")
        report(f"{name} is built from the Dockerfile", build["dockerfile"], DOCKERFILE)
        for other, how in service.get("depends_on", {}).items():
            waits = how["condition"] == "service_healthy" and last(images[config["services"][other]["build"]["target"]], "HEALTHCHECK") is not None
            report(f"{name} waits until {other} is healthy, which its image can say", waits, True)
    started = [name for name, service in config["services"].items() if not service.get("profiles")]
    report('"up" starts the server and the worker', started, ["db", "worker"])
    report('the importer waits for "run"', config["services"]["importer"]["profiles"], ["import"])


def mounts(config, images):
    volume, place = config["services"]["db"]["volumes"][0].split(":")
    report("the server's data is in a volume of its own", (volume in config["volumes"], last(images["server"], "VOLUME")), (True, place))
    (mount,) = config["services"]["importer"]["volumes"]
    report("the importer works where it is mounted", mount.rsplit(":", 1)[1], last(images["importer"], "WORKDIR"))
    report("what is mounted is where the user stands", host_path(mount), LISTS)
    report("the worker has nothing of the host's", config["services"]["worker"].get("volumes"), None)
    report("the server has no port that the network sees", [port.split(":")[0] for port in config["services"]["db"]["ports"]], ["127.0.0.1"])


def settings(config):
    with open("packaging/docker/server.sh", encoding="utf-8") as file:
        script = file.read()
    server = config["services"]["db"]["environment"]
    report("server.sh reads what the server is told", [name for name in server if not re.search(rf"\$\{{?{name}\b", script)], [])
    for name in ("worker", "importer"):
        told = config["services"][name]["environment"]
        wanted = {"PGHOST": "db", "PGDATABASE": server["POSTGRES_DB"], "PGUSER": "postgres", "PGPASSWORD": server["POSTGRES_PASSWORD"]}
        report(f"{name} connects to the server", told, wanted)
    program = lambda name: subprocess.run([f"./{name}", "--help"], capture_output=True, check=True, text=True).stdout
    options = [word for word in config["services"]["worker"]["command"] if word.startswith("-")]
    report("contact-worker has the options that it is given", [one for one in options if one not in program("contact-worker")], [])

    # The commands of the comments and of the page
    for path in (COMPOSE, os.path.join("docs", "packages.md")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        calls = re.findall(r"docker compose --file (\S+) (up|run --rm (\w+)(.*))$", text, re.M)
        report(f"{path}: commands", [call[1].split()[0] for call in calls], ["up", "run"])
        report(f"{path}: they name the file", {call[0] for call in calls}, {COMPOSE})
        report(f"{path}: and the service", [call[2] for call in calls if call[2]], ["importer"])
        used = re.findall(r"--[a-z-]+", calls[-1][3])
        report(f"{path}: and options of the program", (bool(used), [one for one in used if one not in program("contact-import")]), (True, []))


environment = {"POSTGRES_PASSWORD": "secret", "PWD": LISTS}
report("without a password it says what to do", refusal({"PWD": "/"}), "set POSTGRES_PASSWORD")
report("without PWD, too", refusal({"POSTGRES_PASSWORD": "x"}), "set PWD to the directory of the files to import")
report("it needs nothing else", refusal(environment), None)
services(resolved(environment), stages())
mounts(resolved(environment), stages())
settings(resolved(environment))
harness.end()
