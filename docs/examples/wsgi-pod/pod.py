"""The same application as a pod: python pod.py NAME PORT"""

import sys
from wsgiref.simple_server import make_server

from application import application

from pods.middleware import FileTable, WsgiPod

me, port = sys.argv[1], int(sys.argv[2])
pod = WsgiPod(
    application,
    me=me,
    who_owns=FileTable("tenants.txt"),
    pods=["pod_eu0", "pod_us0"],
)
make_server("127.0.0.1", port, pod).serve_forever()
