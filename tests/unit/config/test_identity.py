"""Which entry serves which file, over the ways in which people's files name one (`real-configs.md`)."""

from __future__ import annotations

import pytest

from llama_swap_sync.config import command_reading
from llama_swap_sync.config.document import Document
from tests.unit.config.config_samples import model, planned

PATH = "org/repo/x-Q4_K_M.gguf"
OTHER = "other.gguf"


def serving(text: str, *paths: str, **settings: object) -> tuple[str, ...]:
    """The IDs of the person's entries that serve `PATH`; () when a new entry is added for it."""
    plan = planned(text, *(paths or (PATH, OTHER)), audit="off", **settings)  # type: ignore[arg-type]
    added = {change.id for change in plan.changes}
    return tuple(entry for entry in plan.served.get(PATH, ()) if entry not in added)


def entry(cmd: str, rest: str = "", before: str = "") -> str:
    """A file with one entry `mine`, its command as a literal block."""
    body = "".join(f"      {line}\n" for line in cmd.splitlines())
    return f"{before}models:\n  mine:\n    cmd: |\n{body}{rest}"


@pytest.mark.parametrize(
    "cmd",
    [
        f"llama-server -m /models/{PATH}",
        f"llama-server --port ${{PORT}} --model /models/{PATH} -c 8192",
        f"llama-server --model=/models/{PATH}",
        f"llama-server \\\n--model \\\n/models/{PATH} \\\n-c 4096",
        f"# -m /models/{OTHER}\nllama-server\n# old: -m /models/{OTHER}\n-m /models/{PATH}",
        f"llama-server -m '/models/{PATH}'",
        f'llama-server -m "/models/{PATH}"',
        f"llama-server -m /models//org/./repo/x-Q4_K_M.gguf -m /models/{PATH}",
        f"llama-server -m /models/{OTHER} -m /models/{PATH}",
        f"sh -c 'exec llama-server -m /models/{PATH} --port ${{PORT}}'",
        f"""bash -lc "cd /x && llama-server -m '/models/{PATH}'" """,
        f"env CUDA_VISIBLE_DEVICES=0 llama-server -m /models/{PATH}",
        f"llama-server -m /home/me/llm/{PATH}",
        f"llama-server -m D:\\llm\\{PATH.replace('/', chr(92))}",
        f'llama-server -m "D:/llm/{PATH}"',
        "llama-server.exe -m \\\\nas\\llm\\x-Q4_K_M.gguf",
        "llama-server.exe -m .\\llm\\x-Q4_K_M.gguf",
        "bin\\llama-server.exe -m org/repo/x-Q4_K_M.gguf",
        "llama-server -m ../elsewhere/x-Q4_K_M.gguf",
        "llama-server -m ${env.MODELS}/org/repo/x-Q4_K_M.gguf",
        "/opt/run-model.sh x-Q4_K_M.gguf ${PORT}",
        "/opt/run.sh --file=/data/x-Q4_K_M.gguf",
        f"docker run --rm -v /srv:/models llama.cpp:server -m /models/{PATH}",
    ],
)
def test_a_command_that_names_the_file_serves_it(cmd: str) -> None:
    assert serving(entry(cmd)) == ("mine",)


@pytest.mark.parametrize(
    "cmd",
    [
        "llama-server -hf org/repo:Q4_K_M",
        "python -m vllm.entrypoints.openai.api_server --model org/repo",
        "docker run --rm vllm/vllm-openai --model org/x-Q4_K_M",
        f"llama-server -m /models/{OTHER}",
        "llama-server -m /models/elsewhere/x-Q4_K_M.gguf",
        f"# llama-server -m /models/{PATH}\nllama-server --models-dir /srv",
    ],
)
def test_a_command_that_names_no_such_file_leaves_it_new(cmd: str) -> None:
    assert serving(entry(cmd)) == ()


@pytest.mark.parametrize(
    ("macros", "cmd"),
    [
        ("dir: /models/org", "llama-server -m ${dir}/repo/x-Q4_K_M.gguf"),
        (f"file: /models/{PATH}", "llama-server -m ${file}"),
        (f'run: "llama-server -m /models/{PATH}"', "${run} -c 4096"),
        ("base: /models\n  org: ${base}/org", "llama-server -m ${org}/repo/x-Q4_K_M.gguf"),
        ("org: wrong\n  fit: on\n  n: 131072", "llama-server -m /models/org/repo/x-Q4_K_M.gguf --fit ${fit}"),
    ],
)
def test_macros_are_put_in_before_a_path_is_looked_for(macros: str, cmd: str) -> None:
    assert serving(entry(cmd, before=f"macros:\n  {macros}\n")) == ("mine",)


def test_a_macro_is_its_own_characters_not_what_yaml_makes_of_them() -> None:
    text = entry("llama-server -m /models/${v}/${n}.gguf", before="macros:\n  v: on\n  n: 007\n")
    plan = planned(text, "on/007.gguf", audit="off")
    assert plan.served == {"on/007.gguf": ("mine",)}


def test_an_entrys_own_macro_wins_over_the_files() -> None:
    text = entry(
        "llama-server -m /models/${dir}/x-Q4_K_M.gguf",
        rest="    macros:\n      dir: org/repo\n",
        before="macros:\n  dir: elsewhere\n",
    )
    assert serving(text) == ("mine",)


def test_later_macros_are_built_on_earlier_ones_as_llama_swap_does() -> None:
    macros = "macros:\n  base: /models\n  org: ${base}/org\n"
    assert planned(entry("run -m ${org}/gone.gguf", before=macros), OTHER).stale[0].path == "org/gone.gguf"


def test_macros_that_double_each_other_end() -> None:
    doubling = "".join(f'  m{n}: "${{m{n - 1}}}${{m{n - 1}}}"\n' for n in range(1, 60))
    assert serving(entry("${m59}", before=f"macros:\n  m0: x\n{doubling}")) == ()


def test_the_environment_names_the_file_when_the_command_does_not() -> None:
    env = f"    env:\n      - LLAMA_ARG_MODEL=/models/{PATH}\n"
    assert serving(entry("llama-server --port ${PORT}", env)) == ("mine",)
    assert serving(entry(f"llama-server -m /models/{OTHER}", env)) == ()


def test_one_file_may_serve_several_entries_and_none_is_added() -> None:
    text = (
        f"models:\n  fast: {{cmd: run -m /models/{PATH} -c 1}}\n  long: {{cmd: run -m /models/{PATH} -c 2}}\n"
    )
    assert serving(text) == ("fast", "long")


def test_a_file_name_that_the_library_has_twice_tells_nothing() -> None:
    assert serving(entry("run -m /srv/x-Q4_K_M.gguf"), PATH, "copy/x-Q4_K_M.gguf") == ()


def test_an_entry_without_a_command_is_told_by_its_id() -> None:
    assert serving("models:\n  org--repo--x-Q4_K_M:\n") == ("org--repo--x-Q4_K_M",)
    assert serving("models:\n  org--repo--x-Q4_K_M: {cmd: run.sh}\n") == ("org--repo--x-Q4_K_M",)


def test_any_shard_and_any_other_link_to_a_file_is_that_model() -> None:
    shards = tuple(f"s-0000{n}-of-00002.gguf" for n in (1, 2))
    linked = model(shards[0], files=shards, other_paths=("link/s.gguf",))
    for path in (*shards, "link/s.gguf"):
        plan = planned(entry(f"run -m /models/{path}"), linked, audit="off")
        assert plan.served == {shards[0]: ("mine",)}
        assert not plan.changed


def test_an_entry_without_a_path_is_told_by_the_id_of_any_link() -> None:
    linked = model(PATH, other_paths=("hub/snap.gguf",))
    for text in ("models:\n  hub--snap:\n", "models:\n  hub--snap: {cmd: run.sh}\n"):
        plan = planned(text, linked, audit="off")
        assert plan.served == {PATH: ("hub--snap",)}
        assert not plan.changed


def test_a_models_own_id_wins_over_another_models_link() -> None:
    linked = model("a.gguf", other_paths=("b/c.gguf",))
    plan = planned("models:\n  b--c:\n", linked, "b--c.gguf", audit="off")
    assert plan.served["b--c.gguf"] == ("b--c",)


def test_a_backslash_before_a_blank_still_quotes_it() -> None:
    assert command_reading.words("run -m /models/My\\ Model.gguf") == ["run", "-m", "/models/My Model.gguf"]


def test_a_file_name_with_a_backslash_is_no_windows_path() -> None:
    assert command_reading.words("run -m '/models/org/\\0.gguf'") == ["run", "-m", "/models/org/\\0.gguf"]


def test_a_command_that_is_a_list_is_read_as_its_words() -> None:
    assert serving(f"models:\n  mine:\n    cmd: [llama-server, -m, /models/{PATH}]\n") == ("mine",)


def test_the_mount_is_the_settings() -> None:
    text = entry(f"run -m /srv/llm/{OTHER}")
    assert planned(text, PATH, models_mount="/srv/llm", audit="off").stale[0].path == OTHER
    assert planned(text, PATH, models_mount="/models", audit="off").stale == ()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a 'b c'd\"e f\"g\\ h", ["a", "b cde fg h"]),
        ("a ''", ["a", ""]),
        ("a 'open", ["a", "open"]),
        ('a "x\\"y\\z"', ["a", 'x"y\\z']),
        ("it'\"'\"'s", ["it\"'s"]),
        ("a \\\n  b", ["a", "b"]),
        ("a #b", ["a", "#b"]),
        ("", []),
    ],
)
def test_words_are_split_as_llama_swap_splits_them(command: str, words: list[str]) -> None:
    assert command_reading.words(command) == words


@pytest.mark.parametrize(
    "name", ['"\\0.gguf', 'a "\\b.gguf', "a C:\\b.gguf", "x=D:\\y.gguf", "it's \\n.gguf"]
)
def test_a_backslash_in_a_files_own_name_is_no_windows_path(name: str) -> None:
    path = f"org/{name}"
    first = planned(b"", path)
    (entry,) = Document.parse(first.after).entries
    assert command_reading.model_path(command_reading.words(entry.text("cmd") or "")) == f"/models/{path}"
    assert not planned(first.after, path).changed
