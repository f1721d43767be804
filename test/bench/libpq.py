# Calls of libpq, without a driver in between: so a bench sends exactly the messages that it says, prepared statements or the same parameters to
# a statement that is not prepared, as PL/Proxy and many applications send them (Parse, Bind, Execute).
import ctypes
import ctypes.util

_libpq = ctypes.CDLL(ctypes.util.find_library("pq"))
for _name in ("PQconnectdb", "PQprepare", "PQexecParams", "PQexecPrepared"):
    getattr(_libpq, _name).restype = ctypes.c_void_p
for _name in ("PQerrorMessage", "PQresultErrorField", "PQgetvalue"):
    getattr(_libpq, _name).restype = ctypes.c_char_p
_SQLSTATE = ord("C")


class Connection:
    def __init__(self, conninfo):
        self._connection = ctypes.c_void_p(_libpq.PQconnectdb(conninfo.encode()))
        if _libpq.PQstatus(self._connection) != 0:
            raise SystemExit(_libpq.PQerrorMessage(self._connection).decode())

    def close(self):
        _libpq.PQfinish(self._connection)

    def prepare(self, name, sql):
        self._finish(_libpq.PQprepare(self._connection, name.encode(), sql.encode(), 0, None), None)

    def query(self, sql, *parameters, expect=None):
        """The first column of the first row. With expect, the SQLSTATE of the error that is expected."""
        values = _values(parameters)
        return self._finish(
            _libpq.PQexecParams(self._connection, sql.encode(), len(parameters), None, values, None, None, 0), expect
        )

    def execute(self, name, *parameters, expect=None):
        """The same of a prepared statement."""
        values = _values(parameters)
        return self._finish(
            _libpq.PQexecPrepared(self._connection, name.encode(), len(parameters), values, None, None, 0), expect
        )

    def _finish(self, result, expect):
        result = ctypes.c_void_p(result)
        state = _libpq.PQresultErrorField(result, _SQLSTATE)
        value = None if state or _libpq.PQntuples(result) == 0 else _libpq.PQgetvalue(result, 0, 0).decode()
        _libpq.PQclear(result)
        if (state.decode() if state else None) != expect:
            raise SystemExit("%s: %s" % (state, _libpq.PQerrorMessage(self._connection).decode()))
        return value


def _values(parameters):
    return (ctypes.c_char_p * len(parameters))(*[str(p).encode() for p in parameters])
