"""The application by itself: twistd -ny plain.tac"""

import os

from folders import root
from twisted.application.service import Application
from twisted.application.strports import service
from twisted.web.server import Site

application = Application("folders")
site = Site(root())
service(os.environ["LISTEN"], site).setServiceParent(application)
