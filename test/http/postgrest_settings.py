"""What postgrest_model.py reads: a file of PostgREST's settings.

read() refuses, with a sentence, what PostgREST would pass over without a word (a name that it does not know) or start without (a value that
is not of the setting's form), and what it knows and the model does not do: a file that the model takes does in PostgREST what it does here.
"""

import re


class Wrong(Exception):
    """A file that is refused."""


def integer(text):
    return int(text)


def boolean(text):
    return {"true": True, "false": False}[text]


def names(text):
    return [name.strip() for name in text.split(",")] if text else []


def one_of(*words):
    return lambda text: {word: word for word in words}[text]


# What the model does as PostgREST does it: how a value is read, and the default.
MODELLED = {
    "db-anon-role": (str, None),
    "db-extra-search-path": (names, ["public"]),
    "db-pool": (integer, 10),
    "db-pool-acquisition-timeout": (integer, 10),
    "db-prepared-statements": (boolean, True),
    "db-schemas": (names, ["public"]),
    "db-tx-end": (one_of("commit", "commit-allow-override", "rollback", "rollback-allow-override"), "commit"),
    "db-uri": (str, "postgresql://"),
    "jwt-secret": (str, None),
    "server-host": (str, "!4"),
    "server-port": (integer, 3000),
}

# What does not change the answer to a call of a function that returns one value: only the value's form is looked at.
WITHOUT_EFFECT = {
    "admin-server-port": integer,
    "db-aggregates-enabled": boolean,
    "db-channel": str,
    "db-channel-enabled": boolean,
    "db-max-rows": integer,
    "db-plan-enabled": boolean,
    "db-pool-automatic-recovery": boolean,
    "db-pool-max-idletime": integer,
    "db-pool-max-lifetime": integer,
    "db-root-spec": str,
    "log-level": one_of("crit", "error", "warn", "info", "debug"),
    "openapi-mode": one_of("follow-privileges", "ignore-privileges", "disabled"),
    "openapi-security-active": boolean,
    "openapi-server-proxy-uri": str,
    "server-timing-enabled": boolean,
}

# The rest of what PostgREST 12 and 16 both have.
NOT_MODELLED = {
    "db-config",
    "db-pre-config",
    "db-pre-request",
    "jwt-aud",
    "jwt-role-claim-key",
    "jwt-secret-is-base64",
    "server-cors-allowed-origins",
    "server-trace-header",
    "server-unix-socket",
    "server-unix-socket-mode",
}


def value_of(name, text):
    if name in NOT_MODELLED or name.startswith("app.settings."):
        raise Wrong(f"{name} is a setting of PostgREST that the model does not have.")
    if name not in MODELLED and name not in WITHOUT_EFFECT:
        raise Wrong(f"{name} is no setting that PostgREST has had since version 12.")
    form = MODELLED[name][0] if name in MODELLED else WITHOUT_EFFECT[name]
    try:
        return form(text)
    except (KeyError, ValueError):
        raise Wrong(f"{text!r} is no value of {name}.") from None


def read(path):
    """The settings of a file of lines such as: db-schemas = "api"."""
    settings = {name: default for name, (_, default) in MODELLED.items()}
    seen = set()
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            found = re.fullmatch(r'([a-z0-9.-]+) *= *(?:"([^"]*)"|([a-z]+|[0-9]+))', line)
            try:
                if not found:
                    raise Wrong(f"not a setting: {line}")
                name, text = found[1], found[3] if found[2] is None else found[2]
                if name in seen:
                    raise Wrong(f"{name} is there twice.")
                seen.add(name)
                settings[name] = value_of(name, text)
            except Wrong as wrong:
                raise Wrong(f"{path}, line {number}: {wrong}") from None
    if hidden := {"pg_catalog", "information_schema"} & set(settings["db-schemas"]):
        raise Wrong(f"{path}: db-schemas does not allow schema: '{hidden.pop()}'")
    if secret := settings["jwt-secret"]:
        if secret.startswith("@"):
            with open(secret[1:], encoding="utf-8") as file:
                secret = file.read().removesuffix("\n")
        if len(secret) < 32:
            raise Wrong(f"{path}: The JWT secret must be at least 32 characters long.")
        settings["jwt-secret"] = secret
    return settings
