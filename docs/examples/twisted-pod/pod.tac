"""The same application as a pod: twistd -ny pod.tac"""

import os

from folders import root
from twisted.application.service import Application
from twisted.application.strports import service
from twisted.web.server import Site

application = Application("folders")
# pod: begin
from pods.middleware import FileTable
from pods.middleware.resource import PodRequest, ResourcePod

pod = ResourcePod(root(), me=os.environ["POD"], who_owns=FileTable("tenants.txt"))
site = Site(pod, requestFactory=PodRequest)
# pod: end
service(os.environ["LISTEN"], site).setServiceParent(application)
