"""``flowexport serve``."""

from pathlib import Path

import click

from .options import device as device_option
from .options import engine as engine_option
from .options import examples
from .options import threads as threads_option

PATH = click.Path(path_type=Path)
SECONDS = click.FloatRange(min=0, min_open=True)


@click.command("serve", epilog=examples("serve banana", "serve fraud=bundle --host 0.0.0.0 --port 8000"))
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Of HTTP; 0: a free one.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="Serve gRPC too, at this port.")
@click.option(
    "--digest", "digests", metavar="[NAME=]HEX", multiple=True, help="A bundle's; at its path any other is refused."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes at one address.")
@click.option("--token-file", type=PATH, help="Its token must come with every request but those of health.")
@click.option("--tls-cert", type=PATH, help="PEM file: serve HTTPS, and gRPC over TLS.")
@click.option("--tls-key", type=PATH, help="PEM file of its key.")
@click.option("--cors", "origins", metavar="ORIGIN", multiple=True, help="Whose pages may read answers; * for all.")
@click.option("--log-json", is_flag=True, help="The log as JSON, a document a line.")
@click.option("--log-requests", is_flag=True, help="Every request in the log, with its id.")
@click.option("--max-batch", type=click.IntRange(min=1), default=1024, show_default=True, help="Rows run together.")
@click.option("--max-rows", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Of a request.")
@click.option("--max-queue", type=click.IntRange(min=1), default=2_000_000, show_default=True, help="Rows that wait.")
@click.option("--max-body", type=click.IntRange(min=1), default=64, show_default=True, metavar="MIB", help="Of a body.")
@click.option("--max-held", type=click.IntRange(min=1), default=1024, show_default=True, metavar="MIB", help="Of all.")
@click.option("--max-connections", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option("--head-timeout", type=SECONDS, default=10.0, show_default=True, help="Seconds for a request's head.")
@click.option("--body-timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds for its body.")
@click.option("--idle-timeout", type=SECONDS, default=75.0, show_default=True, help="Seconds between requests.")
@click.option("--drain", type=click.FloatRange(min=0), default=5.0, show_default=True, help="Seconds after SIGTERM.")
@engine_option
@device_option
@threads_option
def command(
    bundles: tuple[str, ...],
    host: str,
    port: int,
    grpc_port: int | None,
    digests: tuple[str, ...],
    workers: int,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    origins: tuple[str, ...],
    log_json: bool,
    log_requests: bool,
    max_batch: int,
    max_rows: int,
    max_queue: int,
    max_body: int,
    max_held: int,
    max_connections: int,
    head_timeout: float,
    body_timeout: float,
    idle_timeout: float,
    drain: float,
    engine: str,
    device: str,
    threads: int | None,
) -> None:
    """Serve BUNDLE... (folders, zips, names of zoo models) by the Open Inference Protocol v2.

    Each is served as NAME_log_prob and NAME_sample; NAME=BUNDLE gives another name. A bundle that is replaced, and
    any on SIGHUP, is loaded, proved and taken without a request that fails. On SIGTERM it says at once that it is not
    ready, and takes requests for --drain seconds more.
    """
    from flowexport import __version__
    from flowexport.serving import Limits, Settings
    from flowexport.serving.serve import serve

    limits = Limits(
        head_seconds=head_timeout,
        body_seconds=body_timeout,
        idle_seconds=idle_timeout,
        body_bytes=max_body << 20,
        held_bytes=max_held << 20,
        rows=max_rows,
        queued_rows=max_queue,
        connections=max_connections,
        batch_rows=max_batch,
    )
    settings = Settings(
        bundles,
        host=host,
        port=port,
        device=device,
        engine=engine,
        threads=threads,
        drain_seconds=drain,
        limits=limits,
        version=__version__,
        grpc_port=grpc_port,
        workers=workers,
        token_file=token_file,
        tls_cert=tls_cert,
        tls_key=tls_key,
        origins=origins,
        log_json=log_json,
        log_requests=log_requests,
        digests=digests,
    )
    raise SystemExit(serve(settings))
