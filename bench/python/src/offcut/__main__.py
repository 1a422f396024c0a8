"""``python3 -m offcut``: the command."""

import os
import sys

from ._command import program
from .errors import ProgramNotFoundError

if __name__ == "__main__":
    try:
        found = program()
    except ProgramNotFoundError as error:
        sys.exit(str(error))
    os.execv(found, [os.fspath(found), *sys.argv[1:]])
