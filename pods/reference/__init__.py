"""The pods' side: a reference pod, a demo world of four pods and two routers, and a walkthrough
that plays every request flow of the two proposals.

A pod's answer is made by ``application`` and the modules of pages below it, from what
``ownership`` says of a path; ``resource`` and ``service`` put it on a socket.

Which module answers what:

* ``ownership``: whose is this path?  It reads the path, and asks others where that owner is.
* ``tenancy``: which pod serves this organization at this moment, or is it on its way?
* ``tenants``: what are the organizations, groups and projects?  Their rows are made and read here.
* ``organizations``: which may this user choose from, and where does a chosen one live?
* ``visible``: what of this pod may this user see?
* ``moves``: how does an organization get to another pod while it is in use?
* ``databases``: where is a row read and written, and what does a session see of it?
* ``replication``: when are the replicas brought up to date?
* ``api``: what are programs told, by REST, GraphQL and search?
"""
