"""The wheel alone, in an empty environment."""

from __future__ import annotations

import zipfile


def test_the_wheel_carries_what_people_edit_and_its_types(luminora_wheel):
    names = zipfile.ZipFile(luminora_wheel).namelist()

    for expected in (
        "luminora/py.typed",
        "luminora/luminora-plugin.json",
        "luminora/_data/schemas/personality.schema.json",
        "luminora/_data/personalities/sakura.json",
        "luminora/_data/templates/migrations/sqlite/001_initial_schema.sql",
        "luminora/_data/templates/migrations/dynamodb/",
    ):
        assert any(name.startswith(expected) for name in names), expected
    assert not any(name.startswith(("tests/", "benchmarks/", "tools/")) for name in names)


def test_the_embedded_default_remembers_in_another_process(environment):
    data = {"LUMINORA_DATA_DIR": str(environment.home / "memory")}
    hello = environment.luminora(
        "chat", "--user", "diego", stdin="Hola, soy Diego y me encanta Naruto\n", **data
    )
    assert hello.returncode == 0, hello.stderr

    again = environment.luminora("chat", "--user", "diego", stdin="¿Cómo me llamo?\n", **data)

    assert again.returncode == 0, again.stderr
    assert "Diego" in again.stdout


def test_migrations_are_rendered_from_the_wheel(environment):
    plain = environment.luminora("migrate", "--database", "postgresql", "--dry-run")
    wide = environment.luminora(
        "migrate", "--database", "postgresql", "--dry-run", "--dimension", 3072
    )

    assert "vector(256)" in plain.stdout, plain.stderr
    assert "halfvec(3072)" in wide.stdout
    assert "halfvec_cosine_ops" in wide.stdout
    assert "vector(3072)" not in wide.stdout.replace("halfvec(3072)", "")


def test_both_names_of_the_command_work(environment):
    first = environment.luminora("--version")
    second = environment.run("luminora-cli", "--version")

    assert first.stdout == second.stdout
    assert first.stdout.strip()
