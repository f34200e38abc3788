"""trueup serve."""

from pathlib import Path
from typing import Literal

import click

from trueup.cli.environments import env_option, override_option, why_option
from trueup.cli.opening import opened
from trueup.cli.printing import say


@click.command()
@click.argument("names", nargs=-1, metavar="[MODEL[@ALIAS|/N]]...")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", default=8000, show_default=True, envvar="SAGEMAKER_BIND_TO_PORT",
    help="The port to listen at; 0: any free one.",
)  # fmt: skip
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64),
    help="Processes that answer at the port.",
)  # fmt: skip
@click.option(
    "--tls-cert", "certificate", metavar="FILE", default=None,
    type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Serve HTTPS.",
)  # fmt: skip
@click.option(
    "--tls-key", "key", metavar="FILE", default=None,
    type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The key of --tls-cert.",
)  # fmt: skip
@click.option(
    "--new-token", "scopes", multiple=True, type=click.Choice(["predict", "feedback", "admin"]),
    help="Serve nothing; make a bearer token of this scope (several: of all of them).",
)  # fmt: skip
@click.option(
    "--log", default="text", show_default=True, type=click.Choice(["text", "json"]),
    help="How the log is written, on standard error.",
)  # fmt: skip
@click.option("--access-log", is_flag=True, help="Log each request, not only those refused.")
@env_option
@override_option
@why_option
@click.pass_obj
def command(
    folder: Path,
    /,
    names: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    certificate: Path | None,
    key: Path | None,
    log: Literal["text", "json"],
    access_log: bool,
    scopes: tuple[str, ...],
    environment: str,
    override: bool,
    why: str,
) -> None:
    """Answer predictions over HTTP, by the champion if no other version is named.

    The first names what POST /predict answers with; GET / is a page that shows every route. A
    version without a passing verdict is served in dev only, unless --override --why.
    """
    if scopes:
        _show_token(scopes)
        return
    from trueup.project.serving import Wanted, serve
    from trueup.serving.http.running import Address

    address = Address(host, port, certificate, key)
    wanted = Wanted(names, environment, address, override, why, workers, log, access_log)
    with opened(folder) as workspace:
        serve(workspace, wanted, say)


def _show_token(scopes: tuple[str, ...]) -> None:
    from trueup.serving.tokens import digest_of, new_token

    token = new_token()
    print(token)
    say("It is shown this once. In trueup.yaml, under the model's serve: (the name is yours):")
    kept = f"sha256: {digest_of(token)}, scopes: [{', '.join(scopes)}]"
    say(f"  auth: {{tokens: {{NAME: {{{kept}}}}}}}")
