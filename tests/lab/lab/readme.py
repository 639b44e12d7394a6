"""The commands of a README, to be run as a reader would run them.

A block that is fenced as ```sh has commands, one a line. A line "# on the second host: ..." says where the following ones are
run; every block begins with one. Other lines of comment are mistakes, so that a place that is misspelt is not passed over.
"""
import re

PLACES = ("both hosts", "every host", "the first host", "the second host", "the active host", "the standby host",
          "the monitoring host", "this machine")
PLACE = re.compile(rf"# on ({'|'.join(PLACES)})\b")


class Block:
    """The commands of one fence: [(place, command)]."""

    def __init__(self, readme, line):
        self.readme, self.line, self.commands = readme, line, []

    def __str__(self):
        return f"{self.readme}:{self.line}"


def blocks(readme):
    found, inside, place, begun = [], None, None, ""
    for number, line in enumerate(readme.read_text().splitlines(), 1):
        if inside is None:
            if line.startswith("```"):
                assert line == "```sh", f"{readme}:{number}: a fence that is not of commands is indented here"
                inside, place = Block(readme, number), None
        elif line == "```":
            assert inside.commands, f"{readme}:{number}: no commands"
            found.append(inside)
            inside = None
        elif line.startswith("#"):
            match = PLACE.match(line)
            assert match, f"{readme}:{number}: where is that? One of: on {', on '.join(PLACES)}"
            place = match[1]
        elif line.strip():
            assert place, f"{readme}:{number}: a block begins with where it is run"
            begun += line.removesuffix("\\")
            if not line.endswith("\\"):
                inside.commands.append((place, begun.strip()))
                begun = ""
    assert inside is None, f"{readme}: the last fence has no end"
    return found
