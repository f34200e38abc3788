"""What a person may get wrong in the files, and what the message must hold."""

import msgspec

STAGE = "stages:\n  s:\n    cmd: echo x > out.txt\n    outs: [out.txt]\n"


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """One bad project: its files, and what the one clear message says."""

    name: str
    files: dict[str, str]
    says: tuple[str, ...]  # problem, place, remedy
    code: int = 2
    words: tuple[str, ...] = ("run",)
    links: dict[str, str] = {}


def project(text: str) -> dict[str, str]:
    """Return the files of a project that is this text alone."""
    return {"trueup.yaml": text}


def bomb(levels: int = 9) -> str:
    """Return YAML whose aliases unfold to nine to the power of levels."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines) + "\n"


WRITTEN = [
    Bad(
        name="an unknown key in a stage",
        files=project("stages:\n  s:\n    cmd: echo x > out.txt\n    out: [out.txt]\n"),
        says=("trueup.yaml:4:5", "$.stages.s.out", "Did you mean 'outs'?"),
    ),
    Bad(
        name="an unknown section",
        files=project("stage:\n  s: {cmd: echo x}\n"),
        says=("trueup.yaml:1:1", "stage", "Did you mean 'stages'?"),
    ),
    Bad(
        name="an unknown key of an output",
        files=project("stages:\n  s: {cmd: echo x, outs: [{o.txt: {cahce: false}}]}\n"),
        says=("trueup.yaml:2:", "cahce", "Did you mean 'cache'?"),
    ),
    Bad(
        name="a wrong type",
        files=project("stages:\n  s:\n    cmd: echo x\n    deps: in.txt\n"),
        says=("trueup.yaml:4:11", "$.stages.s.deps", "a list"),
    ),
    Bad(
        name="several mistakes at once",
        files=project("stages:\n  s: {cmd: 3, dep: [a]}\n  t: {cmd: echo, frozen: 'yes'}\n"),
        says=("3 mistakes", "$.stages.s.cmd", "$.stages.s.dep", "$.stages.t.frozen"),
    ),
    Bad(
        name="a stage that is text",
        files=project("stages:\n  s: echo x\n"),
        says=("trueup.yaml:2:6", "$.stages.s", "a mapping"),
    ),
    Bad(
        name="a stage without a command",
        files=project("stages:\n  s: {outs: [out.txt]}\n"),
        says=("trueup.yaml:2:", "$.stages.s", "cmd"),
    ),
    Bad(
        name="a missing dependency",
        files=project("stages:\n  s: {cmd: cat in.txt, deps: [in.txt]}\n"),
        says=("trueup.yaml:2:", "in.txt", "stage 's'"),
    ),
    Bad(
        name="two stages with one output",
        files=project(
            "stages:\n  a: {cmd: echo a, outs: [out.txt]}\n  b: {cmd: echo b, outs: [out.txt]}\n"
        ),
        says=("trueup.yaml:3:", "out.txt", "'a'"),
    ),
    Bad(
        name="an output inside another",
        files=project(
            "stages:\n  a: {cmd: echo a, outs: [d]}\n  b: {cmd: echo b, outs: [d/out.txt]}\n"
        ),
        says=("trueup.yaml:", "d/out.txt"),
    ),
    Bad(
        name="a cycle",
        files=project(
            "stages:\n  a: {cmd: 'true', deps: [b.o], outs: [a.o]}\n"
            "  b: {cmd: 'true', deps: [c.o], outs: [b.o]}\n"
            "  c: {cmd: 'true', deps: [a.o], outs: [c.o]}\n"
        ),
        says=("trueup.yaml:", "a", "b", "c", "->"),
    ),
    Bad(
        name="a stage that reads what it writes",
        files=project("stages:\n  a: {cmd: 'true', deps: [a.o], outs: [a.o]}\n"),
        says=("trueup.yaml:2:", "a.o"),
    ),
    Bad(
        name="an output outside the project",
        files=project("stages:\n  s: {cmd: echo x > ../out.txt, outs: [../out.txt]}\n"),
        says=("trueup.yaml:2:", "../out.txt", "outside"),
    ),
    Bad(
        name="an absolute output",
        files=project("stages:\n  s: {cmd: echo x, outs: [/etc/trueup-out]}\n"),
        says=("trueup.yaml:2:", "/etc/trueup-out"),
    ),
    Bad(
        name="an output by way of a link out of the project",
        files=project("stages:\n  s: {cmd: echo x > way/out.txt, outs: [way/out.txt]}\n"),
        links={"way": "/tmp"},  # noqa: S108  somewhere that is there and not ours
        says=("way/out.txt", "link"),
    ),
    Bad(
        name="a dependency that is a link to nothing",
        files=project("stages:\n  s: {cmd: cat in.txt, deps: [in.txt]}\n"),
        links={"in.txt": "nowhere"},
        says=("in.txt",),
    ),
    Bad(
        name="an output that is the project itself",
        files=project("stages:\n  s: {cmd: echo x, outs: [.]}\n"),
        says=("trueup.yaml:2:", "outs"),
    ),
    Bad(
        name="an output inside .trueup",
        files=project("stages:\n  s: {cmd: echo x, outs: [.trueup/store]}\n"),
        says=("trueup.yaml:2:", ".trueup"),
    ),
    Bad(
        name="an output that is the configuration",
        files=project("stages:\n  s: {cmd: echo x, outs: [trueup.yaml]}\n"),
        says=("trueup.yaml:2:", "$.stages.s.outs[0]"),
    ),
    Bad(
        name="a missing parameter",
        files=project("stages:\n  s: {cmd: echo x, params: [train.dept]}\n")
        | {"params.yaml": "train:\n  depth: 3\n"},
        says=("trueup.yaml:2:", "train.dept", "params.yaml", "Did you mean"),
    ),
    Bad(
        name="a missing parameter file",
        files=project("stages:\n  s: {cmd: echo x, params: [{other.yaml: [a]}]}\n"),
        says=("trueup.yaml:2:", "other.yaml"),
    ),
    Bad(
        name="a parameter file that is broken",
        files=project("stages:\n  s: {cmd: echo x, params: [a]}\n")
        | {"params.yaml": "a: [1, 2\nb: 3\n"},
        says=("params.yaml:2:",),
    ),
    Bad(
        name="an unknown variable",
        files=project("vars: [{train: {depth: 1}}]\nstages:\n  s: {cmd: 'echo ${train.dept}'}\n"),
        says=("trueup.yaml:3:", "train.dept", "Did you mean"),
    ),
    Bad(
        name="a map where text belongs",
        files=project("vars: [{m: {a: 1}}]\nstages:\n  s: {cmd: echo, deps: ['${m}']}\n"),
        says=("trueup.yaml:3:", "m"),
    ),
    Bad(
        name="broken YAML",
        files=project("stages:\n  s: {cmd: echo x, outs: [out.txt}\n"),
        says=("trueup.yaml:2:",),
    ),
    Bad(
        name="a tab for indentation",
        files=project("stages:\n\ts: {cmd: echo x}\n"),
        says=("trueup.yaml:2:",),
    ),
    Bad(
        name="a key twice",
        files=project("stages:\n  s: {cmd: echo x}\n  s: {cmd: echo y}\n"),
        says=("trueup.yaml:3:3", "s"),
    ),
    Bad(
        name="no UTF-8",
        files=project("stages:\n  s: {cmd: echo \udcff}\n"),
        says=("trueup.yaml:2:", "UTF-8"),
    ),
    Bad(
        name="a YAML bomb for a project",
        files=project(bomb()),
        says=("trueup.yaml:",),
    ),
    Bad(
        name="a YAML bomb for parameters",
        files=project("stages:\n  s: {cmd: echo x, params: [a8]}\n") | {"params.yaml": bomb()},
        says=("params.yaml:",),
    ),
    Bad(
        name="an alias of itself",
        files=project("stages: &s\n  s: {cmd: echo x, meta: *s}\n"),
        says=("trueup.yaml:2:",),
    ),
    Bad(
        name="an alias of nothing",
        files=project("stages:\n  s: *nothing\n"),
        says=("trueup.yaml:2:", "nothing"),
    ),
    Bad(
        name="nested a thousand deep",
        files=project("stages: " + "[" * 1000 + "]" * 1000 + "\n"),
        says=("trueup.yaml:1:",),
    ),
    Bad(
        name="a tag that would make an object",
        files=project("stages:\n  s: {cmd: !!python/object/apply:os.system [echo hi]}\n"),
        says=("trueup.yaml:2:",),
    ),
    Bad(
        name="an empty pipeline",
        files=project("stages: {}\n"),
        says=("trueup.yaml", "no stage", "trueup init"),
    ),
    Bad(
        name="an empty file",
        files=project(""),
        says=("trueup.yaml",),
    ),
    Bad(
        name="nothing at all",
        files={"readme.txt": "no project here\n"},
        says=("trueup.yaml", "trueup init"),
    ),
    Bad(
        name="a newer format of the project file",
        files=project("format: 99\n" + STAGE),
        says=("trueup.yaml:1:", "99"),
    ),
    Bad(
        name="a lock file of a newer version",
        files=project(STAGE) | {"trueup.lock": '{"format": 99, "stages": {}}\n'},
        says=("trueup.lock", "99", "Upgrade"),
    ),
    Bad(
        name="a lock file with conflict marks",
        files=project(STAGE) | {"trueup.lock": "<<<<<<< ours\n{}\n=======\n>>>>>>> theirs\n"},
        says=("trueup.lock", "trueup lock --merge"),
    ),
    Bad(
        name="a lock file cut short",
        files=project(STAGE) | {"trueup.lock": '{"format": 1, "sta'},
        says=("trueup.lock",),
    ),
    Bad(
        name="a target that is not there",
        files=project(STAGE.replace("  s:", "  train:")),
        words=("run", "trian"),
        says=("trian", "Did you mean 'train'?"),
    ),
    Bad(
        name="a target with a leading dash",
        files=project(STAGE),
        words=("run", "--", "-s"),
        says=("-s",),
    ),
    Bad(
        name="a set that is not KEY=VALUE",
        files=project(STAGE),
        words=("run", "--set", "depth"),
        says=("depth", "KEY=VALUE"),
    ),
    Bad(
        name="a set of a parameter that is not there",
        files=project("stages:\n  s: {cmd: echo x > out.txt, params: [depth], outs: [out.txt]}\n")
        | {"params.yaml": "depth: 3\n"},
        words=("run", "--set", "dept=4"),
        says=("dept", "params.yaml"),
    ),
    Bad(
        name="a name with a newline in a path",
        files=project('stages:\n  s: {cmd: echo x, outs: ["a\\nb"]}\n'),
        says=("trueup.yaml:2:",),
    ),
    Bad(
        name="a stage name that cannot be one",
        files=project("stages:\n  'a/b': {cmd: echo x}\n  'c@d': {cmd: echo x}\n"),
        says=("trueup.yaml:2:", "trueup.yaml:3:"),
    ),
    Bad(
        name="a store that cannot be one",
        files=project("store: ftp://host/there\n" + STAGE),
        says=("ftp://", "s3://"),
    ),
    Bad(
        name="a duration that is none",
        files=project("stages:\n  s: {cmd: echo x, timeout: soon}\n"),
        says=("trueup.yaml:2:", "timeout", "soon"),
    ),
]
