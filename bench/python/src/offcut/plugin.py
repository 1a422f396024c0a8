"""Runs a plug-in as a solver or policy of ``offcut``: ``python3 -m offcut.plugin FILE [NAME]``.

``offcut`` adds the path of an instance to the command of a solver::

    offcut run SUITE --solver 'mine=python3 -m offcut.plugin my_solver.py'
    offcut run SUITE --policy 'mine=python3 -m offcut.plugin my_policy.py'
"""

import sys

from ._plugin import main
from .errors import InputError

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python3 -m offcut.plugin FILE [NAME]; see offcut run --solver, --policy")
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"offcut.plugin: {error}")
