"""Database migrations: templates, the ledger, and the runner that brings the two together."""

from luminora.migrations.ledger import Line, Standing, State, compare
from luminora.migrations.render import IndexMethod, Parameters, Rendered, Template, load, render
from luminora.migrations.runner import (
    MigrationRunner,
    Outcome,
    Rollback,
    Step,
    TemplateSet,
    load_all,
)

__all__ = [
    "IndexMethod",
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
    "TemplateSet",
    "compare",
    "load",
    "load_all",
    "render",
]
