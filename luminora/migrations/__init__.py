"""Database migrations: templates, the ledger, and the runner that brings the two together."""

from luminora.migrations.ledger import Line, Standing, State, compare
from luminora.migrations.render import Parameters, Rendered, Template, load, load_all, render
from luminora.migrations.runner import MigrationRunner, Outcome, Rollback, Step, script

__all__ = [
    "Line",
    "MigrationRunner",
    "Outcome",
    "Parameters",
    "Rendered",
    "Rollback",
    "Standing",
    "State",
    "Step",
    "Template",
    "compare",
    "load",
    "load_all",
    "render",
    "script",
]
