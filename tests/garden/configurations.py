"""Configuration files of nginx and Apache.

They hand on what they read, with the request line as it was to them in ``X-Line``.
"""

from __future__ import annotations

import os
from pathlib import Path

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    large_client_header_buffers 8 128k;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_buffer_size 128k;
            proxy_buffers 8 128k;
            proxy_busy_buffers_size 128k;
            proxy_set_header Host garden.example;
            proxy_set_header Connection close;
            proxy_set_header X-Line "$request_method $request_uri";
        }}
    }}
}}
"""

APACHE = """
ServerRoot {folder}
ServerName garden.example
{user}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/output.log
LogLevel error
Listen 127.0.0.1:{port}
{modules}
LimitRequestLine 131072
LimitRequestFieldSize 131072
LimitRequestFields 1000
KeepAliveTimeout 5
AllowEncodedSlashes NoDecode
ProxyPass / http://127.0.0.1:{behind}/ nocanon disablereuse=on
Proxy100Continue Off
SetEnv proxy-sendcl 1
RequestHeader set X-Line "expr=%{{THE_REQUEST}}"
"""
APACHE_MODULES = ("mpm_event", "authz_core", "env", "headers", "proxy", "proxy_http")


def nginx(folder: Path, port: int, behind: int) -> Path:
    """Write a configuration and say where it is."""
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(folder=folder, port=port, behind=behind, user=user)
    return written(folder / "nginx.conf", text)


def apache(folder: Path, port: int, behind: int, modules: Path) -> Path:
    """Write a configuration and say where it is."""
    loads = "\n".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so" for name in APACHE_MODULES
    )
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    text = APACHE.format(folder=folder, port=port, behind=behind, modules=loads, user=user)
    return written(folder / "apache.conf", text)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
