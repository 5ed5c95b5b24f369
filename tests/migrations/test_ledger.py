from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError, SchemaDirty, SchemaDrift
from luminora.migrations import State, compare

from .helpers import entry, template


def states(templates, entries):
    return {
        f"{line.component}@{line.version}": line.state for line in compare(templates, entries).lines
    }


THREE = [template("001"), template("002"), template("003")]


def test_an_empty_ledger_leaves_everything_pending_in_order():
    standing = compare(THREE, [])
    assert [one.version for one in standing.steps()] == ["001", "002", "003"]
    assert standing.sound


def test_applied_migrations_are_not_steps():
    standing = compare(THREE, [entry("001"), entry("002")])
    assert [one.version for one in standing.steps()] == ["003"]


def test_a_target_stops_there():
    assert [one.version for one in compare(THREE, []).steps("002")] == ["001", "002"]
    assert [one.version for one in compare(THREE, []).steps("2")] == ["001", "002"]
    assert compare(THREE, []).steps("000") == ()


def test_a_target_of_one_set_leaves_the_others_alone():
    templates = [*THREE, template("001", component="graph")]
    assert [one.component for one in compare(templates, []).steps("003")] == ["core"] * 3
    assert [one.component for one in compare(templates, []).steps("graph@001")] == ["graph"]
    assert len(compare(templates, []).steps()) == 4


@pytest.mark.parametrize("target", ["004", "graph@001", "", "x", "001; DROP", "core@", "-1"])
def test_an_unknown_target_is_refused(target):
    with pytest.raises(InputError, match="no migration"):
        compare(THREE, []).steps(target)


def test_an_edited_file_is_drift():
    standing = compare([template("001", "SELECT 2")], [entry("001")])
    assert [line.state for line in standing.lines] == [State.EDITED]
    with pytest.raises(SchemaDrift, match=r"001_a\.sql was edited"):
        standing.steps()


def test_a_renamed_file_is_the_same_migration():
    standing = compare([replace(template("001"), name="b")], [entry("001")])
    assert standing.lines[0].state is State.APPLIED


def test_a_lost_file_is_drift():
    standing = compare([template("001"), template("003")], [entry("001"), entry("002")])
    assert states([template("001"), template("003")], [entry("001"), entry("002")]) == {
        "core@001": State.APPLIED,
        "core@002": State.MISSING,
        "core@003": State.PENDING,
    }
    with pytest.raises(SchemaDrift, match="002_a was applied, but its file is missing"):
        standing.steps()


def test_a_late_comer_is_out_of_order():
    standing = compare(THREE, [entry("001"), entry("003")])
    with pytest.raises(SchemaDrift, match=r"002_a\.sql comes before"):
        standing.steps()


def test_what_a_newer_version_applied_is_a_warning():
    standing = compare(THREE, [entry(one) for one in ("001", "002", "003", "004")])
    assert standing.sound
    assert standing.steps() == ()
    assert "004_a was applied by a newer" in standing.warnings[0]
    with pytest.raises(SchemaDrift, match="newer"):
        standing.undoable("002")


def test_a_plugin_that_is_gone_is_a_warning():
    standing = compare(THREE, [entry("001", component="graph")])
    assert len(standing.steps()) == 3
    assert "graph/001_a was applied" in standing.warnings[0]


def test_a_dirty_entry_stops_everything_and_names_the_statement():
    halted = entry("002", finished_at=None, statements_done=2, statements_total=5, error="boom")
    standing = compare(THREE, [entry("001"), halted])
    assert standing.lines[1].state is State.DIRTY
    for refused in (standing.steps, lambda: standing.undoable("000")):
        with pytest.raises(SchemaDirty, match=r"statement 3 of 5.*boom") as caught:
            refused()
    assert "--resolve" in caught.value.hint
    assert caught.value.exit_code == 5


def test_undoing_goes_backwards_and_stops_above_the_target():
    standing = compare(THREE, [entry("001"), entry("002"), entry("003")])
    assert [one.version for one, _ in standing.undoable("001")] == ["003", "002"]
    assert standing.undoable("003") == ()
    assert standing.before_latest() == "002"


def test_undoing_the_only_one_goes_back_to_nothing():
    standing = compare(THREE, [entry("001")])
    assert standing.before_latest() == "000"
    assert [one.version for one, _ in standing.undoable("000")] == ["001"]
    assert compare(THREE, []).undoable("000") == ()


VERSIONS = st.integers(1, 8).map(lambda number: f"{number:03}")
COMPONENTS = st.sampled_from(["core", "graph", "voice"])
KEYS = st.sets(st.tuples(COMPONENTS, VERSIONS), max_size=16)


def made(keys, maker):
    ordered = sorted(keys, key=lambda key: (key[0] != "core", key))
    return [maker(version, component=component) for component, version in ordered]


@given(offered=KEYS, recorded=KEYS)
def test_every_migration_has_one_line_and_sets_stay_together(offered, recorded):
    lines = compare(made(offered, template), made(recorded, entry)).lines
    keys = [(line.component, line.version) for line in lines]
    assert sorted(keys) == sorted(offered | recorded)
    blocks = [component for component, _ in itertools.groupby(keys, lambda key: key[0])]
    assert len(blocks) == len(set(blocks))


@given(offered=KEYS, recorded=KEYS)
def test_steps_are_exactly_what_is_missing_and_extend_each_set_at_its_end(offered, recorded):
    standing = compare(made(offered, template), made(recorded, entry))
    if not standing.sound:
        with pytest.raises(SchemaDrift):
            standing.steps()
        return
    steps = [(one.component, one.version) for one in standing.steps()]
    assert set(steps) == offered - recorded
    for component, version in steps:
        assert all(version > other for owner, other in recorded if owner == component)


@given(offered=KEYS, count=st.integers(0, 16))
def test_applying_the_steps_leaves_nothing_to_do(offered, count):
    templates = made(offered, template)
    done = [entry(one.version, component=one.component) for one in templates]
    standing = compare(templates, done)
    assert standing.sound
    assert standing.steps() == ()
    assert not standing.warnings


@given(offered=KEYS.filter(bool), data=st.data())
def test_stopping_anywhere_and_going_on_applies_each_once_in_order(offered, data):
    templates = made(offered, template)
    stop = data.draw(st.integers(0, len(templates)))
    first = templates[:stop]
    rest = compare(templates, [entry(one.version, component=one.component) for one in first])
    assert [*first, *rest.steps()] == templates
