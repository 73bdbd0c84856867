"""What alfs-audit is made of: the code and the light dependencies of alfs-cli, two folders up."""

import tomllib
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

HEAVY = ("torch", "torchvision", "matplotlib", "safetensors")
EXTRA = "audit"  # the page of `alfs audit`, an extra of alfs-cli, is what this is for
OFFERED = ("remote",)  # extras of its own
HERE = Path(__file__).parent


def source() -> Path:
    """Return where the code is: beside this file in a source distribution, else two folders up."""
    return HERE if (HERE / "alfs_cli").is_dir() else HERE.parent.parent


class MetadataHook(MetadataHookInterface):
    """Version, dependencies and extras are those of alfs-cli, so that they cannot come apart."""

    def update(self, metadata: dict) -> None:
        """Set them."""
        root = source()
        told = root / ("alfs-cli.toml" if root == HERE else "pyproject.toml")
        project = tomllib.loads(told.read_text(encoding="utf-8"))["project"]
        words = [*project["dependencies"], *project["optional-dependencies"][EXTRA]]
        metadata["dependencies"] = [word for word in words if name_of(word) not in HEAVY]
        extras = project["optional-dependencies"]
        metadata["optional-dependencies"] = {name: extras[name] for name in OFFERED}
        text = (root / "alfs_cli" / "__init__.py").read_text(encoding="utf-8")
        metadata["version"] = text.partition('__version__ = "')[2].partition('"')[0]


def name_of(requirement: str) -> str:
    """Return the name of a requirement without its versions and extras."""
    return requirement.partition(">")[0].partition("=")[0].partition("[")[0].strip()


class BuildHook(BuildHookInterface):
    """The code and the recipes, as alfs-cli has them."""

    def initialize(self, version: str, build_data: dict) -> None:  # noqa: ARG002
        """Name the files."""
        root = source()
        files = build_data["force_include"]
        files[str(root / "alfs_cli")] = "alfs_cli"
        if self.target_name == "wheel":
            files[str(root / "recipes")] = "alfs_cli/_recipes"
            if root != HERE:  # beside this file it is found as every licence is
                place = f"alfs_audit-{self.metadata.version}.dist-info/licenses/LICENSE"
                files[str(root / "LICENSE")] = place
        else:
            files[str(root / "recipes")] = "recipes"
            files[str(root / "LICENSE")] = "LICENSE"
            files[str(root / "pyproject.toml")] = "alfs-cli.toml"
