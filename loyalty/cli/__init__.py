"""The command line, `flask loyalty …`: results on standard output, everything else on the other.

Exit 0 is done, 1 refused or failed (a sentence says why), 2 called wrongly.
"""

from __future__ import annotations

from loyalty.cli.database import ledger, migrate
from loyalty.cli.group import Commands
from loyalty.cli.imports import imports
from loyalty.cli.keys import key
from loyalty.cli.programs import program
from loyalty.cli.specification import openapi
from loyalty.cli.staff import staff
from loyalty.cli.work import work

commands = Commands("loyalty", help="Look after the rewards service.")
for command in (migrate, program, key, staff, imports, work, ledger, openapi):
    commands.add_command(command)
