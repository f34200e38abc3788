"""The graph as a picture made of text."""

from trueup.pipeline.graph import Graph


def as_text(graph: Graph) -> str:
    """Return a line for each stage, after what it needs, with the stages and outputs it joins.

    >>> from trueup.config.records import Dependency, Output, Stage
    >>> from trueup.pipeline.graph import graph_of
    >>> make = Stage("make", ("true",), outs=(Output("a"),))
    >>> use = Stage("use", ("true",), deps=(Dependency("a"),))
    >>> print(as_text(graph_of({"use": use, "make": make})))
    make
      makes a
    use  after make
    """
    lines: list[str] = []
    for name, stage in graph.stages.items():
        above = graph.upstream[name]
        lines.append(f"{name}  after {', '.join(above)}" if above else name)
        if stage.outs:
            lines.append(f"  makes {', '.join(out.path for out in stage.outs)}")
    return "\n".join(lines)


def as_mermaid(graph: Graph) -> str:
    """Return a Mermaid flowchart; names cannot break out of their boxes."""
    number = {name: f"s{index}" for index, name in enumerate(graph.stages)}
    lines = ["flowchart TD"]
    lines += [f'  {number[name]}["{_boxed(name)}"]' for name in graph.stages]
    lines += [
        f"  {number[above]} --> {number[name]}"
        for name in graph.stages
        for above in graph.upstream[name]
    ]
    return "\n".join(lines)


def _boxed(name: str) -> str:
    """Return a name in Mermaid's entity form wherever it holds more than plain letters."""
    return "".join(c if c.isalnum() or c in " _-./@" else f"#{ord(c)};" for c in name)
