# SPDX-License-Identifier: GPL-2.0-or-later
"""What the makers of decoders share: the reading of .decode tables and the end with a mistake in one."""
import sys


class TableError(Exception):
    """A mistake in a table, with file and line."""


def read_lines(path, take):
    """Call take(words, line, group, where) for each line of a table that is not blank and no comment.

    Rows between lines `{` and `}` overlap on purpose: they get the same group, other rows None.
    """
    group, groups = None, 0
    with open(path, encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "{":
                groups += 1
                group = (path, groups)
            elif words[0] == "}":
                group = None
            else:
                where = f"{path}:{number}"
                try:
                    take(words, line, group, where)
                except TableError as error:
                    raise TableError(f"{where}: {error}") from None


def write_lines(path, lines):
    """Write a made file."""
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def run(main):
    """Run main(); a mistake in a table ends the build with its place."""
    try:
        main()
    except TableError as error:
        sys.exit(str(error))
