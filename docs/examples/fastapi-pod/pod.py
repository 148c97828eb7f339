"""The same application as a pod."""

# pod: begin
import os

import notes

from pods.middleware import AsgiPod, FileTable

app = AsgiPod(notes.app, me=os.environ["POD"], who_owns=FileTable("tenants.txt"))
# pod: end
