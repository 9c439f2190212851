"""The rules of the house that a compiler does not check. `house.py ROOT` prints what breaks them and what to watch.

A room imports only itself and rooms to its left in CEILING_ROOMS (cmake/CeilingRoom.cmake); so do rooms within a room
that has a list of its own (CEILING_LAB_ROOMS).
"""

import re
import sys
from pathlib import Path

LONG_FILE = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Compile time is everybody's: headers name these only through forward declarations.
HEAVY = ("nlohmann/json.hpp", "CLI/", "boost/", "hwloc.h", "curl/", "openssl/")
# A line of the ledger is a JSON value.
HEAVY_ALLOWED = {("lab", "nlohmann/json.hpp")}
# GCC 12 has neither.
MISSING_IN_GCC_12 = ("format", "expected", "print")
# What differs between operating systems stands in os/; base/ asks for the terminal and the processor.
SYSTEM_HEADERS = re.compile(r"^(unistd\.h|fcntl\.h|windows\.h|sched\.h|pthread\.h|sys/|mach/|linux/)")
SYSTEM_ROOMS = ("base", "os")


def rooms(root):
    text = (root / "cmake/CeilingRoom.cmake").read_text()
    return re.search(r"set\(CEILING_ROOMS ([^)]+)\)", text).group(1).split()


def inner_rooms(root):
    """Rooms within rooms, in their order: {"lab": ["json", ...]}."""
    text = (root / "cmake/CeilingRoom.cmake").read_text()
    return {name.lower(): order.split() for name, order in re.findall(r"set\(CEILING_([A-Z]+)_ROOMS ([^)]+)\)", text)}


def sources(root):
    return sorted(p for p in (root / "src").rglob("*") if p.suffix in (".h", ".cc", ".cu", ".cuh"))


def included(path):
    """(line number, name, is local) of each #include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(1) is not None


def check_include(order, room, path, name, local):
    """What is wrong with this include in a file of this room, or None."""
    if local:
        other = name.split("/")[0]
        if "/" not in name:
            return f"'{name}' is written without its room"
        if other not in order:
            return f"'{name}': '{other}' is no room of CEILING_ROOMS"
        if order.index(other) > order.index(room):
            return f"'{name}': room '{room}' may not import '{other}', which stands to its right"
        return None
    if path.suffix == ".h" and name.startswith(HEAVY) and (room, name) not in HEAVY_ALLOWED:
        return f"<{name}> is heavy: include it in a .cc file, and a forward declaration here"
    if name in MISSING_IN_GCC_12:
        return f"<{name}> is missing in GCC 12"
    if room not in SYSTEM_ROOMS and SYSTEM_HEADERS.match(name):
        return f"<{name}> belongs to one operating system: use or extend the room 'os'"
    return None


def check_inner(order, path, name):
    """What is wrong with a local include of `name` in `path`, both below a room whose inner rooms have this order."""
    room, other = path.parts[0], name.split("/")[0]
    if len(path.parts) < 2 or room not in order:
        return f"stands in none of the rooms {', '.join(order)}"
    if "/" not in name or other not in order:
        return f"'{name}': names none of the rooms {', '.join(order)}"
    if order.index(other) > order.index(room):
        return f"'{name}': room '{room}' may not import '{other}', which stands to its right"
    return None


def broken_rules(root):
    order = rooms(root)
    inner = inner_rooms(root)
    found = []
    for path in sources(root):
        room = path.relative_to(root / "src").parts[0]
        place = path.relative_to(root)
        if room not in order:
            found.append(f"{place}: '{room}' is no room of CEILING_ROOMS")
            continue
        for number, name, local in included(path):
            fault = check_include(order, room, path, name, local)
            if not fault and local and room in inner and name.startswith(room + "/"):
                fault = check_inner(inner[room], path.relative_to(root / "src" / room), name.split("/", 1)[1])
            if fault:
                found.append(f"{place}:{number}: {fault}")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if UNFINISHED.search(line):
                found.append(f"{place}:{number}: unfinished work does not go in: {line.strip()}")
    return found


def long_files(root):
    """Not wrong, but worth a look: does the file hold more than one idea?"""
    counts = [(len(p.read_text().splitlines()), p.relative_to(root)) for p in sources(root)]
    return [f"{place}: {count} lines" for count, place in counts if count > LONG_FILE]


def main():
    root = Path(sys.argv[1])
    for line in long_files(root):
        print("long:", line)
    found = broken_rules(root)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
