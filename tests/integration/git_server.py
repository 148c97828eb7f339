"""A git server as git's manual sets it up: Apache and ``git http-backend``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from tests.integration.git_pod import git
from tests.integration.support import PATIENCE_SECONDS, accepts, free_port, need, wait_for

MODULES = Path("/usr/lib/apache2/modules")
_PATH = os.environ.get("PATH", "") + ":/usr/sbin"
_CONFIGURATION = """
ServerRoot {folder}
ServerName git.example
{user}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogFormat "%m %U%q"
TransferLog {folder}/requests.log
Listen 127.0.0.1:{port}
{modules}
ScriptAlias / {backend}/
SetEnv GIT_PROJECT_ROOT {folder}/repositories
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv REMOTE_USER ada
SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0
<Directory {backend_folder}>
    Require all granted
</Directory>
"""


class GitServer:
    """Serves repositories; anybody may push.

    :param folder: an empty one.
    :raises SkipTest: a program is not installed.
    """

    def __init__(self, folder: Path) -> None:
        need("git")
        self._program = shutil.which("apache2", path=_PATH)
        if self._program is None or not MODULES.is_dir():
            raise SkipTest("apache2 not installed")
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def create(self, path: str) -> None:
        """A new empty repository."""
        repository = self.folder / "repositories" / path
        git("init", "--quiet", "--bare", "--initial-branch=main", str(repository), cwd=self.folder)

    def requests(self) -> list[str]:
        """Method and target of each request that was answered."""
        log = self.folder / "requests.log"
        return log.read_text().splitlines() if log.exists() else []

    def start(self) -> None:
        backend = Path(git("--exec-path", cwd=self.folder).strip()) / "git-http-backend"
        is_root = os.geteuid() == 0  # whom Apache does not serve as
        names = ("mpm_prefork", "authz_core", "alias", "cgi", "env", "setenvif")
        text = _CONFIGURATION.format(
            folder=self.folder,
            port=self.port,
            user="User www-data\nGroup www-data" if is_root else "",
            modules="\n".join(
                f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names
            ),
            backend=backend,
            backend_folder=backend.parent,
        )
        path = self.folder / "apache.conf"
        path.write_text(text)
        if is_root:
            subprocess.run(["chown", "-R", "www-data:", str(self.folder)], check=True)
        self._process = subprocess.Popen(
            [str(self._program), "-f", str(path), "-DFOREGROUND"],
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it ends all of its group
        )
        wait_for(lambda: accepts(("127.0.0.1", self.port)), f"{path} to be served")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
