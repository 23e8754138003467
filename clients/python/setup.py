"""The package `impact-in-client`: generated from the API's OpenAPI document when it is built."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# In the repository it lies beside the clients, in a source distribution beside this file.
DOCUMENT = next(
    one for one in (HERE / "openapi.json", HERE.parent / "openapi.json") if one.exists()
)


class Generated(build_py):
    """Generates the package where other packages are copied to."""

    def run(self):
        made = Path(self.build_lib) / "impact_in_client"
        shutil.rmtree(made, ignore_errors=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ)
        # ruff, which it formats with, is installed beside the interpreter.
        environment["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), *sys.path, environment["PATH"]]
        )
        done = subprocess.run(  # noqa: S603 - our own arguments
            [
                *(
                    sys.executable,
                    "-c",
                    "from openapi_python_client.cli import app; app()",
                    "generate",
                ),
                *("--meta", "none", "--config", str(HERE / "generator.yaml")),
                *("--path", str(DOCUMENT), "--output-path", str(made)),
            ],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
        said = done.stdout + done.stderr
        # A warning leaves an operation or an answer out.
        if done.returncode or "WARNING" in said or "Unable" in said:
            raise SystemExit(said)
        (made / "py.typed").touch()


class WithDocument(sdist):
    """A source distribution has the document that it is generated from."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        shutil.copy(DOCUMENT, Path(base_dir) / "openapi.json")


setup(
    name="impact-in-client",
    version=json.loads(DOCUMENT.read_text("utf-8"))["info"]["version"],
    description="Typed client of the Impact-In Pipelines API",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    install_requires=["attrs>=22.2", "httpx>=0.23.1,<0.29", "python-dateutil>=2.8"],
    packages=["impact_in_client"],
    package_dir={"impact_in_client": "."},
    classifiers=["Typing :: Typed"],
    cmdclass={"build_py": Generated, "sdist": WithDocument},
)
