"""``luminora sessions`` and ``messages``, and what else can be mended by hand."""

from __future__ import annotations

import json

import pytest

from luminora.cli import main
from luminora.sync import LuminoraCoreClient


@pytest.fixture
def talked():
    """Two conversations of Diego's, one of Ana's; the ids of what Diego said first."""
    with LuminoraCoreClient.from_config() as client:
        client.create_session("diego", "sakura", session_id="s1")
        client.create_session("diego", "cassian", session_id="s2")
        client.create_session("ana", "sakura", session_id="s3")
        first = client.send_message("s1", "Hola, soy Diego y vivo en Sevilla").message_id
        client.send_message("s1", "Me casé ayer con mi novia Ana, el mejor día de mi vida")
        client.send_message("s2", "Mi hermano se llama Pablo")
        client.send_message("s3", "Vivo en Lima")
    return first


def run(capsys, *arguments):
    code = main(list(arguments))
    output = capsys.readouterr()
    return output.out, output.err, code


def got(capsys, *arguments):
    out, _, code = run(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


# sessions


def test_a_users_sessions_are_listed_latest_first_and_nobody_elses(talked, capsys):
    listed = got(capsys, "sessions", "--user", "diego")["sessions"]
    assert [one["session_id"] for one in listed] == ["s2", "s1"]
    assert {one["user_id"] for one in listed} == {"diego"}
    one = got(capsys, "sessions", "--user", "diego", "--personality", "sakura")["sessions"]
    assert [session["session_id"] for session in one] == ["s1"]
    assert len(got(capsys, "sessions", "--user", "diego", "--limit", "1")["sessions"]) == 1
    out, err, _ = run(capsys, "sessions", "--user", "nobody")
    assert (out, err) == ("", "no conversation yet: luminora chat begins one\n")


def test_an_operator_sees_those_of_everybody(talked, capsys):
    everybody = got(capsys, "sessions", "--all-users")["sessions"]
    assert {one["user_id"] for one in everybody} == {"diego", "ana"}
    assert "s3" in run(capsys, "sessions", "--all-users")[0]
    assert run(capsys, "sessions", "--all-users", "--user", "ana")[2] == 2


def test_a_session_is_shown_with_how_the_two_stand(talked, capsys):
    found = got(capsys, "sessions", "show", "s1")
    assert (found["user_id"], found["messages"], len(found["last"])) == ("diego", 4, 4)
    assert found["affinity"]["total_messages"] == 2
    out = run(capsys, "sessions", "show", "s1")[0]
    assert "with         sakura" in out
    assert "“Hola, soy Diego y vivo en Sevilla”" in out
    _, err, code = run(capsys, "sessions", "show", "s1", "--user", "ana")
    assert code == 1
    assert "is not 'ana's" in err


def test_a_session_goes_with_what_it_alone_told_of(talked, capsys):
    tried = got(capsys, "sessions", "delete", "s1", "--dry-run")["would_delete"]
    assert tried["messages"] == 4
    assert tried["episodes"] == 1
    assert len(got(capsys, "messages", "--user", "diego")["messages"]) == 6
    _, err, code = run(capsys, "sessions", "delete", "s1")
    assert code == 2
    assert "--yes" in err
    assert run(capsys, "sessions", "delete", "s1", "--user", "ana", "--yes")[2] == 1

    gone = got(capsys, "sessions", "delete", "s1", "--yes")["deleted"]
    assert gone.pop("message_embeddings") == 4
    assert gone == tried
    left = got(capsys, "messages", "--user", "diego")["messages"]
    assert [one["session_id"] for one in left] == ["s2", "s2"]
    facts = got(capsys, "facts", "--user", "diego")["facts"]
    assert [fact["value"] for fact in facts] == ["Pablo"]
    assert got(capsys, "episodes", "--user", "diego")["episodes"] == []
    assert "Sevilla" not in run(capsys, "search", "Sevilla", "--user", "diego")[0]
    assert len(got(capsys, "messages", "--user", "ana")["messages"]) == 2
    assert run(capsys, "sessions", "delete", "s1", "--yes")[2] == 1
    # how close the two are is between them, not in a conversation
    with LuminoraCoreClient.from_config() as client:
        again = client.create_session("diego", "sakura")
        assert client.get_affinity(again).total_messages == 2


# messages


def test_messages_of_all_sessions_are_listed_oldest_first(talked, capsys):
    found = got(capsys, "messages", "--user", "diego")["messages"]
    assert [one["session_id"] for one in found] == ["s1"] * 4 + ["s2"] * 2
    assert found[0]["id"] == talked
    last = got(capsys, "messages", "--user", "diego", "--limit", "2")["messages"]
    assert last == found[-2:]
    own = got(capsys, "messages", "--user", "diego", "--session", "s1")["messages"]
    assert own == found[:4]
    assert (
        got(capsys, "messages", "--user", "diego", "--personality", "cassian")["messages"]
        == found[-2:]
    )
    before = found[2]["timestamp"]
    earlier = got(capsys, "messages", "--user", "diego", "--before", before)["messages"]
    assert earlier == found[:2]
    assert got(capsys, "messages", "--user", "diego", "--before", "2020-01-01")["messages"] == []
    assert talked in run(capsys, "messages", "--user", "diego")[0]


def test_a_message_is_shown_with_what_was_learned_from_it(talked, capsys):
    found = got(capsys, "messages", "show", talked, "--user", "diego")["message"]
    assert {fact["value"] for fact in found["facts"]} == {"Diego", "Sevilla"}
    assert (
        "fact: location.location = Sevilla"
        in run(capsys, "messages", "show", talked, "--user", "diego")[0]
    )
    _, err, code = run(capsys, "messages", "show", talked, "--user", "ana")
    assert code == 1
    assert "has no message" in err


def test_a_message_is_taken_back_with_what_was_learned(talked, capsys):
    who = ("--user", "diego")
    assert got(capsys, "messages", "delete", talked, *who, "--dry-run")["would_revoke"]
    assert run(capsys, "messages", "delete", talked, *who)[2] == 2
    assert "Diego" in run(capsys, "facts", *who, "--session", "s1")[0]
    done = got(capsys, "messages", "delete", talked, *who, "--yes")
    assert set(done["removed"]) == {"personal_info.name", "location.location"}
    assert "Sevilla" not in run(capsys, "facts", *who)[0]


def test_a_message_is_put_into_the_index_again(talked, capsys):
    with LuminoraCoreClient.from_config() as client:
        assert client.reindex_messages("s1", [talked, talked]) == 1
        assert client.reindex_messages("s1", []) == 0
    assert got(capsys, "messages", "reindex", talked, "--user", "diego")["indexed"] == 1
    assert run(capsys, "messages", "reindex", talked, "--user", "diego")[0] == "1 message indexed\n"
    assert run(capsys, "messages", "reindex", talked, "--user", "ana")[2] == 1


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["messages", "--before", "soon"], 2, "'soon' is no moment"),
        (["messages", "--limit", "0"], 2, "--limit"),
        (["messages", "--user", "diego", "show", "x"], 2, "options stand behind 'show'"),
        (["messages", "--user", "diego", "--session", "s3"], 1, "is another user's"),
        (["messages", "reindex"], 2, "ID"),
        (["sessions", "--limit", "3", "show", "s1"], 2, "options stand behind 'show'"),
        (["sessions", "show", "nothing"], 1, "there is no session 'nothing'"),
        (["sessions", "shwo"], 2, "did you mean 'show'?"),
    ],
)
def test_what_cannot_be_done_is_said(talked, capsys, words, code, complaint):
    out, err, ended = run(capsys, *words)
    assert (ended, out) == (code, "")
    assert complaint in err


def test_what_a_terminal_would_obey_is_not_shown(capsys):
    with LuminoraCoreClient.from_config() as client:
        client.create_session("diego", "sakura", session_id="s\x1b[31m")
        client.send_message("s\x1b[31m", "hola \x1b[2J soy Diego")
    for words in (["sessions"], ["sessions", "show", "s\x1b[31m"], ["messages"]):
        out, _, _ = run(capsys, *words, *(["--user", "diego"] if words[-1] in words[:1] else []))
        assert "\x1b" not in out


# episodes and affinity


def test_an_episode_is_deleted_and_its_messages_stay(talked, capsys):
    who = ("--user", "diego")
    (one,) = got(capsys, "episodes", *who)["episodes"]
    assert run(capsys, "episodes", *who, "--ids")[0].startswith(one["id"])
    assert one["id"] not in run(capsys, "episodes", *who)[0]
    tried = got(capsys, "episodes", "delete", one["id"], *who, "--dry-run")["would_delete"]
    assert tried["id"] == one["id"]
    assert run(capsys, "episodes", "delete", one["id"], *who)[2] == 2
    assert run(capsys, "episodes", "delete", one["id"], "--user", "ana", "--yes")[2] == 1
    assert len(got(capsys, "episodes", *who)["episodes"]) == 1
    out, _, code = run(capsys, "episodes", "delete", one["id"], *who, "--yes")
    assert (out, code) == (f"deleted: {one['title']}\n", 0)
    assert got(capsys, "episodes", *who)["episodes"] == []
    assert len(got(capsys, "messages", *who)["messages"]) == 6
    assert run(capsys, "episodes", *who, "delete", one["id"])[2] == 2


def test_affinity_is_set_by_hand_and_the_list_of_changes_says_so(talked, capsys):
    who = ("--user", "diego", "--personality", "sakura")
    before = got(capsys, "affinity", *who)["affinity"]["points"]
    tried = got(capsys, "affinity", "set", "40", *who, "--dry-run")
    assert (tried["before"]["points"], tried["would_set"]) == (before, 40)
    assert got(capsys, "affinity", *who)["affinity"]["points"] == before
    out, _, _ = run(capsys, "affinity", "set", "40", *who, "--reason", "lost by mistake")
    assert out == f"sakura: {before} → 40 points, acquaintance\n"
    found = got(capsys, "affinity", *who)
    assert (found["affinity"]["points"], found["affinity"]["level"]) == (40, "acquaintance")
    event = found["events"][0]
    assert (event["event"], event["points"], event["reason"]) == (
        "manual",
        40 - before,
        "lost by mistake",
    )
    assert sum(one["points"] for one in found["events"]) == 40
    assert run(capsys, "affinity", "set", "101", *who)[2] == 2
    assert run(capsys, "affinity", "--explain", "set", "1")[2] == 2


def test_what_is_said_afterwards_counts_from_there(talked):
    with LuminoraCoreClient.from_config() as client:
        client.set_affinity("s3", 50)
        answer = client.send_message("s3", "Muchas gracias por todo")
        assert answer.affinity.points == 50 + answer.affinity_event.points
        assert answer.affinity.total_messages == 2
        for wrong in (-1, 101, True, "5"):
            with pytest.raises(ValueError, match="points"):
                client.set_affinity("s3", wrong)
        assert len(client.get_affinity_events("s3")) == 3
