"""What stands behind each proxy: one nginx that plays all pods.

Its first port is pod_a, which owns nothing: it bounces every request, and answers learn questions.
Its second is pod_b, which answers; it teaches only where ``/taught`` stands at the end of a path,
or just before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.stage import Stage
from tests.integration.support import free_port

KIB = 1024
GIB = 1024 * 1024 * KIB
#: Sizes of answers by the name of their file; a path that ends in the name is answered so.
SIZES = {"1k": KIB, "64k": 64 * KIB, "1g": GIB}

CONFIG = """
worker_processes 1;
daemon off;
pid upstream.pid;
error_log upstream.error;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  open_file_cache max=16;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  map $arg_path_info $asked {{ "~^(?<prefix>/asked/[0-9]+)/" $prefix; }}
  server {{
    listen 127.0.0.1:{bouncing} backlog=4096;
    location = /api/v4/pods/learn {{
      default_type application/json;
      return 200 '{{"path": "$asked", "pod": "pod_b", "source": "routable"}}';
    }}
    location / {{
      add_header X-Gitlab-Pod-Redirect '{{"pod": "pod_b"}}' always;
      return 307;
    }}
  }}
  server {{
    listen 127.0.0.1:{serving} backlog=4096;
    root {folder};
    location ~ /taught$ {{
      add_header X-Gitlab-Pod-Cache '{{"path_prefix": "/hit/"}}';
      return 200 "taught";
    }}
    location ~ /taught/(?<size>1k|64k)$ {{
      add_header X-Gitlab-Pod-Cache '{{"path_prefix": "/hit/"}}';
      default_type text/plain;
      try_files /answer-$size =404;
    }}
    location ~ /(?<size>1k|64k|1g)$ {{ default_type text/plain; try_files /answer-$size =404; }}
  }}
}}
"""


@attrs.frozen
class Upstream:
    """Where the pods listen."""

    bouncing_port: int
    serving_port: int


def upstream(stage: Stage, processors: Sequence[int]) -> Upstream:
    """Start it."""
    for name, size in SIZES.items():
        with (stage.folder / f"answer-{name}").open("wb") as file:
            file.truncate(size)  # zeros; a hole takes no room on the disk
    bouncing, serving = free_port(), free_port()
    config = stage.folder / "upstream.conf"
    config.write_text(CONFIG.format(bouncing=bouncing, serving=serving, folder=stage.folder))
    command = ["nginx", "-p", str(stage.folder), "-c", str(config), "-e", "upstream.error"]
    stage.start("upstream", command, processors, serving)
    return Upstream(bouncing, serving)
