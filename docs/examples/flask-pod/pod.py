"""The site as a pod, whose name is in the environment: POD=pod_eu0"""

# pod: begin
import os

from notes import create_app

from pods.middleware import FileTable, WsgiPod

me = os.environ["POD"]
app = create_app(f"var/{me}")
who_owns = FileTable("tenants.txt")
app.wsgi_app = WsgiPod(app.wsgi_app, me=me, who_owns=who_owns, pods=["pod_eu0", "pod_us0"])
# pod: end
