"""Processes below a process. /proc/PID/task/PID/children would say it at once, but not every kernel has that."""
import pathlib


def children(pid):
    """Also of a process that has ended meanwhile: none."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            parent = process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if int(parent) == int(pid):
            found.append(int(process.name))
    return sorted(found)


def descendants(pid):
    """Those of a generation before those below them."""
    below = children(pid)
    return below + [one for child in below for one in descendants(child)]


def name_of(pid):
    """Of its program, at most 15 characters; None if it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None
