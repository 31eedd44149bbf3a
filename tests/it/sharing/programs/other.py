"""Another program on the same Redis: by the module `redis` where it is installed, and else by hand."""

import json
import socket
import sys


def by_hand(port):
    stream = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def command(*parts):
        parts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
        stream.write(b"*%d\r\n" % len(parts))
        stream.write(b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        stream.flush()
        line = stream.readline().rstrip()
        if line[:1] == b"-":
            raise RuntimeError(line.decode())
        if line[:1] != b"$":
            return line[1:]
        return None if line == b"$-1" else stream.read(int(line[1:]) + 2)[:-2]

    return command


def connect(port):
    try:
        import redis
    except ImportError:
        return by_hand(port)
    return redis.Redis(port=port).execute_command


port, operation, key, *value = sys.argv[1:]
call = connect(int(port))
if operation == "read":
    user = json.loads(call("GET", key))
    print(user["name"], len(user["teams"]), user["manager"])
else:
    call("SET", key, json.dumps(json.loads(value[0])), "PX", 60000)
