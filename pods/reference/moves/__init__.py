"""Moving an organization from one pod to another while it is in use.

``copying`` brings the rows over, ``mover`` takes the steps, ``holding`` lets requests wait at
the pods meanwhile.  What the steps rely on is in ``pods.reference.tenancy``.
"""
