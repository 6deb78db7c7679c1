"""The image that virtual machines start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from muster.cli.invocation import Invocation, group, invocation

if TYPE_CHECKING:
    from muster.sandboxes.guest_image import Image

app: Final = group("Build and show the image that virtual machines start from.")


@app.command("build")
def build(
    context: typer.Context,
    kernel: Annotated[
        Path | None,
        typer.Option("--kernel", metavar="FILE", help="A file of /boot, or an ELF. Default: this host's."),
    ] = None,
    root: Annotated[
        Path,
        typer.Option(
            "--root", metavar="FOLDER", help="A Linux system with Python. Default: this host's programs."
        ),
    ] = Path("/"),
    modules: Annotated[
        Path | None,
        typer.Option("--modules", metavar="FOLDER", help="The kernel's modules. Default: beside the kernel."),
    ] = None,
) -> None:
    """Build an image: a kernel, and a read-only file system with the programs that tasks find. Replaces the one before."""
    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap import images

    places = [None if path is None else path.absolute() for path in (kernel, modules)]
    _show(call, images.build(settings, kernel=places[0], root=root.absolute(), modules=places[1]))


@app.command("show")
def show(context: typer.Context) -> None:
    """Show the image that machines start from."""
    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap import images

    _show(call, images.current(settings))


def _show(call: Invocation, image: Image) -> None:
    about = {
        "id": image.id,
        "kernel": image.kernel_version,
        "root": image.root_from,
        "bytes": image.bytes,
        "folder": str(image.folder),
        "left_out": image.left_out,
    }
    if call.output.as_json:
        call.output.json(about)
        return
    call.output.text(f"image {image.id}: kernel {image.kernel_version}, programs of {image.root_from}")
    call.output.text(f"{image.bytes / (1 << 20):.0f} MiB in {image.folder}")
    if image.left_out:
        call.output.text(f"{image.left_out} files were left out: this user may not read them")
