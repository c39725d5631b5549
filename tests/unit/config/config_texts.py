"""Documents for property tests, put together from what real config.yaml files hold (`real-configs.md`)."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

NEWLINES = ("\n", "\n", "\n", "\r\n", "\r")
COMMENTS = (
    "# plain",
    "# ==== banner ====",
    "#glued",
    "# with: colon {brace} 'quote'",
    "#\ttab\tinside  ",
    "# \U0001f600 ünïcødé \U00010348",
    '#  "old-one":',
    "#    cmd: |",
)
IDS = (
    "coder",
    '"gpt-oss:20b"',
    "'single one'",
    "qwen3:30b:",
    '"org/model"',
    "a--b",
    '"\U0001f600 beyond"',
    "x.y_z",
    '"123"',
    "~tilde",
)
COMMANDS = (
    "llama-server -m /home/me/m.gguf --port ${PORT}",
    "llama-server --model ${dir}/x.gguf -c 8192",
    "docker run --rm -p ${PORT}:8080 vllm --model org/m",
    "sh -c 'llama-server -m /srv/y.gguf'",
)


STYLES = ("|", "|", ">", ">-", "|-", "|+", ">+", "| # why", "|2", "plain", "folded", '"', "''")


@st.composite
def config_texts(draw: DrawFn) -> bytes:
    """A config.yaml as bytes. Valid YAML without a key twice; every ID is a string."""
    lines: list[str] = []
    lines += draw(_prologue())
    lines += draw(_settings(("healthCheckTimeout: 500", "logLevel: info   ", "startPort: 10001")))
    lines += draw(st.sampled_from(([], ["macros:", "  dir: /srv", "  ctx: 131072", "  fit: on"])))
    lines += draw(_models())
    lines += draw(
        _settings(("groups: {g: {members: [coder]}}", "hooks:\n  on_startup:\n    preload: [coder]"))
    )
    if any(line.strip() and not line.lstrip().startswith(("#", "%")) for line in lines):
        lines += draw(_epilogue())  # libyaml takes no `...` where nothing came before
    newline = draw(st.sampled_from(NEWLINES))
    text = newline.join("\n".join(lines).split("\n")) + draw(st.sampled_from((newline, newline, "")))
    mark = draw(st.sampled_from(("", "", "\ufeff")))
    return (mark + text).encode()


@st.composite
def _prologue(draw: DrawFn) -> list[str]:
    head = draw(
        st.sampled_from(("", "", "# yaml-language-server: $schema=x.json\n", "---\n", "%YAML 1.1\n---\n"))
    )
    return [*head.splitlines(), *draw(_gap())]


@st.composite
def _epilogue(draw: DrawFn) -> list[str]:
    end = draw(
        st.sampled_from(("", "", "", "...", "...\n# after", "---\nmodels: {other: 1}", "...\n---\na: ["))
    )
    return [*draw(_gap()), *end.splitlines()]


@st.composite
def _settings(draw: DrawFn, settings: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for setting in settings:
        if draw(st.booleans()):
            found += [setting, *draw(_gap())]
    return found


@st.composite
def _gap(draw: DrawFn, indent: int = 0) -> list[str]:
    """Blank lines and comments, at the column given or another one."""
    found: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.integers(0, 3))
        if kind < 2:
            found.append(draw(st.sampled_from(("", "", "", "  ", "   "))))
        else:
            column = draw(st.sampled_from((0, indent, indent, indent + 2)))
            found.append(" " * column + draw(st.sampled_from(COMMENTS)))
    return found


@st.composite
def _models(draw: DrawFn) -> list[str]:
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return []
    if kind == 1:
        empty = draw(st.sampled_from(("", " ", " {}", " {}  # none", " []", "   # none", " ~")))
        return [f"models:{empty}", *draw(_gap())]
    if kind == 2:
        flow = draw(st.sampled_from(("a: {cmd: x}", '"a": {cmd: x, }, ', "\n  a: {cmd: x}  # c\n  ", "\n  ")))
        return [f"models: {{{flow}}}", *draw(_gap())]
    if kind == 3:
        return ['"models":', "  a:", "    cmd: x"]
    return draw(_entries())


@st.composite
def _entries(draw: DrawFn) -> list[str]:
    indent = draw(st.integers(1, 8))
    step = draw(st.integers(1, 8))
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True))
    blanks = draw(st.sampled_from((0, 1, 1, 2, None)))
    lines = [draw(st.sampled_from(("models:", "models:", "models:  # mine", "models: &all")))]
    anchored = False
    for number, entry_id in enumerate(ids):
        if number:
            lines += draw(_gap(indent)) if blanks is None else [""] * blanks
        elif draw(st.booleans()):
            lines += draw(_gap(indent))
        entry, anchored = draw(_entry(entry_id, indent, step, anchored))
        lines += entry
    return lines + draw(_gap(indent))


@st.composite
def _entry(draw: DrawFn, entry_id: str, indent: int, step: int, anchored: bool) -> tuple[list[str], bool]:
    margin = " " * indent
    form = draw(st.integers(0, 7))
    if form == 0:
        value = draw(st.sampled_from(("{cmd: x}", "{cmd: x, }  # flow", "{}", "")))
        return [f"{margin}{entry_id}: {value}".rstrip(" ")], anchored
    fields = draw(_fields(indent + (2 if form == 1 and not entry_id.endswith(":") else step), anchored))
    if form == 1 and not entry_id.endswith(":"):
        first = fields[0].lstrip(" ")
        return [f"{margin}? {entry_id}", f"{margin}: {first}", *fields[1:]], anchored
    if form == 2 and not anchored:
        return [f"{margin}{entry_id}: &base", *fields], True
    return [f"{margin}{entry_id}:" + draw(st.sampled_from(("", "", "  ", "  # note"))), *fields], anchored


@st.composite
def _fields(draw: DrawFn, column: int, anchored: bool) -> list[str]:
    margin = " " * column
    possible = ["ttl: 60", "aliases: []", "name: 'n'", 'description: "d\U0001f600"', "unlisted: false"]
    possible.append(f"env:\n{margin}- A=b")
    if anchored:
        possible.append("<<: *base")
    fields = draw(st.lists(st.sampled_from(possible), max_size=4, unique=True))
    command = draw(_command(column))
    place = draw(st.integers(0, len(fields)))
    fields.insert(place, command)
    lines = [f"{margin}{field}" for field in fields]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(1, len(lines))), margin + draw(st.sampled_from(COMMENTS)))
    return "\n".join(lines).split("\n")


@st.composite
def _command(draw: DrawFn, column: int) -> str:
    words = draw(st.sampled_from(COMMANDS))
    style = draw(st.sampled_from(STYLES))
    inner = " " * (column + 2)
    if style == "plain":
        return f"cmd: {words}"
    if style == "folded":
        return "cmd: " + words.replace(" ", "\n" + inner, 1)
    if style == '"':
        return f'cmd: "{words}"  # quoted'
    if style == "''":
        return "cmd: ''"
    first, *rest = words.split(" ")
    trailing = draw(st.sampled_from(("", "", "\n", "\n\n", "\n" + inner, "\n" + inner + "   ")))
    return f"cmd: {style}\n{inner}{first}\n" + "\n".join(f"{inner}{word}" for word in rest) + trailing
