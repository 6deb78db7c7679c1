"""The image that virtual machines start from, in the data folder."""

from __future__ import annotations

import platform
from pathlib import Path

from muster.bootstrap.settings import Settings
from muster.domain.errors import NotFound
from muster.sandboxes.guest_image import Image, build_image, current_image


def images_folder(settings: Settings) -> Path:
    """Where images are kept."""
    return settings.data_dir / "images"


def build(settings: Settings, *, kernel: Path | None, root: Path, modules: Path | None) -> Image:
    """Build one and make it the current one; the usual kernel is the one this host runs. NoImage, NotFound."""
    chosen = kernel or Path("/boot") / f"vmlinuz-{platform.release()}"
    if not chosen.is_file():
        raise NotFound(
            f"There is no kernel {chosen}; name one with --kernel, such as that of Debian's linux-image-cloud-amd64."
        )
    return build_image(images_folder(settings), kernel=chosen, root=root, modules=modules)


def current(settings: Settings) -> Image:
    """The one that machines start from. NotFound when none was built."""
    image = current_image(images_folder(settings))
    if image is None:
        raise NotFound("No image was built yet: muster image build")
    return image
